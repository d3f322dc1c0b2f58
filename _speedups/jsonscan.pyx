"""Reads what the gateway must know of a JSON body that passes, in one strict pass, and edits it in place.

The grammar is RFC 8259, the encoding strict UTF-8 (RFC 3629): what a lenient parser would take here and a strict one
refuse behind us (NaN, a trailing comma, a key written twice, an overlong byte) is refused here. Nothing is built of the
document but the places of its top-level members, so that everything that is not edited stays as it came, byte for byte.
"""

import json
from json.encoder import encode_basestring_ascii

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdlib cimport free
from libc.string cimport memchr

from gateway.errors import BadRequest

cdef extern from "<string.h>" nogil:
    void *memmem(const void *text, size_t length, const void *word, size_t word_length)

include "json_grammar.pxi"

cdef dict SAID = {
    WANT_VALUE: "expected a value",
    WANT_KEY: "expected a key in double quotes",
    WANT_COLON: "expected ':'",
    WANT_COMMA_OBJECT: "expected ',' or '}'",
    WANT_COMMA_ARRAY: "expected ',' or ']'",
    BAD_LITERAL: "expected true, false or null",
    BAD_NUMBER: "malformed number",
    BAD_ESCAPE: "malformed escape in a string",
    BAD_UTF8: "invalid UTF-8 in a string",
    CONTROL: "unescaped control character in a string",
    UNTERMINATED: "unterminated string",
    TOO_DEEP: f"nested deeper than {MAX_DEPTH} levels",
    TRAILING: "expected nothing more after the top-level object",
}


cdef object refusal(bytes body, Fault fault, Py_ssize_t at):
    if fault == NO_MEMORY:
        return MemoryError()
    if at >= len(body) and fault != UNTERMINATED:
        said = f"{SAID[fault]}, but the body ends"
    else:
        said = SAID[fault]
    line = body.count(b"\n", 0, at) + 1
    column = at - body.rfind(b"\n", 0, at)
    return BadRequest(f"the body is not valid JSON: {said} at byte {at} (line {line}, column {column})")


cdef object no_object(bytes body, Py_ssize_t at):
    if body.startswith(b"\xef\xbb\xbf"):
        return BadRequest("the body is not valid JSON: it begins with a byte order mark")
    if at >= len(body):
        return BadRequest("the body is empty: expected a JSON object")
    if body[at:at + 1] in b"[\"-0123456789tfn":
        return BadRequest("the body must be a JSON object")
    return BadRequest(f"the body is not valid JSON: expected '{{' at byte {at}")


cdef inline void begin(Members *m) noexcept:
    m.list = m.fixed
    m.count = 0
    m.room = FIXED


cdef inline void release(Members *m) noexcept:
    if m.list != m.fixed:
        free(m.list)


cdef int scan_document(bytes body, Members *m) except -1:
    cdef const unsigned char *b = <const unsigned char *> PyBytes_AS_STRING(body)
    cdef Py_ssize_t n = PyBytes_GET_SIZE(body)
    cdef Fault fault = FINE
    cdef Py_ssize_t i
    if n > MAX_SIZE:
        raise BadRequest("the body is too large to be read as JSON")
    i = skip_space(b, 0)
    if b[i] != c'{':
        raise no_object(body, i)
    i = scan(b, i, n, m, &fault)
    if not fault:
        i = skip_space(b, i)
        if i < n:
            fault = TRAILING
    if fault:
        raise refusal(body, fault, i)
    return 0


cdef int scan_nested(bytes body, Py_ssize_t start, Py_ssize_t end, Members *m) except -1:
    """The members of an object inside a document that was scanned before; `end` bounds what it may read."""
    cdef const unsigned char *b = <const unsigned char *> PyBytes_AS_STRING(body)
    cdef Fault fault = FINE
    cdef Py_ssize_t i
    check_span(body, start, end)
    if b[start] != c'{':
        raise BadRequest("expected a JSON object")
    i = scan(b, start, PyBytes_GET_SIZE(body), m, &fault)
    if fault:
        raise refusal(body, fault, i)
    if i != end:
        raise ValueError("not the span of an object")
    return 0


cdef int check_span(bytes body, Py_ssize_t start, Py_ssize_t end) except -1:
    if not 0 <= start < end <= PyBytes_GET_SIZE(body):
        raise ValueError("span outside of the body")
    return 0


cdef str key_text(bytes body, Member *member):
    cdef const char *b = PyBytes_AS_STRING(body)
    if member.escaped:
        return json.loads(body[member.key - 1:member.key_end + 1])
    return PyUnicode_DecodeUTF8(b + member.key, member.key_end - member.key, NULL)


cdef dict spans_of(bytes body, Members *m):
    cdef dict spans = {}
    cdef Member *member
    cdef int k
    for k in range(m.count):
        member = m.list + k
        key = key_text(body, member)
        spans[key] = (member.value, member.value_end)
        if len(spans) != k + 1:
            param = key if key.isascii() else None
            raise BadRequest(f"the body has the key {json.dumps(key)} more than once", param=param)
    return spans


cdef int refuse_duplicates(bytes body, Members *m) except -1:
    """Like `spans_of`, but without building anything in the usual case: few keys, none of them escaped."""
    cdef const char *b = PyBytes_AS_STRING(body)
    cdef int k, j, length
    cdef bint plain = m.count <= FIXED
    for k in range(m.count):
        plain = plain and not m.list[k].escaped
    if not plain:
        spans_of(body, m)
        return 0
    for k in range(1, m.count):
        length = m.list[k].key_end - m.list[k].key
        for j in range(k):
            if m.list[j].key_end - m.list[j].key != length:
                continue
            if memcmp(b + m.list[j].key, b + m.list[k].key, length) == 0:
                spans_of(body, m)   # raises, with the key's name
    return 0


def top_level(bytes body not None):
    """The span of every top-level member's value, by key, in the order of the document."""
    cdef Members m
    begin(&m)
    try:
        scan_document(body, &m)
        return spans_of(body, &m)
    finally:
        release(&m)


def members(bytes body not None, tuple span not None):
    """The same for an object inside a scanned document, at `span`; the spans count from the start of `body`."""
    cdef Members m
    cdef Py_ssize_t start = span[0], end = span[1]
    begin(&m)
    try:
        scan_nested(body, start, end, &m)
        return spans_of(body, &m)
    finally:
        release(&m)


cdef str text(bytes body, Py_ssize_t start, Py_ssize_t end, str name):
    cdef const char *b = PyBytes_AS_STRING(body)
    check_span(body, start, end)
    if b[start] != c'"' or end - start < 2:
        raise BadRequest(f"{name} must be a string", param=name)
    if memchr(b + start, c'\\', end - start) == NULL:
        return PyUnicode_DecodeUTF8(b + start + 1, end - start - 2, NULL)
    value = json.loads(body[start:end])
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadRequest(f"{name} has an unpaired surrogate", param=name) from None
    return value


def string_value(bytes body not None, tuple span not None, str name="the value"):
    """The JSON string at `span`; `name` is what an error calls it."""
    return text(body, span[0], span[1], name)


def splice(bytes body not None, list edits not None):
    """A copy of `body` with every (start, end, replacement) made; the edits must not overlap."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(body), at = 0, start, end
    cdef char *to
    cdef bytes new, out
    if len(edits) > 1:
        edits = sorted(edits, key=by_place)
    for start, end, new in edits:
        if not at <= start <= end <= PyBytes_GET_SIZE(body):
            raise ValueError("edits overlap or leave the body")
        size += PyBytes_GET_SIZE(new) - (end - start)
        at = end
    out = PyBytes_FromStringAndSize(NULL, size)
    to = PyBytes_AS_STRING(out)
    at = 0
    for start, end, new in edits:
        memcpy(to, PyBytes_AS_STRING(body) + at, start - at)
        to += start - at
        memcpy(to, PyBytes_AS_STRING(new), PyBytes_GET_SIZE(new))
        to += PyBytes_GET_SIZE(new)
        at = end
    memcpy(to, PyBytes_AS_STRING(body) + at, PyBytes_GET_SIZE(body) - at)
    return out


def by_place(tuple edit):
    return edit[0], edit[1]


def set_key(bytes body not None, dict spans not None, str key not None, bytes value not None, tuple within=None):
    """The smallest edits for `splice` after which the object has `key: value`; `value` is raw JSON.

    `spans` is what `top_level` said, or what `members` said of the object at `within`.
    """
    found = spans.get(key)
    if found is not None:
        return [(found[0], found[1], value)]
    pair = json.dumps(key).encode() + b":" + value
    if spans:
        at = max([span[1] for span in spans.values()])
        return [(at, at, b"," + pair)]
    at = within[0] + 1 if within is not None else body.index(b"{") + 1
    return [(at, at, pair)]


# --- what a request asks for -----------------------------------------------------------------------------------------


cdef inline bint is_key(bytes body, Member *member, const char *name, int length):
    if member.escaped:
        return key_text(body, member) == name[:length].decode()
    return (
        member.key_end - member.key == length
        and memcmp(PyBytes_AS_STRING(body) + member.key, name, length) == 0
    )


cdef int flag(bytes body, Member *member, str name) except -1:
    """1 for true, 0 for false and null."""
    cdef char c = PyBytes_AS_STRING(body)[member.value]
    if c == c't':
        return 1
    if c == c'f' or c == c'n':
        return 0
    raise BadRequest(f"{name} must be true or false", param=name)


include "jsonscan_numbers.pxi"


@cython.final
@cython.freelist(64)
@cython.no_gc
cdef class Facts:
    """What a request body says that the gateway acts on; made by `request_facts`, read-only."""

    cdef readonly bytes body
    cdef readonly object model
    cdef readonly object max_tokens
    cdef readonly object choices
    cdef readonly object answers
    cdef readonly bint stream
    cdef readonly bint include_usage
    cdef readonly bint wishes
    cdef Members members
    cdef int model_at           # index of the member, or -1
    cdef int options_at
    cdef dict lazy

    def __cinit__(self):
        begin(&self.members)
        self.model_at = self.options_at = -1

    def __dealloc__(self):
        release(&self.members)

    def __init__(self):
        raise TypeError("made by request_facts")

    @property
    def spans(self):
        """As `top_level` says it."""
        if self.lazy is None:
            self.lazy = spans_of(self.body, &self.members)
        return self.lazy

    def span(self, bytes name not None):
        """Where the value of one member lies; None without it. Cheaper than `spans` for a few names."""
        cdef const char *wanted = PyBytes_AS_STRING(name)
        cdef int length = <int>min(len(name), 256)
        cdef int k
        for k in range(self.members.count):
            if is_key(self.body, self.members.list + k, wanted, length):
                return self.members.list[k].value, self.members.list[k].value_end
        return None

    def mentions(self, tuple looks not None):
        """Of `looks`, each a bit, a member's name and bytes in its value, the bits of those that are there."""
        cdef int found = 0
        cdef int k
        cdef bytes name, word
        cdef Member *one
        for look in looks:
            name, word = <bytes?>(<tuple?>look)[1], <bytes?>(<tuple>look)[2]
            for k in range(self.members.count):
                one = self.members.list + k
                if is_key(self.body, one, PyBytes_AS_STRING(name), <int>min(len(name), 256)):
                    if not word or memmem(PyBytes_AS_STRING(self.body) + one.value, one.value_end - one.value,
                                          PyBytes_AS_STRING(word), len(word)) != NULL:
                        found |= <int>look[0]
                    break
        return found

    @property
    def model_span(self):
        if self.model_at < 0:
            return None
        return self.members.list[self.model_at].value, self.members.list[self.model_at].value_end

    def rewrite(self, str model=None, bint include_usage=False, tuple drop=()):
        """The body with `model` in place of its own, with `stream_options.include_usage` true, and without the members
        named in `drop`; every other byte as it came. With nothing to change it is the same object."""
        cdef list edits = self.dropped(drop) if drop else []
        if edits:
            return request_facts(splice(self.body, edits)).rewrite(model, include_usage)
        if model is not None and model != self.model:
            if self.model_at < 0:
                raise BadRequest("model is required", param="model")
            edits.append((*self.model_span, written(model)))
        if include_usage and not self.include_usage:
            edits += self.asking_usage()
        return splice(self.body, edits) if edits else self.body

    cdef list asking_usage(self):
        cdef Member *options
        if self.options_at < 0:
            return set_key(self.body, self.spans, "stream_options", ASKING)
        options = self.members.list + self.options_at
        span = (options.value, options.value_end)
        if PyBytes_AS_STRING(self.body)[options.value] == c'n':
            return [(*span, ASKING)]
        return set_key(self.body, members(self.body, span), "include_usage", b"true", span)

    cdef list dropped(self, tuple names):
        """Edits that take whole members out, each with one comma: the one before it, or, while nothing is kept before
        it, the one after it."""
        cdef list edits = []
        cdef Member *m = self.members.list
        cdef int k, kept = -1, last = self.members.count - 1
        for k in range(self.members.count):
            if key_text(self.body, m + k) not in names:
                kept = k
            elif kept >= 0:
                edits.append((m[k - 1].value_end, m[k].value_end, b""))
            else:
                edits.append((m[k].key - 1, m[k].value_end if k == last else m[k + 1].key - 1, b""))
        return edits


cdef bytes ASKING = b'{"include_usage":true}'


cdef bytes written(str value):
    """As a JSON string, in ASCII."""
    return encode_basestring_ascii(value).encode()


cdef int read_options(bytes body, Member *options, Facts facts) except -1:
    """`stream_options.include_usage` (OpenAI's chat completions and completions)."""
    cdef Members m
    cdef int k
    cdef char c = PyBytes_AS_STRING(body)[options.value]
    if c == c'n':
        return 0
    if c != c'{':
        raise BadRequest("stream_options must be an object", param="stream_options")
    begin(&m)
    try:
        scan_nested(body, options.value, options.value_end, &m)
        refuse_duplicates(body, &m)
        for k in range(m.count):
            if is_key(body, m.list + k, b"include_usage", 13):
                facts.include_usage = flag(body, m.list + k, "stream_options.include_usage")
    finally:
        release(&m)
    return 0


def request_facts(bytes body not None):
    """Validates the whole body, as `top_level` does, and reads of it what every request needs."""
    cdef Facts facts = Facts.__new__(Facts)
    cdef Member *member
    cdef int k
    cdef object newer = None
    facts.body = body
    facts.choices = facts.answers = 1
    scan_document(body, &facts.members)
    refuse_duplicates(body, &facts.members)
    for k in range(facts.members.count):
        member = facts.members.list + k
        if is_key(body, member, b"model", 5):
            facts.model_at = k
            facts.model = text(body, member.value, member.value_end, "model")
        elif is_key(body, member, b"stream", 6):
            facts.stream = flag(body, member, "stream")
        elif is_key(body, member, b"stream_options", 14):
            facts.options_at = k
            read_options(body, member, facts)
        elif is_key(body, member, b"max_tokens", 10):
            facts.max_tokens = loosely(body, member)
        elif is_key(body, member, b"max_completion_tokens", 21):
            newer = loosely(body, member)
        elif is_key(body, member, b"n", 1):
            facts.choices = whole(body, member) or 1
            facts.answers = loosely(body, member) or 1
        elif is_key(body, member, b"fallbacks", 9) or is_key(body, member, b"models", 6):
            facts.wishes = True
    if newer is not None:
        facts.max_tokens = newer
    return facts
