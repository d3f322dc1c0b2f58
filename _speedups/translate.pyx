"""The hot spots of translation: a piece of a stream out of its JSON, and a text into the JSON around it.

A `Shape` is what the common event of a dialect looks like. It reads an event of that shape in one pass over the bytes,
without building what nobody asks for, and says None to anything else: what is rare, odd or broken is the codec's to
read, and to refuse. So a shape never guesses. It fits only what is strict JSON in strict UTF-8, with each key that
matters at most once and of the expected kind.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint32_t
from libc.stdlib cimport free

from msgspec import Raw

include "json_grammar.pxi"

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

cdef extern from *:
    """
    /* One high bit for each of p[0..7] that JSON escapes: '"', '\\\\', < 0x20. The lowest mark is exact. */
    static inline uint64_t json_escaped(const unsigned char *p) {
        uint64_t w, quote, slash;
        memcpy(&w, p, 8);
    #if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        w = __builtin_bswap64(w);
    #endif
        quote = w ^ (JSON_ONES * '"');
        slash = w ^ (JSON_ONES * '\\\\');
        return (((w - JSON_ONES * 0x20) & ~w) | ((quote - JSON_ONES) & ~quote) | ((slash - JSON_ONES) & ~slash))
            & (JSON_ONES * 0x80);
    }
    """
    uint64_t json_escaped(const unsigned char *p) noexcept nogil

include "translate_values.pxi"
include "translate_shapes.pxi"


# --- writing ---------------------------------------------------------------------------------------------------------


cdef inline Py_ssize_t plain_run(const unsigned char *b, Py_ssize_t i, Py_ssize_t n) noexcept nogil:
    """The first byte of b[i:n] that JSON escapes, or n."""
    cdef uint64_t marks
    while i + 8 <= n:
        marks = json_escaped(b + i)
        if marks:
            return i + (__builtin_ctzll(marks) >> 3)
        i += 8
    while i < n and b[i] >= 0x20 and b[i] != c'"' and b[i] != c'\\':
        i += 1
    return i


cdef inline unsigned char short_escape(unsigned char c) noexcept nogil:
    """The letter of a two-byte escape, or 0."""
    if c == c'"' or c == c'\\':
        return c
    if c == c'\n':
        return c'n'
    if c == c'\t':
        return c't'
    if c == c'\r':
        return c'r'
    if c == 8:
        return c'b'
    return c'f' if c == 12 else 0


def framed(bytes head not None, str text not None, bytes tail not None):
    """head + the text as a JSON string in UTF-8 + tail. UnicodeEncodeError for a lone surrogate.

    The text is walked twice, to count and to write, so that the one allocation is exactly as large as what is written.
    """
    cdef Py_ssize_t n, i, start, size
    cdef const unsigned char *b = <const unsigned char *> PyUnicode_AsUTF8AndSize(text, &n)
    cdef Py_ssize_t before = PyBytes_GET_SIZE(head), after = PyBytes_GET_SIZE(tail)
    cdef bytes out
    cdef unsigned char *at
    cdef unsigned char letter
    size = n + 2
    i = plain_run(b, 0, n)
    while i < n:
        size += 1 if short_escape(b[i]) else 5
        i = plain_run(b, i + 1, n)
    out = PyBytes_FromStringAndSize(NULL, before + size + after)
    at = <unsigned char *> PyBytes_AS_STRING(out)
    memcpy(at, PyBytes_AS_STRING(head), before)
    at += before
    at[0] = c'"'
    at += 1
    start = 0
    while True:
        i = plain_run(b, start, n)
        memcpy(at, b + start, i - start)
        at += i - start
        if i == n:
            break
        letter = short_escape(b[i])
        at[0] = c'\\'
        if letter:
            at[1] = letter
            at += 2
        else:
            at[1] = c'u'
            at[2] = c'0'
            at[3] = c'0'
            at[4] = c'0' + (b[i] >> 4)      # a control character is below 0x20
            at[5] = HEX[b[i] & 0x0F]
            at += 6
        start = i + 1
    at[0] = c'"'
    memcpy(at + 1, PyBytes_AS_STRING(tail), after)
    return out


cdef const char *HEX = b"0123456789abcdef"


include "translate_chat.pxi"
