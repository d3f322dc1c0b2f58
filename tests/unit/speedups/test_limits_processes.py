"""Limits and budgets between processes: never more than there is, whoever is killed at whatever moment."""

import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway._speedups.ledger import Ledger, LedgerError
from gateway._speedups.limits import Account, Accounts, Hold, Limiter, Purse, sections
from tests.unit.speedups.limits_worker import PRICE, RACES, SHAPE, churn, handles_of

WORKER = Path(__file__).with_name("limits_worker.py")
ROOT = Path(__file__).parents[3]
GRANTS = 150_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Ledger.create(tmp_path / "ledger", sections(**SHAPE))
    return tmp_path / "ledger"


def accounts_of(path: Path, number: int = 7) -> Accounts:
    return Accounts(Ledger.open(path, sections(**SHAPE)), number)


@contextmanager
def worker(
    path: Path, row: int, mode: str, amount: int, report: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    arguments = [sys.executable, str(WORKER), str(path), str(row), mode, str(amount), str(report or "")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def purses(handles: tuple[Account, ...]) -> list[Purse]:
    return [handle for handle in handles if isinstance(handle, Purse)]


def test_four_processes_get_exactly_what_a_budget_has(path: Path) -> None:
    with (
        worker(path, 0, "grab", GRANTS) as a,
        worker(path, 1, "grab", GRANTS) as b,
        worker(path, 2, "grab", GRANTS) as c,
        worker(path, 3, "grab", GRANTS) as d,
    ):
        processes = (a, b, c, d)
        for process in processes:
            begin(process)
        granted = [int(process.communicate()[0]) for process in processes]
    handles = handles_of(accounts_of(path), GRANTS)
    assert sum(granted) == GRANTS
    for purse in purses(handles):
        assert (purse.spent(time.time_ns()), purse.reserved) == (GRANTS * PRICE, 0)
    assert isinstance(handles[0], Limiter)
    assert handles[0].in_flight == 0
    left = handles[0].requests_left(time.time_ns())
    assert left is not None
    # 10,000,000 seconds for a billion requests: what flows back meanwhile is a hundred a second.
    assert GRANTS - 100 * 60 <= 10**9 - left[1] <= GRANTS


def journalled(report: Path, settled: int) -> int:
    """The sum of all records up to the last that the row says it settled; 0 when that is an earlier worker's."""
    slots = report.read_bytes()
    for at in (0, 32):
        sequence, before, price = struct.unpack_from("<qqq", slots, at)
        if sequence == settled:
            return int(before + price)
    return 0


def churner(path: Path, row: int, report: Path) -> int:
    """The pid of a child that reserves and settles until it is killed."""
    child = os.fork()
    if child:
        return child
    try:
        accounts = accounts_of(path, row)
        with open(report, "r+b") as file:
            churn(accounts, handles_of(accounts, 10**9), mmap.mmap(file.fileno(), 64))
    finally:
        os._exit(1)


def test_whatever_moment_a_worker_is_killed_at_its_budgets_agree_with_its_records(
    path: Path, tmp_path: Path
) -> None:
    survivor = accounts_of(path)
    handles = handles_of(survivor, 10**9)
    reports = [tmp_path / f"report-{row}" for row in range(3)]
    paid = 0
    for turn in range(60):
        for report in reports:
            report.write_bytes(struct.pack("<q56x", (turn + 1) << 32))
        children = [churner(path, row, report) for row, report in enumerate(reports)]
        time.sleep(random.uniform(0.004, 0.01))
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        swept = dict(survivor.sweep())
        paid += sum(journalled(one, swept.get(row, 0)) for row, one in enumerate(reports))
        now = time.time_ns()
        assert [(purse.spent(now), purse.reserved) for purse in purses(handles)] == [(paid, 0)] * 31
        assert isinstance(handles[0], Limiter)
        assert handles[0].in_flight == 0
    assert paid > 0


def test_racers_for_the_last_places_and_cents_get_no_more_than_there_is(path: Path) -> None:
    with (
        worker(path, 0, "race", 1) as a,
        worker(path, 1, "race", 1) as b,
        worker(path, 2, "race", 1) as c,
    ):
        for process in (a, b, c):
            begin(process)
        granted = []
        for process in (a, b, c):
            assert process.stdout is not None
            granted.append([int(word) for word in process.stdout.readline().split()])
        for process in (a, b, c):
            begin(process)
    found = [sum(column) for column in zip(*granted, strict=True)]
    assert len(found) == RACES
    assert max(found) == 2
    # A racer that was put to sleep while it took may have cost another its place, but no more than that.
    assert found.count(2) > 0.97 * RACES


def test_a_successor_in_the_row_gives_back_what_the_dead_one_held_and_knows_its_last_record(
    path: Path,
) -> None:
    child = os.fork()
    if child == 0:
        accounts = accounts_of(path, 1)
        handles = handles_of(accounts, 10)
        holds = [accounts.reserve(handles, time.time_ns(), 1, PRICE) for _ in range(3)]
        assert isinstance(holds[0], Hold)
        holds[0].settle(1, PRICE, time.time_ns(), 41)
        os.kill(os.getpid(), signal.SIGKILL)
    survivor = accounts_of(path)
    os.waitpid(child, 0)
    handles = handles_of(survivor, 10)
    assert [purse.reserved for purse in purses(handles)] == [2 * PRICE] * 31
    successor = accounts_of(path, 1)
    assert successor.inherited == 41
    assert [purse.reserved for purse in purses(handles)] == [0] * 31
    assert [purse.spent(time.time_ns()) for purse in purses(handles)] == [PRICE] * 31
    assert survivor.sweep() == []


def log_of(path: Path, row: int) -> int:
    return Ledger.open(path, ()).sections["limits.rows"][1] + row * 72 * 8


def test_a_settling_that_was_cut_off_is_finished(path: Path) -> None:
    survivor = accounts_of(path)
    handles = handles_of(survivor, 10)
    assert [purse.spent(time.time_ns()) for purse in purses(handles)] == [0] * 31
    with worker(path, 0, "grab", 10):
        pass
    # Row 0's process died between its log and its budgets: 5 for the first, 6 for the second budget, record 9.
    with open(path, "r+b") as file:
        file.seek(log_of(path, 0) + 3 * 8)
        file.write(struct.pack("<qq24xqqqq", 9, 3, 0, 5, 1, 6))
    assert survivor.sweep() == [(0, 9)]
    assert survivor.sweep() == []
    assert [purse.spent(time.time_ns()) for purse in purses(handles)] == [5, 6] + [0] * 29
    assert [purse.reserved for purse in purses(handles)] == [0] * 31


def test_a_turn_of_a_period_that_was_cut_off_is_done_again(path: Path) -> None:
    survivor = accounts_of(path)
    purse = survivor.budget("daily", 100, period="day")
    now = 1_800_000_000 * 10**9
    hold = survivor.reserve((purse,), now, 0, 60)
    assert isinstance(hold, Hold)
    hold.settle(0, 60, now)
    with worker(path, 0, "grab", 10):
        pass
    cells = Ledger.open(path, ()).sections["limits.budgets.cells"][1]
    block = 0  # the first budget of this ledger is `daily`
    with open(path, "r+b") as file:
        file.seek(cells + block)
        start = struct.unpack("<q", file.read(8))[0]
        file.seek(cells + block)
        file.write(struct.pack("<q", start | 1))
    tomorrow = now + 86_400 * 10**9
    assert purse.spent(tomorrow) == 60  # the turn is row 0's
    survivor.sweep()
    assert purse.spent(tomorrow) == 0


def test_a_scribbled_log_leads_nowhere(path: Path) -> None:
    survivor = accounts_of(path)
    with worker(path, 0, "grab", 10):
        pass
    with open(path, "r+b") as file:
        file.seek(log_of(path, 0) + 3 * 8)
        file.write(struct.pack("<qq24xqqqq", 9, 1 << 60, -5, 5, 1 << 40, 6))
    assert survivor.sweep() == [(0, 9)]


def test_a_row_of_a_living_process_is_not_taken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with worker(path, 0, "grab", 10):
        monkeypatch.setattr(time, "sleep", pause)
        with pytest.raises(LedgerError, match="held by another process"):
            accounts_of(path, 0)
        assert accounts_of(path).sweep() == []
    assert accounts_of(path, 0).number == 0


def pause(seconds: float) -> None:
    """Waits for nobody."""


def test_leaving_gives_back_what_is_held(path: Path) -> None:
    one, other = accounts_of(path, 0), accounts_of(path, 1)
    held = one.reserve(handles_of(one, 10), time.time_ns(), 1, PRICE)
    assert [purse.reserved for purse in purses(handles_of(other, 10))] == [PRICE] * 31
    one.leave()
    assert [purse.reserved for purse in purses(handles_of(other, 10))] == [0] * 31
    del held
