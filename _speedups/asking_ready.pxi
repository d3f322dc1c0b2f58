# Answers that were told before, as a worker remembers them.
#
# A part of asking.pyx.


@cython.final
cdef class Ready:
    """An answer around its id, and what is known of the entry that it was made of, `written` at this Unix time."""

    cdef readonly double written
    cdef readonly tuple pieces
    cdef readonly tuple headers
    cdef readonly bytes content_type
    cdef readonly tuple dropped
    cdef readonly Py_ssize_t size
    cdef readonly object entry
    cdef str provider
    cdef str model
    cdef double created

    def __init__(
        self, double written, tuple pieces not None, tuple headers not None, bytes content_type not None, entry,
        tuple dropped not None, Py_ssize_t size,
    ):
        self.written, self.pieces, self.headers, self.content_type = written, pieces, headers, content_type
        self.entry, self.dropped, self.size = entry, dropped, size
        self.provider, self.model, self.created = entry.provider, entry.model, entry.created

    cdef again(self, record, found, double age, name, whole):
        """The same answer under a new id; writes into the record what is known of it."""
        cdef str id = found.id
        cdef list headers = [(AGE, b"%d" % <int64_t>age), (ID, id.encode())]
        headers.extend(self.headers)
        entry = self.entry
        record.cache, record.cost_nano_usd, record.saved_nano_usd = "hit", 0, entry.cost_nano_usd
        record.provider, record.model = self.provider, self.model
        record.answered_model, record.usage, record.finish = entry.answered_model, entry.usage, entry.finish
        if self.dropped:
            record.dropped += self.dropped
        return whole(mark(id, name).encode().join(self.pieces), headers, self.content_type)


cdef class Memory:
    """Answers that a worker remembers, `most` bytes of them; the oldest are forgotten first."""

    cdef dict known
    cdef Py_ssize_t left

    def __init__(self, Py_ssize_t most):
        self.known = {}
        self.left = most

    def find(self, tuple place not None, double written):
        """The answer that was made of the entry which was written then."""
        found = self.known.get(place)
        return found if found is not None and (<Ready>found).written == written else None

    def keep(self, tuple place not None, Ready ready not None):
        """Remembers one."""
        self.forget(place)
        while self.left < ready.size and self.known:
            self.forget(next(iter(self.known)))
        self.left -= ready.size
        self.known[place] = ready

    cdef forget(self, tuple place):
        before = self.known.pop(place, None)
        if before is not None:
            self.left += (<Ready>before).size
