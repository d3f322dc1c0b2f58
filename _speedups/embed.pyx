# cython: auto_pickle=False
"""Embeds text by a static table: byte pairs merged as the table's tokenizer merges them, rows added up and normalised.

What a call touches is its own or never changes after `__init__`, so that other threads run meanwhile, and may call too.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.math cimport sqrtf
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memmove, memset

include "embed_merge.pxi"

cdef extern from *:
    """
    #include <string.h>
    /* IEEE 754 half to single, without the processor's help: a table is converted once. */
    static inline float half_to_float(uint16_t half) {
        uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = (half >> 10) & 0x1f, mantissa = half & 0x3ff, bits;
        float value;
        if (exponent == 0) {
            value = (float)mantissa * 5.9604644775390625e-08f;
            return sign ? -value : value;
        }
        bits = exponent == 31 ? 0x7f800000 | mantissa << 13 : (exponent + 112) << 23 | mantissa << 13;
        bits |= sign;
        memcpy(&value, &bits, 4);
        return value;
    }
    static inline void prefetch_row(const void *row, size_t size) {
        for (size_t at = 0; at < size; at += 64) __builtin_prefetch((const char *)row + at);
    }

    /* Adds a row of halves, where the processor turns eight of them into singles at once. */
    #if defined(__x86_64__) && defined(__GNUC__)
    #include <immintrin.h>
    static int adds_halves(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx") && __builtin_cpu_supports("f16c");
    }
    __attribute__((target("avx,f16c")))
    static void add_halves(float *total, const uint16_t *row, size_t count) {
        size_t at = 0;
        for (; at + 8 <= count; at += 8) {
            __m256 more = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(row + at)));
            _mm256_storeu_ps(total + at, _mm256_add_ps(_mm256_loadu_ps(total + at), more));
        }
        for (; at < count; at++) total[at] += half_to_float(row[at]);
    }
    #else
    static int adds_halves(void) { return 0; }
    static void add_halves(float *total, const uint16_t *row, size_t count) {
        for (size_t at = 0; at < count; at++) total[at] += half_to_float(row[at]);
    }
    #endif
    """
    float half_to_float(uint16_t half) noexcept nogil
    void prefetch_row(const void *row, size_t size) noexcept nogil
    bint adds_halves() noexcept nogil
    void add_halves(float *total, const uint16_t *row, size_t count) noexcept nogil

LONGEST = 65536
"""Bytes of UTF-8 that are embedded; what is longer is nobody's question."""

DIMENSIONS = 4096
"""The most that a row may have."""

cdef enum:
    WIDEST = 4096
    AHEAD = 3           # rows that are on their way while one is added
    NAMED = 16          # tokens that are found in the text as they are written


cdef struct Named:
    uint32_t token
    uint32_t length
    uint8_t text[24]


cdef class Table:
    """A tokenizer's merges and a row for each of its tokens: float32, or float16 where it is and the processor adds it.

    The rows lie in memory of their own that is never written again: processes forked later share it.
    """

    cdef float *rows
    cdef uint16_t *halves       # instead of `rows`
    cdef Merges merges
    cdef Named named[NAMED]
    cdef uint32_t names
    cdef uint32_t mark          # the token of U+2581, which stands for a space
    cdef bint words             # no token goes on from a word into the next mark
    cdef readonly Py_ssize_t dimensions
    cdef readonly Py_ssize_t size

    def __cinit__(self):
        self.rows = NULL
        self.halves = NULL
        memset(&self.merges, 0, sizeof(Merges))

    def __dealloc__(self):
        free(self.rows)
        free(self.halves)
        free(self.merges.pairs)
        free(self.merges.characters)

    def __init__(
        self, const uint8_t[::1] rows not None, Py_ssize_t dimensions, bint halves, dict vocabulary not None,
        list merges not None, dict named not None,
    ):
        cdef Py_ssize_t width = 2 if halves else 4
        if self.rows != NULL or self.halves != NULL:
            raise ValueError("a table is filled once")
        if not 0 < dimensions <= WIDEST or rows.shape[0] == 0 or rows.shape[0] % (dimensions * width):
            raise ValueError("the rows are not a table of that many dimensions")
        self.dimensions = dimensions
        self.size = rows.shape[0] // (dimensions * width)
        if self.size >= NOTHING:
            raise ValueError("too many rows")
        self._fill(rows, halves)
        self._spell(vocabulary)
        self._join(vocabulary, merges)
        self._name(named)

    cdef _fill(self, const uint8_t[::1] rows, bint halves):
        cdef size_t count = self.size * self.dimensions, each
        cdef uint16_t half
        if halves and adds_halves():
            self.halves = <uint16_t *>malloc(count * sizeof(uint16_t))
            if self.halves == NULL:
                raise MemoryError
            memcpy(self.halves, &rows[0], count * sizeof(uint16_t))
            return
        self.rows = <float *>malloc(count * sizeof(float))
        if self.rows == NULL:
            raise MemoryError
        if not halves:
            memcpy(self.rows, &rows[0], count * sizeof(float))
            return
        with nogil:
            for each in range(count):
                memcpy(&half, &rows[2 * each], 2)
                self.rows[each] = half_to_float(half)

    cdef uint32_t _token(self, dict vocabulary, object text) except? 4294967295:
        token = vocabulary[text]
        if type(token) is not int or not 0 <= token < self.size:
            raise ValueError("a token has no row")
        return token

    cdef _spell(self, dict vocabulary):
        """Single characters and the 256 bytes for what is none of them."""
        cdef uint32_t token
        self.words = True
        spelled = [text for text in vocabulary if len(text) == 1]
        reserve_characters(&self.merges, len(spelled))
        for text in spelled:
            add_character(&self.merges, ord(text), self._token(vocabulary, text))
        for byte in range(256):
            self.merges.bytes[byte] = self._token(vocabulary, f"<0x{byte:02X}>")
        self.mark = self._token(vocabulary, "\u2581")
        for text in vocabulary:
            if "\u2581" in text.lstrip("\u2581"):
                self.words = False

    cdef _join(self, dict vocabulary, list merges):
        cdef uint32_t rank = 0
        reserve_pairs(&self.merges, len(merges))
        for left, right in merges:
            add_pair(
                &self.merges, self._token(vocabulary, left), self._token(vocabulary, right), rank,
                self._token(vocabulary, left + right),
            )
            rank += 1

    cdef _name(self, dict named):
        if len(named) > NAMED:
            raise ValueError("too many named tokens")
        for text, token in named.items():
            coded = text.encode()
            if not 2 <= len(coded) <= 24 or not 0 <= token < self.size:
                raise ValueError("a named token that cannot be")
            self.named[self.names].token = token
            self.named[self.names].length = len(coded)
            memcpy(self.named[self.names].text, PyBytes_AS_STRING(coded), len(coded))
            self.names += 1

    cdef const Named *_named_at(self, const uint8_t *data, size_t left) noexcept nogil:
        """The longest named token that begins here; NULL for none."""
        cdef const Named *best = NULL
        cdef uint32_t each
        for each in range(self.names):
            if self.named[each].length > left or self.named[each].text[0] != data[0]:
                continue
            if best != NULL and best.length >= self.named[each].length:
                continue
            if memcmp(self.named[each].text, data, self.named[each].length) == 0:
                best = &self.named[each]
        return best

    cdef Py_ssize_t _merged(self, const uint32_t *symbols, size_t count, uint32_t *out) noexcept nogil:
        """Tokens of one stretch between named ones, word by word where that is the same."""
        cdef size_t start = 0, end
        cdef Py_ssize_t total = 0, several
        while start < count:
            end = count
            if self.words:
                end = start + 1
                while end < count and (symbols[end] != self.mark or symbols[end - 1] == self.mark):
                    end += 1
            several = merge(&self.merges, symbols + start, end - start, out + total)
            if several < 0:
                return -1
            total += several
            start = end
        return total

    cdef Py_ssize_t _tokens(self, const uint8_t *data, size_t length, uint32_t *room) noexcept nogil:
        """Writes the tokens to the beginning of `room`, which has 2 * length + 2 places; -1 without memory.

        A stretch of n bytes has at most n + 1 symbols (a mark stands before it) and no more tokens. Each further
        stretch follows a named token, whose two bytes or more pay for itself and for that mark: all tokens together
        are at most length + 1, so that they never reach the symbols behind them.
        """
        cdef const Named *found
        cdef uint32_t *symbols = room + length + 1
        cdef size_t at = 0, count = 0
        cdef Py_ssize_t total = 0, several
        while True:
            found = NULL
            if at < length:
                found = self._named_at(data + at, length - at)
            if (found != NULL or at == length) and count:
                several = self._merged(symbols, count, room + total)
                if several < 0:
                    return -1
                total += several
                count = 0
            if at == length:
                return total
            if found != NULL:
                room[total] = found.token
                total += 1
                at += found.length
                continue
            if count == 0:
                symbols[0] = self.mark
                count = 1
            if data[at] == b" ":
                symbols[count] = self.mark
                count += 1
                at += 1
            else:
                at += spell(&self.merges, data + at, length - at, symbols + count, &count)

    cdef void _add_up(self, const uint32_t *tokens, Py_ssize_t count, float *total) noexcept nogil:
        cdef Py_ssize_t each, place
        cdef size_t width = self.dimensions
        cdef const float *row
        memset(total, 0, width * sizeof(float))
        if self.halves != NULL:
            for each in range(count):
                if each + AHEAD < count:
                    prefetch_row(self.halves + tokens[each + AHEAD] * width, width * sizeof(uint16_t))
                add_halves(total, self.halves + tokens[each] * width, width)
            return
        for each in range(count):
            row = self.rows + tokens[each] * width
            if each + AHEAD < count:
                prefetch_row(self.rows + tokens[each + AHEAD] * width, width * sizeof(float))
            for place in range(self.dimensions):
                total[place] += row[place]

    cdef bint _normalise(self, float *vector) noexcept nogil:
        """False where nothing is left to have a direction."""
        cdef float square = 0.0, factor
        cdef Py_ssize_t place
        for place in range(self.dimensions):
            square += vector[place] * vector[place]
        if not 1e-12 < square < 1e30:
            return False
        factor = 1.0 / sqrtf(square)
        for place in range(self.dimensions):
            vector[place] *= factor
        return True

    def tokens(self, str text not None):
        cdef Py_ssize_t length, count, each
        cdef const char *data = PyUnicode_AsUTF8AndSize(text, &length)
        cdef uint32_t *room
        if length > LONGEST:
            raise ValueError("the text is too long")
        room = <uint32_t *>malloc((2 * length + 2) * sizeof(uint32_t))
        if room == NULL:
            raise MemoryError
        try:
            with nogil:
                count = self._tokens(<const uint8_t *>data, length, room)
            if count < 0:
                raise MemoryError
            return [room[each] for each in range(count)]
        finally:
            free(room)

    def embed(self, str text not None):
        cdef Py_ssize_t length, count
        cdef const char *data = PyUnicode_AsUTF8AndSize(text, &length)
        cdef uint32_t *room
        cdef bytes vector
        cdef float *total
        cdef bint good = False
        if length == 0 or length > LONGEST:
            return None
        vector = PyBytes_FromStringAndSize(NULL, self.dimensions * sizeof(float))
        total = <float *>PyBytes_AS_STRING(vector)
        room = <uint32_t *>malloc((2 * length + 2) * sizeof(uint32_t))
        if room == NULL:
            raise MemoryError
        with nogil:
            count = self._tokens(<const uint8_t *>data, length, room)
            if count > 0:
                self._add_up(room, count, total)
                good = self._normalise(total)
            free(room)
        return vector if good else None
