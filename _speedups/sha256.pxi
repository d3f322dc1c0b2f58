# SHA-256 (FIPS 180-4) of short texts where the processor has instructions for it.
#
# The library's way to a digest allocates a context four times and goes through tables of function pointers: 2.5 µs in the
# middle of a request, of which hashing half a kilobyte is a tenth. Without the instructions that way is taken.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from hashlib import sha256

cdef extern from * nogil:
    """
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>
    #if defined(__x86_64__) && defined(__GNUC__)
    #include <cpuid.h>
    #include <immintrin.h>

    static const uint32_t sha_k[64] __attribute__((aligned(16))) = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

    static int sha_able(void) {
        unsigned a, b, c, d;
        if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b >> 29 & 1)) return 0;  /* SHA */
        return __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1");
    }

    /* The state is kept as the instructions want it: words A B E F, and C D G H. */
    __attribute__((target("sha,ssse3,sse4.1")))
    static void sha_blocks(__m128i *abef, __m128i *cdgh, const unsigned char *p, size_t blocks) {
        const __m128i big = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
        __m128i s0 = *abef, s1 = *cdgh;
        for (; blocks; blocks--, p += 64) {
            const __m128i was0 = s0, was1 = s1;
            __m128i w[4];
            int at;
            #pragma GCC unroll 16
            for (at = 0; at < 16; at++) {
                __m128i next;
                if (at < 4) {
                    next = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)p + at), big);
                } else {
                    next = _mm_add_epi32(_mm_sha256msg1_epu32(w[at & 3], w[(at + 1) & 3]),
                                         _mm_alignr_epi8(w[(at + 3) & 3], w[(at + 2) & 3], 4));
                    next = _mm_sha256msg2_epu32(next, w[(at + 3) & 3]);
                }
                w[at & 3] = next;
                next = _mm_add_epi32(next, _mm_load_si128((const __m128i *)sha_k + at));
                s1 = _mm_sha256rnds2_epu32(s1, s0, next);
                s0 = _mm_sha256rnds2_epu32(s0, s1, _mm_shuffle_epi32(next, 0x0e));
            }
            s0 = _mm_add_epi32(s0, was0);
            s1 = _mm_add_epi32(s1, was1);
        }
        *abef = s0;
        *cdgh = s1;
    }

    __attribute__((target("sha,ssse3,sse4.1")))
    static void sha_digest(const unsigned char *p, size_t n, unsigned char *digest) {
        __m128i abef = _mm_set_epi32(0x6a09e667, 0xbb67ae85, 0x510e527f, 0x9b05688c);
        __m128i cdgh = _mm_set_epi32(0x3c6ef372, 0xa54ff53a, 0x1f83d9ab, 0x5be0cd19);
        unsigned char last[128] = {0};
        size_t left = n % 64, size = left < 56 ? 64 : 128;
        uint64_t bits = (uint64_t)n * 8;
        uint32_t words[8];
        int at;
        sha_blocks(&abef, &cdgh, p, n / 64);
        memcpy(last, p + (n - left), left);
        last[left] = 0x80;
        for (at = 0; at < 8; at++) last[size - 1 - at] = (unsigned char)(bits >> 8 * at);
        sha_blocks(&abef, &cdgh, last, size / 64);
        words[0] = _mm_extract_epi32(abef, 3), words[1] = _mm_extract_epi32(abef, 2);
        words[2] = _mm_extract_epi32(cdgh, 3), words[3] = _mm_extract_epi32(cdgh, 2);
        words[4] = _mm_extract_epi32(abef, 1), words[5] = _mm_extract_epi32(abef, 0);
        words[6] = _mm_extract_epi32(cdgh, 1), words[7] = _mm_extract_epi32(cdgh, 0);
        for (at = 0; at < 32; at++) digest[at] = (unsigned char)(words[at / 4] >> (24 - 8 * (at % 4)));
    }
    #else
    static int sha_able(void) { return 0; }
    static void sha_digest(const unsigned char *p, size_t n, unsigned char *digest) { (void)p; (void)n; (void)digest; }
    #endif
    """
    bint sha_able()
    void sha_digest(const unsigned char *p, size_t n, unsigned char *digest)

cdef bint able = sha_able()


cpdef bytes digest_of(bytes text, bint instructions=True):
    """The 32 bytes of its SHA-256."""
    cdef unsigned char digest[32]
    if not able or not instructions:
        return sha256(text).digest()
    sha_digest(<const unsigned char *>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), digest)
    return PyBytes_FromStringAndSize(<const char *>digest, 32)
