"""Reads an HTTP/1.1 response from hostile bytes, in any split, and refuses whatever two readers could read differently.

RFC 9112. Where it leaves a choice, the strict one is taken: one Content-Length at most and never beside a
Transfer-Encoding, "chunked" alone, CRLF alone, no folded lines, no blank before a colon or after a chunk size.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memchr, memcmp, memcpy, memset

from gateway.errors import UpstreamClosed, UpstreamProtocolError

include "http1_fields.pxi"

cdef enum:
    HEAD
    COUNTED         # a body of `remaining` bytes
    UNTIL_EOF
    CHUNK_SIZE
    CHUNK_EXTENSION
    CHUNK_SIZE_LF
    CHUNK_DATA
    CHUNK_DATA_CR
    CHUNK_DATA_LF
    TRAILERS
    DONE
    BROKEN

cdef enum:
    MAX_FIELDS = 256
    MAX_INTERIMS = 20       # 1xx heads before the answer
    MAX_EXCESS = 16384      # bytes of chunk extensions beyond what the data around them excuses

cdef unsigned long long MAX_LENGTH = 0x7FFFFFFFFFFFFFFF     # of a chunk


cdef class ResponseParser:
    """Feed it what arrives; `begin` it anew for each request. An error leaves it unusable.

    `max_head` bounds one response head, and the trailers, in bytes.
    """

    def __init__(self, Py_ssize_t max_head=65536):
        self.max_head = max_head
        self.start(False)

    def begin(self, bytes method=b"GET"):
        """Expect the answer to a request of this method."""
        self.start(method == b"HEAD")

    def feed(self, bytes data) -> bytes:
        """Take the next bytes of the connection; the part of the body among them is returned."""
        self.push(data)
        return self.piece or b""

    def eof(self):
        """The peer closed. Raises UpstreamClosed when that cuts the answer."""
        if not self.end():
            raise UpstreamClosed("the provider closed the connection before its answer was complete")

    @property
    def headers(self) -> list:
        return field_list(self.fields)

    def header(self, bytes name):
        """The first value of a lower-case name, or None."""
        return field_value(self.fields, name)

    cdef void start(self, bint head_request) noexcept:
        self.head_request = head_request
        self.interims = 0
        self.complete = False
        self.surplus = 0
        self.piece = None
        self.held = None
        self._expect_head()

    cdef void _expect_head(self) noexcept:
        self.state = HEAD
        self.head_complete = False
        self.status = 0
        self.reason = b""
        self.fields = b""
        self.length = -1
        self.field_count = 0
        self.chunked = self.saw_close = self.saw_keep_alive = self.keep_alive = False
        self.line_start = self.scan = 0
        self.excess = self.trailer_bytes = 0

    cdef int push(self, bytes data) except -1:
        """Read on. Body bytes go to `piece` (None when there are none), what follows the answer to `surplus`."""
        cdef Py_ssize_t pos = 0
        self.piece = None
        if self.state == DONE:
            self.surplus += PyBytes_GET_SIZE(data)
            return 0
        if self.held is not None:
            data = self.held + data
            self.held = None
        while self.state == HEAD:
            pos = self._head(data)
            if pos < 0:
                return 0
            if not self._head_end():        # a 1xx: the answer is still to come
                data = data[pos:]
                self._expect_head()
        self._body(data, pos)
        return 0

    cdef int _body(self, bytes data, Py_ssize_t pos) except -1:
        if self.state == COUNTED or self.state == UNTIL_EOF:
            pos = self._counted(data, pos)
        elif CHUNK_SIZE <= self.state <= CHUNK_DATA_LF:
            pos = self._chunks(data, pos)
        if self.state == TRAILERS:
            pos = self._trailers(data, pos)
        if self.state == DONE:
            self.complete = True
            self.surplus = PyBytes_GET_SIZE(data) - pos
        elif self.state == BROKEN:
            raise UpstreamProtocolError("the provider's answer was already refused")
        return 0

    cdef bint end(self) except -1:
        """Whether an end of the connection here completes the answer."""
        if self.state == UNTIL_EOF:
            self.state = DONE
            self.complete = True
        return self.state == DONE

    cdef int _refuse(self, str why) except -1:
        self.state = BROKEN
        raise UpstreamProtocolError("the provider broke HTTP: " + why)

    # --- the head ----------------------------------------------------------------------------------------------------

    cdef Py_ssize_t _head(self, bytes data) except -2:
        """Read lines of a head that starts at data[0]; the offset behind its blank line, or -1 and the rest is held."""
        cdef const unsigned char *p = <const unsigned char *>PyBytes_AS_STRING(data)
        cdef const unsigned char *lf
        cdef Py_ssize_t n = PyBytes_GET_SIZE(data), end
        while True:
            lf = <const unsigned char *>memchr(p + self.scan, c"\n", n - self.scan)
            if lf == NULL:
                self._hold_head(data, p, n)
                return -1
            end = lf - p
            if end >= self.max_head:
                self._refuse("its head is too large")
            if end == self.line_start or p[end - 1] != c"\r":
                self._refuse("a line ends in a bare LF")
            if self.line_start == 0:
                self._status_line(p, end - 1)
                self.fields_start = end + 1
            elif end - 1 == self.line_start:
                end += 1
                self.fields = data[self.fields_start:self.line_start]
                return end
            else:
                self._field(p + self.line_start, end - 1 - self.line_start, False)
            self.line_start = self.scan = end + 1

    cdef int _hold_head(self, bytes data, const unsigned char *p, Py_ssize_t n) except -1:
        """Keep an unfinished head; what is wrong already is refused now, not when its line ends."""
        cdef const unsigned char *line = p + self.line_start
        cdef Py_ssize_t size = n - self.line_start
        if n >= self.max_head:
            self._refuse("its head is too large")
        if self.line_start == 0 and memcmp(p, b"HTTP/1.", size if size < 7 else 7) != 0:
            self._refuse("no HTTP/1 status line")
        if size > 1 and memchr(line, c"\r", size - 1) != NULL:
            self._refuse("a bare CR in its head")
        self.held = data
        self.scan = n
        return 0

    cdef int _status_line(self, const unsigned char *p, Py_ssize_t n) except -1:
        """HTTP-version SP 3DIGIT [SP reason]. Some servers leave out the last blank with an empty reason."""
        if n < 12 or memcmp(p, b"HTTP/1.", 7) != 0 or (p[7] != c"0" and p[7] != c"1"):
            self._refuse("no HTTP/1 status line")
        if p[8] != c" " or HEX[p[9]] > 5 or HEX[p[9]] < 1 or HEX[p[10]] > 9 or HEX[p[11]] > 9:
            self._refuse("a bad status")
        if (n > 12 and p[12] != c" ") or has_control(p + 12, n - 12):
            self._refuse("a bad reason phrase")
        self.version = HEX[p[7]]
        self.status = 100 * HEX[p[9]] + 10 * HEX[p[10]] + HEX[p[11]]
        self.reason = PyBytes_FromStringAndSize(<const char *>p + 13, n - 13) if n > 13 else b""
        return 0

    cdef int _field(self, const unsigned char *p, Py_ssize_t n, bint trailer) except -1:
        """Check one field line, and obey those that frame the message."""
        cdef Py_ssize_t i = 0
        self.field_count += 1
        if self.field_count > MAX_FIELDS:
            self._refuse("too many header fields")
        while i < n and NAME[p[i]] != 0:
            i += 1
        if i == 0 or i == n or p[i] != c":":
            self._refuse("a bad header name")       # a folded line begins with a blank, and ends up here too
        if has_control(p + i, n - i):
            self._refuse("a control character in a header")
        if i == 14 or i == 17 or i == 10:
            self._framing_field(p, i, p + i + 1, n - i - 1, trailer)
        return 0

    cdef int _framing_field(self, const unsigned char *name, Py_ssize_t size,
                            const unsigned char *value, Py_ssize_t n, bint trailer) except -1:
        while n > 0 and is_blank(value[n - 1]):
            n -= 1
        while n > 0 and is_blank(value[0]):
            value += 1
            n -= 1
        if size == 14 and same(name, b"content-length", 14):
            if trailer or self.length >= 0:
                self._refuse("two content lengths, or one in a trailer")
            self.length = decimal(value, n)
            if self.length < 0:
                self._refuse("a bad content length")
        elif size == 17 and same(name, b"transfer-encoding", 17):
            if trailer or self.chunked or n != 7 or not same(value, b"chunked", 7):
                self._refuse("a transfer encoding other than chunked, or in a trailer")
            self.chunked = True
        elif size == 10 and same(name, b"connection", 10):
            self.saw_close |= has_token(value, n, b"close", 5)
            self.saw_keep_alive |= has_token(value, n, b"keep-alive", 10)
        return 0

    cdef bint _head_end(self) except -1:
        """The head is whole: False for an interim one, otherwise the body is framed."""
        if self.status >= 200:
            self._frame_body()
            self.head_complete = True
            return True
        self.interims += 1
        if self.status == 101:
            self._refuse("it switched protocols unasked")
        if self.interims > MAX_INTERIMS:
            self._refuse("endless 1xx answers")
        return False

    cdef int _frame_body(self) except -1:
        """RFC 9112 section 6.3."""
        if self.chunked and (self.length >= 0 or self.version == 0):
            self._refuse("a transfer encoding beside a content length or in HTTP/1.0")
        self.keep_alive = not self.saw_close and (self.version == 1 or self.saw_keep_alive)
        if self.head_request or self.status == 204 or self.status == 304:
            self.state = DONE
        elif self.chunked:
            self._chunk_begin()
        elif self.length >= 0:
            self.remaining = self.length
            self.state = COUNTED if self.length else DONE
        else:
            self.keep_alive = False
            self.remaining = MAX_LENGTH
            self.state = UNTIL_EOF
        return 0

    # --- the body ----------------------------------------------------------------------------------------------------

    cdef Py_ssize_t _counted(self, bytes data, Py_ssize_t pos) except -1:
        cdef Py_ssize_t n = PyBytes_GET_SIZE(data) - pos
        if <unsigned long long>n > self.remaining:
            n = <Py_ssize_t>self.remaining
        if n > 0:
            self.piece = piece_of(data, pos, n)
        if self.state == COUNTED:
            self.remaining -= n
            if self.remaining == 0:
                self.state = DONE
        return pos + n

    cdef void _chunk_begin(self) noexcept:
        self.state = CHUNK_SIZE
        self.remaining = 0
        self.digits = 0

    cdef Py_ssize_t _chunks(self, bytes data, Py_ssize_t pos) except -1:
        """Walk the chunks in data[pos:]; their data, joined, becomes `piece`. One chunk per read is usual."""
        cdef const unsigned char *p = <const unsigned char *>PyBytes_AS_STRING(data)
        cdef Py_ssize_t n = PyBytes_GET_SIZE(data), first = 0, first_size = 0, take, filled = 0
        cdef bytes joined = None
        cdef char *out = NULL
        while pos < n and self.state != TRAILERS:
            if self.state != CHUNK_DATA:
                self._chunk_mark(p[pos])
                pos += 1
                continue
            take = n - pos
            if <unsigned long long>take > self.remaining:
                take = <Py_ssize_t>self.remaining
            if first_size == 0:
                first = pos
                first_size = take
            else:
                if out == NULL:     # what is left of `data` bounds what can follow
                    joined = PyBytes_FromStringAndSize(NULL, first_size + n - pos)
                    out = PyBytes_AS_STRING(joined)
                    memcpy(out, p + first, first_size)
                    filled = first_size
                memcpy(out + filled, p + pos, take)
                filled += take
            pos += take
            self.remaining -= take
            if self.remaining == 0:
                self.state = CHUNK_DATA_CR
        if out != NULL:
            self.piece = PyBytes_FromStringAndSize(out, filled)
        elif first_size:
            self.piece = piece_of(data, first, first_size)
        return pos

    cdef int _chunk_mark(self, unsigned char c) except -1:
        """One byte outside the chunks' data."""
        if self.state == CHUNK_SIZE:
            return self._size_mark(c)
        if self.state == CHUNK_EXTENSION:
            return self._extension_mark(c)
        if self.state == CHUNK_DATA_CR:
            if c != c"\r":
                self._refuse("chunk data longer than its size")
            self.state = CHUNK_DATA_LF
            return 0
        if c != c"\n":
            self._refuse("a chunk line without LF")
        if self.state == CHUNK_DATA_LF:
            self._chunk_begin()
        else:
            self._chunk_size_end()
        return 0

    cdef int _size_mark(self, unsigned char c) except -1:
        if HEX[c] < 16:
            self.digits += 1
            if self.digits > 16:
                self._refuse("a chunk size of more than 16 digits")
            self.remaining = self.remaining << 4 | HEX[c]
            return 0
        if self.digits == 0 or (c != c"\r" and c != c";"):
            self._refuse("a bad chunk size")
        if self.remaining > MAX_LENGTH:
            self._refuse("a chunk size beyond 63 bits")
        self.state = CHUNK_SIZE_LF if c == c"\r" else CHUNK_EXTENSION
        return 0

    cdef int _extension_mark(self, unsigned char c) except -1:
        if c == c"\r":
            self.state = CHUNK_SIZE_LF
            return 0
        if (c < 32 and c != 9) or c == 127:
            self._refuse("a control character in a chunk extension")
        self.excess += 1
        if self.excess > MAX_EXCESS:
            self._refuse("endless chunk extensions")
        return 0

    cdef void _chunk_size_end(self) noexcept:
        """A size line is whole. Data excuses extensions of its own length and a little more."""
        self.state = CHUNK_DATA
        if self.remaining == 0:
            self.state = TRAILERS
            self.field_count = 0
        elif self.remaining + 16 >= <unsigned long long>self.excess:
            self.excess = 0
        else:
            self.excess -= <Py_ssize_t>self.remaining + 16

    cdef Py_ssize_t _trailers(self, bytes data, Py_ssize_t pos) except -1:
        """Check trailer lines and drop them: nothing that the gateway needs comes there."""
        cdef const unsigned char *p = <const unsigned char *>PyBytes_AS_STRING(data)
        cdef const unsigned char *lf
        cdef Py_ssize_t n = PyBytes_GET_SIZE(data), end
        while True:
            lf = <const unsigned char *>memchr(p + pos, c"\n", n - pos)
            if lf == NULL:
                return self._hold_trailer(data, pos)
            end = lf - p
            if end == pos or p[end - 1] != c"\r":
                self._refuse("a line ends in a bare LF")
            if end - 1 == pos:
                self.state = DONE
                return end + 1
            self.trailer_bytes += end + 1 - pos
            if self.trailer_bytes > self.max_head:
                self._refuse("its trailers are too large")
            self._field(p + pos, end - 1 - pos, True)
            pos = end + 1

    cdef Py_ssize_t _hold_trailer(self, bytes data, Py_ssize_t pos) except -1:
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data) - pos
        if self.trailer_bytes + size > self.max_head:
            self._refuse("its trailers are too large")
        if size > 1 and memchr(PyBytes_AS_STRING(data) + pos, c"\r", size - 1) != NULL:
            self._refuse("a bare CR in its trailers")
        self.held = data[pos:]
        return PyBytes_GET_SIZE(data)
