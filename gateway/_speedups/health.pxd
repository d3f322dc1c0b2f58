# What the planner reads of a target: its state in the ledger, without a Python call.
from libc.stdint cimport int32_t, int64_t

from gateway._speedups.ledger cimport Ledger, Table


cdef class Board:
    cdef Ledger ledger
    cdef Table table
    cdef int64_t *rows
    cdef int32_t *flights
    cdef int number
    cdef dict known


cdef class TargetHealth:
    cdef Board board
    cdef int64_t *cells
    cdef int32_t *column
    cdef int64_t own[24]
    cdef int32_t alone
    cdef readonly bytes key
    cdef readonly int failures
    cdef readonly int minimum
    cdef readonly double rate
    cdef readonly int64_t window
    cdef readonly int64_t cooldown
    cdef readonly int64_t longest
    cdef readonly int64_t probe
    cdef int64_t flying(self) noexcept nogil
    cdef int phase(self, int64_t now) noexcept nogil
    cdef double wait(self, int64_t now) noexcept nogil
    cdef double room(self, int64_t now) noexcept nogil
    cdef double health(self) noexcept nogil
    cdef bint _open(self, int64_t until, int64_t now, int64_t rest)
    cdef void _extend(self, int64_t wanted) noexcept
    cdef void _count(self, int64_t now, int cell) noexcept
    cdef void _sample(self, int64_t first, int64_t now) noexcept
    cdef _limit(self, int cell, int64_t now, tuple said)
