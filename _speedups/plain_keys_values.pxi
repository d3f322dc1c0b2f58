# The values of a plain request: where each ends, or 0 where it is not what it has to be.

from libc.math cimport NAN, isfinite

cdef extern from "Python.h":
    double PyOS_string_to_double(const char *text, char **end, void *overflow) noexcept
    void *PyErr_Occurred() noexcept
    void PyErr_Clear() noexcept

cdef enum:
    LONGEST_NUMBER = 40
    MOST_DIGITS = 18
    EXACT_DIGITS = 15   # these and the powers of ten below are doubles: one division of them rounds right

cdef double[EXACT_DIGITS + 1] TENS = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
]

cdef struct Span:       # of a text, inside the quotes
    Py_ssize_t start
    Py_ssize_t end
    bint escaped


cdef inline Py_ssize_t text_at(const unsigned char *b, Py_ssize_t i, Py_ssize_t n, Span *span) noexcept:
    cdef Fault fault = FINE
    if b[i] != c'"':
        return 0
    span.start = i + 1
    span.escaped = False
    i = string_end(b, i + 1, n, &span.escaped, &fault)
    span.end = i - 1
    return 0 if fault else i


cdef inline Py_ssize_t null_end(const unsigned char *b, Py_ssize_t i, Py_ssize_t n) noexcept:
    return i + 4 if n - i >= 4 and memcmp(b + i, b"null", 4) == 0 else 0


cdef inline Py_ssize_t flag_end(const unsigned char *b, Py_ssize_t i, Py_ssize_t n) noexcept:
    """Of true, false or null."""
    cdef Fault fault = FINE
    i = literal_end(b, i, n, &fault)
    return 0 if fault else i


cdef Py_ssize_t options_end(const unsigned char *b, Py_ssize_t i, Py_ssize_t n) noexcept:
    """Of `stream_options`, which says nothing but whether usage is told."""
    cdef Span key
    if b[i] != c'{':
        return 0
    i = skip_space(b, i + 1)
    if b[i] == c'}':
        return i + 1
    i = text_at(b, i, n, &key)
    if i == 0 or key.end - key.start != 13 or memcmp(b + key.start, b"include_usage", 13) != 0:
        return 0
    i = skip_space(b, i)
    if b[i] != c':':
        return 0
    i = flag_end(b, skip_space(b, i + 1), n)
    if i == 0:
        return 0
    i = skip_space(b, i)
    return i + 1 if b[i] == c'}' else 0


cdef Py_ssize_t stops_end(const unsigned char *b, Py_ssize_t i, Py_ssize_t n, bint alone) noexcept:
    """Of a list of texts, or of one text `alone`."""
    cdef Span one
    if alone and b[i] == c'"':
        return text_at(b, i, n, &one)
    if b[i] != c'[':
        return 0
    i = skip_space(b, i + 1)
    if b[i] == c']':
        return i + 1
    while True:
        i = text_at(b, i, n, &one)
        if i == 0:
            return 0
        i = skip_space(b, i)
        if b[i] != c',':
            return i + 1 if b[i] == c']' else 0
        i = skip_space(b, i + 1)


cdef unsigned char *put_stops(unsigned char *out, const unsigned char *b, Py_ssize_t i, Py_ssize_t n) noexcept:
    """What `stops_end` has passed, as a list. NULL where a text has half a surrogate pair."""
    cdef Span one
    cdef Py_ssize_t at = i, count = 0
    if b[i] == c'"':
        text_at(b, i, n, &one)
        return put_text(put_length(out, ARRAY, 1), b, one)
    at = skip_space(b, i + 1)
    while b[at] == c'"':
        at = skip_space(b, text_at(b, at, n, &one))
        count += 1
        if b[at] == c',':
            at = skip_space(b, at + 1)
    out = put_length(out, ARRAY, count)
    at = skip_space(b, i + 1)
    while b[at] == c'"':
        at = skip_space(b, text_at(b, at, n, &one))
        out = put_text(out, b, one)
        if out == NULL:
            return NULL
        if b[at] == c',':
            at = skip_space(b, at + 1)
    return out


cdef double double_of(const unsigned char *b, Py_ssize_t start, Py_ssize_t end) noexcept:
    """What is spelled there, rounded right whatever the locale; no number where that is none that is finite."""
    cdef char *reached = NULL
    cdef double value = PyOS_string_to_double(<const char *> b + start, &reached, NULL)
    if PyErr_Occurred() != NULL:
        PyErr_Clear()
        reached = NULL
    return value if reached == <const char *> b + end else NAN


cdef Py_ssize_t number_at(const unsigned char *b, Py_ssize_t i, Number *number, bint may_break) noexcept:
    """To behind the number. Where it may not break it is spelled as a whole one, of at most 18 digits."""
    cdef Fault fault = FINE
    cdef Py_ssize_t start = i, end, k
    cdef bint pointed = False, scaled = False
    cdef int64_t digits = 0
    cdef int count = 0, behind = 0
    if b[i] != c'-' and not is_digit(b[i]):
        return 0
    end = number_end(b, i, &fault)
    if fault or end - start > LONGEST_NUMBER:
        return 0
    for k in range(start + (b[start] == c'-'), end):
        if is_digit(b[k]):
            count += 1
            behind += pointed
            if count <= MOST_DIGITS:
                digits = digits * 10 + (b[k] - c'0')
        elif b[k] == c'.':
            pointed = True
        else:
            scaled = True
            break
    if not may_break:
        number.kind = WHOLE
        number.whole = -digits if b[start] == c'-' else digits
        return 0 if pointed or scaled or count > MOST_DIGITS else end
    number.kind = BROKEN
    if not scaled and count <= EXACT_DIGITS:
        number.broken = <double> (-digits if b[start] == c'-' else digits) / TENS[behind]
    else:
        number.broken = double_of(b, start, end) + 0.0      # no negative zero
    return end if isfinite(number.broken) else 0


cdef inline int nibble(unsigned char c) noexcept:
    return c - c'0' if c <= c'9' else (c | 0x20) - c'a' + 10


cdef inline int unit_at(const unsigned char *p) noexcept:
    """The four digits behind \\u."""
    return nibble(p[0]) << 12 | nibble(p[1]) << 8 | nibble(p[2]) << 4 | nibble(p[3])


cdef unsigned char *put_point(unsigned char *out, int point) noexcept:
    if point < 0x80:
        return put_byte(out, <unsigned char> point)
    if point < 0x800:
        out = put_byte(out, 0xC0 | <unsigned char> (point >> 6))
    else:
        if point < 0x10000:
            out = put_byte(out, 0xE0 | <unsigned char> (point >> 12))
        else:
            out = put_byte(out, 0xF0 | <unsigned char> (point >> 18))
            out = put_byte(out, 0x80 | <unsigned char> (point >> 12 & 0x3F))
        out = put_byte(out, 0x80 | <unsigned char> (point >> 6 & 0x3F))
    return put_byte(out, 0x80 | <unsigned char> (point & 0x3F))


cdef inline unsigned char plain_of(unsigned char c) noexcept:
    """What a backslash and this letter stand for."""
    if c == c'n':
        return c'\n'
    if c == c't':
        return c'\t'
    if c == c'r':
        return c'\r'
    if c == c'b':
        return 8
    if c == c'f':
        return 12
    return c


cdef unsigned char *unescape(unsigned char *out, const unsigned char *p, const unsigned char *end) noexcept:
    """Writes what a text of valid JSON means. NULL where it has half a surrogate pair."""
    cdef const unsigned char *slash
    cdef int unit, low
    while True:
        slash = <const unsigned char *> memchr(p, c'\\', end - p)
        if slash == NULL:
            return put_bytes(out, p, end - p)
        out = put_bytes(out, p, slash - p)
        if slash[1] != c'u':
            out = put_byte(out, plain_of(slash[1]))
            p = slash + 2
            continue
        unit = unit_at(slash + 2)
        p = slash + 6
        if 0xD800 <= unit < 0xE000:
            if unit >= 0xDC00 or end - p < 6 or p[0] != c'\\' or p[1] != c'u':
                return NULL
            low = unit_at(p + 2)
            if not 0xDC00 <= low < 0xE000:
                return NULL
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
            p += 6
        out = put_point(out, unit)


cdef unsigned char *put_text(unsigned char *out, const unsigned char *b, Span span) noexcept:
    """NULL where the text has half a surrogate pair."""
    cdef Py_ssize_t length = span.end - span.start
    cdef unsigned char *end
    if not span.escaped:
        return put_bytes(put_length(out, STR, length), b + span.start, length)
    end = unescape(out + 5, b + span.start, b + span.end)
    if end == NULL:
        return NULL
    length = end - (out + 5)
    end = put_length(out, STR, length)
    memmove(end, out + 5, length)
    return end + length
