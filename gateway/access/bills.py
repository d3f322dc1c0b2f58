"""What one request owes to whom: its caller's accounts pay for all of it, each target's for what that target did.

A bill is drawn into the record before the record is written, and paid right after that: in the journal and in the
ledger a worker's charges have the same order, and at most the last one written is not settled when the worker dies.
"""

from time import time_ns

from gateway._speedups.billing import Bound, Claim
from gateway._speedups.limits import Account, Accounts, Hold, Limiter, Purse, Refusal
from gateway.access.holds import Handles, Wanted, Warned, refuse
from gateway.schemas.charge import Charge
from gateway.schemas.plan import Target
from gateway.schemas.record import Record

PERHAPS_ANSWERED = frozenset(("client_disconnected", "upstream_timeout"))


NONE = Bound()


def bound(handles: Handles) -> Bound:
    """The handles with their budgets' names."""
    budgets = tuple([f"{one.period} {one.id}" for one in handles if isinstance(one, Purse)])
    return Bound(
        handles, budgets, bool(budgets) or any(isinstance(one, Limiter) and one.tokens for one in handles)
    )


class Bill(Claim):
    """What one request holds, and then owes. What nearly every request does stands in `_speedups/billing`; here is what
    the others do."""

    __slots__ = ()

    def _reconsider(
        self,
        refusal: Refusal | None,
        common: Bound,
        own: Bound,
        target: Target,
        wanted: Wanted,
        watcher: Warned,
    ) -> None:
        """Where a guess would decide, what is wanted is counted. Raises LimitExceeded and BudgetExceeded."""
        guessed, counted = wanted.amount, wanted.exactly()
        if counted is not None and counted != guessed:
            self.release()
            refusal = self.take(common, own, target, *counted)
        if refusal is not None:
            refuse(refusal, self._heard(watcher))

    def _heard(self, watcher: Warned) -> Warned:
        """Who hears of a refusal."""
        return watcher

    def _warn(self, watcher: Warned, key: str) -> None:
        for hold in self.holds:
            for budget in hold.warnings:
                watcher.budget_warning(budget, key)

    def _draw(self, record: Record) -> None:
        if not (record.attempts or record.usage or record.cost_nano_usd):
            return
        shares = _shares(record)
        used = sum([tokens for tokens, _ in shares.values()])
        if record.usage is None and record.error in PERHAPS_ANSWERED:
            used = max(used, self.reserved)
        known = []
        for hold, bound, target in self.held():
            known.append(target)
            if target is None:
                self.owes(hold, bound, used, record.cost_nano_usd or 0)
            elif target in shares:  # else it was never asked
                tokens, nano_usd = shares[target]
                self.owes(hold, bound, used if len(shares) == 1 else tokens, nano_usd)
        for target, (tokens, nano_usd) in shares.items():
            other: Bound = NONE if target in known else self.others(target)
            if other.handles:
                self.owes(None, other, tokens, nano_usd)

    def _charge(self, handles: Handles, tokens: int, nano_usd: int, sequence: int) -> None:
        charge(self.accounts, handles, tokens, nano_usd, sequence)


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
