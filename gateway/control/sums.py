"""What budgets had spent, kept in `data`: a new ledger begins with it, before the first request.

The ledger is in memory, and the records that tell what was spent before it take a moment to be read. Until then the
last sums stand. They are written every second or so (of very many budgets every few), and when the gateway stops: after
a stop they are exact, after the end of the machine they lack what was spent since.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from gateway._speedups.ledger import Ledger, LedgerError
from gateway._speedups.limits import Accounts, Purse
from gateway.config import Config
from gateway.providers import sealed
from gateway.providers.sealed import DamagedFile
from gateway.schemas.governance import Budget
from gateway.telemetry.logs import log

MAGIC = b"GWSPENT\x01"
LARGEST = 1 << 28
NANO = 1_000_000_000

Name = tuple[str, str, str]
"""A budget's id, period and account."""


class Sum(msgspec.Struct, frozen=True, array_like=True):
    """What a budget spent in the period that began at `since`, Unix ns; a rolling one in that which ended then."""

    id: str
    period: str
    account: str
    since: int
    nano_usd: int


class Sums(msgspec.Struct, frozen=True, array_like=True):
    """All of them, as the ledger that was born at `ledger` has counted."""

    ledger: int
    sums: tuple[Sum, ...]

    def of(self, budget: Budget, now: int) -> int:
        """What it has spent in its present period for sure; 0 for a rolling one, which forgets."""
        since = began(budget.period, now)
        asked = (budget.id, budget.period, budget.account, since)
        return next(
            (one.nano_usd for one in self.sums if (one.id, one.period, one.account, one.since) == asked), 0
        )


NOTHING = Sums(0, ())


def sums_path(config: Config) -> Path:
    """Where they are kept."""
    return Path(config.data) / f"spent-{config.server.port}.msgpack"


def summed(ledger: int, purses: Iterable[tuple[Budget, Purse]], now: int) -> Sums:
    """What they have spent by now; those that have spent nothing are left out."""
    since = _Since(now)
    found = [
        Sum(budget.id, budget.period, budget.account, since[budget.period], spent)
        for budget, purse in purses
        if (spent := purse.spent(now))
    ]
    return Sums(ledger, tuple(found))


class _Since(dict[str, int]):
    """When each period began; of thousands of budgets all have one of few."""

    def __init__(self, now: int) -> None:
        super().__init__()
        self._now = now

    def __missing__(self, period: str) -> int:
        found = self[period] = self._now if period.startswith("rolling:") else began(period, self._now)
        return found


def write(path: Path, found: Sums) -> None:
    """Replaces the file. Raises OSError."""
    sealed.write(path, MAGIC, msgspec.msgpack.encode(found))


def read(path: Path) -> Sums:
    """What the file says; nothing, with a warning, where it cannot be read."""
    try:
        content = sealed.read(path, MAGIC, LARGEST)
        return NOTHING if content is None else msgspec.msgpack.decode(content, type=Sums)
    except (OSError, DamagedFile, msgspec.DecodeError) as error:
        hint = "budgets begin with what the records say, when they have been read"
        log.warning("sums_unreadable", file=str(path), error=str(error), hint=hint)
        return NOTHING


def begin_with(config: Config, ledger: Ledger) -> None:
    """Tells a new ledger what budgets had spent; one that has counted it itself is told nothing."""
    found = read(sums_path(config))
    if not found.sums:
        return
    try:
        accounts = Accounts(ledger, 0)
    except LedgerError:  # somebody lives in it: it is not new
        return
    try:
        now = time.time_ns()
        if found.ledger != accounts.born:
            for one in found.sums:
                if is_present(one, now):
                    accounts.budget(one.id, 1, period=one.period).restore(one.nano_usd, now, surely=False)
    except (LedgerError, ValueError) as error:
        log.warning("sums_unused", error=str(error), hint="budgets begin with what the records say")
    finally:
        accounts.leave()


def is_present(one: Sum, now: int) -> bool:
    """Whether its period is the present one; that of a rolling one, whether it reaches into it."""
    if one.period.startswith("rolling:"):
        return one.since > began(one.period, now)
    return one.since == began(one.period, now)


def began(period: str, now: int) -> int:
    """When the present period began, Unix ns."""
    if period == "never":
        return 0
    if period.startswith("rolling:"):
        return now - int(period.partition(":")[2]) * NANO
    day = datetime.fromtimestamp(now // NANO, UTC).replace(hour=0, minute=0, second=0)
    if period == "week":
        day -= timedelta(days=day.weekday())
    elif period == "month":
        day = day.replace(day=1)
    return int(day.timestamp()) * NANO
