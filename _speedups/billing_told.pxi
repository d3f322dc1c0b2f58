# What a caller is told of limits, in OpenAI's words.
#
# A part of billing.pyx, which has the imports and the claim.

cdef enum:
    LONGEST = 40  # bytes of a figure
    TOLD = 32     # limits whose header is kept, of either kind

cdef tuple NAMES = tuple([
    tuple([f"x-ratelimit-{what}-{kind}".encode() for what in ("limit", "remaining", "reset")])
    for kind in ("requests", "tokens")
])
cdef bytes WARNING = b"x-gateway-budget-warning"
cdef int64_t _figures_told[2 * TOLD]
cdef list _limits_told = [None] * (2 * TOLD)


cdef list _told(Claim claim, list headers):
    """The headers with how far limits are used up, in place of what the provider says of its own."""
    cdef tuple header
    cdef Hold common = claim.common, own = claim.own
    cdef Py_ssize_t at
    for at in range(PyList_GET_SIZE(headers)):
        header = <tuple>headers[at]
        if _is_limit(<bytes>PyTuple_GET_ITEM(header, 0)):
            headers = [one for one in headers if not _is_limit((<tuple>one)[0])]
            break
    if common is not None and own is not None:
        _tell(headers, 0, _tighter(common.verdict.requests, own.verdict.requests))
        _tell(headers, 1, _tighter(common.verdict.tokens, own.verdict.tokens))
    elif common is not None or own is not None:
        common = own if common is None else common
        _tell(headers, 0, common.verdict.requests)
        _tell(headers, 1, common.verdict.tokens)
    if claim.warned():
        warnings = [one for hold in claim.holds for one in hold.warnings]
        headers.append((WARNING, ", ".join(warnings).encode("ascii", "replace")))
    return headers


cdef inline bint _is_limit(bytes name) noexcept:
    return PyBytes_GET_SIZE(name) >= 12 and memcmp(PyBytes_AS_STRING(name), b"x-ratelimit-", 12) == 0


cdef inline int64_t *_tighter(int64_t *one, int64_t *other) noexcept:
    if not one[0] or other[0] and other[1] < one[1]:
        return other
    return one


cdef void _tell(list headers, int which, int64_t *figures) except *:
    cdef tuple names = <tuple>NAMES[which]
    if figures[0]:
        headers.append(_limit(which, figures[0]))
        headers.append((names[1], _number(figures[1])))
        headers.append((names[2], _seconds(figures[2])))


cdef tuple _limit(int which, int64_t figure):
    """The header of a limit, of which there are few: those that were told last are kept."""
    cdef int place = which * TOLD + figure % TOLD
    if _figures_told[place] != figure:
        _figures_told[place] = figure
        _limits_told[place] = (<tuple>NAMES[which])[0], _number(figure)
    return <tuple>_limits_told[place]


cdef inline char *_digits(char *end, int64_t value) noexcept:
    # Written backwards; 19 digits at most.
    while True:
        end -= 1
        end[0] = <char>(48 + value % 10)
        value //= 10
        if not value:
            return end


cdef bytes _number(int64_t value):
    cdef char text[LONGEST]
    cdef char *begin = _digits(text + LONGEST, max(value, <int64_t>0))
    return PyBytes_FromStringAndSize(begin, text + LONGEST - begin)


cdef bytes _seconds(int64_t ns):
    """Seconds with milliseconds where there are any: `0s`, `1.5s`, `0.063s`."""
    cdef char text[LONGEST]
    cdef char *at = text + LONGEST
    cdef int64_t whole = (min(max(ns, <int64_t>0), <int64_t>1 << 62) + 500_000) // 1_000_000
    cdef int64_t rest = whole % 1000
    cdef int digits = 3
    whole //= 1000
    at -= 1
    at[0] = b"s"
    if rest:
        while rest % 10 == 0:
            rest //= 10
            digits -= 1
        while digits:
            at -= 1
            at[0] = <char>(48 + rest % 10)
            rest //= 10
            digits -= 1
        at -= 1
        at[0] = b"."
    at = _digits(at, whole)
    return PyBytes_FromStringAndSize(at, text + LONGEST - at)


def figures(tuple requests, tuple tokens) -> list:
    """How far limits are used up, in OpenAI's words: (limit, left, ns until full) of requests and of tokens, or None.
    https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers"""
    cdef int64_t some[3]
    found = []
    for which, told in enumerate((requests, tokens)):
        if told is not None:
            some[0], some[1], some[2] = told
            _tell(found, which, some)
    return found


@cython.no_gc
@cython.freelist(64)
cdef class Metered:
    """A way back whose answers say how far the caller's limits are used up; what the provider says of its own is left
    out. Nothing that it refers to leads back to it."""

    cdef object send
    cdef Claim claim

    def __init__(self, send, Claim claim not None):
        self.send, self.claim = send, claim

    @property
    def started(self) -> bool:
        """Whether the head of an answer has left."""
        return self.send.started

    @property
    def chunk(self):
        """As it is offered."""
        return self.send.chunk

    @property
    def end(self):
        """As it is offered."""
        return self.send.end

    @property
    def cut(self):
        """As it is offered."""
        return self.send.cut

    def whole(self, status, list headers not None, body):
        """A complete answer, to be awaited."""
        return self.send.whole(status, _told(self.claim, headers), body)

    def start(self, status, list headers not None):
        """The head of a streamed answer, to be awaited."""
        return self.send.start(status, _told(self.claim, headers))
