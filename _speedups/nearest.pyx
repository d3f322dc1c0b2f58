# cython: auto_pickle=False
"""Vectors side by side in memory, oldest first, and the nearest of them to one: quicker than an index while few.

A `Rows` belongs to one thread: nothing here lets another one run.
"""

from libc.stdint cimport uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove

cdef extern from *:
    """
    #include <string.h>
    typedef float four __attribute__((vector_size(16)));
    typedef float eight __attribute__((vector_size(32)));

    /* Sums side by side, which hide how long one addition takes; the rest of a row goes one by one. */
    #define INNER(name, how, lanes, width) \\
        how static float name(const float *left, const float *right, size_t count) { \\
            lanes sums[4] = {{0}}, one, other; \\
            float total = 0; \\
            size_t at = 0; \\
            for (; at + 4 * width <= count; at += 4 * width) { \\
                STEP(0, width) STEP(1, width) STEP(2, width) STEP(3, width) \\
            } \\
            sums[0] += sums[1] + sums[2] + sums[3]; \\
            for (int lane = 0; lane < width; lane++) total += sums[0][lane]; \\
            for (; at < count; at++) total += left[at] * right[at]; \\
            return total; \\
        }
    #define STEP(which, width) \\
        memcpy(&one, left + at + which * width, sizeof one); \\
        memcpy(&other, right + at + which * width, sizeof other); \\
        sums[which] += one * other;

    INNER(inner_plain, , four, 4)
    #if defined(__x86_64__) && defined(__GNUC__)
    INNER(inner_wide, __attribute__((target("avx2,fma"))), eight, 8)
    typedef float (*inner_function)(const float *, const float *, size_t);
    static inner_function fastest_inner(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? inner_wide : inner_plain;
    }
    #else
    typedef float (*inner_function)(const float *, const float *, size_t);
    static inner_function fastest_inner(void) { return inner_plain; }
    #endif
    """
    ctypedef float (*inner_function)(const float *left, const float *right, size_t count) noexcept nogil
    inner_function fastest_inner() noexcept nogil
    float inner_plain(const float *left, const float *right, size_t count) noexcept nogil

cdef inner_function inner_product = fastest_inner()

MOST = 64
"""The most neighbours that are told."""

cdef enum:
    PLACES = 64
    SLACK = 64          # rows that are not given back


cdef const float *vector_of(const uint8_t[::1] vector, Py_ssize_t dimensions) except NULL:
    if vector.shape[0] != dimensions * <Py_ssize_t>sizeof(float):
        raise ValueError("the vector has another length")
    return <const float *>&vector[0]


def inner(const uint8_t[::1] left not None, const uint8_t[::1] right not None, *, bint plain=False):
    cdef Py_ssize_t count = left.shape[0] // <Py_ssize_t>sizeof(float)
    if count == 0 or right.shape[0] != left.shape[0]:
        raise ValueError("the vectors have another length")
    if plain:
        return inner_plain(<const float *>&left[0], <const float *>&right[0], count)
    return inner_product(<const float *>&left[0], <const float *>&right[0], count)


cdef class Rows:
    """Vectors of one length, in the order in which they came; the oldest can be taken away."""

    cdef float *data
    cdef Py_ssize_t room        # rows that fit
    cdef Py_ssize_t first       # row of the oldest; those before it are taken away
    cdef Py_ssize_t end
    cdef readonly Py_ssize_t dimensions

    def __cinit__(self, Py_ssize_t dimensions):
        if dimensions <= 0:
            raise ValueError("vectors have dimensions")
        self.dimensions = dimensions
        self.data = NULL
        self.room = self.first = self.end = 0

    def __dealloc__(self):
        free(self.data)

    def __len__(self):
        return self.end - self.first

    @property
    def nbytes(self):
        return self.room * self.dimensions * sizeof(float)

    cdef _make_room(self):
        if self.first and 2 * self.first >= self.end:
            self._close_up()
        else:
            self._resize(self.room + max(1, self.room >> 1))

    cdef void _close_up(self) noexcept:
        memmove(self.data, self.data + self.first * self.dimensions, self._size(self.end - self.first))
        self.end -= self.first
        self.first = 0

    cdef _resize(self, Py_ssize_t room):
        cdef float *moved = <float *>realloc(self.data, self._size(room))
        if moved == NULL:
            raise MemoryError
        self.data = moved
        self.room = room

    cdef size_t _size(self, Py_ssize_t rows) noexcept:
        return <size_t>rows * self.dimensions * sizeof(float)

    def add(self, const uint8_t[::1] vector not None):
        cdef const float *values = vector_of(vector, self.dimensions)
        if self.end == self.room:
            self._make_room()
        memcpy(self.data + self.end * self.dimensions, values, self._size(1))
        self.end += 1

    def oldest(self, Py_ssize_t count):
        if not 0 <= count <= self.end - self.first:
            raise ValueError("there are not so many")
        return (<char *>(self.data + self.first * self.dimensions))[:self._size(count)]

    def drop(self, Py_ssize_t count):
        if not 0 <= count <= self.end - self.first:
            raise ValueError("there are not so many")
        self.first += count
        if self.first == self.end:
            free(self.data)
            self.data = NULL
            self.room = self.first = self.end = 0
        elif self.room > 4 * (self.end - self.first) + SLACK:
            self._close_up()
            self._resize(self.end + SLACK)

    def product(self, Py_ssize_t row, const uint8_t[::1] vector not None):
        cdef const float *values = vector_of(vector, self.dimensions)
        if not 0 <= row < self.end - self.first:
            raise IndexError("there is no such row")
        return inner_product(values, self.data + (self.first + row) * self.dimensions, self.dimensions)

    def nearest(
        self, const uint8_t[::1] vector not None, Py_ssize_t most, float floor, Py_ssize_t newest=-1
    ):
        cdef const float *values = vector_of(vector, self.dimensions)
        cdef float best[PLACES]
        cdef Py_ssize_t rows[PLACES]
        cdef Py_ssize_t found = 0, row = self.first, place
        cdef float product
        if not 0 < most <= PLACES:
            raise ValueError("so many neighbours are never told")
        if 0 <= newest < self.end - self.first:
            row = self.end - newest
        while row < self.end:
            product = inner_product(values, self.data + row * self.dimensions, self.dimensions)
            if product >= floor and (found < most or product > best[found - 1]):
                if found < most:
                    found += 1
                place = found - 1
                while place and best[place - 1] < product:
                    best[place] = best[place - 1]
                    rows[place] = rows[place - 1]
                    place -= 1
                best[place] = product
                rows[place] = row
            row += 1
        return [(rows[place] - self.first, best[place]) for place in range(found)]
