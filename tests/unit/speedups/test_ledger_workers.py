"""The worker table: what a process holds is given back when it dies, however it dies."""

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway._speedups.ledger import WORKERS, Ledger, LedgerError, process_identity

JOINS = """
import sys, time
from gateway._speedups.ledger import Ledger
ledger = Ledger.open(sys.argv[1], ())
worker = ledger.join()
for _ in range(3):
    worker.started()
print("joined", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Ledger.create(tmp_path / "ledger", ())
    return tmp_path / "ledger"


@contextmanager
def process_with_three_in_flight(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", JOINS, path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"joined\n"
        try:
            yield process
        finally:
            process.kill()


def in_flight(path: Path) -> int:
    return sum(worker.in_flight for worker in Ledger.open(path, ()).workers())


def write_owner(path: Path, number: int, pid: int, identity: int, ready: bool = True) -> None:
    offset = Ledger.open(path, ()).sections["workers"][1] + number * 64
    words = struct.pack("<qqqq", identity << 32 | pid << 1 | ready, 0, 0, 7)
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(words)


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_in_flight_is_the_sum_over_processes(path: Path) -> None:
    own = Ledger.open(path, ()).join()
    own.started()
    own.started()
    own.finished()
    with process_with_three_in_flight(path):
        assert in_flight(path) == 1 + 3


def test_a_killed_workers_in_flight_is_given_back_even_before_it_is_reaped(path: Path) -> None:
    with process_with_three_in_flight(path) as process:
        assert in_flight(path) == 3
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert in_flight(path) == 0
        process.wait()
        assert in_flight(path) == 0


def test_a_new_worker_takes_the_dead_ones_place_empty(path: Path) -> None:
    with process_with_three_in_flight(path) as process:
        assert Ledger.open(path, ()).join().number == 1
        process.kill()
        process.wait()
    successor = Ledger.open(path, ()).join("control")
    assert successor.number == 0
    states = Ledger.open(path, ()).workers()
    assert [(state.number, state.role, state.in_flight) for state in states] == [
        (0, "control", 0),
        (1, "worker", 0),
    ]
    assert {state.pid for state in states} == {os.getpid()}


def test_a_reused_pid_is_not_the_old_worker(path: Path) -> None:
    write_owner(path, 0, os.getpid(), process_identity(os.getpid()) ^ 2)
    assert Ledger.open(path, ()).workers() == []
    assert Ledger.open(path, ()).join().number == 0


def test_a_place_half_taken_by_a_process_that_died_is_free_again(path: Path) -> None:
    write_owner(path, 0, dead_pid(), 12345, ready=False)
    assert in_flight(path) == 0
    assert Ledger.open(path, ()).join().number == 0


def test_a_place_half_taken_by_a_living_process_is_left_alone(path: Path) -> None:
    write_owner(path, 0, os.getppid(), process_identity(os.getppid()), ready=False)
    assert in_flight(path) == 0
    assert Ledger.open(path, ()).join().number == 1


def test_leaving_frees_the_place_and_twice_does_no_harm(path: Path) -> None:
    ledger = Ledger.open(path, ())
    first, second = ledger.join(), ledger.join()
    first.started()
    first.leave()
    successor = ledger.join()
    first.leave()
    first.started()
    assert {worker.number for worker in ledger.workers()} == {successor.number, second.number}
    assert in_flight(path) == 0


def test_a_forked_childs_copy_cannot_give_the_parents_place_away(path: Path) -> None:
    ledger = Ledger.open(path, ())
    worker = ledger.join()
    child = os.fork()
    if child == 0:
        worker.leave()
        os._exit(0)
    os.waitpid(child, 0)
    assert [state.number for state in ledger.workers()] == [worker.number]


def test_finishing_more_than_was_started_never_shows_a_negative_gauge(path: Path) -> None:
    Ledger.open(path, ()).join().finished()
    assert in_flight(path) == 0


def test_a_full_worker_table_refuses(path: Path) -> None:
    ledger = Ledger.open(path, ())
    for _ in range(WORKERS.slots):
        ledger.join()
    with pytest.raises(LedgerError):
        ledger.join()


def test_a_beat_moves_the_heartbeat(path: Path) -> None:
    ledger = Ledger.open(path, ())
    worker = ledger.join()
    before = ledger.workers()[0].heartbeat_ns
    worker.beat()
    assert ledger.workers()[0].heartbeat_ns > before


def test_processes_that_join_at_once_get_places_of_their_own(path: Path) -> None:
    script = JOINS.replace("time.sleep(60)", "sys.stdin.readline()").replace(
        "worker = ledger.join()",
        "print('ready', flush=True); sys.stdin.readline()\nworker = [ledger.join() for _ in range(40)][0]",
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for word in ("ready\n", "joined\n"):
        for process in processes:
            assert process.stdout.readline() == word
        if word == "ready\n":
            for process in processes:
                process.stdin.write("go\n")
                process.stdin.flush()
    states = Ledger.open(path, ()).workers()
    for process in processes:
        process.communicate("end\n")
    assert sorted(state.number for state in states) == list(range(160))
    assert sum(state.in_flight for state in states) == 4 * 3
    assert Ledger.open(path, ()).workers() == []


def test_which_line_a_process_had_is_known_until_another_has_it(path: Path) -> None:
    ledger = Ledger.open(path, ())
    own = ledger.join()
    with process_with_three_in_flight(path) as process:
        assert ledger.number_of(process.pid) == own.number + 1
        process.kill()
        process.wait()
        assert ledger.number_of(process.pid) == own.number + 1
        assert ledger.join("control").number == own.number + 1
        assert ledger.number_of(process.pid) is None
    assert ledger.number_of(os.getpid()) == own.number
