"""The job that tells a new ledger what the present periods had spent before it was there, and looks after dead workers.

The ledger is in memory and does not survive the machine; the records do. Each budget is told once.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway._speedups.ledger import Ledger, LedgerError
from gateway._speedups.limits import Accounts, Purse
from gateway.access.bills import replay
from gateway.control import sums
from gateway.control.segments import is_over, segments
from gateway.control.sums import NOTHING, began
from gateway.schemas.governance import Budget
from gateway.store.compiling import budgets_of
from gateway.store.engine import upgrade
from gateway.store.spent import spent
from gateway.store.trouble import cause
from gateway.telemetry.lastwords import last_charge
from gateway.telemetry.logs import log

EVERY = 0.2
"""Seconds between two looks at dead workers."""
LOOK = 1.0
"""Seconds between two looks at whether there are new budgets."""
PATIENCE = 60.0
"""Seconds for which what dead workers have written is waited for, until it is stored."""
KEEP = 1.0
"""Seconds between two writings of what was spent, at least; more where it takes long:"""
REST = 200
"""it rests so many times as long as it wrote, for half a percent of a core at the most."""


class Standing:
    """All budgets that stand: those that `declared` tells and, where there is an engine, the store's."""

    def __init__(
        self, declared: Callable[[], tuple[Budget, ...]], engine: Engine | None, ledger: Ledger
    ) -> None:
        self._declared = declared
        self._engine = engine
        self._ledger = ledger
        self._version = -1
        self._written: tuple[Budget, ...] = ()
        self._stored: tuple[Budget, ...] = ()
        self._all: tuple[Budget, ...] = ()

    def __call__(self) -> tuple[Budget, ...]:
        """The store is read when it may have changed; what has not is the same tuple. Raises SQLAlchemyError."""
        version, written, stored = self._ledger.snapshot_version, self._declared(), self._stored
        if self._engine is not None and version != self._version:
            with self._engine.connect() as connection:
                stored = budgets_of(connection)
            self._version = version
        if written is not self._written or stored is not self._stored:
            self._written, self._stored = written, stored
            self._all = (*written, *stored)
        return self._all


class Spending:
    """`budgets` tells which ones there are, by the same object where none has changed; it runs in a thread. `engine` is
    this job's alone. What they have spent is kept at `kept` for the next ledger."""

    def __init__(
        self,
        ledger: Ledger,
        journal: Path,
        engine: Engine,
        budgets: Callable[[], Iterable[Budget]],
        kept: Path,
    ) -> None:
        self._ledger = ledger
        self._journal = journal
        self._engine = engine
        self._budgets = budgets
        self._accounts: Accounts | None = None
        self._ready = False
        self._told: dict[tuple[str, str], tuple[Budget, Purse]] = {}
        self._seen: Iterable[Budget] = ()
        self._kept = kept
        self._before = sums.read(kept)
        self._sums = NOTHING
        self._complete = False
        self._next = 0.0
        self._failed = False

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            await self._until_stored()
            looked = 0.0
            while True:
                if time.monotonic() - looked >= LOOK:
                    await asyncio.to_thread(self.tell)
                    if time.monotonic() >= self._next:
                        await asyncio.to_thread(self.keep)
                    looked = time.monotonic()
                if self._accounts is not None:
                    self._accounts.sweep()
                await asyncio.sleep(EVERY)
        finally:
            with suppress(StopIteration, LedgerError):  # too early for a row
                self.keep()
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
            budgets = self._budgets()
            if budgets is not self._seen:
                self._tell_new(budgets)
                self._seen = budgets
            self._failed, self._complete = False, True
        except SQLAlchemyError as error:
            if not self._failed:
                log.warning("spending_unknown", error=cause(error), hint="the store is asked again")
            self._failed = True

    def _tell_new(self, budgets: Iterable[Budget]) -> None:
        new = [one for one in budgets if (one.id, one.period) not in self._told]
        if new:
            accounts = self._opened()
            for one in new:
                self._tell(accounts, one)

    def keep(self) -> None:
        """Writes down what was spent, where that has changed. While the store is away, budgets are those of before."""
        begun = time.monotonic()
        accounts = self._opened()
        found = sums.summed(accounts.born, self._standing(accounts), time.time_ns())
        if found.sums != self._sums.sums:
            try:
                sums.write(self._kept, found)
                self._sums = found
            except OSError as error:
                log.warning("sums_not_kept", file=str(self._kept), error=error.strerror or "")
        ended = time.monotonic()
        self._next = ended + max(KEEP, REST * (ended - begun))

    def _standing(self, accounts: Accounts) -> list[tuple[Budget, Purse]]:
        found = [*tuple(self._told.values())]
        if not self._complete:
            for one in self._before.sums:
                if (one.id, one.period) not in self._told:
                    budget = Budget(one.id, one.account, 1, one.period)
                    found.append((budget, accounts.budget(one.id, 1, period=one.period)))
        return found

    def _tell(self, accounts: Accounts, budget: Budget) -> None:
        now, born = time.time_ns(), accounts.born
        since = began(budget.period, now)
        purse = accounts.budget(budget.id, budget.nano_usd, period=budget.period, soft=budget.soft)
        if since < born:
            with self._engine.connect() as connection:
                before = spent(connection, budget.account, since, born)
            if self._before.ledger != born:  # records are removed some day, what they cost is not
                before = max(before, self._before.of(budget, now))
            if purse.restore(before, now) and before:
                log.info("budget_restored", budget=budget.id, nano_usd=before)
        self._told[budget.id, budget.period] = budget, purse

    def _opened(self) -> Accounts:
        """The row of this process, which may have been a worker's."""
        if self._accounts is None:
            row = next(one.number for one in self._ledger.workers() if one.pid == os.getpid())
            self._accounts = Accounts(self._ledger, row)
            replay(self._accounts, last_charge(self._journal, row))
        return self._accounts
