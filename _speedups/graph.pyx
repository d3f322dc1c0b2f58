# cython: auto_pickle=False
"""Many vectors, each linked with some that are near (a hierarchical navigable small world, arXiv:1603.09320): whoever
looks for what is near to a vector goes from neighbour to neighbour, and sees a few hundred of them.

Vectors are kept in whole numbers from -127 to 127, a fourth of the memory of floats; what is looked for is finer, and
cosines are right to about 0.001. One thread adds; another one may search meanwhile, and neither waits for the other:
nodes never move, a link is written in one go, and a search sees those that were there when it began.
"""

from libc.math cimport fabsf, log, lrintf, sqrtf
from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset
from posix.unistd cimport usleep

cdef enum:
    TALLEST = 8
    CARE = 128           # nodes that an insertion keeps in view
    VIEW = 48           # and a search
    BRIEF = 128         # dimensions that a search looks at on its way: these, or half of all
    BURST = 2           # vectors that are added
    PAUSE = 150         # before so many microseconds of pause
    SOON = 4            # nodes whose links are probably looked through next

include "graph_nodes.pxi"
include "graph_walks.pxi"

MOST = 48
"""The most neighbours that are told."""


cdef bint furnish(Walk *walk, const Web *web) noexcept nogil:
    walk.seen = <uint64_t *>calloc((web.room + 63) // 64, 8)
    walk.asked = <int16_t *>calloc(web.wide, sizeof(int16_t))
    return walk.seen != NULL and walk.asked != NULL


cdef void leave(Walk *walk) noexcept nogil:
    free(walk.seen)
    free(walk.asked)


cdef class Graph:
    """Vectors under the numbers 0, 1, …"""

    cdef Web web
    cdef Walk searching
    cdef Walk filling
    cdef Walk choosing
    cdef uint32_t over
    cdef bint busy
    cdef readonly Py_ssize_t dimensions

    def __cinit__(self, Py_ssize_t dimensions, Py_ssize_t most):
        if not 0 < dimensions <= WIDEST or not 0 < most <= <Py_ssize_t>1 << 31:
            raise ValueError("no graph has so many")
        self.dimensions = dimensions
        self.web.wide = (dimensions + 31) // 32 * 32
        self.web.stride = (sizeof(Node) + self.web.wide + 63) // 64 * 64
        self.web.room = most
        self.web.brief = min(self.web.wide, max(<size_t>BRIEF, self.web.wide // 64 * 32))
        self.web.random = 0x9E3779B97F4A7C15
        self.web.nodes = reserve(self.web.room * self.web.stride)
        if self.web.nodes == NULL:
            raise MemoryError
        self.web.factors = <float *>calloc(self.web.room, sizeof(float))
        if self.web.factors == NULL:
            raise MemoryError
        if not (furnish(&self.searching, &self.web) and furnish(&self.filling, &self.web)
                and furnish(&self.choosing, &self.web)):
            raise MemoryError

    def __dealloc__(self):
        cdef uint32_t each
        if self.web.nodes != NULL:
            with nogil:
                for each in range(self.web.filled):
                    free(node_of(&self.web, each).upper)
                munmap(self.web.nodes, self.web.room * self.web.stride)
        free(self.web.factors)
        leave(&self.searching)
        leave(&self.filling)
        leave(&self.choosing)

    @property
    def filled(self):
        return GET_ALL(&self.web.filled)

    def end(self):
        SET(&self.over, 1)

    def add(self, const uint8_t[::1] rows not None, *, bint pausing=False):
        cdef Py_ssize_t row = self.dimensions * sizeof(float), count, each
        cdef bint good = True
        if rows.shape[0] == 0 or rows.shape[0] % row:
            raise ValueError("these are not rows of that many dimensions")
        count = rows.shape[0] // row
        if count > self.web.room - self.web.filled:
            raise ValueError("there is no place for so many")
        if self.busy:
            raise RuntimeError("another thread adds")
        self.busy = True
        with nogil:
            for each in range(count):
                if GET(&self.over):
                    break
                if pausing and each % BURST == BURST - 1:
                    usleep(PAUSE)
                good = weave(
                    &self.web, &self.filling, &self.choosing, <const float *>&rows[each * row], self.dimensions,
                    CARE,
                )
                if not good:
                    break
        self.busy = False
        if not good:
            raise MemoryError

    def product(self, Py_ssize_t number, const uint8_t[::1] vector not None):
        cdef Walk *walk = &self.searching
        if vector.shape[0] != self.dimensions * <Py_ssize_t>sizeof(float):
            raise ValueError("the vector has another length")
        if not 0 <= number < <Py_ssize_t>GET_ALL(&self.web.filled):
            raise IndexError("there is no such vector")
        ask(&self.web, <const float *>&vector[0], self.dimensions, walk)
        walk.brief = False
        return likeness(&self.web, walk, <uint32_t>number)

    def nearest(self, const uint8_t[::1] vector not None, Py_ssize_t most, float floor):
        cdef uint32_t entry = GET_ALL(&self.web.entry), until = GET_ALL(&self.web.filled), start, each
        cdef Walk *walk = &self.searching
        cdef float full
        if vector.shape[0] != self.dimensions * <Py_ssize_t>sizeof(float):
            raise ValueError("the vector has another length")
        if not 0 < most <= VIEW:
            raise ValueError("so many neighbours are never told")
        if until == 0:
            return []
        ask(&self.web, <const float *>&vector[0], self.dimensions, walk)
        walk.brief = self.web.brief < self.web.wide
        full = walk.factor
        if walk.brief:
            walk.factor = inverse_asked(walk.asked, self.web.brief)
        start = descend(&self.web, walk, entry, 0, until)
        spread(&self.web, walk, 0, start, until, VIEW)
        if walk.brief:
            walk.factor = full
            look_again(&self.web, walk)
        found = []
        for each in range(walk.count):
            if each == most or walk.pool[each].likeness < floor:
                break
            found.append((walk.pool[each].number, walk.pool[each].likeness))
        return found
