"""The key of a plain request, straight from its body: what its neutral request is hashed as, without reading it.

One pass over the body writes the turns as MessagePack and notes the numbers; what stands before the turns is put before
them at the end. Whatever is not expected in its place ends the pass: the body is read as any other then.

Bounds: the body is read no further than `json_grammar.pxi` says. A text is written with at most five bytes before it,
one up to 31 bytes, two up to 255, three up to 65,535, and nothing in it is longer than it was spelled, with two quotes
and a comma. So turns, with the names of their members, take less than the body, and so do the system's text and the
stops together but for two bytes in 65,536. The rest is counted beforehand.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memmove

include "sha256.pxi"
include "json_grammar.pxi"
include "msgpack_write.pxi"
include "plain_keys_values.pxi"

cdef enum:
    FORM_BYTE = 1       # below 128: it is written as it is
    ON_STACK = 8192
    MOST_PLAIN = 4 << 20    # bytes of a body: what is larger would keep other requests waiting for its key
    AROUND = 256        # bytes for what is always there: numbers, lengths and kinds
    PLACES = 10         # of SCALARS, those that a plain request may have
    STOP_PLACE = 8

FORM = <int> FORM_BYTE

cdef frozenset VERSIONS = frozenset((b"2023-06-01", b"2026-10-21"))  # that SDKs name

cdef enum Kind:
    MODEL               # a text; which model it is, is known
    NAME                # a text or null, no part of the key either
    TURNS
    FLOAT
    INT
    FLAG
    OPTIONS
    SYSTEM
    STOP

cdef struct Field:
    const char *name
    int length
    Kind kind
    int place           # in SCALARS

cdef enum:
    CHAT_FIELDS = 15
    CLAUDE_FIELDS = 9

cdef Field[CHAT_FIELDS] CHAT = [
    Field("model", 5, MODEL, 0),
    Field("messages", 8, TURNS, 0),
    Field("stream", 6, FLAG, 0),
    Field("temperature", 11, FLOAT, 1),
    Field("max_tokens", 10, INT, 0),
    Field("max_completion_tokens", 21, INT, 0),
    Field("top_p", 5, FLOAT, 2),
    Field("presence_penalty", 16, FLOAT, 5),
    Field("frequency_penalty", 17, FLOAT, 6),
    Field("seed", 4, INT, 7),
    Field("n", 1, INT, 9),
    Field("stop", 4, STOP, 0),
    Field("stream_options", 14, OPTIONS, 0),
    Field("user", 4, NAME, 0),
    Field("safety_identifier", 17, NAME, 0),
]
cdef Field[CLAUDE_FIELDS] CLAUDE = [
    Field("model", 5, MODEL, 0),
    Field("messages", 8, TURNS, 0),
    Field("stream", 6, FLAG, 0),
    Field("max_tokens", 10, INT, 0),
    Field("system", 6, SYSTEM, 0),
    Field("temperature", 11, FLOAT, 1),
    Field("top_p", 5, FLOAT, 2),
    Field("top_k", 5, INT, 3),
    Field("stop_sequences", 14, STOP, 0),
]
cdef enum:
    NEEDED = 3          # the first two
    TWO_BOUNDS = 48     # one answer bounded under two names, which readers take differently

cdef struct Said:
    bint claude
    Number numbers[PLACES]
    bint any_number
    Span system
    Py_ssize_t stop     # where its value begins; 0: there is none, or an empty list
    Py_ssize_t turns    # how many things the list of turns has


cdef inline int field_of(const Field *fields, int count, const unsigned char *key, Py_ssize_t length) noexcept:
    cdef int k
    for k in range(count):
        if fields[k].length == length and fields[k].name[0] == <char> key[0] and (
            memcmp(fields[k].name, key, length) == 0
        ):
            return k
    return -1


cdef const unsigned char *role_of(const unsigned char *b, Span role, bint claude, int *length) noexcept:
    cdef Py_ssize_t size = role.end - role.start
    length[0] = <int> size
    if role.escaped:
        return NULL
    if size == 4 and memcmp(b + role.start, b"user", 4) == 0:
        return b + role.start
    if size == 9 and memcmp(b + role.start, b"assistant", 9) == 0:
        return b + role.start
    if claude:
        return NULL
    if size == 6 and memcmp(b + role.start, b"system", 6) == 0:
        return b + role.start
    if size == 9 and memcmp(b + role.start, b"developer", 9) == 0:
        return b + role.start
    return NULL


cdef Py_ssize_t turn(const unsigned char *b, Py_ssize_t i, Py_ssize_t n, Said *said, unsigned char **out) noexcept:
    """From the opening brace of a turn to behind it, or 0. A turn is a role and a text, in either order."""
    cdef Span role, content
    cdef Span *value
    cdef const unsigned char *name
    cdef int length
    role.start = content.start = 0
    if b[i] != c'{':
        return 0
    while True:
        i = skip_space(b, i + 1)
        if n - i > 6 and memcmp(b + i, b'"role"', 6) == 0:
            value = &role
            i += 6
        elif n - i > 9 and memcmp(b + i, b'"content"', 9) == 0:
            value = &content
            i += 9
        else:
            return 0
        if value.start:
            return 0
        i = skip_space(b, i)
        if b[i] != c':':
            return 0
        i = text_at(b, skip_space(b, i + 1), n, value)
        if i == 0:
            return 0
        i = skip_space(b, i)
        if b[i] != c',':
            break
    if b[i] != c'}' or role.start == 0 or content.start == 0 or content.start == content.end:
        return 0
    name = role_of(b, role, said.claude, &length)
    if name == NULL:
        return 0
    out[0] = put_bytes(put_length(out[0], STR, length), name, length)
    out[0] = put_text(out[0], b, content)
    said.turns += 2
    return i + 1 if out[0] != NULL else 0


cdef Py_ssize_t turns(const unsigned char *b, Py_ssize_t i, Py_ssize_t n, Said *said, unsigned char **out) noexcept:
    if b[i] != c'[':
        return 0
    while True:
        i = turn(b, skip_space(b, i + 1), n, said, out)
        if i == 0:
            return 0
        i = skip_space(b, i)
        if b[i] != c',':
            return i + 1 if b[i] == c']' else 0


cdef Py_ssize_t value_of(
    const Field *field, const unsigned char *b, Py_ssize_t i, Py_ssize_t n, Said *said, unsigned char **out
) noexcept:
    """From where a member's value begins to behind it, or 0."""
    cdef Kind kind = field.kind
    cdef Span ignored
    if kind == TURNS:
        return turns(b, i, n, said, out)
    if b[i] == c'n' and kind != MODEL:
        return null_end(b, i, n)
    if kind == FLOAT or kind == INT:
        if said.numbers[field.place].kind:
            return 0
        said.any_number = True
        return number_at(b, i, &said.numbers[field.place], kind == FLOAT)
    if kind == FLAG:
        return flag_end(b, i, n)
    if kind == OPTIONS:
        return options_end(b, i, n)
    if kind == SYSTEM:
        return text_at(b, i, n, &said.system)
    if kind == STOP:
        if b[i] == c'"' or b[skip_space(b, i + 1)] != c']':
            said.stop = i
        return stops_end(b, i, n, not said.claude)
    i = text_at(b, i, n, &ignored)
    if i and ignored.escaped and unescape(out[0], b + ignored.start, b + ignored.end) == NULL:
        return 0
    return i


cdef bint read_body(const unsigned char *b, Py_ssize_t n, Said *said, unsigned char **out) noexcept:
    """Whether the body is plain. Writes its turns."""
    cdef const Field *fields = &CLAUDE[0] if said.claude else &CHAT[0]
    cdef int count = CLAUDE_FIELDS if said.claude else CHAT_FIELDS, which
    cdef Py_ssize_t i = skip_space(b, 0)
    cdef uint32_t seen = 0
    cdef Span key
    if b[i] != c'{':
        return False
    while True:
        i = text_at(b, skip_space(b, i + 1), n, &key)
        if i == 0 or key.escaped:
            return False
        which = field_of(fields, count, b + key.start, key.end - key.start)
        if which < 0 or seen >> which & 1:
            return False
        seen |= <uint32_t> 1 << which
        i = skip_space(b, i)
        if b[i] != c':':
            return False
        i = value_of(&fields[which], b, skip_space(b, i + 1), n, said, out)
        if i == 0:
            return False
        i = skip_space(b, i)
        if b[i] != c',':
            break
    if b[i] != c'}' or skip_space(b, i + 1) < n or seen & NEEDED != NEEDED:
        return False
    return said.claude or seen & TWO_BOUNDS != TWO_BOUNDS


cdef unsigned char *put_numbers(unsigned char *out, const unsigned char *b, Py_ssize_t n, Said *said) noexcept:
    """SCALARS, or null where nothing is said of any."""
    cdef int place
    if not said.any_number and said.stop == 0:
        return put_byte(out, NIL)
    out = put_length(out, ARRAY, PLACES + 5)
    for place in range(PLACES):
        if place != STOP_PLACE:
            out = put_number(out, &said.numbers[place])
        elif said.stop == 0:
            out = put_length(out, ARRAY, 0)
        else:
            out = put_stops(out, b, said.stop, n)
            if out == NULL:
                return NULL
    out = put_byte(put_byte(put_byte(out, NIL), NIL), NIL)      # logprobs, top_logprobs, parallel_tools
    return put_byte(put_length(out, STR, 0), FALSE)             # service_tier, sealed


cdef unsigned char *put_head(
    unsigned char *out, const unsigned char *b, Py_ssize_t n, Said *said, bytes scope, str model, bint more
) except? NULL:
    """What stands before the turns; NULL where the body is not plain after all."""
    cdef Py_ssize_t length
    cdef const char *name = PyUnicode_AsUTF8AndSize(model, &length)
    cdef bint instructed = said.system.start < said.system.end
    out = put_byte(put_length(out, ARRAY, 7 if more else 6), FORM_BYTE)
    out = put_bin(out, scope)
    out = put_bytes(put_length(out, STR, length), <const unsigned char *> name, length)
    out = put_numbers(out, b, n, said)
    if out == NULL:
        return NULL
    out = put_length(out, ARRAY, said.turns + (2 if instructed else 0))
    if instructed:
        out = put_bytes(put_length(out, STR, 6), b"system", 6)
        out = put_text(out, b, said.system)
    return out


cdef list answering(object headers):
    """The headers that change what a provider does; None where there are none."""
    cdef list found = None
    for one in headers:
        name = one[0]
        if name == b"anthropic-beta" or name == b"openai-beta" or (
            name == b"anthropic-version" and one[1] not in VERSIONS
        ):
            if found is None:
                found = []
            found.append((name, bytes(one[1])))
    if found is not None:
        found.sort()
    return found


cdef unsigned char *put_headers(unsigned char *out, list headers) except NULL:
    out = put_length(out, ARRAY, len(headers))
    for name, value in headers:
        out = put_bin(put_bin(put_length(out, ARRAY, 2), name), value)
    return out


cdef bytes said_of(
    bint claude, bytes body, bytes scope, str model, list headers, unsigned char *room, Py_ssize_t before
):
    """What is hashed; None where the body is not plain. The turns begin at `before`."""
    cdef const unsigned char *b = <const unsigned char *> PyBytes_AS_STRING(body)
    cdef Py_ssize_t n = PyBytes_GET_SIZE(body), size
    cdef unsigned char *out = room + before
    cdef unsigned char *head
    cdef Said said
    memset(&said, 0, sizeof(said))
    said.claude = claude
    if not read_body(b, n, &said, &out):
        return None
    out = put_byte(out, NIL)
    if headers is not None:
        out = put_headers(out, headers)
    head = put_head(room, b, n, &said, scope, model, headers is not None)
    if head == NULL:
        return None
    size = head - room
    memmove(room + before - size, room, size)
    return PyBytes_FromStringAndSize(<const char *> room + before - size, out - room - before + size)


def quick_key(str endpoint not None, bytes body not None, bytes scope not None, str model not None, headers=()):
    """As `exact_key`; None where the neutral request has to be read. A request that has such a key asks for nothing but
    an answer, and no two readers read it differently."""
    cdef unsigned char here[ON_STACK]
    cdef unsigned char *room = here
    cdef bint claude = endpoint == "messages"
    cdef Py_ssize_t n = PyBytes_GET_SIZE(body), before, all_of_it
    cdef bytes said
    cdef list more
    if not claude and endpoint != "chat_completions" or n > MOST_PLAIN:
        return None
    more = answering(headers) if headers else None
    before = n + (n >> 15) + PyBytes_GET_SIZE(scope) + 4 * len(model) + AROUND
    all_of_it = before + n + AROUND
    if more is not None:
        for name, value in more:
            all_of_it += 16 + len(name) + len(value)
    if all_of_it > ON_STACK:
        room = <unsigned char *> malloc(all_of_it)
        if room == NULL:
            raise MemoryError
    try:
        said = said_of(claude, body, scope, model, more, room, before)
    finally:
        if room != here:
            free(room)
    if said is None:
        return None
    return digest_of(said)
