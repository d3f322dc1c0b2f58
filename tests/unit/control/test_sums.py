"""What budgets had spent outlives their ledger: the next one begins with it, before anybody reads a record."""

import time
from pathlib import Path

import pytest

from gateway._speedups import limits
from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Accounts, Hold, Purse, Refusal
from gateway.config import Config
from gateway.control.sums import (
    NOTHING,
    Sum,
    Sums,
    began,
    begin_with,
    is_present,
    read,
    summed,
    sums_path,
    write,
)
from gateway.schemas.governance import Budget

DAY = 86_400 * 10**9
MONTHLY = Budget("b", "key:k", 1000, "month")
NEVER = Budget("n", "key:k", 1000, "never")
ROLLING = Budget("r", "key:k", 1000, "rolling:3600")


def ledger(folder: Path, name: str) -> Ledger:
    return Ledger.create(folder / name, limits.sections(limits=8, budgets=8, rolling=4, workers=2))


def opened(accounts: Accounts, one: Budget) -> Purse:
    return accounts.budget(one.id, one.nano_usd, period=one.period)


def spend(accounts: Accounts, one: Budget, nano_usd: int) -> None:
    hold = accounts.reserve((opened(accounts, one),), time.time_ns(), 0, nano_usd)
    assert isinstance(hold, Hold)
    hold.settle(0, nano_usd, time.time_ns())


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=str(tmp_path))


def test_a_new_ledger_begins_with_what_the_last_one_counted(tmp_path: Path, config: Config) -> None:
    old = Accounts(ledger(tmp_path, "old"), 0)
    for one in (MONTHLY, NEVER, ROLLING):
        spend(old, one, 900)
    pairs = [(one, opened(old, one)) for one in (MONTHLY, NEVER, ROLLING)]
    write(sums_path(config), summed(old.born, pairs, time.time_ns()))

    fresh = ledger(tmp_path, "fresh")
    begin_with(config, fresh)
    new = Accounts(fresh, 0)
    for one in (MONTHLY, NEVER, ROLLING):
        assert opened(new, one).spent(time.time_ns()) == 900
        assert isinstance(new.reserve((opened(new, one),), time.time_ns(), 0, 101), Refusal)
        assert opened(new, one).restore(950, time.time_ns())  # the records have the last word,
        assert opened(new, one).spent(time.time_ns()) == 950
        assert not opened(new, one).restore(0, time.time_ns())  # once


def test_what_the_ledger_counted_itself_is_not_counted_twice(tmp_path: Path, config: Config) -> None:
    same = ledger(tmp_path, "same")
    accounts = Accounts(same, 0)
    spend(accounts, NEVER, 400)
    write(sums_path(config), summed(accounts.born, [(NEVER, opened(accounts, NEVER))], time.time_ns()))
    accounts.leave()
    begin_with(config, same)
    again = Accounts(same, 0)
    assert opened(again, NEVER).spent(time.time_ns()) == 400


def test_a_row_that_somebody_lives_in_is_left_alone(tmp_path: Path, config: Config) -> None:
    write(sums_path(config), Sums(1, (Sum("n", "never", "key:k", 0, 5),)))
    one = ledger(tmp_path, "one")
    accounts = Accounts(one, 0)
    begin_with(config, one)
    spend(accounts, NEVER, 1)
    assert opened(accounts, NEVER).spent(time.time_ns()) >= 1


def test_a_past_period_counts_no_more() -> None:
    now = time.time_ns()
    assert is_present(Sum("b", "month", "key:k", began("month", now), 1), now)
    assert not is_present(Sum("b", "month", "key:k", began("month", now - 40 * DAY), 1), now)
    assert is_present(Sum("r", "rolling:3600", "key:k", now - 10**9, 1), now)
    assert not is_present(Sum("r", "rolling:3600", "key:k", now - 2 * 3600 * 10**9, 1), now)


def test_a_budget_of_the_same_name_on_another_account_is_another() -> None:
    found = Sums(1, (Sum("n", "never", "key:other", 0, 5), Sum("r", "rolling:3600", "key:k", 7, 5)))
    assert found.of(NEVER, time.time_ns()) == 0
    assert found.of(ROLLING, time.time_ns()) == 0


@pytest.mark.parametrize("content", [b"", b"GWSPENT\x01" + bytes(40), b"\x00" * 100])
def test_a_damaged_file_is_nothing(config: Config, content: bytes) -> None:
    sums_path(config).write_bytes(content)
    assert read(sums_path(config)) == NOTHING


def test_no_file_is_nothing(tmp_path: Path, config: Config) -> None:
    assert read(sums_path(config)) == NOTHING
    begin_with(config, ledger(tmp_path, "one"))
