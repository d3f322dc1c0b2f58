"""Whether a request's body is one of the usual kind: texts and settings, of which no reader leaves anything out.

One pass along the places of keys and values, without building anything. Below the top every key has to be one of a few
names, spelled without escapes, each once in its object. What the pass cannot vouch for is not plain; that is no fault.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t
from libc.string cimport memchr

include "json_grammar.pxi"

cdef extern from * nogil:
    """
    #include <string.h>

    /* Whether one of p[0..63] may begin the nine bytes of a quoted word of seven letters, the first an r; written so
       that the compiler makes vector code of it. Reads p[0..71]. */
    static inline int plain_word64(const unsigned char *p) {
        unsigned char marks = 0;
        for (int k = 0; k < 64; k++)
            marks |= (unsigned char)((p[k] ^ '"') | (p[k + 1] ^ 'r') | (p[k + 8] ^ '"')) == 0;
        return marks;
    }
    """
    int plain_word64(const unsigned char *p) noexcept
    void *memmem(const void *text, size_t length, const void *sought, size_t size) noexcept

cdef enum:
    DEEPEST = 12        # objects and lists in one another; a message's text stands at six

MOST = 1024

PLAIN = 1
TWO_BOUNDS = 2
UNDERSCORE = 4

cdef struct Name:
    const char *text
    int length

cdef Name[14] NAMES = [
    Name("role", 4), Name("content", 7), Name("text", 4), Name("type", 4), Name("name", 4), Name("parts", 5),
    Name("ttl", 3), Name("cache_control", 13), Name("include_usage", 13), Name("temperature", 11), Name("topP", 4),
    Name("topK", 4), Name("maxOutputTokens", 15), Name("stopSequences", 13),
]


cdef inline uint32_t bit_of(const unsigned char *key, Py_ssize_t length) noexcept nogil:
    cdef int k
    for k in range(14):
        if NAMES[k].length == length and NAMES[k].text[0] == <char> key[0] and (
            memcmp(NAMES[k].text, key, length) == 0
        ):
            return <uint32_t> 1 << k
    return 0


cdef inline int top_bit(const unsigned char *key, Py_ssize_t length) noexcept nogil:
    """Of the bounds on an answer that OpenAI's dialect has two names for; 4 where the name has an underscore."""
    cdef Py_ssize_t k
    if length == 10 and memcmp(key, b"max_tokens", 10) == 0:
        return 5
    if length == 21 and memcmp(key, b"max_completion_tokens", 21) == 0:
        return 6
    for k in range(length):
        if key[k] == c'_':
            return 4
    return 0


cdef int look(const unsigned char *b, Py_ssize_t n) noexcept nogil:
    """0, or the sum of what the document is. Reads no further than `scan` does: see there."""
    cdef uint32_t seen[DEEPEST + 1]
    cdef unsigned char opened[DEEPEST + 1]
    cdef Py_ssize_t i = skip_space(b, 0), start
    cdef Fault fault = FINE
    cdef bint escaped = False, want_key = True
    cdef int depth = 1, top = 0
    cdef uint32_t bit
    cdef unsigned char c
    if b[i] != c'{':
        return 0
    seen[1] = 0
    opened[1] = c'{'
    i = skip_space(b, i + 1)
    if b[i] == c'}':
        return 0
    while True:
        if want_key:
            if b[i] != c'"':
                return 0
            start = i + 1
            escaped = False
            i = string_end(b, start, n, &escaped, &fault)
            if fault or escaped:
                return 0
            if depth == 1:
                top |= top_bit(b + start, i - 1 - start)
            else:
                bit = bit_of(b + start, i - 1 - start)
                if bit == 0 or seen[depth] & bit:
                    return 0
                seen[depth] |= bit
            i = skip_space(b, i)
            if b[i] != c':':
                return 0
            i = skip_space(b, i + 1)
            want_key = False
        c = b[i]
        if c == c'"':
            i = string_end(b, i + 1, n, &escaped, &fault)
        elif c == c'{' or c == c'[':
            if depth == DEEPEST:
                return 0
            i = skip_space(b, i + 1)
            if b[i] != c + 2:
                depth += 1
                opened[depth] = c
                seen[depth] = 0
                want_key = c == c'{'
                continue
            i += 1
        elif is_digit(c) or c == c'-':
            i = number_end(b, i, &fault)
        else:
            i = literal_end(b, i, n, &fault)
        if fault:
            return 0
        while True:
            i = skip_space(b, i)
            if b[i] == c',':
                want_key = opened[depth] == c'{'
                i = skip_space(b, i + 1)
                break
            if b[i] != opened[depth] + 2:
                return 0
            depth -= 1
            i += 1
            if depth == 0:
                if skip_space(b, i) < n:
                    return 0
                return 1 | (2 if top & 3 == 3 else 0) | (top & 4)


def look_at(bytes body not None):
    """0, or PLAIN, with TWO_BOUNDS where an answer is bounded twice and UNDERSCORE where a key at the top has one."""
    return look(<const unsigned char *> PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body))


def names_in(bytes body not None):
    """Every name of a member of any object in a valid document, as it is spelled; None where one has an escape or where
    there are more than MOST of them."""
    cdef const unsigned char *b = <const unsigned char *> PyBytes_AS_STRING(body)
    cdef Py_ssize_t n = PyBytes_GET_SIZE(body), i = 0, start, after
    cdef Fault fault = FINE
    cdef bint escaped
    cdef set found = set()
    while i < n:
        # Outside of strings: whatever is no quote is of no interest. The NUL behind the body ends no search, n does.
        if b[i] != c'"':
            i += 1
            continue
        start = i + 1
        escaped = False
        i = string_end(b, start, n, &escaped, &fault)
        if fault:
            return None
        after = skip_space(b, i)
        if b[after] != c':':
            continue
        if escaped:
            return None
        found.add(PyBytes_FromStringAndSize(<const char *> b + start, i - 1 - start))
        if len(found) > MOST:
            return None
        i = after + 1
    return found


cdef bint has_any(const unsigned char *p) noexcept:
    """Whether a list of something is the value of the member whose name ends there."""
    cdef Py_ssize_t i = skip_space(p, 0)
    if p[i] != c':':
        return False
    i = skip_space(p, i + 1)
    return p[i] == c'[' and p[skip_space(p, i + 1)] != c']'


cdef bint looked_up(const unsigned char *b, Py_ssize_t n) noexcept:
    """Whether it tells what was found: one walk along the underscores, of which texts have few. What is read before
    one and behind it is in the document; has_any halts on the NUL behind that."""
    cdef const unsigned char *end = b + n
    cdef const unsigned char *p = b
    while True:
        p = <const unsigned char *> memchr(p, c'_', end - p)
        if p == NULL:
            return False
        if p[1] == c'c':
            if p - b >= 4 and end - p >= 10 and memcmp(p - 4, b'"url_citation"', 14) == 0:
                return True
        elif p[1] == c'r':
            if p - b >= 7 and end - p >= 9 and memcmp(p - 7, b'"search_results"', 16) == 0 and has_any(p + 9):
                return True
        elif p[1] == c't':
            if p - b >= 9 and end - p >= 7 and memcmp(p - 9, b'"executed_tools"', 16) == 0 and has_any(p + 7):
                return True
        p += 1


cdef inline const unsigned char *refusal_in(const unsigned char *p, const unsigned char *end) noexcept nogil:
    """Where the next `"refusal"` begins, or NULL."""
    while end - p >= 72 and not plain_word64(p):
        p += 64
    return <const unsigned char *> memmem(p, end - p, b'"refusal"', 9)


cpdef bint refuses(bytes body):
    """Whether the documents of an answer, or of the events of one, say that it is none for others: some member
    `refusal` is a text that says something, or it tells what somebody has just looked up (citations of pages in
    OpenAI's dialect, Perplexity's `search_results`, Groq's `executed_tools`). Inside of texts a word's quotes have
    backslashes, so that the first of them is not the last."""
    cdef const unsigned char *b = <const unsigned char *> PyBytes_AS_STRING(body)
    cdef const unsigned char *end = b + PyBytes_GET_SIZE(body)
    cdef const unsigned char *p = b
    cdef Py_ssize_t i
    while True:
        p = refusal_in(p, end)
        if p == NULL:
            return looked_up(b, end - b)
        p += 9
        i = skip_space(p, 0)
        if p[i] != c':':
            continue
        i = skip_space(p, i + 1)
        # The NUL behind the body is no quote: whatever ends early ends in one of these comparisons.
        if p[i] == c'"' and p[i + 1] != c'"' and p + i + 1 < end:
            return True
