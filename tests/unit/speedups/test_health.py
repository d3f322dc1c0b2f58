"""A target's health in the ledger: one truth for all workers, whoever writes and whoever dies."""

import multiprocessing
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups.health import (
    HALF_OPEN,
    OPEN,
    SHUT,
    Board,
    TargetHealth,
    counted,
    forget,
    sections,
    survey,
)
from gateway._speedups.ledger import Ledger

S = 1_000_000_000
NOW = 1_000 * S


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "ledger", sections())


@pytest.fixture
def target(ledger: Ledger) -> TargetHealth:
    return Board(ledger, 0).target(b"openai\0gpt", failures=3, cooldown=5 * S, longest=40 * S)


def opened(target: TargetHealth, now: int = NOW) -> int:
    """Opens the target; the moment at which it becomes half-open."""
    assert [target.failed(now) for _ in range(3)] == [False, False, True]
    return target.open_until


def test_failures_in_a_row_open_it_and_one_answer_between_them_does_not(target: TargetHealth) -> None:
    target.failed(NOW)
    target.failed(NOW)
    target.succeeded(1, NOW)
    assert not target.failed(NOW)
    assert target.admit(NOW) == 1
    assert not target.failed(NOW)
    assert target.failed(NOW)
    assert (target.state(NOW), target.admit(NOW), target.opened) == (OPEN, 0, 1)


def test_a_share_of_failures_opens_it_once_there_are_enough_answers(ledger: Ledger) -> None:
    target = Board(ledger, 0).target(b"t", failures=100, rate=0.5, minimum=10)
    outcomes = []
    for _ in range(5):
        target.succeeded(1, NOW)
        outcomes.append(target.failed(NOW))
    assert outcomes == [False, False, False, False, True]


def test_old_answers_do_not_count(ledger: Ledger) -> None:
    target = Board(ledger, 0).target(b"t", failures=100, minimum=4, window=30 * S)
    for _ in range(3):
        target.failed(NOW)
    assert not target.failed(NOW + 31 * S)


def test_half_open_lets_one_probe_through_until_it_ends(target: TargetHealth) -> None:
    until = opened(target)
    assert until == NOW + 5 * S
    assert target.admit(until - 1) == 0
    assert (target.state(until), target.admit(until), target.admit(until)) == (HALF_OPEN, 2, 0)
    target.release()
    assert target.admit(until) == 2
    assert target.succeeded(1, until + 1)
    assert (target.state(until + 1), target.admit(until + 1)) == (SHUT, 1)


def test_a_probe_whose_worker_died_is_given_to_another(target: TargetHealth) -> None:
    until = opened(target)
    assert target.admit(until) == 2
    assert target.admit(until + 29 * S) == 0
    assert target.admit(until + 31 * S) == 2


def test_each_failed_probe_doubles_the_pause_up_to_the_longest(target: TargetHealth) -> None:
    now = opened(target)
    pauses = []
    for _ in range(5):
        assert target.admit(now) == 2
        assert target.failed(now)
        pauses.append((target.open_until - now) // S)
        now = target.open_until
    assert pauses == [10, 20, 40, 40, 40]


def test_the_longer_deadline_wins(target: TargetHealth) -> None:
    opened(target)
    target.failed(NOW, 60 * S)
    assert target.open_until == NOW + 60 * S
    target.failed(NOW, 10 * S)
    assert target.open_until == NOW + 60 * S


def test_an_answer_to_an_older_request_does_not_shut_it(target: TargetHealth) -> None:
    opened(target)
    assert not target.succeeded(1, NOW + S)
    assert target.state(NOW + S) == OPEN


def test_a_target_may_ask_for_rest_without_being_to_blame(target: TargetHealth) -> None:
    assert target.cool(NOW, 20 * S)
    assert (target.open_until, target.success) == (NOW + 20 * S, 1.0)
    assert not target.cool(NOW, 30 * S)
    assert target.open_until == NOW + 30 * S


def test_peaks_of_latency_count_at_once_and_are_forgotten(target: TargetHealth) -> None:
    assert target.latency(NOW) == 0
    target.succeeded(100, NOW)
    target.succeeded(9_000, NOW)
    assert target.latency(NOW) == 9_000
    target.succeeded(100, NOW + S)
    assert 7_000 < target.latency(NOW + S) < 9_000
    assert target.latency(NOW + 100 * S) < 1


def test_the_slow_end_of_latency_is_found(target: TargetHealth) -> None:
    for turn in range(4_000):
        target.succeeded(500_000_000 if turn % 10 == 0 else 100_000_000, NOW)
    assert 300_000_000 < target.slow < 700_000_000


def test_whoever_was_not_waited_for_is_never_thought_quicker(target: TargetHealth) -> None:
    target.outwaited(1_000, NOW)
    assert target.latency(NOW) == 1_000  # of an unknown one this is known
    assert target.slow == 0  # and its slow end is not
    target.succeeded(9_000, NOW)
    slow = target.slow
    for _ in range(100):
        target.outwaited(8_999, NOW)
    assert (target.latency(NOW), target.slow) == (9_000, slow)
    target.outwaited(90_000, NOW)
    assert target.latency(NOW) == 90_000
    assert target.slow > slow
    assert target.success == 1  # it is not to blame


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**12), st.integers(0, 10**10)), max_size=40))
def test_property_a_lower_bound_only_ever_raises(tries: list[tuple[bool, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Board(Ledger.create(Path(folder) / "ledger", sections()), 0).target(b"t")
        now = NOW
        for answered, took, passed in tries:
            now += passed
            before = target.latency(now), target.slow
            if answered:
                target.succeeded(took, now)
                continue
            target.outwaited(took, now)
            assert target.latency(now) == pytest.approx(max(before[0], took, 1 if before[0] < 1 else 0))
            assert target.slow >= before[1]


def test_a_quantile_of_tries_that_are_cut_short_is_that_of_whole_ones(target: TargetHealth) -> None:
    """As hedges do it: whatever takes longer than the quantile is ended a moment later."""
    for turn in range(4_000):
        first = 500_000_000 if turn % 10 == 0 else 100_000_000
        slow = target.slow
        if slow and first > slow:
            target.outwaited(slow + 1_000_000, NOW)
        else:
            target.succeeded(first, NOW)
    assert 300_000_000 < target.slow < 700_000_000


def test_headroom_is_the_smaller_share_until_the_limit_is_full_again(target: TargetHealth) -> None:
    assert target.headroom(NOW) == 1
    target.limits(NOW, requests=(50, 100, 10 * S), tokens=(100, 1_000, 20 * S))
    assert target.headroom(NOW) == pytest.approx(0.1)
    assert target.headroom(NOW + 15 * S) == pytest.approx(0.1)
    assert target.headroom(NOW + 21 * S) == 1


def test_success_is_a_decaying_share(target: TargetHealth) -> None:
    assert target.success == 1
    target.failed(NOW)
    assert 0.9 < target.success < 0.95
    for _ in range(400):
        target.succeeded(1, NOW)
    assert target.success == 1


def test_requests_in_flight_are_summed_over_workers_and_die_with_theirs(ledger: Ledger) -> None:
    one, other = Board(ledger, 0).target(b"t"), Board(ledger, 7).target(b"t")
    one.begin()
    other.begin()
    other.begin()
    assert (one.in_flight, other.in_flight) == (3, 3)
    one.end()
    assert other.in_flight == 2
    successor = Board(ledger, 7).target(b"t")
    assert successor.in_flight == 0


def test_more_targets_than_the_ledger_has_places_for_still_work(ledger: Ledger) -> None:
    board = Board(ledger, 0)
    targets = [board.target(b"%d" % number, failures=1) for number in range(1_100)]
    last = targets[-1]
    last.begin()
    assert (last.in_flight, last.failed(NOW), last.state(NOW)) == (1, True, OPEN)
    assert targets[-2].state(NOW) == SHUT


def _hammer(
    path: Path, number: int, ready: "multiprocessing.synchronize.Barrier", out: "multiprocessing.Queue[int]"
) -> None:
    target = Board(Ledger.open(path, sections()), number).target(b"t", failures=1)
    ready.wait()
    won = 0
    for turn in range(400):
        ready.wait()
        won += target.admit(NOW + turn * 100 * S) == 2
    out.put(won)


def test_one_probe_at_a_time_across_processes(ledger: Ledger) -> None:
    target = Board(ledger, 0).target(b"t", failures=1)
    target.failed(NOW - 200 * S)
    context = multiprocessing.get_context("fork")
    ready, out = context.Barrier(4), context.Queue()
    workers = [context.Process(target=_hammer, args=(ledger.path, n, ready, out)) for n in range(1, 5)]
    for worker in workers:
        worker.start()
    assert sum(out.get(timeout=60) for _ in workers) == 400
    for worker in workers:
        worker.join()


def test_another_worker_sees_an_open_target_at_once(ledger: Ledger) -> None:
    opened(Board(ledger, 0).target(b"t", failures=3))
    other = Board(Ledger.open(ledger.path, sections()), 1).target(b"t", failures=3)
    assert other.admit(NOW) == 0


@given(
    st.lists(
        st.tuples(st.sampled_from(["failed", "succeeded", "admit", "cool", "release"]), st.integers(0, 90)),
        max_size=60,
    )
)
def test_whatever_happens_a_target_opens_and_shuts_and_is_never_lost(steps: list[tuple[str, int]]) -> None:
    path = Path(tempfile.gettempdir(), f"health-{time.monotonic_ns()}")
    try:
        target = Board(Ledger.create(path, sections()), 0).target(b"t", failures=2, probe=10 * S)
        now = NOW
        for step, passed in steps:
            now += passed * S
            match step:
                case "failed":
                    target.failed(now)
                case "succeeded":
                    target.succeeded(1_000, now)
                case "cool":
                    target.cool(now, passed * S)
                case "admit":
                    assert (target.admit(now) == 0) >= (target.state(now) == OPEN)
                case _:
                    target.release()
        later = max(now, target.open_until) + 11 * S
        assert target.admit(later) in (1, 2)
        target.succeeded(1_000, later)
        assert target.admit(later) == 1
    finally:
        path.unlink()


def test_a_breaker_of_no_failures_never_opens(ledger: Ledger) -> None:
    target = Board(ledger, 0).target(b"p\0m", failures=0)
    for _ in range(50):
        assert not target.failed(NOW, 10**12)
        assert not target.cool(NOW, 10**12)
    assert (target.state(NOW), target.admit(NOW), target.opened) == (SHUT, 1, 0)


def test_what_is_no_target_is_counted_over_all_workers(ledger: Ledger) -> None:
    boards = [Board(ledger, number) for number in range(3)]
    boards[0].target(b"p\0m").begin()
    for board in boards:
        board.target(b"\0tp\0\0").begin()
    boards[1].target(b"\0wp\0\0m").begin()
    boards[2].target(b"\0tp\0\0").end()
    assert sorted(counted(ledger)) == [(b"\0tp\0\0", 2), (b"\0wp\0\0m", 1)]
    Board(ledger, 0)  # a successor in this row: what its predecessor held went with it
    assert sorted(counted(ledger)) == [(b"\0tp\0\0", 1), (b"\0wp\0\0m", 1)]


def test_a_start_finds_everything_shut(ledger: Ledger) -> None:
    target, key = Board(ledger, 0).target(b"p\0m", failures=3), Board(ledger, 0).target(b"p\0#0")
    opened(target)
    key.cool(NOW, 10**15)
    assert survey(ledger, NOW) == [(b"p\0m", OPEN), (b"p\0#0", OPEN)]
    forget(ledger)
    assert survey(ledger, NOW) == [(b"p\0m", SHUT), (b"p\0#0", SHUT)]
    assert opened(target) > NOW
    assert survey(ledger, target.open_until)[0] == (b"p\0m", HALF_OPEN)


def test_rest_that_is_asked_for_does_not_grow(target: TargetHealth) -> None:
    now = NOW
    for _ in range(6):
        assert target.cool(now, S)
        assert target.open_until == now + S
        now += 2 * S
    assert target.failed(now)
    assert target.open_until == now + 5 * S  # and the first failure that opens it is still the first
