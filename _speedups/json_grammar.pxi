# The grammar that jsonscan.pyx includes: a validating scanner of one JSON object, without Python and without the GIL.
#
# RFC 8259 and strict UTF-8 (RFC 3629) in one pass over the bytes; of the document it notes only where the top-level
# members are.
#
# Bounds: CPython ends every `bytes` with a NUL, which is neither space nor part of any token. A step of the scanner
# looks at most one byte past the last one it accepted, so it halts on that NUL; only the eight- and 64-byte strides of
# `string_end` and the literals look further, and they compare with the length first.

from libc.stdint cimport uint64_t
from libc.stdlib cimport malloc, realloc
from libc.string cimport memcmp, memcpy

cdef extern from *:
    """
    #define JSON_ONES 0x0101010101010101ULL

    /* One high bit for each of p[0..7] that ends a run of plain ASCII in a string: '"', '\\', < 0x20, >= 0x80.
       A borrow may mark bytes above a true mark, never below: the lowest mark is exact. */
    static inline uint64_t json_marks(const unsigned char *p) {
        uint64_t w, quote, slash;
        memcpy(&w, p, 8);
    #if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        w = __builtin_bswap64(w);
    #endif
        quote = w ^ (JSON_ONES * '"');
        slash = w ^ (JSON_ONES * '\\\\');
        return (((w - JSON_ONES * 0x20) & ~w) | ((quote - JSON_ONES) & ~quote) | ((slash - JSON_ONES) & ~slash) | w)
            & (JSON_ONES * 0x80);
    }

    /* Whether p[0..63] is all plain; written so that the compiler makes vector code of it. */
    static inline int json_plain64(const unsigned char *p) {
        unsigned char marks = 0;
        for (int k = 0; k < 64; k++)
            marks |= ((signed char)p[k] < 0x20) | (p[k] == '"') | (p[k] == '\\\\');
        return !marks;
    }
    """
    uint64_t json_marks(const unsigned char *p) noexcept nogil
    int json_plain64(const unsigned char *p) noexcept nogil
    int __builtin_ctzll(uint64_t word) noexcept nogil

cdef enum:
    MAX_DEPTH = 512
    FIXED = 24          # members that need no allocation; a chat request has about eight
    MAX_SIZE = 0x7fffffff

cdef enum Fault:
    FINE = 0
    WANT_VALUE
    WANT_KEY
    WANT_COLON
    WANT_COMMA_OBJECT
    WANT_COMMA_ARRAY
    BAD_LITERAL
    BAD_NUMBER
    BAD_ESCAPE
    BAD_UTF8
    CONTROL
    UNTERMINATED
    TOO_DEEP
    TRAILING
    NO_MEMORY

cdef struct Member:
    int key             # inside the quotes
    int key_end
    int value
    int value_end
    bint escaped        # the key has an escape, so its bytes are not its name

cdef struct Members:
    Member fixed[FIXED]
    Member *list        # `fixed`, or the heap once that is full
    int count
    int room


cdef inline Py_ssize_t skip_space(const unsigned char *b, Py_ssize_t i) noexcept nogil:
    while b[i] == c' ' or b[i] == c'\n' or b[i] == c'\r' or b[i] == c'\t':
        i += 1
    return i


cdef inline bint is_digit(unsigned char c) noexcept nogil:
    return c'0' <= c <= c'9'


cdef inline bint is_hex(unsigned char c) noexcept nogil:
    return c'0' <= c <= c'9' or c'a' <= (c | 0x20) <= c'f'


cdef inline bint is_tail(unsigned char c) noexcept nogil:
    return (c & 0xC0) == 0x80


cdef inline int sequence(const unsigned char *p) noexcept nogil:
    """Length of the well-formed UTF-8 sequence of several bytes at p (RFC 3629, table of section 4), or 0."""
    cdef unsigned char c = p[0]
    if c < 0xC2:
        return 0
    if c < 0xE0:
        return 2 if is_tail(p[1]) else 0
    if c < 0xF0:
        if not is_tail(p[1]) or (c == 0xE0 and p[1] < 0xA0) or (c == 0xED and p[1] > 0x9F):
            return 0
        return 3 if is_tail(p[2]) else 0
    if c > 0xF4 or not is_tail(p[1]) or (c == 0xF0 and p[1] < 0x90) or (c == 0xF4 and p[1] > 0x8F):
        return 0
    return 4 if is_tail(p[2]) and is_tail(p[3]) else 0


cdef inline int escape(const unsigned char *p) noexcept nogil:
    """Length of the escape at p (a backslash), or 0. A lone surrogate is an escape like any other."""
    cdef unsigned char c = p[1]
    if c == c'u':
        return 6 if is_hex(p[2]) and is_hex(p[3]) and is_hex(p[4]) and is_hex(p[5]) else 0
    if c == c'n' or c == c'"' or c == c'\\' or c == c't' or c == c'/' or c == c'r' or c == c'b' or c == c'f':
        return 2
    return 0


cdef Py_ssize_t string_end(
    const unsigned char *b, Py_ssize_t i, Py_ssize_t n, bint *escaped, Fault *fault
) noexcept nogil:
    """From the byte after the opening quote to the one after the closing quote; on a fault, where it is."""
    cdef uint64_t marks = 0
    cdef unsigned char c
    cdef int length
    cdef int words = 0
    while True:
        while i + 8 <= n:
            marks = json_marks(b + i)
            if marks:
                i += __builtin_ctzll(marks) >> 3
                break
            i += 8
            words += 1
            if words & 3 == 0:
                while i + 64 <= n and json_plain64(b + i):
                    i += 64
        else:
            while 0x20 <= b[i] < 0x80 and b[i] != c'"' and b[i] != c'\\':
                i += 1
        c = b[i]
        if c == c'"':
            return i + 1
        if c == c'\\':
            length = escape(b + i)
            escaped[0] = True
            if length == 0:
                fault[0] = BAD_ESCAPE
                return i
            i += length
            continue
        if c < 0x80:
            fault[0] = UNTERMINATED if i >= n else CONTROL
            return i
        while b[i] >= 0x80:
            length = sequence(b + i)
            if length == 0:
                fault[0] = BAD_UTF8
                return i
            i += length


cdef Py_ssize_t number_end(const unsigned char *b, Py_ssize_t i, Fault *fault) noexcept nogil:
    """From a digit or a minus to the byte after the number."""
    if b[i] == c'-':
        i += 1
    if b[i] == c'0':
        i += 1
    elif is_digit(b[i]):
        while is_digit(b[i]):
            i += 1
    else:
        fault[0] = BAD_NUMBER
        return i
    if b[i] == c'.':
        i += 1
        if not is_digit(b[i]):
            fault[0] = BAD_NUMBER
        while is_digit(b[i]):
            i += 1
    if (b[i] | 0x20) == c'e' and not fault[0]:
        i += 1
        if b[i] == c'+' or b[i] == c'-':
            i += 1
        if not is_digit(b[i]):
            fault[0] = BAD_NUMBER
        while is_digit(b[i]):
            i += 1
    return i


cdef Py_ssize_t literal_end(const unsigned char *b, Py_ssize_t i, Py_ssize_t n, Fault *fault) noexcept nogil:
    if n - i >= 4 and (memcmp(b + i, b"true", 4) == 0 or memcmp(b + i, b"null", 4) == 0):
        return i + 4
    if n - i >= 5 and memcmp(b + i, b"false", 5) == 0:
        return i + 5
    fault[0] = BAD_LITERAL if b[i] == c't' or b[i] == c'f' or b[i] == c'n' else WANT_VALUE
    return i


cdef bint grow(Members *m) noexcept nogil:
    cdef Member *more
    if m.list == m.fixed:
        more = <Member *> malloc(2 * m.room * sizeof(Member))
        if more != NULL:
            memcpy(more, m.fixed, m.count * sizeof(Member))
    else:
        more = <Member *> realloc(m.list, 2 * m.room * sizeof(Member))
    if more == NULL:
        return False
    m.list = more
    m.room *= 2
    return True


cdef Py_ssize_t scan(const unsigned char *b, Py_ssize_t i, Py_ssize_t n, Members *m, Fault *fault) noexcept nogil:
    """Validates the object that begins at i and notes its members; returns where it ends, or where the fault is."""
    cdef unsigned char in_object[MAX_DEPTH]
    cdef int depth = 0
    cdef bint want_key = False
    cdef bint escaped = False
    cdef Py_ssize_t start
    cdef unsigned char c
    cdef Member *member = NULL
    while True:
        if want_key:
            if b[i] != c'"':
                fault[0] = WANT_KEY
                return i
            start = i + 1
            escaped = False
            i = string_end(b, start, n, &escaped, fault)
            if fault[0]:
                return i
            if depth == 1:
                if m.count == m.room and not grow(m):
                    fault[0] = NO_MEMORY
                    return i
                member = m.list + m.count
                m.count += 1
                member.key = <int> start
                member.key_end = <int> (i - 1)
                member.escaped = escaped
            i = skip_space(b, i)
            if b[i] != c':':
                fault[0] = WANT_COLON
                return i
            i = skip_space(b, i + 1)
            want_key = False
            if depth == 1:
                member.value = <int> i
        else:
            i = skip_space(b, i)
        c = b[i]
        if c == c'"':
            i = string_end(b, i + 1, n, &escaped, fault)
        elif c == c'{' or c == c'[':
            if depth == MAX_DEPTH:
                fault[0] = TOO_DEEP
                return i
            in_object[depth] = c == c'{'
            depth += 1
            i = skip_space(b, i + 1)
            if b[i] != c + 2:           # '}' is '{' + 2 and ']' is '[' + 2
                want_key = c == c'{'
                continue
            depth -= 1
            i += 1
        elif is_digit(c) or c == c'-':
            i = number_end(b, i, fault)
        else:
            i = literal_end(b, i, n, fault)
        if fault[0]:
            return i
        while True:                     # a value has ended at i
            if depth == 0:
                return i
            if depth == 1:
                member.value_end = <int> i
            i = skip_space(b, i)
            c = b[i]
            if c == c',':
                want_key = in_object[depth - 1]
                i = skip_space(b, i + 1)
                break
            if in_object[depth - 1]:
                if c != c'}':
                    fault[0] = WANT_COMMA_OBJECT
                    return i
            elif c != c']':
                fault[0] = WANT_COMMA_ARRAY
                return i
            depth -= 1
            i += 1


