"""Splits server-sent events out of bytes that arrive in any pieces: into events to read, or into whole ones to pass on.

The rules are the WHATWG HTML standard's, "Parsing an event stream" and "Interpreting an event stream": a line ends in
LF, CR or CRLF; an event ends at an empty line; a byte order mark may open the stream; a line that begins with a colon is
a comment. A CR that ends a piece ends its line at once, and an LF that opens the next piece belongs to it: no event
waits for a byte that may never come.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcmp, memcpy, memmove

from gateway.errors import UpstreamProtocolError

cdef extern from *:
    """
    #define SSE_LOW 0x7f7f7f7f7f7f7f7fULL

    /* The high bit of each of p[0..7] that is a double quote, exactly. */
    static inline uint64_t sse_quotes(const unsigned char *p) {
        uint64_t w;
        memcpy(&w, p, 8);
    #if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        w = __builtin_bswap64(w);
    #endif
        w ^= 0x2222222222222222ULL;
        return ~(((w & SSE_LOW) + SSE_LOW) | w | SSE_LOW);
    }
    """
    uint64_t sse_quotes(const unsigned char *p) noexcept nogil
    int __builtin_ctzll(uint64_t word) noexcept nogil

cdef enum:
    MAX_EVENT = 16 * 1024 * 1024
    WINDOW = 512
    MARKS = 8
    MARK_SIZE = 32


# --- lines and fields ------------------------------------------------------------------------------------------------


cdef inline Py_ssize_t line_end(const unsigned char *b, Py_ssize_t i, Py_ssize_t n, bint has_cr) noexcept nogil:
    """The first LF or CR in b[i:n], or -1. The C library searches; with a CR ahead in windows, so that a line costs no
    more than its own length and one window, however far the next LF is."""
    cdef const void *found
    cdef const void *carriage
    cdef Py_ssize_t end
    if not has_cr:
        found = memchr(b + i, c'\n', n - i)
        return -1 if found == NULL else <const unsigned char *> found - b
    while i < n:
        end = min(i + WINDOW, n)
        found = memchr(b + i, c'\n', end - i)
        if found != NULL:
            end = <const unsigned char *> found - b
        carriage = memchr(b + i, c'\r', end - i)
        if carriage != NULL:
            return <const unsigned char *> carriage - b
        if found != NULL:
            return end
        i = end
    return -1


cdef inline Py_ssize_t field_value(
    const unsigned char *b, Py_ssize_t i, Py_ssize_t end, const char *name, Py_ssize_t length
) noexcept nogil:
    """Where the value begins when the line b[i:end] is the field `name`, else -1."""
    if end - i < length or memcmp(b + i, name, length) != 0:
        return -1
    i += length
    if i == end:
        return i
    if b[i] != c':':
        return -1
    i += 1
    return i + 1 if i < end and b[i] == c' ' else i


@cython.final
@cython.freelist(64)
@cython.no_gc
cdef class Event:
    """One event: `name` is "" when it has none, `data` its data lines joined by LF."""

    cdef readonly str name
    cdef readonly bytes data

    def __init__(self, str name not None, bytes data not None):
        self.name = name
        self.data = data

    def __eq__(self, other):
        return isinstance(other, Event) and self.name == other.name and self.data == other.data

    def __repr__(self):
        return f"Event(name={self.name!r}, data={self.data!r})"


cdef Event parse(const unsigned char *b, Py_ssize_t i, Py_ssize_t n):
    """The event in the lines b[i:n]; None when it has no data, as the standard says."""
    cdef bint has_cr = memchr(b + i, c'\r', n - i) != NULL
    cdef Event event
    cdef Py_ssize_t end, value
    cdef str name = ""
    cdef bytes data = None
    cdef list lines = None
    while i < n:
        end = line_end(b, i, n, has_cr)
        if end < 0:
            end = n
        value = field_value(b, i, end, b"data", 4)
        if value >= 0:
            if data is not None:
                if lines is None:
                    lines = [data]
                lines.append(b[value:end])
            else:
                data = b[value:end]
        else:
            value = field_value(b, i, end, b"event", 5)
            if value >= 0:
                name = b[value:end].decode("utf-8", "replace")
        i = end + 1             # the LF of a CRLF reads as one more, empty line, which says nothing
    if data is None:
        return None
    event = Event.__new__(Event)
    event.name = name
    event.data = data if lines is None else b"\n".join(lines)
    return event


def event_at(bytes data not None, Py_ssize_t start, Py_ssize_t end):
    """The event in data[start:end], the span of one whole event; None when it has no data."""
    if not 0 <= start <= end <= PyBytes_GET_SIZE(data):
        raise ValueError("span outside of the data")
    return parse(<const unsigned char *> PyBytes_AS_STRING(data), start, end)


include "kept.pxi"


# --- from pieces to events -------------------------------------------------------------------------------------------


cdef class Pieces(Kept):
    """Finds where events end. What is not complete yet is kept in `kept`, with the place where the search stopped, so
    that an event of many pieces is searched once."""

    cdef Py_ssize_t line            # in `kept`: where the unfinished line begins
    cdef Py_ssize_t searched        # in `kept`: no line end from `line` to here
    cdef Py_ssize_t max_event
    cdef int mark                   # bytes of byte order mark at the start of `kept`
    cdef bint opened                # the stream's first line is over
    cdef bint has_field             # the unfinished event has a line that is not a comment
    cdef bint after_cr

    def __cinit__(self):
        self.max_event = MAX_EVENT

    cdef int found(self, const unsigned char *b, Py_ssize_t start, Py_ssize_t end) except -1:
        """A whole event lies at b[start:end]."""
        return 0

    cdef Py_ssize_t search(self, const unsigned char *b, Py_ssize_t n) except -1:
        """Reports the events that end in b[0:n]; returns how many bytes are over and done with."""
        cdef Py_ssize_t i = self.searched, line = self.line, start = 0, end, after
        cdef bint has_cr
        if self.after_cr and i < n:
            self.after_cr = False
            if b[i] == c'\n':
                i += 1
                line = i
                if not self.has_field:
                    start = i
        has_cr = memchr(b + i, c'\r', n - i) != NULL
        while True:
            end = line_end(b, i, n, has_cr)
            if end < 0:
                break
            after = end + 1
            if b[end] == c'\r':
                if after == n:
                    self.after_cr = True
                elif b[after] == c'\n':
                    after += 1
            if not self.opened:
                self.opened = True
                if end - line >= 3 and b[line] == 0xEF and b[line + 1] == 0xBB and b[line + 2] == 0xBF:
                    self.mark = 3
                    line += 3
            if line == end:
                if self.has_field:
                    self.found(b, start + self.mark, after)
                self.has_field = False
                self.mark = 0
                start = after
            elif not self.has_field and b[line] == c':':
                self.mark = 0
                start = after       # a comment between events is complete by itself: heartbeats pass at once
            else:
                self.has_field = True
            line = i = after
        self.line = line - start
        self.searched = n - start
        return start

    cdef bytes take(self, bytes data):
        """The bytes that are over: those of whole events, of comments between them and of empty lines."""
        cdef const unsigned char *b = <const unsigned char *> PyBytes_AS_STRING(data)
        cdef Py_ssize_t n = PyBytes_GET_SIZE(data), done
        cdef bytes out
        if self.size == 0:
            done = self.search(b, n)
            if done < n:
                self.keep(b + done, n - done)
                out = b[:done]
            else:
                out = data
        else:
            self.keep(b, n)
            done = self.search(self.kept, self.size)
            out = PyBytes_FromStringAndSize(<char *> self.kept, done)
            self.forget(done)
        if self.size > self.max_event:
            raise UpstreamProtocolError(f"an event of the stream is larger than {self.max_event} bytes")
        return out

    cdef bytes rest(self):
        """What is incomplete; afterwards nothing is."""
        cdef bytes out = self.kept[self.mark:self.size]
        if not self.opened and out.startswith(b"\xef\xbb\xbf"):
            out = out[3:]
        self.forget(self.size)
        self.line = self.searched = self.mark = 0
        self.has_field = self.after_cr = False
        return out


@cython.final
cdef class EventReader(Pieces):
    """Bytes in, events out; what an event says besides its name and data is not kept."""

    cdef list events

    def __init__(self, Py_ssize_t max_event=MAX_EVENT):
        self.max_event = max_event
        self.events = []

    cdef int found(self, const unsigned char *b, Py_ssize_t start, Py_ssize_t end) except -1:
        cdef Event event = parse(b, start, end)
        if event is not None:
            self.events.append(event)
        return 0

    def feed(self, bytes data not None):
        """The events that are complete now. UpstreamProtocolError when one outgrows the bound."""
        cdef list events
        self.take(data)
        events = self.events
        if events:
            self.events = []
            return events
        return []

    def finish(self):
        """At the end of the stream: the event whose empty line never came, or None."""
        cdef bytes rest = self.rest()
        return parse(<const unsigned char *> PyBytes_AS_STRING(rest), 0, len(rest))


@cython.final
cdef class Splitter(Pieces):
    """Bytes in, the bytes of whole events out, unchanged; `flagged` has the spans, in what came out, of those that are
    to be read.

    Flagged is an event that has one of the `marks` as a JSON string of its own (a key whose value is not null, or a
    value), or whose data is not one line from brace to brace, or whose name is "error"; or any that has data, while
    `everything` is set. Inside a JSON string a quote is escaped, so a model's text can never spell a mark.
    """

    cdef readonly list flagged
    cdef public bint everything
    cdef int marks
    cdef unsigned char starts[256]      # by first byte: a bit for each mark that begins so
    cdef int lengths[MARKS]
    cdef char spelled[MARKS][MARK_SIZE]

    def __init__(self, tuple marks not None, Py_ssize_t max_event=MAX_EVENT):
        cdef bytes mark
        if len(marks) > MARKS:
            raise ValueError(f"more than {MARKS} marks")
        for mark in marks:
            if not 0 < len(mark) <= MARK_SIZE:
                raise ValueError(f"a mark has 1 to {MARK_SIZE} bytes")
            memcpy(self.spelled[self.marks], PyBytes_AS_STRING(mark), len(mark))
            self.lengths[self.marks] = <int> len(mark)
            self.starts[<unsigned char> mark[0]] |= 1 << self.marks
            self.marks += 1
        self.max_event = max_event
        self.flagged = []

    cdef int found(self, const unsigned char *b, Py_ssize_t start, Py_ssize_t end) except -1:
        if self.wanted(b, start, end):
            self.flagged.append((start, end))
        return 0

    cdef bint wanted(self, const unsigned char *b, Py_ssize_t i, Py_ssize_t n) noexcept:
        cdef bint has_cr = memchr(b + i, c'\r', n - i) != NULL
        cdef Py_ssize_t end, value, data = -1, data_end = -1
        while i < n:
            end = line_end(b, i, n, has_cr)
            if end < 0:
                end = n
            value = field_value(b, i, end, b"data", 4)
            if value >= 0:
                if self.everything or data >= 0 or value == end or b[value] != c'{':
                    return True
                data = value
                data_end = end
            elif end - i >= 10:
                value = field_value(b, i, end, b"event", 5)
                if value >= 0 and end - value == 5 and memcmp(b + value, b"error", 5) == 0:
                    return True
            i = end + 1
        # An object that does not end as one was cut; data is not empty, so that there is a last byte.
        return data >= 0 and (b[data_end - 1] != c'}' or self.marked(b, data, data_end))

    cdef bint marked(self, const unsigned char *b, Py_ssize_t i, Py_ssize_t n) noexcept nogil:
        cdef uint64_t quotes
        while i + 8 <= n:
            quotes = sse_quotes(b + i)
            while quotes:
                if self.marks_at(b, i + (__builtin_ctzll(quotes) >> 3) + 1, n):
                    return True
                quotes &= quotes - 1
            i += 8
        while i < n:
            if b[i] == c'"' and self.marks_at(b, i + 1, n):
                return True
            i += 1
        return False

    cdef inline bint marks_at(self, const unsigned char *b, Py_ssize_t i, Py_ssize_t n) noexcept nogil:
        """Whether a marked string, other than a key of null, has its text at i."""
        cdef int k, candidates
        cdef Py_ssize_t end
        if i >= n:
            return False
        candidates = self.starts[b[i]]
        while candidates:
            k = __builtin_ctzll(candidates)
            candidates &= candidates - 1
            end = i + self.lengths[k]
            if end < n and b[end] == c'"' and memcmp(b + i, self.spelled[k], self.lengths[k]) == 0:
                return not is_null(b, end + 1, n)
        return False

    def feed(self, bytes data not None):
        """All bytes up to the end of the last whole event; the very same object when that is where `data` ends.
        UpstreamProtocolError when an event outgrows the bound."""
        if self.flagged:
            self.flagged = []
        return self.take(data)

    def finish(self):
        """At the end of the stream: the bytes of the event whose empty line never came."""
        return self.rest()


cdef inline bint is_null(const unsigned char *b, Py_ssize_t i, Py_ssize_t n) noexcept nogil:
    """Whether b[i:n] goes on with a colon and null."""
    while i < n and (b[i] == c' ' or b[i] == c'\t'):
        i += 1
    if i == n or b[i] != c':':
        return False
    i += 1
    while i < n and (b[i] == c' ' or b[i] == c'\t'):
        i += 1
    return n - i >= 4 and memcmp(b + i, b"null", 4) == 0
