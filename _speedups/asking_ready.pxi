# Answers that were told before, as a worker remembers them.
#
# A part of asking.pyx.

cdef enum:
    LARGEST_READY = 64 << 10    # bytes of an answer that is remembered
    TOLD = 8192                 # keys whose answers were told lately; a power of two
    KNOWN = 1024                # what is known of an answer takes about so many bytes

LARGEST = <int> LARGEST_READY

cdef bytes JSON = b"application/json"


@cython.final
cdef class Ready:
    """An answer around its id, and what is known of the entry that it was made of, `written` at this Unix time."""

    cdef readonly double written
    cdef readonly tuple pieces
    cdef readonly tuple headers
    cdef readonly bytes content_type
    cdef readonly tuple dropped
    cdef readonly Py_ssize_t size
    cdef str provider
    cdef str model
    cdef str answered
    cdef str finish
    cdef object usage
    cdef object cost
    cdef double created
    cdef Stand stand
    cdef str id

    def __init__(
        self, double written, tuple pieces not None, tuple headers not None, bytes content_type not None, entry,
        tuple dropped not None, Py_ssize_t size,
    ):
        self.fill(written, pieces, headers, content_type, entry, dropped, size)

    cdef fill(
        self, double written, tuple pieces, tuple headers, bytes content_type, entry, tuple dropped, Py_ssize_t size,
    ):
        self.written, self.pieces, self.headers, self.content_type = written, pieces, headers, content_type
        self.dropped, self.size = dropped, size
        self.provider, self.model = _read(entry, &ENTRY_PROVIDER), _read(entry, &ENTRY_MODEL)
        self.answered, self.finish = _read(entry, &ENTRY_ANSWERED), _read(entry, &ENTRY_FINISH)
        self.usage, self.cost = _read(entry, &ENTRY_USAGE), _read(entry, &ENTRY_COST)
        self.created = _read(entry, &ENTRY_CREATED)

    cdef stood(self, found):
        """It was made of this entry."""
        self.id = found.id
        if isinstance(found, Found):
            self.stand = (<Found>found).stand

    cdef again(self, record, double age, name, whole):
        """The same answer under a new id; writes into the record what is known of it."""
        cdef list headers = [(AGE, b"%d" % <int64_t>age), (ID, self.id.encode())]
        headers.extend(self.headers)
        _note(record, &CACHE_SAID, "hit")
        _note(record, &PROVIDER, self.provider)
        _note(record, &MODEL, self.model)
        _note(record, &ANSWERED, self.answered)
        _note(record, &FINISH, self.finish)
        _note(record, &COST, 0)
        _note(record, &SAVED, self.cost)
        _note(record, &USAGE, self.usage)
        if self.dropped:
            record.dropped += self.dropped
        return whole(mark(self.id, name).encode().join(self.pieces), headers, self.content_type)


cdef Ready verbatim(Asked asked, found, entry, tuple streaming):
    """The entry as it was told, for a plain request; None for one that has to be read for it. `streaming` are the
    headers of streams."""
    call = asked.call
    cdef str name = _read(call, &CALL_ENDPOINT)
    cdef bint stream = _read(call, &CALL_STREAM), claude = name == "messages"
    cdef bytes body, kind = JSON
    cdef tuple pieces
    cdef Ready ready
    if entry is None or _read(entry, &ENTRY_ENDPOINT) != name or not (claude or name == "chat_completions"):
        return None
    usage = _read(entry, &ENTRY_USAGE)
    if usage is None or _read(entry, &ENTRY_FORM) != ("stream" if stream else "whole"):
        return None
    body = _read(entry, &ENTRY_BODY)
    pieces = around_id(body, usage.input, claude, stream, stream and _read(call, &CALL_FACTS).include_usage)
    if pieces is None:
        return None
    if stream:
        kind = asked.endpoint.stream_type
    ready = Ready.__new__(Ready)
    ready.fill(
        found.written, pieces, streaming if stream else (), kind, entry, _read(entry, &ENTRY_LOST),
        PyBytes_GET_SIZE(body) + KNOWN,
    )
    return ready


@cython.final
cdef class Memory:
    """Answers that a worker remembers, `most` bytes of them; the oldest are forgotten first."""

    cdef object known
    cdef Py_ssize_t left
    cdef uint32_t[TOLD] told

    def __init__(self, Py_ssize_t most):
        self.known = OrderedDict()  # a dict passes over all that was forgotten to find its first
        self.left = most
        memset(self.told, 0, sizeof(self.told))

    def find(self, tuple place not None, double written):
        """The answer that was made of the entry which was written then."""
        found = self.known.get(place)
        return found if found is not None and (<Ready>found).written == written else None

    cpdef keep(self, tuple place, Ready ready, found):
        """Remembers one that is not too large, which was made of what was found."""
        ready.stood(found)
        if ready.size > LARGEST_READY:
            return
        self.forget(place)
        while self.left < ready.size and self.known:
            self.left += (<Ready>self.known.popitem(last=False)[1]).size
        self.left -= ready.size
        self.known[place] = ready
        self.again(place[0])

    cdef bint again(self, bytes key) except -1:
        """Whether an answer to it was told not long ago: one that is never asked for again is not remembered."""
        cdef uint32_t place, word
        if PyBytes_GET_SIZE(key) < 8:
            return True
        memcpy(&place, PyBytes_AS_STRING(key), 4)
        memcpy(&word, PyBytes_AS_STRING(key) + 4, 4)
        place &= TOLD - 1
        if self.told[place] == word:
            return True
        self.told[place] = word
        return False

    cdef bint told_lately(self, bytes key) noexcept:
        """Whether `again` would say so; for a key of 32 bytes."""
        cdef uint32_t place, word
        memcpy(&place, PyBytes_AS_STRING(key), 4)
        memcpy(&word, PyBytes_AS_STRING(key) + 4, 4)
        return self.told[place & (TOLD - 1)] == word

    cdef forget(self, tuple place):
        before = self.known.pop(place, None)
        if before is not None:
            self.left += (<Ready>before).size
