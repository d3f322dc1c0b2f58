# MessagePack as msgspec writes it: every length and number in the shortest form there is for it. No bounds are checked
# here; whoever includes it says why there is room.

from libc.string cimport memset


cdef enum:
    NIL = 0xC0
    FALSE = 0xC2

cdef enum Lengthy:
    STR
    BIN
    ARRAY

cdef enum NumberKind:
    NO_NUMBER
    WHOLE
    BROKEN

cdef struct Number:
    NumberKind kind
    int64_t whole
    double broken


cdef inline unsigned char *put_byte(unsigned char *out, unsigned char value) noexcept:
    out[0] = value
    return out + 1


cdef inline unsigned char *put_bytes(unsigned char *out, const unsigned char *text, Py_ssize_t length) noexcept:
    memcpy(out, text, length)
    return out + length


cdef inline unsigned char *put_big(unsigned char *out, uint64_t value, int size) noexcept:
    """A number of so many bytes, the highest first."""
    cdef int k
    for k in range(size):
        out[k] = <unsigned char> (value >> (8 * (size - 1 - k)))
    return out + size


cdef inline unsigned char *put_length(unsigned char *out, Lengthy kind, Py_ssize_t length) noexcept:
    """What stands before a text, bytes or a list: at most five bytes."""
    if kind == STR and length < 32:
        return put_byte(out, 0xA0 | <unsigned char> length)
    if kind == ARRAY and length < 16:
        return put_byte(out, 0x90 | <unsigned char> length)
    if kind != ARRAY and length < 0x100:
        return put_big(put_byte(out, 0xD9 if kind == STR else 0xC4), length, 1)
    if length < 0x10000:
        return put_big(put_byte(out, 0xDA if kind == STR else 0xC5 if kind == BIN else 0xDC), length, 2)
    return put_big(put_byte(out, 0xDB if kind == STR else 0xC6 if kind == BIN else 0xDD), length, 4)


cdef inline unsigned char *put_bin(unsigned char *out, bytes value) noexcept:
    cdef Py_ssize_t length = PyBytes_GET_SIZE(value)
    return put_bytes(put_length(out, BIN, length), <const unsigned char *> PyBytes_AS_STRING(value), length)


cdef unsigned char *put_whole(unsigned char *out, int64_t value) noexcept:
    if value >= 0:
        if value < 0x80:
            return put_byte(out, <unsigned char> value)
        if value < 0x100:
            return put_big(put_byte(out, 0xCC), value, 1)
        if value < 0x10000:
            return put_big(put_byte(out, 0xCD), value, 2)
        if value < 0x100000000:
            return put_big(put_byte(out, 0xCE), value, 4)
        return put_big(put_byte(out, 0xCF), value, 8)
    if value >= -32:
        return put_byte(out, <unsigned char> value)
    if value >= -0x80:
        return put_big(put_byte(out, 0xD0), <uint64_t> value, 1)
    if value >= -0x8000:
        return put_big(put_byte(out, 0xD1), <uint64_t> value, 2)
    if value >= -<int64_t> 0x80000000:
        return put_big(put_byte(out, 0xD2), <uint64_t> value, 4)
    return put_big(put_byte(out, 0xD3), <uint64_t> value, 8)


cdef inline unsigned char *put_number(unsigned char *out, const Number *number) noexcept:
    cdef uint64_t bits
    if number.kind == NO_NUMBER:
        return put_byte(out, NIL)
    if number.kind == WHOLE:
        return put_whole(out, number.whole)
    memcpy(&bits, &number.broken, 8)
    return put_big(put_byte(out, 0xCB), bits, 8)
