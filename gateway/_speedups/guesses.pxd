# What compiled admission may use of guesses: what a request will take, and what is learnt of it.
cimport cython
from libc.stdint cimport int64_t


@cython.final
cdef class Figure:
    cdef readonly double value
    cdef readonly double least
    cdef readonly double most
    cdef readonly int64_t reports
    cdef double highest
    cdef void hear(self, double value) noexcept


@cython.final
cdef class Outlook:
    cdef readonly tuple targets
    cdef readonly object target
    cdef object provider
    cdef object model
    cdef double rates[3]
    cdef readonly Figure size
    cdef readonly Figure answer
    cdef int64_t turn
    cdef bint due(self) noexcept


@cython.final
cdef class Asked:
    cdef Guesser guesser
    cdef object call
    cdef readonly Outlook outlook
    cdef double rates[3]
    cdef readonly int64_t output
    cdef readonly int64_t allowed
    cdef readonly int64_t choices
    cdef readonly int64_t text
    cdef readonly int64_t files
    cdef readonly int64_t counted
    cdef int64_t tokens
    cdef int64_t nano_usd
    cdef void weigh(self, int64_t prompt) noexcept


cdef class Guesser:
    cdef frozenset plain
    cdef readonly bint learns
    cdef readonly bint most
    cdef dict outlooks
    cdef Outlook last
    cdef Asked guess(self, call, plan, str key)
    cdef answer(self, Asked found, call, facts, str key)
    cdef Outlook outlook(self, tuple targets)
    cdef hear(self, record, usage, Asked asked)
