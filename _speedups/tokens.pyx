# cython: auto_pickle=False
"""Counting tokens exactly as tiktoken does: pieces, then byte pairs, over ranks that are read where the file lies.

A count lets other threads run. Pieces that are not tokens themselves are remembered with their counts in a table of
fixed size, which one count at a time may use; another that runs beside it does without.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memmove

include "tokens_table.pxi"
include "tokens_pieces.pxi"
include "tokens_merge.pxi"

PATTERNS = ("cl100k", "o200k")

cdef enum:
    REMEMBERED = 8192   # pieces, a power of two
    LONGEST = 38        # bytes of a piece that is remembered

cdef struct Memory:
    uint64_t hash
    uint8_t length      # 0: nothing is remembered here
    uint8_t count
    uint8_t data[LONGEST]


cdef Py_ssize_t remembered(
    const Table *table, const uint8_t *data, size_t length, uint64_t value, Memory *memories
) noexcept nogil:
    """The count of a short piece, from memory or into it. Bytes are compared: a hash alone proves nothing."""
    cdef Memory *memory = &memories[(value >> 20) & (REMEMBERED - 1)]
    if memory.hash == value and memory.length == length and memcmp(memory.data, data, length) == 0:
        return memory.count
    memory.count = <uint8_t>merge(table, data, length, NULL)
    memory.hash = value
    memory.length = <uint8_t>length
    memcpy(memory.data, data, length)
    return memory.count


cdef Py_ssize_t counted(const Table *table, const Text *text, Memory *memories) noexcept nogil:
    """The tokens of a text; -1 without memory."""
    cdef size_t at = 0, end, length
    cdef uint64_t value
    cdef Py_ssize_t total = 0, several
    while at < text.end:
        end = piece(table, text, at)
        length = end - at
        several = 1
        if length > table.longest:
            several = merge(table, text.data + at, length, NULL)
        elif length > 1:
            value = hashed(text.data + at, length)
            if found(table, text.data + at, length, value) == NOTHING:
                if memories != NULL and length <= LONGEST:
                    several = remembered(table, text.data + at, length, value, memories)
                else:
                    several = merge(table, text.data + at, length, NULL)
        if several < 0:
            return -1
        total += several
        at = end
    return total


cdef Py_ssize_t encoded(const Table *table, const Text *text, uint32_t *out) noexcept nogil:
    """Writes the ranks, of which there are no more than bytes; their count, or -1 without memory."""
    cdef size_t at = 0, end
    cdef Py_ssize_t total = 0, several
    while at < text.end:
        end = piece(table, text, at)
        out[total] = rank_of(table, text.data + at, end - at)
        several = 1
        if out[total] == NOTHING:
            several = merge(table, text.data + at, end - at, out + total)
        if several < 0:
            return -1
        total += several
        at = end
    return total


cdef const uint8_t[::1] _utf8(text):
    """What was half of a surrogate pair becomes U+FFFD, as for tiktoken."""
    if not isinstance(text, str):
        return text
    try:
        return (<str>text).encode()
    except UnicodeEncodeError:
        return (<str>text).encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


cdef class Encoding:
    """One encoding: `pattern` is one of PATTERNS, the rest are the parts of the file of ranks."""

    cdef Table table
    cdef Memory *memories
    cdef bint in_use
    cdef readonly str pattern
    cdef const uint8_t[::1] tokens, starts, slots, classes  # what the table points into

    def __cinit__(
        self,
        str pattern,
        const uint8_t[::1] tokens,
        const uint8_t[::1] starts,
        const uint8_t[::1] slots,
        const uint8_t[::1] classes,
    ):
        if pattern not in PATTERNS:
            raise ValueError(f"unknown pattern {pattern!r}")
        self.pattern = pattern
        self.tokens, self.starts, self.slots, self.classes = tokens, starts, slots, classes
        self._check()
        self.table.tokens, self.table.starts = &tokens[0], &starts[0]
        self.table.slots, self.table.classes = &slots[0], &classes[0]
        self.table.mask = <uint32_t>(len(slots) // 4 - 1)
        self.table.cased = pattern == "o200k"
        self.table.longest = self._longest()
        self.memories = <Memory *>calloc(REMEMBERED, sizeof(Memory))
        if self.memories == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.memories)

    cdef _check(self):
        """Raises ValueError for parts whose lengths do not belong together."""
        cdef size_t slots = len(self.slots) // 4, tokens = len(self.starts) // 4, blocks, each, numbers = BLOCKS_AT // 2
        cdef uint16_t block
        if tokens < 257 or slots < 2 * (tokens - 1) or slots & (slots - 1):
            raise ValueError("the table of ranks is damaged")
        if word32(&self.starts[4 * (tokens - 1)]) != <size_t>len(self.tokens):
            raise ValueError("the tokens are damaged")
        blocks = (len(self.classes) - BLOCKS_AT) // 128 if len(self.classes) > BLOCKS_AT else 0
        for each in range(numbers):
            if blocks:
                memcpy(&block, &self.classes[2 * each], 2)
            if not blocks or block >= blocks:
                raise ValueError("the classes of characters are damaged")

    cdef uint32_t _longest(self):
        """The bytes of the longest token."""
        cdef uint32_t most = 0, start = 0, next
        cdef size_t each, starts = len(self.starts) // 4
        for each in range(1, starts):
            next = word32(&self.starts[4 * each])
            most = max(most, next - start)
            start = next
        return most

    def count(self, text) -> int:
        """The tokens of a text, or of its UTF-8. Names of special tokens are text like any other."""
        cdef const uint8_t[::1] data = _utf8(text)
        cdef Text view
        cdef Memory *memories = NULL
        cdef Py_ssize_t total
        if not len(data):
            return 0
        view.data, view.end = &data[0], len(data)
        if not self.in_use:  # asked and told with the interpreter's lock held
            self.in_use = True
            memories = self.memories
        with nogil:
            total = counted(&self.table, &view, memories)
        if memories != NULL:
            self.in_use = False
        if total < 0:
            raise MemoryError
        return total

    def encode(self, text) -> list:
        """The tokens' ranks."""
        cdef const uint8_t[::1] data = _utf8(text)
        cdef Text view
        cdef uint32_t *out
        cdef Py_ssize_t total
        if not len(data):
            return []
        view.data, view.end = &data[0], len(data)
        out = <uint32_t *>malloc(len(data) * sizeof(uint32_t))
        if out == NULL:
            raise MemoryError
        try:
            with nogil:
                total = encoded(&self.table, &view, out)
            if total < 0:
                raise MemoryError
            return [out[each] for each in range(total)]
        finally:
            free(out)
