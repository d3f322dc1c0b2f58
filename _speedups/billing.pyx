"""What one request holds and owes, on the way that nearly every request takes: reserved, drawn and paid in compiled code.

The ways beside it (a refusal, several tries, a target that was not expected) are methods that `access/bills.py` adds:
`_reconsider`, `_warn`, `_draw`, `_charge`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t
from libc.string cimport memcmp
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from gateway._speedups.limits cimport Accounts, Hold, limits_bounded, limits_reserve

from gateway.schemas.charge import Charge, Part
from gateway.schemas.record import SERVED

cdef enum:
    GAP = 1000  # numbers that a successor leaves out: more than the parts of a charge
    NEAR = 16   # where a request fits in no more often than so, what it takes is counted
    LONGEST = 40  # bytes of a figure

cdef tuple NAMES = tuple([
    (f"x-ratelimit-limit-{kind}".encode(), f"x-ratelimit-remaining-{kind}".encode(), f"x-ratelimit-reset-{kind}".encode())
    for kind in ("requests", "tokens")
])
cdef bytes WARNING = b"x-gateway-budget-warning"


cdef inline int64_t _now() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec


cdef class Numbers:
    """The numbers of a row's charges: they rise, whoever has the row."""

    cdef int64_t next

    def __init__(self, int64_t inherited=0):
        self.next = max(inherited + GAP, _now())

    def take(self, int64_t count) -> int:
        """The first of so many."""
        return self.some(count)

    cdef int64_t some(self, int64_t count) noexcept:
        cdef int64_t found = self.next
        self.next += count
        return found


cdef class Bound:
    """Limits and budgets (`handles`), and the budgets among them as a charge names them. `weighs`: it matters to any of
    them how much a request takes."""

    cdef readonly tuple handles
    cdef readonly tuple budgets
    cdef readonly bint weighs

    def __init__(self, tuple handles not None=(), tuple budgets not None=(), bint weighs=False):
        self.handles, self.budgets, self.weighs = handles, budgets, weighs


cdef class Claim:
    """What one request holds, and then owes."""

    cdef readonly Accounts accounts
    cdef readonly Numbers numbers
    cdef readonly object others
    cdef readonly Hold common
    cdef readonly Hold own
    cdef readonly object target
    cdef readonly int64_t reserved
    cdef readonly bint drawn
    cdef public bint targeted
    cdef Bound common_bound
    cdef Bound own_bound
    cdef list dues

    def __init__(self, Accounts accounts not None, Numbers numbers not None, others, bint targeted=True):
        """`others` finds what stands on a target that was not expected; without `targeted` there is no such thing."""
        self.accounts, self.numbers, self.others, self.targeted = accounts, numbers, others, targeted

    def reserve(self, Bound common not None, Bound own not None, target, wanted, watcher, str key):
        """Takes from the caller's accounts and from the target's, or from none. What is wanted may be a guess as long
        as there is room for many of its kind; it neither refuses a request nor takes the last of a limit.

        Raises LimitExceeded and BudgetExceeded."""
        cdef tuple amount = wanted.amount
        refusal = self.take(common, own, target, amount[0], amount[1])
        if refusal is not None or self.fits() < NEAR:
            self._reconsider(refusal, common, own, target, wanted, watcher)
            amount = wanted.amount
        self.reserved = limits_bounded(amount[0])
        if self.common is not None and self.common.warned or self.own is not None and self.own.warned:
            self._warn(watcher, key)

    cpdef take(self, Bound common, Bound own, target, tokens, nano_usd):
        """The refusal, with nothing taken, or None."""
        cdef int64_t now = _now(), some = limits_bounded(tokens), money = limits_bounded(nano_usd)
        cdef tuple handles = common.handles
        if PyTuple_GET_SIZE(handles):
            found = limits_reserve(self.accounts, handles, now, some, money)
            if not isinstance(found, Hold):
                return found
            self.common, self.common_bound = <Hold>found, common
        handles = own.handles
        if PyTuple_GET_SIZE(handles):
            found = limits_reserve(self.accounts, handles, now, some, money)
            if not isinstance(found, Hold):
                self.release()
                return found
            self.own, self.own_bound, self.target = <Hold>found, own, target
        return None

    cdef int64_t fits(self) noexcept:
        cdef int64_t room = NEAR
        if self.common is not None:
            room = self.common.verdict.room
            if self.own is not None:
                room = min(room, self.own.verdict.room)
        elif self.own is not None:
            room = self.own.verdict.room
        return room

    cpdef release(self):
        """Nothing more is held."""
        cdef int64_t now = _now()
        if self.common is not None:
            self.common.drop(now)
            self.common = None
        if self.own is not None:
            self.own.drop(now)
            self.own = None

    @property
    def holding(self) -> bool:
        """Whether anything was held."""
        return self.common is not None or self.own is not None

    @property
    def holds(self) -> tuple:
        """What is held."""
        return tuple([one for one in (self.common, self.own) if one is not None])

    # --- what is owed ---

    def draw(self, record):
        """All is known of the request: writes into the record what is charged to whom.

        A request that never left the gateway consumed nothing. One whose caller went away, or whose provider was silent
        for too long, has used what was reserved: the provider may well have answered."""
        cdef list attempts
        if self.drawn:
            return
        self.drawn = True
        self.dues = []
        cache = record.cache
        if cache and cache in SERVED:
            if self.common is not None:
                self.dues.append((self.common, None, 0, 0, 0))
            return
        attempts, usage = record.attempts, record.usage
        if usage is None or PyList_GET_SIZE(attempts) != 1 or attempts[0].usage is not None:
            self._draw(record)
        elif self.own is not None and (record.provider != self.target.provider or record.model != self.target.model):
            self._draw(record)
        elif self.own is None and self.targeted:
            self._draw(record)
        else:
            used, cost = usage.input + usage.output, record.cost_nano_usd
            if self.common is not None:
                self.owe(self.common, self.common_bound, used, cost or 0)
            if self.own is not None:
                self.owe(self.own, self.own_bound, used, cost or 0)
        self._write(record)

    cdef owe(self, Hold hold, Bound bound, used, cost):
        self.dues.append((hold, bound, used, cost, self.numbers.some(1) if bound.budgets else 0))

    def owes(self, Hold hold, Bound bound not None, used, cost):
        """One more due: `used` tokens and `cost` nano-dollars, on what a hold has or, without one, on all of the
        bound."""
        self.owe(hold, bound, used, cost)

    def held(self) -> list:
        """(hold, bound, target) of each hold; None is every target."""
        found = []
        if self.common is not None:
            found.append((self.common, self.common_bound, None))
        if self.own is not None:
            found.append((self.own, self.own_bound, self.target))
        return found

    cdef _write(self, record):
        cdef tuple due
        parts = []
        first = 0
        for due in self.dues:
            if due[4]:
                first = first or due[4]
                parts.append(Part(due[3], (<Bound>due[1]).budgets))
        if parts:
            record.charge = Charge(self.accounts.born, first, tuple(parts))

    def pay(self):
        """Settles what was drawn, once; what is held beside that is given back."""
        cdef int64_t now = _now()
        cdef tuple due
        if self.dues is not None:
            for due in self.dues:
                if due[0] is not None:
                    (<Hold>due[0]).finish(limits_bounded(due[2]), limits_bounded(due[3]), now, due[4])
                else:
                    self._charge((<Bound>due[1]).handles, due[2], due[3], due[4])
            self.dues = None
        if self.common is not None:
            self.common.drop(now)
        if self.own is not None:
            self.own.drop(now)

    # --- what is told of it ---

    cdef list told(self, list headers):
        """The headers with how far limits are used up, in place of what the provider says of its own."""
        cdef tuple header
        cdef Py_ssize_t at
        for at in range(PyList_GET_SIZE(headers)):
            header = <tuple>headers[at]
            if _is_limit(<bytes>PyTuple_GET_ITEM(header, 0)):
                headers = [one for one in headers if not _is_limit((<tuple>one)[0])]
                break
        if self.common is not None and self.own is not None:
            _tell(headers, <tuple>NAMES[0], _tighter(self.common.verdict.requests, self.own.verdict.requests))
            _tell(headers, <tuple>NAMES[1], _tighter(self.common.verdict.tokens, self.own.verdict.tokens))
        elif self.common is not None:
            _tell(headers, <tuple>NAMES[0], self.common.verdict.requests)
            _tell(headers, <tuple>NAMES[1], self.common.verdict.tokens)
        elif self.own is not None:
            _tell(headers, <tuple>NAMES[0], self.own.verdict.requests)
            _tell(headers, <tuple>NAMES[1], self.own.verdict.tokens)
        if self.common is not None and self.common.warned or self.own is not None and self.own.warned:
            warnings = [one for hold in self.holds for one in hold.warnings]
            headers.append((WARNING, ", ".join(warnings).encode("ascii", "replace")))
        return headers


cdef inline bint _is_limit(bytes name) noexcept:
    return PyBytes_GET_SIZE(name) >= 12 and memcmp(PyBytes_AS_STRING(name), b"x-ratelimit-", 12) == 0


cdef inline int64_t *_tighter(int64_t *one, int64_t *other) noexcept:
    if not one[0] or other[0] and other[1] < one[1]:
        return other
    return one


cdef void _tell(list headers, tuple names, int64_t *figures) except *:
    if figures[0]:
        headers.append((names[0], _number(figures[0])))
        headers.append((names[1], _number(figures[1])))
        headers.append((names[2], _seconds(figures[2])))


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
    for names, told in zip(NAMES, (requests, tokens)):
        if told is not None:
            some[0], some[1], some[2] = told
            _tell(found, names, some)
    return found


cdef class Metered:
    """A way back whose answers say how far the caller's limits are used up; what the provider says of its own is left
    out."""

    cdef object send
    cdef Claim claim
    cdef readonly object chunk
    cdef readonly object end
    cdef readonly object cut

    def __init__(self, send, Claim claim not None):
        self.send, self.claim = send, claim
        self.chunk, self.end, self.cut = send.chunk, send.end, send.cut

    @property
    def started(self) -> bool:
        """Whether the head of an answer has left."""
        return self.send.started

    def whole(self, status, list headers not None, body):
        """A complete answer, to be awaited."""
        return self.send.whole(status, self.claim.told(headers), body)

    def start(self, status, list headers not None):
        """The head of a streamed answer, to be awaited."""
        return self.send.start(status, self.claim.told(headers))
