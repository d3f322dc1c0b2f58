# What an encoding is made of: its tokens by rank, their hash table, and the class of every code point.
# All of it is read in place from the mapped file (see gateway/tokens/ranks.py), words by memcpy: nothing is aligned.

cdef enum:
    OTHER = 0
    SPACE = 1
    NUMBER = 2
    UPPER = 3       # and title case
    LOWER = 4
    LETTER = 5      # of no case, and modifiers
    MARK = 6
    LINE_END = 7
    RANK_BITS = 18
    BLOCKS_AT = 17408   # behind 8,704 numbers of two bytes

cdef enum:
    NOTHING = 0xFFFFFFFF

cdef struct Table:
    const uint8_t *tokens
    const uint8_t *starts
    const uint8_t *slots
    const uint8_t *classes
    uint32_t mask
    uint32_t longest
    bint cased          # o200k's pattern, which looks at case; else cl100k's


cdef inline uint32_t word32(const uint8_t *at) noexcept nogil:
    cdef uint32_t word
    memcpy(&word, at, 4)
    return word


cdef inline uint64_t word64(const uint8_t *at) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, at, 8)
    return word


cdef inline uint64_t tail(const uint8_t *at, size_t length) noexcept nogil:
    """One to seven bytes as a little-endian number, without a read beyond them: reads overlap instead."""
    if length >= 4:
        return <uint64_t>word32(at) | <uint64_t>word32(at + length - 4) << ((length - 4) * 8)
    return (
        <uint64_t>at[0]
        | <uint64_t>at[length >> 1] << ((length >> 1) * 8)
        | <uint64_t>at[length - 1] << ((length - 1) * 8)
    )


cdef inline uint64_t hashed(const uint8_t *at, size_t length) noexcept nogil:
    """As `hashed` in gateway/tokens/_build_ranks.py."""
    cdef uint64_t value = length * <uint64_t>0x9E3779B97F4A7C15
    while length >= 8:
        value = (value ^ word64(at)) * <uint64_t>0x9E3779B97F4A7C15
        value ^= value >> 32
        at += 8
        length -= 8
    if length:
        value = (value ^ tail(at, length)) * <uint64_t>0x9E3779B97F4A7C15
        value ^= value >> 32
    return value


cdef inline uint32_t found(const Table *table, const uint8_t *at, size_t length, uint64_t value) noexcept nogil:
    """The rank of the token with these bytes, whose hash is `value`; NOTHING where there is none.

    The table is at most half full, so the walk meets an empty slot.
    """
    cdef uint32_t place = <uint32_t>value & table.mask
    cdef uint32_t mark = <uint32_t>(value >> (32 + RANK_BITS))
    cdef uint32_t slot, rank, start
    while True:
        slot = word32(table.slots + 4 * <size_t>place)
        if slot == 0:
            return NOTHING
        if slot >> RANK_BITS == mark:
            rank = (slot & ((1 << RANK_BITS) - 1)) - 1
            start = word32(table.starts + 4 * <size_t>rank)
            if word32(table.starts + 4 * <size_t>rank + 4) - start == length:
                if memcmp(table.tokens + start, at, length) == 0:
                    return rank
        place = (place + 1) & table.mask


cdef inline uint32_t rank_of(const Table *table, const uint8_t *at, size_t length) noexcept nogil:
    if length > table.longest:
        return NOTHING
    return found(table, at, length, hashed(at, length))
