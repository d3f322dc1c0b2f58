"""What one request holds of its caller's limits and budgets, from its admission to its settled record."""

from collections.abc import Awaitable
from typing import NoReturn, Protocol, runtime_checkable

from gateway._speedups.billing import figures
from gateway._speedups.limits import Account, Refusal
from gateway.errors import BudgetExceeded, LimitExceeded
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan
from gateway.schemas.record import Record

Header = tuple[bytes, bytes]
Handles = tuple[Account, ...]

NANO = 1_000_000_000


Amount = tuple[int, int]
"""Tokens and nano-dollars."""


class Wanted(Protocol):
    """What one request will take, as far as that can be told before."""

    @property
    def amount(self) -> Amount: ...

    def exactly(self) -> Amount | None:
        """The same with its prompt counted, which takes longer; None where that cannot be done, or was."""


class Guess(Protocol):
    """What requests will take, and what they then took."""

    def of(self, call: Call, plan: Plan, key: str) -> Wanted: ...
    def learn(self, record: Record, wanted: Wanted) -> None: ...


class Told:
    """An amount that is what it is."""

    __slots__ = ("amount",)

    def __init__(self, tokens: int = 0, nano_usd: int = 0) -> None:
        self.amount = (tokens, nano_usd)

    def exactly(self) -> Amount | None:
        """None."""
        return None


class Warned(Protocol):
    """Who is told of budgets; the telemetry room stands behind it."""

    def budget_warning(self, budget: str, key: str) -> None: ...
    def limit_refused(self, limit: str, kind: str) -> None: ...


class Send(Protocol):
    """The way back to the caller, as a door offers it."""

    @property
    def started(self) -> bool: ...

    async def whole(self, status: int, headers: list[Header], body: bytes) -> None: ...
    async def start(self, status: int, headers: list[Header]) -> None: ...
    def chunk(self, data: bytes) -> Awaitable[None]: ...
    async def end(self) -> None: ...
    async def cut(self) -> None: ...


@runtime_checkable
class Eloquent(Protocol):
    """Who has words for what refuses."""

    def words(self, refusal: Refusal) -> str | None: ...


def refuse(found: Refusal, watcher: Warned) -> NoReturn:
    """Raises LimitExceeded and BudgetExceeded, in words that name what is used up."""
    watcher.limit_refused(found.id, found.kind)
    wait = found.retry_after / NANO if found.retry_after >= 0 else None
    bound = (watcher.words(found) if isinstance(watcher, Eloquent) else None) or repr(found.id)
    if found.kind == "money":
        raise BudgetExceeded(f"the budget of {bound} has too little left for this request", retry_after=wait)
    raise LimitExceeded(_words(found, bound), wait, figures(found.requests, found.tokens))


def _words(refusal: Refusal, bound: str) -> str:
    if refusal.kind == "parallel":
        return f"the limit of {bound} is reached; try again when one of them is done"
    if refusal.retry_after < 0:
        return f"this request asks for more {refusal.kind} than the limit of {bound} allows at all"
    return f"the limit of {bound} is used up; try again in {seconds(refusal.retry_after)}"


def seconds(ns: int) -> str:
    """As `1.5s`."""
    return f"{max(ns, 0) / NANO:.3f}".rstrip("0").rstrip(".") + "s"
