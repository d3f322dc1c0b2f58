"""What one request owes to whom: its caller's accounts pay for all of it, each target's for what that target did.

A bill is drawn into the record before the record is written, and paid right after that: in the journal and in the
ledger a worker's charges have the same order, and at most the last one written is not settled when the worker dies.
"""

from collections.abc import Callable
from time import time_ns
from typing import NamedTuple

from gateway._speedups.limits import Account, Accounts, Hold, Limiter, Purse, Refusal
from gateway.access.holds import Amount, Handles, Wanted, Warned, refuse
from gateway.schemas.charge import Charge, Part
from gateway.schemas.plan import Target
from gateway.schemas.record import SERVED, Record

PERHAPS_ANSWERED = frozenset(("client_disconnected", "upstream_timeout"))
GAP = 1000
"""Numbers that a successor leaves out: more than the parts of a charge."""


class Bound(NamedTuple):
    """Limits and budgets, and the budgets among them as a charge names them."""

    handles: Handles
    budgets: tuple[str, ...]
    weighs: bool = False
    """Whether it matters to any of them how much a request takes."""


NONE = Bound((), ())
NEAR = 16
"""Where a request fits in no more often than so, what it takes is counted."""


def bound(handles: Handles) -> Bound:
    """The handles with their budgets' names."""
    budgets = tuple([f"{one.period} {one.id}" for one in handles if isinstance(one, Purse)])
    return Bound(
        handles, budgets, bool(budgets) or any(isinstance(one, Limiter) and one.tokens for one in handles)
    )


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
        self, common: Bound, own: Bound, target: Target, wanted: Wanted, watcher: Warned, key: str
    ) -> None:
        """Takes from the caller's accounts and from the target's, or from none. What is wanted may be a guess as long
        as there is room for many of its kind; it neither refuses a request nor takes the last of a limit.

        Raises LimitExceeded and BudgetExceeded.
        """
        refusal = self._take(common, own, target, wanted.amount)
        if refusal is not None or self._room() < NEAR:
            guessed, counted = wanted.amount, wanted.exactly()
            if counted is not None and counted != guessed:
                self._release()
                self._held = []
                refusal = self._take(common, own, target, counted)
        if refusal is not None:
            refuse(refusal, watcher)
        self._reserved = wanted.amount[0]
        for one in self._held:
            for budget in one.hold.warnings:
                watcher.budget_warning(budget, key)

    def _room(self) -> int:
        held = self._held
        room = held[0].hold.room if held else NEAR
        return room if len(held) < 2 else min(room, held[1].hold.room)

    def _take(self, common: Bound, own: Bound, target: Target, amount: Amount) -> Refusal | None:
        """The refusal, with nothing taken."""
        if common.handles:
            found = self._accounts.reserve(common.handles, time_ns(), amount[0], amount[1])
            if isinstance(found, Refusal):
                return found
            self._held.append(_Held(common, found, None))
        if own.handles:
            found = self._accounts.reserve(own.handles, time_ns(), amount[0], amount[1])
            if isinstance(found, Refusal):
                self._release()
                self._held = []
                return found
            self._held.append(_Held(own, found, target))
        return None

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
        attempts = record.attempts
        if record.cache in SERVED:
            self._dues = [_Due(one.bound, one.hold, 0, 0, 0) for one in self._held if one.target is None]
            return
        if not (attempts or record.usage or record.cost_nano_usd):
            return
        usage = record.usage
        if usage is not None and len(attempts) == 1 and attempts[0].usage is None:
            used = usage.input + usage.output
            shares = {Target(record.provider, record.model): (used, record.cost_nano_usd or 0)}
        else:
            shares = _shares(record)
            used = sum([tokens for tokens, _ in shares.values()])
        if usage is None and record.error in PERHAPS_ANSWERED:
            used = max(used, self._reserved)
        self._dues = self._drawn(record, used, shares)
        parts = tuple([Part(one.nano_usd, one.bound.budgets) for one in self._dues if one.sequence])
        if parts:
            first = next(one.sequence for one in self._dues if one.sequence)
            record.charge = Charge(self._accounts.born, first, parts)

    def _drawn(self, record: Record, used: int, shares: dict[Target, tuple[int, int]]) -> list[_Due]:
        dues: list[_Due] = []
        for bound, hold, target in self._held:
            if target is None:
                dues.append(_Due(bound, hold, used, record.cost_nano_usd or 0, self._number(bound)))
                continue
            share = shares.get(target)
            if share is not None:  # else it was never asked
                tokens = used if len(shares) == 1 else share[0]
                dues.append(_Due(bound, hold, tokens, share[1], self._number(bound)))
        known = [one.target for one in self._held]
        for target, (tokens, nano_usd) in shares.items():
            if target not in known:
                other = self._others(target)
                if other.handles:
                    dues.append(_Due(other, None, tokens, nano_usd, self._number(other)))
        return dues

    def _number(self, bound: Bound) -> int:
        return self._numbers.take(1) if bound.budgets else 0

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
        now = time_ns()
        for one in self._held:
            one.hold.release(now)


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
