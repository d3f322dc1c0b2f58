# JSON values that translate.pyx reads: where one ends, and the text in a string.
#
# Bounds: as in json_grammar.pxi, no step looks more than one byte past the last one it accepted, and the NUL that ends
# every `bytes` is part of no token.

cdef enum:
    SKIPPED = 32        # how deep a value that nobody reads may nest: the C stack is finite
    SMALL = 1024        # bytes of a text with escapes that are put together on the stack


cdef Py_ssize_t value_end(const unsigned char *b, Py_ssize_t i, Py_ssize_t n, int depth) noexcept nogil:
    """From the first byte of any JSON value to the one after it; -1 when it is none, or nests too deep."""
    cdef Fault fault = FINE
    cdef bint escaped = False
    cdef unsigned char c = b[i], close
    if c == c'"':
        i = string_end(b, i + 1, n, &escaped, &fault)
        return -1 if fault else i
    if c != c'{' and c != c'[':
        i = number_end(b, i, &fault) if is_digit(c) or c == c'-' else literal_end(b, i, n, &fault)
        return -1 if fault else i
    if depth == 0:
        return -1
    close = c + 2           # '}' is '{' + 2 and ']' is '[' + 2
    i = skip_space(b, i + 1)
    if b[i] == close:
        return i + 1
    while True:
        if c == c'{':
            if b[i] != c'"':
                return -1
            i = string_end(b, i + 1, n, &escaped, &fault)
            if fault:
                return -1
            i = skip_space(b, i)
            if b[i] != c':':
                return -1
            i = skip_space(b, i + 1)
        i = value_end(b, i, n, depth - 1)
        if i < 0:
            return -1
        i = skip_space(b, i)
        if b[i] == close:
            return i + 1
        if b[i] != c',':
            return -1
        i = skip_space(b, i + 1)


cdef inline int hex4(const unsigned char *p) noexcept nogil:
    """The number in four hexadecimal digits, which the grammar has seen."""
    cdef int value = 0, k
    for k in range(4):
        value = value << 4 | ((p[k] & 0x0F) if p[k] <= c'9' else (p[k] & 0x0F) + 9)
    return value


cdef Py_ssize_t unescape(const unsigned char *b, Py_ssize_t i, Py_ssize_t end, unsigned char *out) noexcept nogil:
    """Writes the text in the quotes b[i:end], which the grammar has seen, as UTF-8; -1 for a lone surrogate.

    Every escape is longer than what it stands for (the six bytes of \\uXXXX than three of UTF-8, the twelve of a pair
    than four), so `out` needs end - i bytes.
    """
    cdef Py_ssize_t size = 0
    cdef uint32_t code, low
    cdef unsigned char c
    while i < end:
        c = b[i]
        if c != c'\\':
            out[size] = c
            size += 1
            i += 1
            continue
        c = b[i + 1]
        i += 2
        if c != c'u':
            if c == c'n':
                c = c'\n'
            elif c == c't':
                c = c'\t'
            elif c == c'r':
                c = c'\r'
            elif c == c'b':
                c = 8
            elif c == c'f':
                c = 12
            out[size] = c
            size += 1
            continue
        code = hex4(b + i)
        i += 4
        if 0xD800 <= code < 0xE000:
            if code >= 0xDC00 or i + 6 > end or b[i] != c'\\' or b[i + 1] != c'u':
                return -1
            low = hex4(b + i + 2)
            if not 0xDC00 <= low < 0xE000:
                return -1
            i += 6
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        if code < 0x80:
            out[size] = <unsigned char> code
            size += 1
        elif code < 0x800:
            out[size] = <unsigned char> (0xC0 | code >> 6)
            out[size + 1] = <unsigned char> (0x80 | code & 0x3F)
            size += 2
        elif code < 0x10000:
            out[size] = <unsigned char> (0xE0 | code >> 12)
            out[size + 1] = <unsigned char> (0x80 | code >> 6 & 0x3F)
            out[size + 2] = <unsigned char> (0x80 | code & 0x3F)
            size += 3
        else:
            out[size] = <unsigned char> (0xF0 | code >> 18)
            out[size + 1] = <unsigned char> (0x80 | code >> 12 & 0x3F)
            out[size + 2] = <unsigned char> (0x80 | code >> 6 & 0x3F)
            out[size + 3] = <unsigned char> (0x80 | code & 0x3F)
            size += 4
    return size


cdef str text_of(const unsigned char *b, Py_ssize_t start, Py_ssize_t end):
    """The text in quotes that have an escape; None for a lone surrogate."""
    cdef unsigned char small[SMALL]
    cdef unsigned char *out = small
    cdef Py_ssize_t size
    if end - start > SMALL:
        out = <unsigned char *> malloc(end - start)
        if out == NULL:
            raise MemoryError()
    try:
        size = unescape(b, start, end, out)
        return None if size < 0 else PyUnicode_DecodeUTF8(<char *> out, size, NULL)
    finally:
        if out != small:
            free(out)


cdef inline void capture(tuple found, int slot, object value):
    """Puts a value in the place of a None; nobody else has seen the tuple yet, and no key captures twice."""
    Py_INCREF(value)
    PyTuple_SET_ITEM(found, slot, value)
    Py_DECREF(None)
