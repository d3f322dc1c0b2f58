# What other compiled modules may use of the ledger: where a section begins, and the atomics to touch it with.
from libc.stdint cimport int64_t, uint32_t


cdef extern from * nogil:
    """
    #include <stdint.h>
    static inline int64_t ledger_load(const int64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
    static inline void ledger_store(int64_t *p, int64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
    static inline int64_t ledger_add(int64_t *p, int64_t v) {
        return __atomic_add_fetch(p, v, __ATOMIC_RELAXED);
    }
    static inline int ledger_swap(int64_t *p, int64_t was, int64_t now) {
        return __atomic_compare_exchange_n(p, &was, now, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    static inline uint32_t ledger_load32(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
    static inline int ledger_swap32(uint32_t *p, uint32_t was, uint32_t now) {
        return __atomic_compare_exchange_n(p, &was, now, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    """
    int64_t ledger_load(const int64_t *p)
    void ledger_store(int64_t *p, int64_t v)
    int64_t ledger_add(int64_t *p, int64_t v)
    bint ledger_swap(int64_t *p, int64_t was, int64_t now)
    uint32_t ledger_load32(const uint32_t *p)
    bint ledger_swap32(uint32_t *p, uint32_t was, uint32_t now)


cdef class Ledger:
    cdef char *base
    cdef readonly size_t size
    cdef readonly str path
    cdef readonly str replaced
    cdef readonly dict sections
    cdef char *start(self, str name) except NULL


cdef class Worker:
    cdef Ledger ledger
    cdef int64_t *line
    cdef int64_t owner
    cdef int64_t nowhere[8]
    cdef readonly int number


cdef class Table:
    cdef Ledger ledger
    cdef int64_t *taken
    cdef uint32_t *buckets
    cdef char *keys
    cdef int64_t *cells
    cdef uint32_t mask
    cdef int64_t spare
    cdef int spare_pid
    cdef readonly int capacity
    cdef readonly int width
    cdef int64_t take(self, int64_t limit) noexcept
    cdef bint holds(self, uint32_t block, uint32_t mixed, const char *key, uint32_t length) noexcept


cdef class RequestCells:
    cdef Table table
    cdef int64_t bounds[4][32]
    cdef int lengths[4]
    cdef int offsets[4]
    cdef void observe(self, int64_t *cells, int which, int64_t value) noexcept nogil
