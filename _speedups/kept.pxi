"""The bytes of what is not complete yet. Included by what takes messages or events out of bytes in any pieces."""

cdef enum:
    KEPT = 65536            # bytes of an idle buffer that are kept for the next piece


cdef class Kept:
    """`kept[0:size]` in a buffer of `room` bytes that grows, and is given back when it is large and empty."""

    cdef unsigned char *kept
    cdef Py_ssize_t size
    cdef Py_ssize_t room

    def __dealloc__(self):
        free(self.kept)

    @property
    def pending(self):
        """How many bytes are not complete."""
        return self.size

    @cython.final
    cdef int keep(self, const unsigned char *b, Py_ssize_t n) except -1:
        """Appends b[0:n], which is not within `kept`."""
        cdef Py_ssize_t room = self.room
        cdef void *more
        if self.size + n > room:
            room = max(self.size + n, 2 * room, <Py_ssize_t> 1024)
            more = realloc(self.kept, room)
            if more == NULL:
                raise MemoryError()
            self.kept = <unsigned char *> more
            self.room = room
        memcpy(self.kept + self.size, b, n)
        self.size += n
        return 0

    @cython.final
    cdef int forget(self, Py_ssize_t n) except -1:
        """Drops the first n kept bytes."""
        self.size -= n
        if self.size:
            memmove(self.kept, self.kept + n, self.size)
        elif self.room > KEPT:
            free(self.kept)
            self.kept = NULL
            self.room = 0
        return 0
