# Callers by the digests of their credentials: an open table of references, and nothing else to be read on the way.
#
# A part of billing.pyx, which has the imports; a guest is in billing_visits.pxi.

cdef enum:
    DIGEST = 32     # bytes, of SHA-256: no caller chooses where in the table it stands
    SMALLEST = 64   # places


@cython.final
@cython.no_gc
cdef class Found:
    """Callers whom a porter has found before, by the digests of their credentials. None of them leads back to it. At
    most half of the places are taken."""

    cdef PyObject **places
    cdef uint32_t mask
    cdef uint32_t taken

    def __cinit__(self):
        self.places = <PyObject **>calloc(SMALLEST, sizeof(PyObject *))
        if self.places == NULL:
            raise MemoryError
        self.mask = SMALLEST - 1

    def __dealloc__(self):
        cdef uint32_t at
        if self.places != NULL:
            for at in range(self.mask + 1):
                Py_XDECREF(self.places[at])
            free(self.places)

    def __len__(self) -> int:
        return self.taken

    def get(self, bytes digest not None):
        """The caller with this digest, or None."""
        return <object>self.places[self.place(_whole(digest))] if self.known(digest) else None

    def add(self, bytes digest not None, Guest caller not None):
        """One more; it has no other digest."""
        if self.known(digest):
            return
        if 2 * (self.taken + 1) > self.mask:
            self.grow()
        memcpy(caller.digest, _whole(digest), DIGEST)
        Py_INCREF(caller)
        self.places[self.place(caller.digest)] = <PyObject *>caller
        self.taken += 1

    def pop(self, bytes digest not None):
        """Forgets the caller, where there is one."""
        if not self.known(digest):
            return
        cdef uint32_t gap = self.place(_whole(digest)), at = gap, home
        cdef PyObject *gone = self.places[gap]
        self.places[gap] = NULL
        self.taken -= 1
        # Whoever had to stand further on comes back, so that no search ends too early.
        while True:
            at = (at + 1) & self.mask
            if self.places[at] == NULL:
                break
            home = _home((<Guest>self.places[at]).digest) & self.mask
            if ((at - home) & self.mask) >= ((at - gap) & self.mask):
                self.places[gap], self.places[at] = self.places[at], NULL
                gap = at
        Py_DECREF(<object>gone)

    def digests(self) -> list:
        """All of them."""
        cdef uint32_t at
        return [
            PyBytes_FromStringAndSize(<const char *>(<Guest>self.places[at]).digest, DIGEST)
            for at in range(self.mask + 1)
            if self.places[at] != NULL
        ]

    cdef bint known(self, bytes digest) except -1:
        return PyBytes_GET_SIZE(digest) == DIGEST and self.places[self.place(_whole(digest))] != NULL

    cdef uint32_t place(self, const unsigned char *digest) noexcept:
        """Where it stands, or would stand."""
        cdef uint32_t at = _home(digest) & self.mask
        while self.places[at] != NULL and memcmp((<Guest>self.places[at]).digest, digest, DIGEST):
            at = (at + 1) & self.mask
        return at

    cdef grow(self):
        cdef PyObject **were = self.places
        cdef uint32_t at, size = self.mask + 1
        cdef PyObject **places = <PyObject **>calloc(<size_t>size * 2, sizeof(PyObject *))
        if places == NULL:
            raise MemoryError
        self.places, self.mask = places, 2 * size - 1
        for at in range(size):
            if were[at] != NULL:
                places[self.place((<Guest>were[at]).digest)] = were[at]
        free(were)


cdef inline const unsigned char *_whole(bytes digest) noexcept:
    return <const unsigned char *>PyBytes_AS_STRING(digest)


cdef inline uint32_t _home(const unsigned char *digest) noexcept nogil:
    cdef uint32_t found
    memcpy(&found, digest, 4)
    return found
