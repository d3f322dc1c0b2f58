"""Who pays what of a request, and that a record which its worker wrote and never settled is settled once."""

from pathlib import Path
from time import time_ns
from typing import Any

import pytest

from gateway._speedups import limits
from gateway._speedups.billing import Bound, Numbers
from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Accounts
from gateway.access.bills import NONE, Bill, bound, replay
from gateway.access.holds import Told
from gateway.errors import BudgetExceeded
from gateway.schemas.charge import Charge, Part
from gateway.schemas.plan import Target
from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage
from gateway.telemetry.journal import Journal
from gateway.telemetry.lastwords import keep_last, last_charge

FIRST, SECOND = Target("a", "m"), Target("b", "m")


class Heard:
    def budget_warning(self, budget: str, key: str) -> None:
        pass

    def limit_refused(self, limit: str, kind: str) -> None:
        pass


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "ledger", limits.sections(limits=64, budgets=64, rolling=4, workers=4))


def begun(accounts: Accounts, common: Bound = NONE, own: dict[Target, Bound] | None = None) -> Bill:
    found = own or {}

    def others(target: Target) -> Bound:
        return found.get(target, NONE)

    bill = Bill(accounts, Numbers(accounts.inherited), others)
    bill.reserve(common, others(FIRST), FIRST, Told(10, 500), Heard(), "k")
    return bill


def budget(accounts: Accounts, id: str, nano_usd: int = 1000) -> Bound:
    return bound((accounts.budget(id, nano_usd),))


def spent(accounts: Accounts, id: str) -> int:
    return accounts.budget(id, 1).spent(time_ns())


def fallen_back() -> Record:
    """The first target began to answer and broke off, the second one answered."""
    return Record(
        "r",
        provider="b",
        model="m",
        usage=Usage(input=5, output=5),
        cost_nano_usd=400,
        attempts=[
            Attempt("a", "m", "upstream_error", usage=Usage(input=5), cost_nano_usd=100),
            Attempt("b", "m"),
        ],
    )


def test_each_target_pays_what_it_did_and_the_caller_all(ledger: Ledger) -> None:
    accounts = Accounts(ledger, 0)
    own = {FIRST: budget(accounts, "first"), SECOND: budget(accounts, "second", 1)}
    bill = begun(accounts, budget(accounts, "caller"), own)
    record = fallen_back()
    for _ in range(2):  # the second time nothing is left to pay
        bill.draw(record)
        bill.pay()
    assert [spent(accounts, id) for id in ("caller", "first", "second")] == [400, 100, 300]
    assert [accounts.budget(id, 1).reserved for id in ("caller", "first", "second")] == [0, 0, 0]
    assert record.charge is not None
    assert [part.nano_usd for part in record.charge.parts] == [400, 100, 300]


def test_a_target_that_was_never_asked_owes_nothing(ledger: Ledger) -> None:
    accounts = Accounts(ledger, 0)
    limiter = accounts.limit("first", seconds=3600, requests=1)
    bill = begun(accounts, own={FIRST: bound((limiter,))})
    record = Record("r", provider="b", model="m", attempts=[Attempt("b", "m")], usage=Usage(output=1))
    bill.draw(record)
    bill.pay()
    left = limiter.requests_left(time_ns())
    assert left is not None
    assert left[1] == 1
    assert record.charge is None


def test_a_refusal_by_the_target_takes_nothing_from_the_caller(ledger: Ledger) -> None:
    accounts = Accounts(ledger, 0)
    with pytest.raises(BudgetExceeded):
        begun(accounts, budget(accounts, "caller"), {FIRST: budget(accounts, "first", 1)})
    assert accounts.budget("caller", 1).reserved == 0


def killed(ledger: Ledger, folder: Path, settled: int) -> Charge:
    """Row 1 as its worker left it: its record is written, and of its two parts so many are settled."""
    accounts = Accounts(ledger, 1)
    parts = tuple([Part(nano, (f"month {id}",)) for nano, id in ((70, "caller"), (30, "target"))])
    charge = Charge(accounts.born, Numbers(accounts.inherited).take(2), parts)
    Journal(folder, 1, str).write(Record("r", charge=charge))
    for at, part in enumerate(parts[:settled]):
        hold: Any = accounts.reserve((accounts.budget(part.budgets[0][6:], 1, soft=True),), time_ns(), 0, 0)
        hold.settle(0, part.nano_usd, time_ns(), charge.sequence + at)
    accounts.leave()
    return charge


@pytest.mark.parametrize("settled", [0, 1, 2])
@pytest.mark.parametrize("stored", [False, True])
def test_what_was_written_and_not_settled_is_settled_once(
    ledger: Ledger, tmp_path: Path, settled: int, stored: bool
) -> None:
    charge = killed(ledger, tmp_path, settled)
    if stored:  # and the file went with it
        for path in tmp_path.glob("*.log"):
            keep_last(path)
            path.unlink()
    assert last_charge(tmp_path, 1) == charge
    assert last_charge(tmp_path, 2) is None
    for replayed in (2 - settled, 0):
        accounts = Accounts(ledger, 1)
        assert replay(accounts, last_charge(tmp_path, 1)) == replayed
        assert (spent(accounts, "caller"), spent(accounts, "target")) == (70, 30)
        accounts.leave()


def test_a_charge_of_another_ledger_is_left_to_the_records(ledger: Ledger, tmp_path: Path) -> None:
    charge = killed(ledger, tmp_path, 0)
    limited = limits.sections(limits=64, budgets=64, rolling=4, workers=4)
    accounts = Accounts(Ledger.create(tmp_path / "new", limited), 1)
    assert replay(accounts, charge) == 0
    assert spent(accounts, "caller") == 0
