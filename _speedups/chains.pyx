# cython: auto_pickle=False
"""Numbers 0, 1, … under marks of 64 bits, many under one perhaps: some twenty bytes each, found in one look.

A table with open addresses holds the newest number of each mark; from there one goes back to the older ones. What
callers write decides the marks, so a secret of the process decides where they lie: nobody can make them meet.
"""

import os

from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc

cdef enum:
    FEW = 8             # numbers there is place for at first
    NONE = -1

cdef uint64_t secret = int.from_bytes(os.urandom(8), "little") | 1


cdef inline uint64_t scattered(uint64_t mark) noexcept nogil:
    """The finish of MurmurHash3, with a secret in it."""
    mark ^= secret
    mark ^= mark >> 33
    mark *= <uint64_t>0xFF51AFD7ED558CCD
    mark ^= mark >> 33
    mark *= secret
    mark ^= mark >> 29
    return mark


cdef class Chains:
    """Marks by number, and numbers by mark."""

    cdef uint64_t *marks
    cdef int32_t *before        # the number under the same mark that came before
    cdef int32_t *newest        # by place: the newest number of the mark that lies there
    cdef Py_ssize_t count
    cdef Py_ssize_t room
    cdef Py_ssize_t places      # a power of two
    cdef Py_ssize_t taken

    def __cinit__(self):
        self.marks = NULL
        self.before = NULL
        self.newest = NULL
        self.count = self.room = self.places = self.taken = 0

    def __dealloc__(self):
        free(self.marks)
        free(self.before)
        free(self.newest)

    def __len__(self):
        return self.count

    @property
    def nbytes(self):
        return self.room * (sizeof(uint64_t) + sizeof(int32_t)) + self.places * sizeof(int32_t)

    def add(self, uint64_t mark):
        cdef Py_ssize_t place
        if self.count == 0x7FFFFFFF:
            raise MemoryError
        if self.count == self.room:
            self.make_room()
        if 4 * self.taken >= 3 * self.places:
            self.make_places()
        place = self.place_of(mark)
        self.marks[self.count] = mark
        self.before[self.count] = self.newest[place]
        self.taken += self.newest[place] == NONE
        self.newest[place] = <int32_t>self.count
        self.count += 1

    def find(self, uint64_t mark, Py_ssize_t most):
        cdef list found = []
        cdef int32_t number
        if not self.count:
            return found
        number = self.newest[self.place_of(mark)]
        while number != NONE and len(found) < most:
            found.append(number)
            number = self.before[number]
        return found

    cdef Py_ssize_t place_of(self, uint64_t mark) noexcept nogil:
        """Where a mark lies, or may be laid: there always is an empty place."""
        cdef Py_ssize_t place = scattered(mark) & <uint64_t>(self.places - 1)
        while self.newest[place] != NONE and self.marks[self.newest[place]] != mark:
            place = (place + 1) & (self.places - 1)
        return place

    cdef make_room(self):
        cdef Py_ssize_t room = max(<Py_ssize_t>FEW, self.room + (self.room >> 1))
        cdef uint64_t *marks = <uint64_t *>realloc(self.marks, room * sizeof(uint64_t))
        if marks == NULL:
            raise MemoryError
        self.marks = marks
        cdef int32_t *before = <int32_t *>realloc(self.before, room * sizeof(int32_t))
        if before == NULL:
            raise MemoryError
        self.before = before
        self.room = room

    cdef make_places(self):
        """Twice as many places, where the newest of each mark are laid again."""
        cdef Py_ssize_t places = max(<Py_ssize_t>FEW, 2 * self.places), each, old = self.places
        cdef int32_t *was = self.newest
        cdef int32_t *newest = <int32_t *>malloc(places * sizeof(int32_t))
        if newest == NULL:
            raise MemoryError
        for each in range(places):
            newest[each] = NONE
        self.newest, self.places = newest, places
        for each in range(old):
            if was[each] != NONE:
                self.newest[self.place_of(self.marks[was[each]])] = was[each]
        free(was)
