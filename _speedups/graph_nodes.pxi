# What a graph is made of. A node is two lines of a processor's cache (links, the length's inverse) and its vector in
# whole numbers; all lie in one stretch of address space and never move, so that who reads needs no lock. Numbers of
# nodes are written and read in one go; `filled` is published behind all that it promises.

cdef extern from *:
    """
    #include <math.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/mman.h>

    #define BELOW 28u
    #define ABOVE 14u
    #define NOBODY 0xffffffffu

    /* Two lines of a cache, then the vector. Upper levels have ABOVE links each. */
    typedef struct {
        uint32_t *upper;
        float factor;
        uint32_t level;
        uint32_t links[BELOW];
        int8_t values[];
    } Node;

    #define GET(place) __atomic_load_n(place, __ATOMIC_RELAXED)
    #define GET_ALL(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
    #define SET(place, value) __atomic_store_n(place, value, __ATOMIC_RELAXED)
    #define SET_ALL(place, value) __atomic_store_n(place, value, __ATOMIC_RELEASE)

    static inline void fetch_values(const Node *node, size_t wide) {
        const char *from = (const char *)node;
        for (size_t at = sizeof(Node); at < sizeof(Node) + wide; at += 64) __builtin_prefetch(from + at);
    }

    static inline void fetch_links(const Node *node) {
        __builtin_prefetch(node);
        __builtin_prefetch((const char *)node + 64);
    }

    /* The product of `count` whole numbers, a multiple of 32: 127 * 4095 * 4096 is below 2^31. */
    static int32_t product_plain(const int16_t *left, const int8_t *right, size_t count) {
        int32_t total = 0;
        for (size_t at = 0; at < count; at++) total += (int32_t)left[at] * right[at];
        return total;
    }
    typedef int32_t (*product_function)(const int16_t *, const int8_t *, size_t);
    #if defined(__x86_64__) && defined(__GNUC__)
    #include <immintrin.h>
    __attribute__((target("avx2")))
    static int32_t product_wide(const int16_t *left, const int8_t *right, size_t count) {
        __m256i one = _mm256_setzero_si256(), two = one;
        for (size_t at = 0; at < count; at += 32) {
            __m256i low = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(right + at)));
            __m256i high = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(right + at + 16)));
            low = _mm256_madd_epi16(low, _mm256_loadu_si256((const __m256i *)(left + at)));
            high = _mm256_madd_epi16(high, _mm256_loadu_si256((const __m256i *)(left + at + 16)));
            one = _mm256_add_epi32(one, low);
            two = _mm256_add_epi32(two, high);
        }
        one = _mm256_add_epi32(one, two);
        __m128i half = _mm_add_epi32(_mm256_castsi256_si128(one), _mm256_extracti128_si256(one, 1));
        half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
        half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
        return _mm_cvtsi128_si32(half);
    }
    static product_function fastest_product(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") ? product_wide : product_plain;
    }
    #else
    static product_function fastest_product(void) { return product_plain; }
    #endif

    /* Address space for nodes: pages come as they are touched, large ones where the system has them. */
    static char *reserve(size_t size) {
        void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (place == MAP_FAILED) return NULL;
    #ifdef MADV_HUGEPAGE
        madvise(place, size, MADV_HUGEPAGE);
    #endif
        return (char *)place;
    }
    """
    cdef enum:
        BELOW
        ABOVE
    const uint32_t NOBODY

    ctypedef struct Node:
        uint32_t *upper
        float factor
        uint32_t level
        uint32_t *links
        int8_t *values

    ctypedef int32_t (*product_function)(const int16_t *left, const int8_t *right, size_t count) noexcept nogil
    product_function fastest_product() noexcept nogil
    uint32_t GET(uint32_t *place) noexcept nogil
    uint32_t GET_ALL(uint32_t *place) noexcept nogil
    void SET(uint32_t *place, uint32_t value) noexcept nogil
    void SET_ALL(uint32_t *place, uint32_t value) noexcept nogil
    void fetch_values(const Node *node, size_t wide) noexcept nogil
    void fetch_links(const Node *node) noexcept nogil
    char *reserve(size_t size) noexcept nogil
    int munmap(void *place, size_t size) noexcept nogil

cdef product_function product = fastest_product()

cdef enum:
    WIDEST = 4096
    POOL = 128          # nodes that a walk keeps in view, at the most
    FINE = 4095         # what the largest number of a question becomes


cdef struct Near:
    float likeness
    uint32_t number
    bint spent          # its links are looked through


cdef struct Walk:
    Near pool[POOL]     # the nearest first
    uint32_t count
    uint64_t *seen
    int16_t *asked      # the vector that is looked for, in whole numbers
    float factor
    bint brief          # only the first dimensions are compared, with that part's factor


cdef struct Web:
    char *nodes
    size_t stride
    size_t wide         # dimensions, up to a multiple of 32
    size_t brief        # and those that a search looks at on its way
    float *factors      # of the brief part of each node
    uint32_t room
    uint32_t filled
    uint32_t entry
    uint64_t random


cdef inline Node *node_of(const Web *web, uint32_t number) noexcept nogil:
    return <Node *>(web.nodes + <size_t>number * web.stride)


cdef inline float likeness(const Web *web, const Walk *walk, uint32_t number) noexcept nogil:
    cdef Node *node = node_of(web, number)
    if walk.brief:
        return product(walk.asked, node.values, web.brief) * walk.factor * web.factors[number]
    return product(walk.asked, node.values, web.wide) * walk.factor * node.factor


cdef inline uint32_t *links_of(Node *node, uint32_t level) noexcept nogil:
    return node.links if level == 0 else node.upper + (level - 1) * ABOVE


cdef float inverse(const int8_t *values, size_t count) noexcept nogil:
    """One through the length."""
    cdef int32_t square = 0
    cdef size_t place
    for place in range(count):
        square += <int32_t>values[place] * values[place]
    return 1.0 / sqrtf(square) if square else 0.0


cdef float inverse_asked(const int16_t *asked, size_t count) noexcept nogil:
    cdef float square = 0.0
    cdef size_t place
    for place in range(count):
        square += <float>asked[place] * asked[place]
    return 1.0 / sqrtf(square) if square > 0 else 0.0


cdef void ask(const Web *web, const float *vector, Py_ssize_t dimensions, Walk *walk) noexcept nogil:
    """Writes what is looked for in whole numbers: FINE for the largest. Not a number is 0."""
    cdef float largest = 0.0, scale
    cdef Py_ssize_t place
    for place in range(dimensions):
        if fabsf(vector[place]) > largest:
            largest = fabsf(vector[place])
    scale = FINE / largest if 1e-20 < largest < 1e20 else 0.0
    for place in range(dimensions):
        walk.asked[place] = <int16_t>lrintf(vector[place] * scale) if scale and vector[place] == vector[place] else 0
    for place in range(dimensions, <Py_ssize_t>web.wide):
        walk.asked[place] = 0
    walk.factor = inverse_asked(walk.asked, web.wide)


cdef void ask_node(const Web *web, const Node *node, Walk *walk) noexcept nogil:
    cdef size_t place
    for place in range(web.wide):
        walk.asked[place] = node.values[place]
    walk.factor = node.factor


cdef void settle(const Web *web, const float *vector, Py_ssize_t dimensions, Node *node) noexcept nogil:
    """Writes a vector down, 127 for its largest number."""
    cdef float largest = 0.0, scale
    cdef Py_ssize_t place
    for place in range(dimensions):
        if fabsf(vector[place]) > largest:
            largest = fabsf(vector[place])
    scale = 127 / largest if 1e-20 < largest < 1e20 else 0.0
    for place in range(dimensions):
        node.values[place] = <int8_t>lrintf(vector[place] * scale) if scale and vector[place] == vector[place] else 0
    node.factor = inverse(node.values, web.wide)
