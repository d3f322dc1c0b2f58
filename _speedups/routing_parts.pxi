# What a planner is made of: its targets, its tree's nodes, and what a glance at a request must show.


cdef class Leaf:
    """One target of a route, with what the planner must know of it; see the stub."""

    cdef readonly object target
    cdef readonly TargetHealth health
    cdef uint32_t unable
    cdef uint32_t tags
    cdef int64_t window
    cdef int64_t max_output
    cdef double price_in
    cdef double price_out
    cdef uint64_t mark

    def __init__(
        self,
        target,
        TargetHealth health not None,
        *,
        uint32_t unable=0,
        int64_t window=0,
        int64_t max_output=0,
        double price_in=-1.0,
        double price_out=-1.0,
        uint32_t tags=0,
        uint64_t mark=0,
    ):
        self.target = target
        self.health = health
        self.unable, self.tags = unable, tags
        self.window, self.max_output = window, max_output
        self.price_in, self.price_out = price_in, price_out
        self.mark = mark


cdef class Glance:
    """What tells at a glance that a request needs nothing special; see the stub."""

    cdef tuple looks
    cdef bint sized
    cdef int64_t bytes_a_token
    cdef int64_t most
    cdef object plan

    def __init__(self, plan, *, tuple looks=(), bint sized=False, int64_t bytes_a_token=1, int64_t most=0):
        self.plan, self.looks = plan, looks
        self.sized, self.bytes_a_token, self.most = sized, bytes_a_token, most


cdef inline int64_t _now() noexcept nogil:
    cdef timespec at
    clock_gettime(CLOCK_MONOTONIC, &at)
    return <int64_t>at.tv_sec * 1_000_000_000 + at.tv_nsec


cdef class Node:
    """Members under one strategy. `ways` holds a leaf's number, or -1 where `inner` holds a node."""

    cdef int strategy
    cdef int count
    cdef int ways[MOST]
    cdef double weights[MOST]
    cdef list inner
    cdef uint64_t turn


cdef struct Ask:
    int64_t now
    uint32_t needs
    int64_t tokens
    int64_t output
    uint32_t tags
    uint64_t sticky
    # read once of each leaf: why it is left out, breaker phase, requests in flight, wait, price, room, health
    int out[MOST]
    int phase[MOST]
    double flying[MOST]
    double wait[MOST]
    double price[MOST]
    double room[MOST]
    double success[MOST]
    bint taken[MOST]
    int order[MOST]
    int length


cdef inline uint64_t _spread(uint64_t value) noexcept nogil:
    # The finaliser of splitmix64: every bit of the input moves every bit of the output.
    value = (value ^ (value >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    value = (value ^ (value >> 27)) * <uint64_t>0x94D049BB133111EB
    return value ^ (value >> 31)
