# The cache's index in shared memory, and the two hands of one process on its files.
from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef struct Head:
    # What stands before each payload, as it lies in the file.
    uint32_t magic
    uint32_t check
    uint32_t length
    uint32_t checksum
    unsigned char key[32]
    uint64_t scope
    int64_t written
    int64_t expires
    uint64_t kind


cdef struct Stand:
    # Where an entry lies, and what its head says of it; a word of 0 is nowhere.
    uint64_t word
    int64_t identity
    uint64_t scope
    int64_t written
    int64_t expires


cdef struct Opened:
    int64_t identity
    uint64_t salt
    int file
    int users


cdef class Shelf:
    cdef char *base
    cdef readonly size_t size
    cdef readonly int capacity
    cdef int64_t *words
    cdef int64_t *purges
    cdef int64_t *lines
    cdef uint64_t *slots
    cdef uint64_t mask
    cdef int64_t *line(self, int number) noexcept nogil
    cdef int64_t identity_of(self, int number) noexcept nogil
    cdef bint is_purged(self, uint64_t scope, int64_t written) noexcept nogil
    cdef int64_t *purge_of(self, uint64_t scope, bint make) noexcept nogil
    cdef size_t first(self, uint64_t mixed) noexcept nogil
    cdef size_t second(self, uint64_t mixed) noexcept nogil
    cdef void insert(self, uint64_t mixed, uint64_t word) noexcept nogil
    cdef bint place(self, uint64_t mixed, uint64_t word) noexcept nogil
    cdef uint64_t *victim(self, uint64_t mixed) noexcept nogil


cdef class Found:
    cdef readonly bytes key
    cdef readonly bytes payload
    cdef readonly double written
    cdef readonly double expires
    cdef readonly uint64_t scope
    cdef Stand stand


cdef class Writer:
    cdef Shelf shelf
    cdef object turn
    cdef object failed
    cdef readonly int64_t max_entry
    cdef readonly int64_t segment
    cdef int files[2]
    cdef int numbers[2]
    cdef int64_t identities[2]
    cdef uint64_t salts[2]
    cdef int64_t sizes[2]
    cdef int pending[2]
    cdef int64_t looked[2]
    cdef dict leaving
    cdef int64_t append(self, Head *head, bytes payload, int *number) except -2
    cdef left(self, int file)
    cdef bint ready(self, int stream) except -1
    cdef void publish(self, int number, Head *head, int64_t end, bint whole) noexcept


cdef class Gathered:
    cdef Writer writer
    cdef char *room
    cdef int64_t at
    cdef int64_t used
    cdef int file
    cdef int number
    cdef uint64_t salt
    cdef bint goes_on(self)
    cdef bint takes(self, int64_t most)
    cdef char *begin(self, bytes key, uint64_t scope, double expires, int64_t most, double written) except? NULL
    cdef void end(self, int64_t length) noexcept
    cdef flush(self)


cdef class Reader:
    cdef Shelf shelf
    cdef Writer writer
    cdef object failed
    cdef bytes folder
    cdef Opened *opened
    cdef int open_files
    cdef int most_files
    cdef int hand
    cdef int error
    cdef char *chunk
    cdef int64_t chunk_at
    cdef int64_t chunk_size
    cdef int64_t chunk_identity
    cdef int64_t seen
    cdef dict cursors
    cdef void expect(self, bytes key) noexcept
    cdef Found find(self, bytes key, double now)
    cdef bint stands(self, bytes key, const Stand *known, double now) noexcept
    cdef Opened *reach(self, int number, int64_t identity)
    cdef void drop(self, Opened *one) noexcept
    cdef Found load(self, uint64_t *slot, uint64_t word, bytes key, int64_t now, int *answer)
    cdef damaged(self, uint64_t *slot, uint64_t word, int64_t identity, int error)
    cdef bint leads_to(self, uint64_t word, Head *head) except -1
    cdef bint is_later(self, uint64_t mixed, bytes key, double written) except -1
    cdef bint spare_one(self)
    cdef payload(self, Opened *one, Head *head, int64_t at)
    cdef carry(self, uint64_t *slot, uint64_t word, Head *head, bytes payload)
    cdef bint view(self, Opened *one, int64_t at, int64_t size) except -1
    cdef bint head_at(self, Opened *one, int64_t at, Head *head) except -1
