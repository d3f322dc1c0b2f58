# What compiled admission may use of limits and budgets: their handles, and what one request holds of them.
cimport cython
from libc.stdint cimport int64_t

from gateway._speedups.ledger cimport Ledger, Table

cdef extern from * nogil:
    """
    static inline void limits_ask(const void *p) { __builtin_prefetch(p); }
    """
    void limits_ask(const void *)


cdef enum:
    MOST = 32  # handles of one hold
    FEW = 8    # of nearly every one


cdef struct Verdict:
    # Why a handle refused, and the tightest of the limits seen on the way; a limit of 0 is none. `room` is how often
    # the same would have fitted in again.
    int kind
    int64_t retry
    int64_t room
    int64_t requests[3]
    int64_t tokens[3]


cdef struct Taken:
    # What one handle gave: which parts, where its buckets stood right after, how many tokens and how much money.
    int parts
    int64_t tokens
    int64_t request_mark
    int64_t token_mark
    int64_t money


@cython.final
cdef class Accounts:
    cdef Ledger ledger
    cdef Table limits
    cdef Table budgets
    cdef Table windows
    cdef int64_t *head
    cdef int64_t *lines
    cdef int64_t *line
    cdef int64_t owner
    cdef int rows
    cdef readonly int number
    cdef readonly int64_t inherited
    cdef readonly object born
    cdef int64_t claim(self)
    cdef int64_t *line_of(self, int64_t row) noexcept
    cdef int64_t seen(self) noexcept nogil
    cdef void clean(self, int64_t row) noexcept
    cdef void replay(self, int64_t row) noexcept


cdef class Account:
    cdef Accounts accounts
    cdef int64_t *cells
    cdef int64_t block
    cdef readonly str id
    cdef int take(self, Taken *taken, int64_t now, int64_t tokens, int64_t money, Verdict *verdict) noexcept
    cdef void give_back(self, Taken *taken, int64_t now) noexcept
    cdef void correct(self, Taken *taken, int64_t now, int64_t used) noexcept
    cdef bint more(self, Taken *taken, int64_t now, int64_t tokens, int64_t money) noexcept


@cython.final
cdef class Limiter(Account):
    cdef readonly int64_t requests
    cdef readonly int64_t tokens
    cdef int64_t request_step
    cdef int64_t token_step
    cdef readonly int64_t parallel
    cdef int64_t debt
    cdef bint enter(self) noexcept
    cdef void leave(self) noexcept
    cdef int64_t places(self) noexcept nogil
    cdef int64_t cost(self, int64_t tokens) noexcept nogil
    cdef void look(self, int cell, int64_t limit, int64_t step, int64_t now, int64_t *tightest) noexcept


@cython.final
cdef class Purse(Account):
    cdef readonly int64_t nano_usd
    cdef int64_t word
    cdef int64_t since
    cdef int64_t until
    cdef int kind
    cdef readonly bint soft
    cdef int64_t slot_ns
    cdef int64_t *marks
    cdef readonly str period
    cdef int64_t *own(self) noexcept nogil
    cdef int64_t total(self, int which) noexcept nogil
    cdef int64_t committed(self, int64_t more) noexcept nogil
    cdef void keep_up(self, int64_t now) noexcept nogil
    cdef int64_t bounds(self, int64_t now) noexcept nogil
    cdef void turn(self, int64_t now) noexcept nogil
    cdef bint is_ahead(self, int64_t start, int64_t wanted, int64_t now) noexcept nogil
    cdef void begin(self, int64_t was, int64_t wanted, bint ahead) noexcept nogil
    cdef int64_t wait(self, int64_t now) noexcept nogil
    cdef int64_t fitting(self, int64_t money) noexcept nogil


@cython.final
cdef class Hold:
    cdef Accounts accounts
    cdef tuple handles
    cdef int count
    cdef bint open
    cdef int64_t wanted
    cdef int64_t price
    cdef int64_t warned
    cdef Verdict verdict
    cdef Taken *taken
    cdef Taken few[8]
    cdef void undo(self, int count, int64_t now) noexcept
    cdef bint drop(self, int64_t now) noexcept
    cdef bint finish(self, int64_t used, int64_t price, int64_t now, int64_t sequence) noexcept
    cdef void pay(self, int64_t price, int64_t now, int64_t sequence) noexcept


# Where the first FEW of these handles lie and, of each, its cells: to be asked for ahead of their use. So many they are.
cdef int limits_places(tuple handles, void **places) noexcept
cdef void limits_ask_all(void **places, int count) noexcept

# Raises where there are more than MOST, or some are of others.
cdef limits_check(Accounts accounts, tuple handles)

# The handles were checked; figures are within bounds (limits_bounded), `now` is a moment of this century.
cdef object limits_reserve(Accounts accounts, tuple handles, int64_t now, int64_t tokens, int64_t money)
cdef int64_t limits_bounded(object value) noexcept
cdef int64_t limits_within(int64_t figure) noexcept nogil
