"""Limits and budgets in the ledger: what a request may take, at all its levels at once, exactly.

Times are wall-clock ns (CLOCK_REALTIME), money is nano-dollars.
"""

from typing import final

from gateway._speedups.ledger import Ledger, Section

def sections(
    *, limits: int = 50_000, budgets: int = 20_000, rolling: int = 2_000, workers: int = 16
) -> tuple[Section, ...]:
    """The ledger's sections for so many limits, budgets (`rolling` of them with a sliding period) and workers (64 at
    most): 36 MB by default."""

class Account:
    """What a request takes from."""

    id: str

@final
class Limiter(Account):
    """A limit of requests and tokens in a time, and of requests in flight."""

    requests: int
    tokens: int
    parallel: int

    @property
    def in_flight(self) -> int:
        """Requests in flight that hold a place here, from all workers; only counted where `parallel` is limited."""

    def requests_left(self, now: int) -> tuple[int, int, int] | None:
        """(limit, requests left, ns until all are there again), or None without such a limit."""

    def tokens_left(self, now: int) -> tuple[int, int, int] | None:
        """The same of tokens."""

@final
class Purse(Account):
    """A budget."""

    nano_usd: int
    soft: bool
    period: str

    def restore(self, nano_usd: int, now: int, *, surely: bool = True) -> bool:
        """This period had `nano_usd` spent before this ledger was (`Accounts.born`): as far as is known by now, or
        `surely`, which is said once for each budget. False when that was said already."""

    def spent(self, now: int) -> int:
        """Nano-dollars settled in the current period, by all workers."""

    @property
    def reserved(self) -> int:
        """Nano-dollars that requests in flight may still spend, from all workers."""

    def remaining(self, now: int) -> int:
        """Nano-dollars that are neither spent nor reserved."""

    def resets(self, now: int) -> int:
        """When the period (of a rolling one: the slot) ends, Unix ns; 0 for never."""

@final
class Accounts:
    """All limits and budgets as worker `number` (its line in the ledger's worker table) takes from them.

    One thread of one process uses it; a forked child makes its own. LedgerError when the row belongs to another living
    process. What a dead predecessor in the row had reserved is given back; `inherited` is the number of the last
    record that the row settled (`Hold.settle`).
    """

    number: int
    inherited: int

    def __init__(self, ledger: Ledger, number: int) -> None: ...
    @property
    def born(self) -> int:
        """When this ledger was first used for limits: what was settled before, it has not seen."""

    def limit(
        self, id: str, *, seconds: int = 60, requests: int = 0, tokens: int = 0, parallel: int = 0
    ) -> Limiter:
        """A handle of the limit `id`: at most `requests` and `tokens` in each `seconds` and `parallel` in flight; 0 is
        no limit of that kind. What was taken survives a change of the figures. LedgerError when the table is full."""

    def budget(self, id: str, nano_usd: int, *, period: str = "month", soft: bool = False) -> Purse:
        """A handle of the budget `id`: at most `nano_usd` in each `period` ("day", "week", "month" of UTC, "never" or
        "rolling:SECONDS"); a soft one only warns. What was spent survives a change of `nano_usd` and of `soft`; a
        changed period begins with nothing spent. ValueError; LedgerError when the table is full."""

    def reserve(
        self, handles: tuple[Account, ...], now: int, tokens: int, nano_usd: int | None
    ) -> Hold | Refusal:
        """Takes one request, `tokens` and `nano_usd` from each of the handles (32 at most, all of these accounts), or
        nothing from any of them: a `Hold`, or a `Refusal`. ValueError, TypeError."""

    def sweep(self) -> list[tuple[int, int]]:
        """Gives back what dead workers had reserved: (row, last settled record) of each."""

    def leave(self) -> None:
        """Gives the row back, with all that is reserved in it. Nothing may be reserved or settled after it."""

class Refusal:
    """Why a request may not go: `index` and `id` of the handle, its `kind` ("requests", "tokens", "parallel", "money"),
    and after how many ns it may be worth another try (-1: never). `requests` and `tokens` are (limit, left, ns until
    full) of the tightest of its limits, or None."""

    index: int
    id: str
    kind: str
    retry_after: int
    requests: tuple[int, int, int] | None
    tokens: tuple[int, int, int] | None

@final
class Hold:
    """What a request holds until it is settled or released; only the first of the two counts, and from then on it
    holds nothing. One that is forgotten settles for nothing when it is collected."""

    @property
    def held(self) -> bool:
        """Whether it is still neither settled nor released."""

    @property
    def room(self) -> int:
        """How often what was reserved would still have fitted in, right after that, at the tightest of its limits of
        tokens and its hard budgets."""

    @property
    def requests(self) -> tuple[int, int, int] | None:
        """(limit, left, ns until full) of the limit of requests that has the fewest left; None without any."""

    @property
    def tokens(self) -> tuple[int, int, int] | None:
        """The same of tokens."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """The ids of the soft budgets that this reservation went beyond."""

    def extend(self, tokens: int, nano_usd: int | None, now: int) -> bool:
        """The request takes more than was reserved; whether that is still within its limits. It is taken anyway."""

    def release(self, now: int) -> bool:
        """Nothing was consumed: all is as if it had never been taken. False when it was over already."""

    def settle(self, tokens: int, nano_usd: int | None, now: int, sequence: int = 0) -> bool:
        """The request used `tokens` and cost `nano_usd`, on all its budgets or (when this process dies) on none.

        `sequence` is the number of its record: which one was the last settled outlives the process (`sweep`,
        `Accounts.inherited`), so that a record which was written but not settled can be told. False when it was over
        already."""
