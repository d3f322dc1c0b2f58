"""The job that tells a new ledger what the present periods had spent before it was there, and looks after dead workers.

The ledger is in memory and does not survive the machine; the records do. Each budget is told once.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Accounts
from gateway.access.bills import replay
from gateway.control.segments import is_over, segments
from gateway.schemas.governance import Budget
from gateway.store.compiling import governance_of
from gateway.store.engine import upgrade
from gateway.store.spent import spent
from gateway.telemetry.lastwords import last_charge
from gateway.telemetry.logs import log

EVERY = 0.2
"""Seconds between two looks at dead workers."""
LOOK = 1.0
"""Seconds between two looks at whether there are new budgets."""
PATIENCE = 60.0
"""Seconds for which what dead workers have written is waited for, until it is stored."""

NANO = 1_000_000_000


class Standing:
    """All budgets that stand: those that `declared` tells and, where there is an engine, the store's."""

    def __init__(
        self, declared: Callable[[], tuple[Budget, ...]], engine: Engine | None, ledger: Ledger
    ) -> None:
        self._declared = declared
        self._engine = engine
        self._ledger = ledger
        self._version = -1
        self._stored: tuple[Budget, ...] = ()

    def __call__(self) -> tuple[Budget, ...]:
        """The store is read when it may have changed. Raises SQLAlchemyError."""
        version = self._ledger.snapshot_version
        if self._engine is not None and version != self._version:
            with self._engine.connect() as connection:
                self._stored = governance_of(connection).budgets
            self._version = version
        return (*self._declared(), *self._stored)


class Spending:
    """`budgets` tells which ones there are; it runs in a thread. `engine` is this job's alone."""

    def __init__(
        self, ledger: Ledger, journal: Path, engine: Engine, budgets: Callable[[], Iterable[Budget]]
    ) -> None:
        self._ledger = ledger
        self._journal = journal
        self._engine = engine
        self._budgets = budgets
        self._accounts: Accounts | None = None
        self._ready = False
        self._told: set[tuple[str, str]] = set()
        self._failed = False

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            await self._until_stored()
            looked = 0.0
            while True:
                if time.monotonic() - looked >= LOOK:
                    await asyncio.to_thread(self.tell)
                    looked = time.monotonic()
                if self._accounts is not None:
                    self._accounts.sweep()
                await asyncio.sleep(EVERY)
        finally:
            if self._accounts is not None:
                self._accounts.leave()

    async def _until_stored(self) -> None:
        """What the workers of an earlier ledger wrote is to be among the records first."""
        for _ in range(int(PATIENCE / EVERY)):
            if not await asyncio.to_thread(self._is_behind):
                break
            await asyncio.sleep(EVERY)

    def _is_behind(self) -> bool:
        return any(map(is_over, segments(self._journal)))

    def tell(self) -> None:
        """Tells every budget that was not told yet. A store that is away is asked again."""
        try:
            if not self._ready:
                upgrade(self._engine)
                self._ready = True
            new = [one for one in self._budgets() if (one.id, one.period) not in self._told]
            if new:
                accounts = self._opened()
                for one in new:
                    self._tell(accounts, one)
            self._failed = False
        except SQLAlchemyError as error:
            if not self._failed:
                log.warning("spending_unknown", error=type(error).__name__, hint="the store is asked again")
            self._failed = True

    def _tell(self, accounts: Accounts, budget: Budget) -> None:
        now, born = time.time_ns(), accounts.born
        since = began(budget.period, now)
        if since < born:
            with self._engine.connect() as connection:
                before = spent(connection, budget.account, since, born)
            purse = accounts.budget(budget.id, budget.nano_usd, period=budget.period, soft=budget.soft)
            if purse.restore(before, now) and before:
                log.info("budget_restored", budget=budget.id, nano_usd=before)
        self._told.add((budget.id, budget.period))

    def _opened(self) -> Accounts:
        """The row of this process, which may have been a worker's."""
        if self._accounts is None:
            row = next(one.number for one in self._ledger.workers() if one.pid == os.getpid())
            self._accounts = Accounts(self._ledger, row)
            replay(self._accounts, last_charge(self._journal, row))
        return self._accounts


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
