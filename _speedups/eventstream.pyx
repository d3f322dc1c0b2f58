"""AWS's binary event stream (application/vnd.amazon.eventstream): messages out of bytes in any pieces, and bytes of them.

The format is Smithy's, "Amazon Event Stream specification": a message is total length, headers' length and the CRC-32 of
these eight bytes, each four bytes, big-endian; then headers; then the payload; then the CRC-32 of all before it. A header
is the length of its name (one byte), the name, a type (one byte) and a value whose length the type tells.

Every byte is hostile: the prelude is checked before its lengths are believed, the whole before a header is read.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memmove

from zlib import crc32

import msgspec

from gateway.errors import UpstreamProtocolError

cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char *mem, Py_ssize_t size, int flags)
    int PyBUF_READ

cdef enum:
    PRELUDE = 12
    LEAST = 16                          # a prelude and a checksum
    MAX_MESSAGE = 16 * 1024 * 1024
    MAX_HEADERS = 128 * 1024            # the specification's bound
    STRING = 7


cdef inline uint32_t big_endian(const unsigned char *b) noexcept nogil:
    return (<uint32_t> b[0] << 24) | (<uint32_t> b[1] << 16) | (<uint32_t> b[2] << 8) | <uint32_t> b[3]


cdef inline void put(unsigned char *b, uint32_t value) noexcept nogil:
    b[0] = <unsigned char> (value >> 24)
    b[1] = <unsigned char> (value >> 16)
    b[2] = <unsigned char> (value >> 8)
    b[3] = <unsigned char> value


cdef uint32_t checksum(const unsigned char *b, Py_ssize_t n) except? 0:
    """The view does not outlive the call, so it never outlives the bytes."""
    return <uint32_t> crc32(PyMemoryView_FromMemory(<char *> b, n, PyBUF_READ))


cdef inline Py_ssize_t value_size(unsigned char kind, const unsigned char *b, Py_ssize_t left) noexcept nogil:
    """How many bytes of b[0:left] a header's value has, its own length included; -1 when it does not fit."""
    cdef Py_ssize_t size
    if kind <= 1:
        size = 0
    elif kind == 2:
        size = 1
    elif kind == 3:
        size = 2
    elif kind == 4:
        size = 4
    elif kind == 5 or kind == 8:
        size = 8
    elif kind == 9:
        size = 16
    elif kind == 6 or kind == 7:
        if left < 2:
            return -1
        size = 2 + ((<Py_ssize_t> b[0] << 8) | b[1])
    else:
        return -1
    return size if size <= left else -1


@cython.final
@cython.freelist(64)
@cython.no_gc
cdef class Message:
    """One message. `kind` is its `:message-type` ("event" where it has none); `name` its event type, or the type of an
    exception, or `:error` for an error outside of the service's model, whose `data` is then `{"code", "message"}` made
    of its headers. `data` is the payload. The message lies at `start`:`end` of `MessageReader.passed`."""

    cdef readonly str kind
    cdef readonly str name
    cdef readonly bytes data
    cdef readonly Py_ssize_t start
    cdef readonly Py_ssize_t end

    def __repr__(self):
        return f"Message(kind={self.kind!r}, name={self.name!r}, data={self.data!r})"


cdef object header_text(const unsigned char *b, Py_ssize_t n):
    try:
        return b[:n].decode("utf-8")
    except UnicodeDecodeError as error:
        raise UpstreamProtocolError("a header of the event stream is not UTF-8") from error


cdef Message parse(const unsigned char *b, Py_ssize_t n, Py_ssize_t headers):
    """The message b[0:n], whose lengths and checksums are right: LEAST <= n, PRELUDE + headers + 4 <= n."""
    cdef Message message = Message.__new__(Message)
    cdef Py_ssize_t i = PRELUDE, end = PRELUDE + headers, name, length, size
    cdef unsigned char kind
    cdef str said = None, event = None, exception = None, code = None, words = None
    while i < end:
        length = b[i]
        name = i + 1
        i = name + length
        if i >= end:
            raise UpstreamProtocolError("a header of the event stream is cut")
        kind = b[i]
        i += 1
        size = value_size(kind, b + i, end - i)
        if size < 0:
            raise UpstreamProtocolError("a header of the event stream is cut or of an unknown type")
        if kind == STRING and length > 0 and b[name] == c':':
            if length == 13 and memcmp(b + name, b":message-type", 13) == 0:
                said = header_text(b + i + 2, size - 2)
            elif length == 11 and memcmp(b + name, b":event-type", 11) == 0:
                event = header_text(b + i + 2, size - 2)
            elif length == 15 and memcmp(b + name, b":exception-type", 15) == 0:
                exception = header_text(b + i + 2, size - 2)
            elif length == 11 and memcmp(b + name, b":error-code", 11) == 0:
                code = header_text(b + i + 2, size - 2)
            elif length == 14 and memcmp(b + name, b":error-message", 14) == 0:
                words = header_text(b + i + 2, size - 2)
        i += size
    message.kind = said or "event"
    message.data = b[end:n - 4]
    if message.kind == "error":
        message.name = ":error"
        message.data = msgspec.json.encode({"code": code or "", "message": words or ""})
    elif message.kind == "exception":
        message.name = exception or ":error"
    else:
        message.name = event or ""
    return message


include "kept.pxi"


@cython.final
cdef class MessageReader(Kept):
    """Bytes in, messages out. `passed` has the bytes of the messages that the last `feed` gave."""

    cdef Py_ssize_t max_message
    cdef readonly bytes passed

    def __cinit__(self):
        self.passed = b""

    def __init__(self, Py_ssize_t max_message=MAX_MESSAGE):
        self.max_message = max_message

    cdef Py_ssize_t whole(self, const unsigned char *b, Py_ssize_t n) except -1:
        """The length of the message at b[0:n]; 0 while it is not complete. Lengths are believed once their checksum is
        right, and only within bounds."""
        cdef Py_ssize_t total, headers
        if n < PRELUDE:
            return 0
        if checksum(b, 8) != big_endian(b + 8):
            raise UpstreamProtocolError("the event stream's prelude has a wrong checksum")
        total = big_endian(b)
        headers = big_endian(b + 4)
        if total > self.max_message:
            raise UpstreamProtocolError(f"a message of the event stream is larger than {self.max_message} bytes")
        if total < LEAST or headers > MAX_HEADERS or headers > total - LEAST:
            raise UpstreamProtocolError("a message of the event stream has impossible lengths")
        if n < total:
            return 0
        if checksum(b, total - 4) != big_endian(b + total - 4):
            raise UpstreamProtocolError("a message of the event stream has a wrong checksum")
        return total

    cdef Py_ssize_t read(self, const unsigned char *b, Py_ssize_t n, list messages) except -1:
        """Appends the messages that are whole in b[0:n]; returns how many bytes they have."""
        cdef Py_ssize_t at = 0, total
        cdef Message message
        while True:
            total = self.whole(b + at, n - at)
            if total == 0:
                return at
            message = parse(b + at, total, big_endian(b + at + 4))
            message.start = at
            at += total
            message.end = at
            messages.append(message)

    def feed(self, bytes data not None):
        """The messages that are complete now. Raises UpstreamProtocolError at the first that is not one; what came
        before it in the same piece is for `salvage` to give."""
        cdef list messages = []
        self.feed_into(data, messages)
        return messages

    def salvage(self, bytes data not None):
        """Like `feed`, with the failure beside the messages that came before it: (messages, error or None)."""
        cdef list messages = []
        try:
            self.feed_into(data, messages)
        except UpstreamProtocolError as error:
            return messages, error
        return messages, None

    cdef int feed_into(self, bytes data, list messages) except -1:
        cdef const unsigned char *b = <const unsigned char *> PyBytes_AS_STRING(data)
        cdef Py_ssize_t n = PyBytes_GET_SIZE(data), done = 0
        cdef bint joined = self.size > 0
        if joined:
            self.keep(b, n)
            b = self.kept
            n = self.size
        try:
            done = self.read(b, n, messages)
        finally:
            if messages:
                done = (<Message> messages[len(messages) - 1]).end
            self.passed = data if not joined and done == n else PyBytes_FromStringAndSize(<char *> b, done)
            if joined:
                self.forget(done)
            elif done < n:
                self.keep(b + done, n - done)
        return 0

    def finish(self):
        """At the end of the stream: None, as a piece of a message says nothing; `pending` tells that there was one."""
        return None


cdef bytes header(bytes name, bytes value):
    return b"%c%b\x07%c%c%b" % (len(name), name, len(value) >> 8, len(value) & 0xFF, value)


cdef dict HEADS = {}
"""The headers of the few names there are, by kind and name."""

_NAME_HEADERS = {"event": b":event-type", "exception": b":exception-type"}


cdef bytes head(str name, str kind):
    cdef bytes made = HEADS.get((kind, name))
    if made is None:
        if not 0 < len(name) <= 255 or not name.isascii():
            raise ValueError("a name has 1 to 255 ASCII characters")
        made = (
            header(_NAME_HEADERS[kind], name.encode())
            + header(b":content-type", b"application/json")
            + header(b":message-type", kind.encode())
        )
        if len(HEADS) < 64:
            HEADS[(kind, name)] = made
    return made


def frame(str name not None, bytes payload not None, str kind not None="event"):
    """One message with a JSON payload; `kind` is event or exception."""
    cdef bytes headers = head(name, kind)
    cdef Py_ssize_t inner = PyBytes_GET_SIZE(headers), size = PyBytes_GET_SIZE(payload)
    cdef Py_ssize_t total = LEAST + inner + size
    cdef bytes out
    cdef unsigned char *b
    if total > MAX_MESSAGE:
        raise ValueError(f"a message has at most {MAX_MESSAGE} bytes")
    out = PyBytes_FromStringAndSize(NULL, total)
    b = <unsigned char *> PyBytes_AS_STRING(out)    # nobody else has it yet
    put(b, <uint32_t> total)
    put(b + 4, <uint32_t> inner)
    put(b + 8, checksum(b, 8))
    memcpy(b + PRELUDE, PyBytes_AS_STRING(headers), inner)
    memcpy(b + PRELUDE + inner, PyBytes_AS_STRING(payload), size)
    put(b + total - 4, checksum(b, total - 4))
    return out
