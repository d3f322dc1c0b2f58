# cython: auto_pickle=False
"""A kept answer in the words in which it was told, for callers of the same endpoint: all of it stays as it is, byte for
byte, but its id and its usage, which says that the whole prompt was read from a cache.

Whatever is not as most providers write it (one id in all events, one usage, in its place) is left to the neutral form.

Bounds: everything is looked for with memmem or read by `json_grammar.pxi`, which halts on the NUL behind the bytes. An
edit replaces bytes of the body by at most LONGEST others, and edits do not overlap.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport free, qsort
from libc.string cimport memchr, memset, strlen

cdef extern from "<string.h>" nogil:
    void *memmem(const void *text, size_t length, const void *word, size_t word_length)

include "json_grammar.pxi"

cdef enum:
    LONGEST = 72        # bytes that an edit writes: a name of 23, another of 13, and a number of 20
    FEW = 8             # edits that need no allocation: those of a whole answer

cdef object MOST_TOKENS = 1 << 53    # readers take more for no count

ctypedef const char *Name

cdef Name[3] OWN_COUNTS = [b"prompt_cache_hit_tokens", b"cached_tokens", b"cost"]
cdef Name[3] WHO_ASKED = [b"user", b"safety_identifier", b"metadata"]

cdef struct Edit:
    Py_ssize_t start
    Py_ssize_t end
    bint cut            # here the new id is written, behind the text
    int length
    char text[LONGEST]

cdef struct Edits:
    Edit few[FEW]
    Edit *list          # `few`, or the heap once that is full
    int count
    int room

cdef struct Answer:
    const unsigned char *b
    Py_ssize_t n
    const char *prefix  # of the dialect's ids
    int64_t tokens      # of the prompt
    bint claude
    Edits edits


cdef bint edit(Answer *a, Py_ssize_t start, Py_ssize_t end, const char *text, bint cut) noexcept:
    cdef Edits *e = &a.edits
    cdef Edit *more
    cdef size_t length = strlen(text)
    if length > LONGEST:
        return False
    if e.count == e.room:
        more = <Edit *> realloc(NULL if e.list == e.few else e.list, 2 * e.room * sizeof(Edit))
        if more == NULL:
            return False
        if e.list == e.few:
            memcpy(more, e.few, e.count * sizeof(Edit))
        e.list = more
        e.room *= 2
    more = e.list + e.count
    e.count += 1
    more.start, more.end, more.cut, more.length = start, end, cut, <int> length
    memcpy(more.text, text, length)
    return True


cdef int by_start(const void *one, const void *other) noexcept nogil:
    cdef Py_ssize_t left = (<const Edit *> one).start, right = (<const Edit *> other).start
    return (left > right) - (left < right)


# --- objects -----------------------------------------------------------------------------------------------------------


cdef Py_ssize_t opened(Answer *a, Py_ssize_t at, Members *m) noexcept:
    """Notes the members of the object that begins at `at`, and says where it ends; 0 for what is none, or has a name
    that is not spelled as it is. `m` is to be closed whatever is said."""
    cdef Fault fault = FINE
    cdef int k
    m.list, m.count, m.room = m.fixed, 0, FIXED
    if a.b[at] != c'{':
        return 0
    at = scan(a.b, at, a.n, m, &fault)
    for k in range(m.count):
        if m.list[k].escaped:
            return 0
    return 0 if fault else at


cdef inline void close(Members *m) noexcept:
    if m.list != m.fixed:
        free(m.list)


cdef Member *member(Answer *a, Members *m, const char *name) noexcept:
    """Of several of one name the last, which is the one that is read."""
    cdef int k
    cdef int length = <int> strlen(name)
    for k in range(m.count - 1, -1, -1):
        if m.list[k].key_end - m.list[k].key == length and memcmp(a.b + m.list[k].key, name, length) == 0:
            return m.list + k
    return NULL


cdef bint counts(Answer *a, Member *one) noexcept:
    return one != NULL and is_digit(a.b[one.value])


cdef bint any_of(Answer *a, Members *m, const Name *names, int count) noexcept:
    """Whether the object has one of these that is not null."""
    cdef Member *found
    cdef int k
    for k in range(count):
        found = member(a, m, names[k])
        if found != NULL and a.b[found.value] != c'n':
            return True
    return False


cdef Member *marked_id(Answer *a, Members *m) noexcept:
    """The object's own id, which is edited; NULL where it has none or several, or one that is not spelled as it is, and
    where the object says again who asked: the next one may be somebody else."""
    cdef Member *id = member(a, m, b"id")
    cdef int k
    if id == NULL or a.b[id.value] != c'"' or id.value_end - id.value < 3 or any_of(a, m, WHO_ASKED, 3):
        return NULL
    for k in range(m.count):
        if m.list[k].key_end - m.list[k].key == 2 and memcmp(a.b + m.list[k].key, b"id", 2) == 0 and m.list + k != id:
            return NULL
    if memchr(a.b + id.value, c'\\', id.value_end - id.value) != NULL:
        return NULL
    return id if edit(a, id.value + 1, id.value_end - 1, a.prefix, True) else NULL


# --- usage -------------------------------------------------------------------------------------------------------------


cdef bint number(Answer *a, Member *one, int64_t value) noexcept:
    cdef char text[LONGEST]
    snprintf(text, LONGEST, b"%lld", <long long> value)
    return edit(a, one.value, one.value_end, text, False)


cdef bint put(Answer *a, Py_ssize_t at, const char *form, bint alone) noexcept:
    """Writes a new member behind the brace at `at`: `form`, in which the tokens are filled in."""
    cdef char text[LONGEST + 1]
    cdef int length = snprintf(text, LONGEST, form, <long long> a.tokens)
    if length >= LONGEST - 1:
        return False
    if not alone:
        memcpy(text + length, b",", 2)
    return edit(a, at + 1, at + 1, text, False)


cdef bint details(Answer *a, Member *one) noexcept:
    """`prompt_tokens_details`."""
    cdef Members m
    cdef Member *cached
    cdef Member *written
    cdef bint fine = False
    cdef char text[LONGEST]
    if a.b[one.value] == c'n':
        snprintf(text, LONGEST, b'{"cached_tokens":%lld}', <long long> a.tokens)
        return edit(a, one.value, one.value_end, text, False)
    if opened(a, one.value, &m):
        cached, written = member(a, &m, b"cached_tokens"), member(a, &m, b"cache_write_tokens")
        fine = number(a, cached, a.tokens) if cached != NULL else put(
            a, one.value, b'"cached_tokens":%lld', m.count == 0
        )
        if fine and counts(a, written):
            fine = number(a, written, 0)
    close(&m)
    return fine


cdef bint openai_usage(Answer *a, Py_ssize_t at) noexcept:
    cdef Members m
    cdef Member *more
    cdef bint fine = False
    if opened(a, at, &m) and counts(a, member(a, &m, b"prompt_tokens")):
        # Some say in a way of their own what was read from a cache, and what it cost.
        if not any_of(a, &m, OWN_COUNTS, 3):
            more = member(a, &m, b"prompt_tokens_details")
            fine = details(a, more) if more != NULL else put(
                a, at, b'"prompt_tokens_details":{"cached_tokens":%lld}', False
            )
    close(&m)
    return fine


cdef bint written_to_none(Answer *a, Member *one) noexcept:
    """`cache_creation`: nothing was."""
    cdef Members m
    cdef int k
    cdef bint fine = one == NULL or a.b[one.value] == c'n'
    if fine:
        return True
    fine = opened(a, one.value, &m)
    for k in range(m.count):
        if fine and counts(a, m.list + k):
            fine = number(a, m.list + k, 0)
    close(&m)
    return fine


cdef bint anthropic_usage(Answer *a, Py_ssize_t at, bint needed) noexcept:
    """Where it is not `needed`, one without the prompt's tokens stays as it is."""
    cdef Members m
    cdef Member *fresh
    cdef Member *read
    cdef Member *written
    cdef bint fine = opened(a, at, &m)
    if fine:
        fresh, read = member(a, &m, b"input_tokens"), member(a, &m, b"cache_read_input_tokens")
        written = member(a, &m, b"cache_creation_input_tokens")
        if counts(a, fresh):
            fine = number(a, fresh, 0) and (
                number(a, read, a.tokens) if read != NULL else put(a, at, b'"cache_read_input_tokens":%lld', False)
            )
            if fine and counts(a, written):
                fine = number(a, written, 0)
            fine = fine and written_to_none(a, member(a, &m, b"cache_creation"))
        else:
            fine = not (needed or fresh != NULL or read != NULL or written != NULL) and (
                member(a, &m, b"cache_creation") == NULL
            )
    close(&m)
    return fine


# --- whole answers -----------------------------------------------------------------------------------------------------


cdef Py_ssize_t whole(Answer *a, Py_ssize_t at) noexcept:
    """From the object at `at`, which says id and usage of the answer, to behind it; 0 where it is another."""
    cdef Members m
    cdef Member *usage
    cdef Py_ssize_t end = opened(a, at, &m)
    cdef bint fine = end > 0
    if fine:
        usage = member(a, &m, b"usage")
        fine = usage != NULL and marked_id(a, &m) != NULL
        if fine:
            fine = anthropic_usage(a, usage.value, True) if a.claude else openai_usage(a, usage.value)
    close(&m)
    return end if fine else 0


cdef const unsigned char *value_behind(Answer *a, const unsigned char **at, const char *name) noexcept:
    """Where the value of the next member of that name begins, and NULL at the end. Quotes within a text have a backslash
    before them, so that a name in quotes with a colon behind it is a member's."""
    cdef size_t length = strlen(name)
    cdef const unsigned char *end = a.b + a.n
    cdef const unsigned char *found
    cdef Py_ssize_t i
    while True:
        found = <const unsigned char *> memmem(at[0], end - at[0], name, length)
        if found == NULL:
            return NULL
        at[0] = found + length
        i = skip_space(a.b, at[0] - a.b)
        if a.b[i] == c':':
            return a.b + skip_space(a.b, i + 1)


cdef bint says(Answer *a) noexcept:
    """Whether it says anything, in text or by a tool."""
    cdef const unsigned char *end = a.b + a.n
    cdef const unsigned char *at = a.b
    cdef const unsigned char *value
    while True:
        value = value_behind(a, &at, b'"text"' if a.claude else b'"content"')
        if value == NULL:
            break
        if value[0] == c'"' and value[1] != c'"':
            return True
    at = a.b
    while True:
        value = value_behind(a, &at, b'"type"' if a.claude else b'"tool_calls"')
        if value == NULL:
            return False
        if a.claude:
            if end - value > 10 and memcmp(value, b'"tool_use"', 10) == 0:
                return True
        elif value[0] == c'[' and value[1] != c']':
            return True


include "verbatim_streams.pxi"


# --- what comes of it --------------------------------------------------------------------------------------------------


cdef tuple pieces_of(Answer *a):
    """The edited bytes, apart where the id is to be written."""
    cdef Edits *e = &a.edits
    cdef Edit *one
    cdef Py_ssize_t size = a.n, at = 0, begun = 0, start
    cdef int k, cuts = 0, piece = 0
    cdef char *out
    cdef char *to
    cdef tuple pieces
    if e.count > 1:
        qsort(e.list, e.count, sizeof(Edit), by_start)
    for k in range(e.count):
        one = e.list + k
        if one.start < at:
            return None
        at = one.end
        size += one.length - (one.end - one.start)
        cuts += one.cut
    out = <char *> malloc(size + 1)
    if out == NULL:
        raise MemoryError
    pieces = PyTuple_New(cuts + 1)
    to, at = out, 0
    try:
        for k in range(e.count + 1):
            one = e.list + k
            start = one.start if k < e.count else a.n
            memcpy(to, a.b + at, start - at)
            to += start - at
            if k < e.count:
                memcpy(to, one.text, one.length)
                to += one.length
                at = one.end
            if k == e.count or one.cut:
                data = PyBytes_FromStringAndSize(out + begun, to - out - begun)
                Py_INCREF(data)
                PyTuple_SET_ITEM(pieces, piece, data)
                piece += 1
                begun = to - out
    finally:
        free(out)
    return pieces


cpdef tuple around_id(bytes body, object tokens, bint claude, bint stream, bint counted):
    if body is None:
        raise TypeError("the answer is bytes")
    cdef Answer a
    cdef Py_ssize_t end
    cdef bint fine
    a.b, a.n = <const unsigned char *> PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body)
    if a.n > MAX_SIZE or not 0 <= tokens <= MOST_TOKENS:
        return None
    a.tokens, a.claude, a.prefix = tokens, claude, b"msg_" if claude else b"chatcmpl-"
    a.edits.list, a.edits.count, a.edits.room = a.edits.few, 0, FEW
    try:
        if not stream:
            end = whole(&a, skip_space(a.b, 0))
            fine = end > 0 and skip_space(a.b, end) == a.n
        elif claude:
            fine = claude_stream(&a)
        else:
            fine = chat_stream(&a, counted)
        return pieces_of(&a) if fine and says(&a) else None
    finally:
        if a.edits.list != a.edits.few:
            free(a.edits.list)
