"""What one request owes to whom: its caller's accounts pay for all of it, each target's for what that target did.

A bill is drawn into the record before the record is written, and paid right after that: in the journal and in the
ledger a worker's charges have the same order, and at most the last one written is not settled when the worker dies.
"""

from collections.abc import Callable
from time import time_ns
from typing import NamedTuple

from gateway._speedups.limits import Account, Accounts, Hold, Limiter, Purse
from gateway.access.holds import Handles, Warned, reserve
from gateway.errors import GatewayError
from gateway.schemas.charge import Charge, Part
from gateway.schemas.plan import Target
from gateway.schemas.record import Record

PERHAPS_ANSWERED = frozenset(("client_disconnected", "upstream_timeout"))
GAP = 1000
"""Numbers that a successor leaves out: more than the parts of a charge."""


class Bound(NamedTuple):
    """Limits and budgets, and the budgets among them as a charge names them."""

    handles: Handles
    budgets: tuple[str, ...]


NONE = Bound((), ())


def bound(handles: Handles) -> Bound:
    """The handles with their budgets' names."""
    return Bound(handles, tuple([f"{one.period} {one.id}" for one in handles if isinstance(one, Purse)]))


class Numbers:
    """The numbers of a row's charges: they rise, whoever has the row."""

    __slots__ = ("_next",)

    def __init__(self, inherited: int = 0) -> None:
        self._next = max(inherited + GAP, time_ns())

    def take(self, count: int) -> int:
        """The first of so many."""
        found = self._next
        self._next += count
        return found


class _Held(NamedTuple):
    bound: Bound
    hold: Hold
    target: Target | None


class _Due(NamedTuple):
    bound: Bound
    hold: Hold | None
    tokens: int
    nano_usd: int
    sequence: int


class Bill:
    """What one request holds, and then owes. `others` finds what stands on a target that was not expected."""

    __slots__ = ("_accounts", "_dues", "_held", "_numbers", "_others", "_reserved")

    def __init__(self, accounts: Accounts, numbers: Numbers, others: Callable[[Target], Bound]) -> None:
        self._accounts = accounts
        self._numbers = numbers
        self._others = others
        self._held: list[_Held] = []
        self._dues: list[_Due] | None = None
        self._reserved = 0

    def reserve(
        self, common: Bound, own: Bound, target: Target, wanted: tuple[int, int], watcher: Warned, key: str
    ) -> None:
        """Takes from the caller's accounts and from the target's, or from none. Raises LimitExceeded and
        BudgetExceeded."""
        self._reserved = wanted[0]
        if common.handles:
            hold = reserve(self._accounts, common.handles, wanted, watcher, key)
            self._held.append(_Held(common, hold, None))
        if own.handles:
            try:
                hold = reserve(self._accounts, own.handles, wanted, watcher, key)
            except GatewayError:
                self._release()
                raise
            self._held.append(_Held(own, hold, target))

    @property
    def holds(self) -> tuple[Hold, ...]:
        """What is held."""
        return tuple([one.hold for one in self._held])

    def draw(self, record: Record) -> None:
        """All is known of the request: writes into the record what is charged to whom.

        A request that never left the gateway consumed nothing. One whose caller went away, or whose provider was silent
        for too long, has used what was reserved: the provider may well have answered.
        """
        if self._dues is not None:
            return
        self._dues = []
        if not (record.attempts or record.usage or record.cost_nano_usd):
            return
        shares = _shares(record)
        used = sum([tokens for tokens, _ in shares.values()])
        if record.usage is None and record.error in PERHAPS_ANSWERED:
            used = max(used, self._reserved)
        found = [self._due(one, record, used, shares) for one in self._held]
        dues = [one for one in found if one is not None]
        known = {one.target for one in self._held}
        for target, (tokens, nano_usd) in shares.items():
            if target not in known:
                other = self._others(target)
                if other.handles:
                    dues.append(_Due(other, None, tokens, nano_usd, 0))
        self._number(dues, record)

    def _due(
        self, held: _Held, record: Record, used: int, shares: dict[Target, tuple[int, int]]
    ) -> _Due | None:
        if held.target is None:
            return _Due(held.bound, held.hold, used, record.cost_nano_usd or 0, 0)
        share = shares.get(held.target)
        if share is None:
            return None  # it was never asked
        alone = len(shares) == 1
        return _Due(held.bound, held.hold, used if alone else share[0], share[1], 0)

    def _number(self, dues: list[_Due], record: Record) -> None:
        charged = sum([1 for one in dues if one.bound.budgets])
        if charged:
            first = sequence = self._numbers.take(charged)
            for at, one in enumerate(dues):
                if one.bound.budgets:
                    dues[at] = one._replace(sequence=sequence)
                    sequence += 1
            parts = tuple([Part(one.nano_usd, one.bound.budgets) for one in dues if one.sequence])
            record.charge = Charge(self._accounts.born, first, parts)
        self._dues = dues

    def pay(self) -> None:
        """Settles what was drawn, once; what is held beside that is given back."""
        now, dues = time_ns(), self._dues or ()
        self._dues = []
        for one in dues:
            if one.hold is not None:
                one.hold.settle(one.tokens, one.nano_usd, now, one.sequence)
            else:
                charge(self._accounts, one.bound.handles, one.tokens, one.nano_usd, one.sequence)
        self._release()

    def _release(self) -> None:
        for one in self._held:
            one.hold.release(time_ns())


def _shares(record: Record) -> dict[Target, tuple[int, int]]:
    """Tokens and nano-dollars of each target that was asked: what given-up tries told of themselves, and the answer."""
    found: dict[Target, tuple[int, int]] = {}
    given_up = 0
    for one in record.attempts:
        target = Target(one.provider, one.model)
        tokens, nano_usd = found.get(target, (0, 0))
        if one.usage is not None:
            tokens += one.usage.input + one.usage.output
            nano_usd += one.cost_nano_usd or 0
            given_up += one.cost_nano_usd or 0
        found[target] = tokens, nano_usd
    if record.usage is not None:
        target = Target(record.provider, record.model)
        tokens, nano_usd = found.get(target, (0, 0))
        own = max(0, (record.cost_nano_usd or 0) - given_up)
        found[target] = tokens + record.usage.input + record.usage.output, nano_usd + own
    return found


def charge(accounts: Accounts, handles: Handles, tokens: int, nano_usd: int, sequence: int) -> None:
    """Charges what nobody had reserved: budgets in one settling, whatever they have left, and limits as far as they
    allow one more request."""
    now = time_ns()
    purses: list[Account] = []
    for one in handles:
        if isinstance(one, Purse):
            purses.append(accounts.budget(one.id, one.nano_usd, period=one.period, soft=True))
        elif isinstance(one, Limiter):
            hold = accounts.reserve((one,), now, 0, 0)
            if isinstance(hold, Hold):
                hold.settle(tokens, 0, now)
    _pay(accounts, tuple(purses), nano_usd, sequence)


def replay(accounts: Accounts, last: Charge | None) -> int:
    """Settles what the row's dead owner wrote down and did not settle: how many parts that were."""
    if last is None or last.ledger != accounts.born:
        return 0
    found = 0
    for sequence, part in enumerate(last.parts, last.sequence):
        if sequence > accounts.inherited:
            _pay(accounts, tuple([_soft(accounts, one) for one in part.budgets]), part.nano_usd, sequence)
            found += 1
    return found


def _soft(accounts: Accounts, name: str) -> Account:
    period, _, id = name.partition(" ")
    return accounts.budget(id, 1, period=period, soft=True)


def _pay(accounts: Accounts, purses: Handles, nano_usd: int, sequence: int) -> None:
    """In one settling: on all of them or, when this process dies, on none. A soft budget refuses nobody."""
    if purses:
        hold = accounts.reserve(purses, time_ns(), 0, 0)
        if isinstance(hold, Hold):
            hold.settle(0, nano_usd, time_ns(), sequence)
