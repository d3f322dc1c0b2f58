# The bytes of the cache's files: CRC-32C, frames, and reading that waits for a disk only without the interpreter's lock.
#
# A part of shelf.pyx.

cdef extern from * nogil:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <errno.h>
    #include <fcntl.h>
    #include <stdint.h>
    #include <string.h>
    #include <stdio.h>
    #include <sys/mman.h>
    #include <sys/stat.h>
    #include <sys/uio.h>
    #include <time.h>
    #include <unistd.h>

    static uint32_t shelf_table[8][256];
    static int shelf_hardware = 0;

    static void shelf_prepare(void) {
        for (uint32_t n = 0; n < 256; n++) {
            uint32_t c = n;
            for (int k = 0; k < 8; k++) c = c & 1 ? (c >> 1) ^ 0x82F63B78u : c >> 1;
            shelf_table[0][n] = c;
        }
        for (int n = 0; n < 256; n++)
            for (int k = 1; k < 8; k++)
                shelf_table[k][n] = (shelf_table[k-1][n] >> 8) ^ shelf_table[0][shelf_table[k-1][n] & 255];
    #if defined(__x86_64__)
        __builtin_cpu_init();
        shelf_hardware = __builtin_cpu_supports("sse4.2");
    #endif
    }

    static uint32_t shelf_crc_plain(uint32_t crc, const unsigned char *p, size_t n) {
        uint64_t word;
        while (n >= 8) {
            memcpy(&word, p, 8);
            word ^= crc;
            crc = shelf_table[7][word & 255] ^ shelf_table[6][(word >> 8) & 255]
                ^ shelf_table[5][(word >> 16) & 255] ^ shelf_table[4][(word >> 24) & 255]
                ^ shelf_table[3][(word >> 32) & 255] ^ shelf_table[2][(word >> 40) & 255]
                ^ shelf_table[1][(word >> 48) & 255] ^ shelf_table[0][word >> 56];
            p += 8; n -= 8;
        }
        while (n--) crc = (crc >> 8) ^ shelf_table[0][(crc ^ *p++) & 255];
        return crc;
    }

    #if defined(__x86_64__)
    __attribute__((target("sse4.2")))
    static uint32_t shelf_crc_fast(uint32_t crc, const unsigned char *p, size_t n) {
        uint64_t sum = crc, word;
        while (n >= 8) {
            memcpy(&word, p, 8);
            sum = __builtin_ia32_crc32di(sum, word);
            p += 8; n -= 8;
        }
        crc = (uint32_t)sum;
        while (n--) crc = __builtin_ia32_crc32qi(crc, *p++);
        return crc;
    }
    #endif

    static uint32_t shelf_crc(uint32_t crc, const void *p, size_t n) {
        crc = ~crc;
    #if defined(__x86_64__)
        if (shelf_hardware) return ~shelf_crc_fast(crc, (const unsigned char *)p, n);
    #endif
        return ~shelf_crc_plain(crc, (const unsigned char *)p, n);
    }

    static int64_t shelf_now(void) {
        struct timespec at;
        clock_gettime(CLOCK_REALTIME, &at);
        return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
    }

    /* What of these bytes is in memory; never waits for the disk. */
    static ssize_t shelf_peek(int file, void *to, size_t size, int64_t at) {
    #if defined(RWF_NOWAIT)
        struct iovec part = {to, size};
        ssize_t got = preadv2(file, &part, 1, (off_t)at, RWF_NOWAIT);
        return got < 0 ? 0 : got;
    #else
        (void)file; (void)to; (void)size; (void)at;
        return 0;
    #endif
    }

    /* As many of these bytes as the file has, waiting for the disk; -errno where it has none for an error. */
    static ssize_t shelf_pread(int file, void *to, size_t size, int64_t at) {
        size_t done = 0;
        while (done < size) {
            ssize_t got = pread(file, (char *)to + done, size - done, (off_t)(at + done));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return done ? (ssize_t)done : -errno;
            if (got == 0) break;
            done += got;
        }
        return (ssize_t)done;
    }

    /* One write of all: the number of bytes, or -errno. */
    static ssize_t shelf_pwrite(int file, const void *head, size_t size, const void *payload, size_t length,
                                int64_t at) {
        static const char padding[16];
        struct iovec parts[3] = {
            {(void *)head, size}, {(void *)payload, length}, {(void *)padding, (16 - length % 16) % 16},
        };
        ssize_t done;
        do done = pwritev(file, parts, 3, (off_t)at); while (done < 0 && errno == EINTR);
        return done < 0 ? -errno : done;
    }

    /* A regular file for reading, or -errno. Never waits for what only looks like one. */
    static int shelf_open(const char *folder, int64_t identity, const char *suffix) {
        char path[4200];
        struct stat about;
        int length = snprintf(path, sizeof path, "%s/%016llx%s", folder, (unsigned long long)identity, suffix);
        if (length < 0 || length >= (int)sizeof path) return -ENAMETOOLONG;
        int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (file < 0) return -errno;
        if (fstat(file, &about) < 0 || !S_ISREG(about.st_mode)) { close(file); return -ENOENT; }
        return file;
    }

    /* Whether the file still has a name and at least so many bytes. */
    static int shelf_stands(int file, int64_t size) {
        struct stat about;
        return fstat(file, &about) == 0 && about.st_nlink > 0 && about.st_size >= size;
    }

    static void *shelf_map(size_t size) {
        return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    #ifndef MADV_POPULATE_WRITE
    #define MADV_POPULATE_WRITE 23  /* Linux 5.14; older kernels refuse it */
    #endif
    static void shelf_populate(void *base, size_t size) { madvise(base, size, MADV_POPULATE_WRITE); }
    static int64_t shelf_or(int64_t *p, int64_t v) { return __atomic_or_fetch(p, v, __ATOMIC_RELAXED); }
    static uint64_t shelf_load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
    static int shelf_swap(uint64_t *p, uint64_t was, uint64_t now) {
        return __atomic_compare_exchange_n(p, &was, now, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    static void shelf_prefetch(const void *p) { __builtin_prefetch(p); }
    """
    void shelf_prepare()
    uint32_t shelf_crc_plain(uint32_t crc, const unsigned char *p, size_t n)
    uint32_t shelf_crc(uint32_t crc, const void *p, size_t n)
    int64_t shelf_now()
    ssize_t shelf_peek(int file, void *to, size_t size, int64_t at)
    ssize_t shelf_pread(int file, void *to, size_t size, int64_t at)
    ssize_t shelf_pwrite(int file, const void *head, size_t size, const void *payload, size_t length, int64_t at)
    int shelf_open(const char *folder, int64_t identity, const char *suffix)
    bint shelf_stands(int file, int64_t size)
    void *shelf_map(size_t size)
    void shelf_populate(void *base, size_t size)
    uint64_t shelf_load(const uint64_t *p)
    bint shelf_swap(uint64_t *p, uint64_t was, uint64_t now)
    void shelf_prefetch(const void *p)

shelf_prepare()


def crc32c(bytes data, uint32_t crc=0, *, bint plain=False) -> int:
    """CRC-32C (Castagnoli); `plain` without the processor's instruction for it."""
    if plain:
        return ~shelf_crc_plain(~crc, <const unsigned char *>PyBytes_AS_STRING(data), len(data)) & 0xFFFFFFFF
    return shelf_crc(crc, PyBytes_AS_STRING(data), len(data))


cdef inline uint32_t _check(const Head *head, uint64_t salt, int64_t at) noexcept nogil:
    # A frame is one only at its place in its file: whoever writes into a payload knows no file's salt.
    cdef uint64_t place[2]
    place[0] = salt
    place[1] = at
    return shelf_crc(shelf_crc(0, place, 16), &head.length, HEAD - 8)


cdef inline bint _is_head(const Head *head, uint64_t salt, int64_t at) noexcept nogil:
    return head.magic == MAGIC and head.check == _check(head, salt, at)


cdef inline int64_t _padded(int64_t length) noexcept nogil:
    return (HEAD + length + UNIT - 1) // UNIT * UNIT


cdef inline int64_t _nanoseconds(double seconds) noexcept nogil:
    # What is no moment (nan) is the beginning of time.
    if seconds >= 9.2e9:
        return FOREVER
    return <int64_t>(seconds * 1e9) if seconds > 0 else 0
