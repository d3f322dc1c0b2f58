"""Each budget is told once what it had spent, whenever it came; looking for new ones costs nothing where none did."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway._speedups import limits
from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Accounts, Hold
from gateway.control.spending import Spending, Standing
from gateway.control.sums import read
from gateway.schemas.governance import Budget
from gateway.store.engine import open_engine
from gateway.telemetry.cells import sections

FIRST, SECOND = Budget("first", "key:k", 1000, "month"), Budget("second", "key:k", 1000, "never")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found = Ledger.create(
        tmp_path / "ledger", (*sections(), *limits.sections(limits=8, budgets=8, workers=4))
    )
    place = found.join("control")
    yield found
    place.leave()


def spend(ledger: Ledger, budget: Budget, nano_usd: int) -> None:
    accounts = Accounts(ledger, 1)
    hold = accounts.reserve((accounts.budget(budget.id, 1000, period=budget.period),), time.time_ns(), 0, 0)
    assert isinstance(hold, Hold)
    hold.settle(0, nano_usd, time.time_ns())
    accounts.leave()


def test_what_has_not_changed_is_the_same_object(ledger: Ledger) -> None:
    declared: list[tuple[Budget, ...]] = [(FIRST,)]
    standing = Standing(lambda: declared[-1], None, ledger)
    before = standing()
    ledger.publish()
    assert standing() is before == (FIRST,)
    declared.append((FIRST, SECOND))
    assert standing() == (FIRST, SECOND)


def test_a_budget_that_came_later_is_kept_too(ledger: Ledger, tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/store")
    declared: list[tuple[Budget, ...]] = []
    job = Spending(ledger, tmp_path / "journal", engine, lambda: declared[-1], tmp_path / "kept")
    for budgets in ((FIRST,), (FIRST,), (FIRST, SECOND)):
        declared.append(budgets)
        job.tell()
    for one, nano_usd in ((FIRST, 7), (SECOND, 9)):
        spend(ledger, one, nano_usd)
    job.keep()
    assert {one.id: one.nano_usd for one in read(tmp_path / "kept").sums} == {"first": 7, "second": 9}
    engine.dispose()
