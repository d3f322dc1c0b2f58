# Bytes: what HTTP allows in a field's name and value (RFC 9110 section 5), and look-ups in a checked field block.

# NAME[c] is the lower-case form of a token character, 0 for every other byte. HEX[c] is a digit's value, 255 for others.
cdef unsigned char NAME[256]
cdef unsigned char HEX[256]


cdef void fill_tables() noexcept:
    cdef int c
    memset(NAME, 0, 256)
    memset(HEX, 255, 256)
    for c in b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz":
        NAME[c] = <unsigned char>c
    for c in range(26):
        NAME[65 + c] = <unsigned char>(97 + c)
    for c in range(10):
        HEX[48 + c] = <unsigned char>c
    for c in range(6):
        HEX[65 + c] = HEX[97 + c] = <unsigned char>(10 + c)


fill_tables()


cdef inline bint same(const unsigned char *p, const char *lower, Py_ssize_t n) noexcept:
    """Whether p[:n] is `lower` in any case. `lower` holds token characters only."""
    cdef Py_ssize_t i
    for i in range(n):
        if NAME[p[i]] != <unsigned char>lower[i]:
            return False
    return True


cdef bint has_control(const unsigned char *p, Py_ssize_t n) noexcept:
    """Any control character but HTAB. No early exit, so that the compiler can take 16 bytes at a time."""
    cdef Py_ssize_t i
    cdef unsigned char c, bad = 0
    for i in range(n):
        c = p[i]
        bad |= ((c < 32) & (c != 9)) | (c == 127)
    return bad != 0


cdef inline bint is_blank(unsigned char c) noexcept:
    return c == 32 or c == 9


cdef long long decimal(const unsigned char *p, Py_ssize_t n) noexcept:
    """1 to 18 digits, which 63 bits hold; -1 for everything else, signs and lists included."""
    cdef Py_ssize_t i
    cdef long long value = 0
    if n < 1 or n > 18:
        return -1
    for i in range(n):
        if HEX[p[i]] > 9:
            return -1
        value = value * 10 + HEX[p[i]]
    return value


cdef bint has_token(const unsigned char *p, Py_ssize_t n, const char *token, Py_ssize_t size) noexcept:
    """Whether a comma-separated list has this lower-case token."""
    cdef Py_ssize_t start = 0, end
    while start < n:
        end = start
        while end < n and p[end] != c"," and not is_blank(p[end]):
            end += 1
        if end - start == size and same(p + start, token, size):
            return True
        start = end + 1
    return False


cdef inline bytes piece_of(bytes data, Py_ssize_t pos, Py_ssize_t n):
    """data[pos:pos+n]; the object itself when that is all of it."""
    if n == PyBytes_GET_SIZE(data):
        return data
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + pos, n)


cdef bytes stripped(const unsigned char *p, Py_ssize_t n):
    """p[:n] without the blanks around it."""
    while n > 0 and is_blank(p[n - 1]):
        n -= 1
    while n > 0 and is_blank(p[0]):
        p += 1
        n -= 1
    return PyBytes_FromStringAndSize(<const char *>p, n)


cdef bytes lowered(const unsigned char *p, Py_ssize_t n):
    cdef bytes name = PyBytes_FromStringAndSize(NULL, n)
    cdef unsigned char *out = <unsigned char *>PyBytes_AS_STRING(name)
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = NAME[p[i]]
    return name


# `fields` below is a block of checked "name: value\r\n" lines: every line has its ':' and ends in CRLF, so neither
# memchr can miss.

cdef bytes field_value(bytes fields, bytes name):
    """The first value of `name` (lower-case), or None."""
    cdef const unsigned char *p = <const unsigned char *>PyBytes_AS_STRING(fields)
    cdef const unsigned char *stop = p + PyBytes_GET_SIZE(fields)
    cdef const unsigned char *line_end
    cdef const char *wanted = PyBytes_AS_STRING(name)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(name)
    while p < stop:
        line_end = <const unsigned char *>memchr(p, c"\n", stop - p)
        if line_end - p > size and p[size] == c":" and same(p, wanted, size):
            return stripped(p + size + 1, line_end - 1 - (p + size + 1))
        p = line_end + 1
    return None


cdef list field_list(bytes fields):
    """All (lower-case name, value) pairs in order."""
    cdef const unsigned char *p = <const unsigned char *>PyBytes_AS_STRING(fields)
    cdef const unsigned char *stop = p + PyBytes_GET_SIZE(fields)
    cdef const unsigned char *colon
    cdef const unsigned char *line_end
    cdef list found = []
    while p < stop:
        line_end = <const unsigned char *>memchr(p, c"\n", stop - p)
        colon = <const unsigned char *>memchr(p, c":", line_end - p)
        found.append((lowered(p, colon - p), stripped(colon + 1, line_end - 1 - (colon + 1))))
        p = line_end + 1
    return found
