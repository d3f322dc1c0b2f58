"""What one request holds and owes, on the way that nearly every request takes: admitted, reserved, drawn and paid in
compiled code.

The ways beside it (a refusal, several tries, a target that was not expected) are methods that `access/bills.py` adds:
`_reconsider`, `_warn`, `_draw`, `_charge`; a caller's, those of `access/callers.py` and `access/rights.py`.

Of ten thousand callers hardly one's memory is in the processor's cache when its request comes, and none when its answer
does. So it is asked for (`near`) as soon as it is known whose it is, and read a little later.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItemWithError
from cpython.list cimport PyList_GET_SIZE
from cpython.object cimport Py_TYPE, PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from gateway._speedups.guesses cimport Asked, Guesser
from gateway._speedups.limits cimport (
    Accounts,
    Hold,
    limits_ask,
    limits_ask_all,
    limits_bounded,
    limits_check,
    limits_places,
    limits_reserve,
    limits_within,
)

import msgspec

from gateway.schemas.call import Call
from gateway.schemas.charge import Charge, Part
from gateway.schemas.plan import Plan
from gateway.schemas.record import SERVED, Attempt, Record
from gateway.schemas.usage import Usage

include "fields.pxi"
include "sha256.pxi"

cdef Field CACHE = _field(Record, "cache")
cdef Field ATTEMPTS = _field(Record, "attempts")
cdef Field USAGE = _field(Record, "usage")
cdef Field CHARGE = _field(Record, "charge")
cdef Field COST = _field(Record, "cost_nano_usd")
cdef Field ENDPOINT = _field(Record, "endpoint")
cdef Field KEY = _field(Record, "key")
cdef Field TEAM = _field(Record, "team")
cdef Field USER = _field(Record, "user")
cdef Field ORG = _field(Record, "org")
cdef Field ATTEMPT_USAGE = _field(Attempt, "usage")
cdef Field INPUT = _field(Usage, "input")
cdef Field OUTPUT = _field(Usage, "output")
cdef Field FACTS = _field(Call, "facts")
cdef Field MODEL = _field(Call, "model")
cdef Field TARGETS = _field(Plan, "targets")
cdef Field ROUTE = _field(Plan, "route")

cdef enum:
    GAP = 1000  # numbers that a successor leaves out: more than the parts of a charge
    NEAR = 16   # where a request fits in no more often than so, what it takes is counted


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
    cdef bint pays
    cdef bytes written_down  # the budgets, as they stand in a record
    cdef object written
    cdef Accounts accounts   # whose the handles are, once that is known

    def __init__(self, tuple handles not None=(), tuple budgets not None=(), bint weighs=False):
        self.handles, self.budgets, self.weighs = handles, budgets, weighs
        if budgets:
            self.pays = True
            self.written_down = msgspec.msgpack.encode(budgets)
            self.written = msgspec.Raw(self.written_down)


cdef struct Due:
    # Of one hold: what it used and cost, and the number of that part of the charge, 0 where no budget pays.
    bint owed
    int64_t used
    int64_t cost
    int64_t sequence


@cython.no_gc
cdef class Claim:
    """What one request holds, and then owes. Nothing that it refers to leads back to it."""

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
    cdef Due common_due
    cdef Due own_due
    cdef list further
    cdef bint paid

    def __init__(self, Accounts accounts not None, Numbers numbers not None, others, bint targeted=True):
        """`others` finds what stands on a target that was not expected; without `targeted` there is no such thing."""
        self.accounts, self.numbers, self.others, self.targeted = accounts, numbers, others, targeted

    def reserve(self, Bound common not None, Bound own not None, target, wanted, watcher, str key):
        """Takes from the caller's accounts and from the target's, or from none. What is wanted may be a guess as long
        as there is room for many of its kind; it neither refuses a request nor takes the last of a limit.

        Raises LimitExceeded and BudgetExceeded."""
        self.ask(common, own, target, wanted, watcher, key)

    cdef ask(self, Bound common, Bound own, target, wanted, watcher, str key):
        cdef int64_t tokens, money
        if type(wanted) is Asked:
            tokens, money = limits_within((<Asked>wanted).tokens), limits_within((<Asked>wanted).nano_usd)
        else:
            amount = wanted.amount
            tokens, money = limits_bounded(amount[0]), limits_bounded(amount[1])
        refusal = self.grasp(common, own, target, tokens, money)
        if refusal is not None or self.fits() < NEAR:
            self._reconsider(refusal, common, own, target, wanted, watcher)
            tokens = limits_bounded(wanted.amount[0])
        self.reserved = tokens
        if self.warned():
            self._warn(watcher, key)

    def take(self, Bound common not None, Bound own not None, target, tokens, nano_usd):
        """The refusal, with nothing taken, or None."""
        return self.grasp(common, own, target, limits_bounded(tokens), limits_bounded(nano_usd))

    cdef grasp(self, Bound common, Bound own, target, int64_t tokens, int64_t money):
        cdef int64_t now = _now()
        if PyTuple_GET_SIZE(common.handles):
            found = self.seize(common, now, tokens, money)
            if type(found) is not Hold:
                return found
            self.common, self.common_bound = <Hold>found, common
        if PyTuple_GET_SIZE(own.handles):
            found = self.seize(own, now, tokens, money)
            if type(found) is not Hold:
                self.release()
                return found
            self.own, self.own_bound, self.target = <Hold>found, own, target
        return None

    cdef seize(self, Bound bound, int64_t now, int64_t tokens, int64_t money):
        if bound.accounts is not self.accounts:
            limits_check(self.accounts, bound.handles)
            bound.accounts = self.accounts
        return limits_reserve(self.accounts, bound.handles, now, tokens, money)

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

    cdef bint warned(self) noexcept:
        return self.common is not None and self.common.warned or self.own is not None and self.own.warned

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
        self.near()
        cache = _read(record, &CACHE)
        if cache and cache in SERVED:
            if self.common is not None:
                self.common_due.owed = True
            return
        attempts, usage = _read(record, &ATTEMPTS), _read(record, &USAGE)
        if usage is None or PyList_GET_SIZE(attempts) != 1 or _read(attempts[0], &ATTEMPT_USAGE) is not None:
            self._draw(record)
        elif self.own is not None and (record.provider != self.target.provider or record.model != self.target.model):
            self._draw(record)
        elif self.own is None and self.targeted:
            self._draw(record)
        else:
            used, cost = _read(usage, &INPUT) + _read(usage, &OUTPUT), _read(record, &COST)
            if self.common is not None:
                self.owe(self.common, self.common_bound, used, cost)
            if self.own is not None:
                self.owe(self.own, self.own_bound, used, cost)
        self._write(record)

    cdef void near(self) noexcept:
        """Asks for what will be read next."""

    cdef owe(self, Hold hold, Bound bound, used, cost):
        cdef int64_t sequence = self.numbers.some(1) if bound.pays else 0
        cdef Due *due
        if hold is None:
            if self.further is None:
                self.further = []
            self.further.append((bound, limits_bounded(used), limits_bounded(cost), sequence))
            return
        due = &self.common_due if hold is self.common else &self.own_due
        due.owed, due.used, due.cost, due.sequence = True, limits_bounded(used), limits_bounded(cost), sequence

    def owes(self, Hold hold, Bound bound not None, used, cost):
        """One more due, in the order of `held`: `used` tokens and `cost` nano-dollars, on what one of the two holds has
        or, without one, on all of the bound."""
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
        cdef int64_t first = self.common_due.sequence or self.own_due.sequence
        if first and not (self.common_due.sequence and self.own_due.sequence) and self.further is None:
            if self.common_due.sequence:
                parts = (Part(self.common_due.cost, self.common_bound.written),)
            else:
                parts = (Part(self.own_due.cost, self.own_bound.written),)
        else:
            found = []
            if self.common_due.sequence:
                found.append(Part(self.common_due.cost, self.common_bound.written))
            if self.own_due.sequence:
                found.append(Part(self.own_due.cost, self.own_bound.written))
            for due in self.further or ():
                if due[3]:
                    first = first or due[3]
                    found.append(Part(due[2], (<Bound>due[0]).written))
            parts = tuple(found)
        if first:
            _note(record, &CHARGE, Charge(self.accounts.born, first, parts))

    def pay(self):
        """Settles what was drawn, once; what is held beside that is given back."""
        cdef int64_t now = _now()
        cdef tuple due
        self.paid = True
        if self.common is not None:
            _settle(self.common, &self.common_due, now)
        if self.own is not None:
            _settle(self.own, &self.own_due, now)
        if self.further is not None:
            further, self.further = self.further, None
            for due in further:
                self._charge((<Bound>due[0]).handles, due[1], due[2], due[3])


cdef void _settle(Hold hold, Due *due, int64_t now) noexcept:
    if due.owed:
        hold.finish(due.used, due.cost, now, due.sequence)
    else:
        hold.drop(now)


include "billing_told.pxi"
include "billing_visits.pxi"
include "billing_found.pxi"
