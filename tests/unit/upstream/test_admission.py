"""Gates: who goes through, in which order, and that no place is ever lost; on a clock that waits for nobody."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway._speedups.health import Board, sections
from gateway._speedups.ledger import Ledger
from gateway.schemas.plan import Concurrency
from gateway.upstream.admission import DEADLINE, FULL, POLL, WAITED, Gate
from gateway.wiring.admission import gate as wired

LONG = 1000.0


class Jumping(selectors.SelectSelector):
    """Waits for nothing: the time that would have been waited has passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


class Clock(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = Jumping()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


def played(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=Clock) as runner:
        runner.run(play())


class Total:
    """What the ledger keeps, without one."""

    def __init__(self) -> None:
        self.in_flight = 0

    def begin(self) -> None:
        self.in_flight += 1

    def end(self) -> None:
        self.in_flight -= 1
        assert self.in_flight >= 0


class Gates:
    """One bound as several workers see it."""

    def __init__(self, count: int = 1, *, most: int = 2, queue: int = 100, wait: float = 10.0) -> None:
        self.taken, self.waiting = Total(), Total()
        bound = Concurrency(most, queue, wait)
        self.all = [Gate("p", bound, self.taken, self.waiting) for _ in range(count)]

    def at_rest(self) -> None:
        assert (self.taken.in_flight, self.waiting.in_flight) == (0, 0)
        assert [len(one) for one in self.all] == [0] * len(self.all)


async def through(gate: Gate, left: float = LONG) -> str:
    return "" if gate.enter() else await gate.wait(left)


async def tick() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_who_came_first_goes_first_and_nobody_overtakes() -> None:
    async def play() -> None:
        gates = Gates(most=1)
        (one,) = gates.all
        order: list[int] = []

        async def visit(number: int) -> None:
            assert await through(one) == ""
            order.append(number)
            await asyncio.sleep(1)
            one.leave()

        tasks = [asyncio.create_task(visit(number)) for number in range(5)]
        await tick()
        assert gates.taken.in_flight == 1
        await asyncio.sleep(0.9)
        tasks.append(asyncio.create_task(visit(5)))  # comes last, just before a place is free
        await asyncio.gather(*tasks)
        assert order == list(range(6))
        gates.at_rest()

    played(play)


def test_a_full_line_a_long_wait_and_a_near_end_are_refused() -> None:
    async def play() -> None:
        gates = Gates(most=1, queue=1, wait=10.0)
        (one,) = gates.all
        assert one.enter()
        begun = asyncio.get_running_loop().time()
        waiting = asyncio.create_task(one.wait(LONG))
        await tick()
        assert await one.wait(LONG) == FULL
        assert await waiting == WAITED
        assert asyncio.get_running_loop().time() - begun == pytest.approx(10.0)
        assert await one.wait(3.0) == DEADLINE
        assert asyncio.get_running_loop().time() - begun == pytest.approx(13.0)
        assert await one.wait(0.0) == DEADLINE
        one.leave()
        gates.at_rest()

    played(play)


def test_who_would_come_too_late_does_not_wait() -> None:
    """The line moves once a second: the fifth in it has no use for three seconds."""

    async def play() -> None:
        gates = Gates(most=1, wait=100.0)
        (one,) = gates.all
        assert one.enter()
        waiting = [asyncio.create_task(one.wait(LONG)) for _ in range(6)]
        for _ in range(2):
            await asyncio.sleep(1)
            one.leave()
        now = asyncio.get_running_loop().time()
        assert await one.wait(3.0) == DEADLINE
        assert asyncio.get_running_loop().time() == now
        assert one.busy(DEADLINE).retry_after == pytest.approx(5.0, rel=0.1)
        for _ in range(5):
            await asyncio.sleep(1)
            one.leave()
        assert await asyncio.gather(*waiting) == [""] * 6
        gates.at_rest()

    played(play)


@pytest.mark.parametrize("steps", range(8))
def test_one_who_leaves_takes_no_place_along(steps: int) -> None:
    """Cancelled at every await: before the line, in it, and with the place already in hand."""

    async def play() -> None:
        gates = Gates(most=1)
        (one,) = gates.all
        assert one.enter()
        leaver = asyncio.create_task(one.wait(LONG))
        after = asyncio.create_task(through(one))
        for step in range(steps):
            if step == 4:
                one.leave()
            else:
                await asyncio.sleep(0)
        leaver.cancel()
        got = (await asyncio.gather(leaver, return_exceptions=True))[0]
        if steps <= 4:
            assert isinstance(got, asyncio.CancelledError)
            one.leave()
        elif got == "":
            one.leave()
        assert await after == ""
        one.leave()
        gates.at_rest()

    played(play)


def test_a_place_that_comes_in_the_moment_of_leaving_goes_to_the_next() -> None:
    async def play() -> None:
        gates = Gates(most=1)
        (one,) = gates.all
        assert one.enter()
        leaver, after = asyncio.create_task(one.wait(LONG)), asyncio.create_task(one.wait(LONG))
        await tick()
        leaver.cancel()
        one.leave()  # the leaver has not run since
        await tick()
        assert after.done()
        one.leave()
        late = asyncio.create_task(through(one))
        await tick()
        assert late.done()
        first, second = asyncio.create_task(one.wait(LONG)), asyncio.create_task(one.wait(LONG))
        await tick()
        one.leave()
        first.cancel()  # the place is its own already
        await tick()
        assert first.cancelled()
        assert second.done()
        one.leave()
        gates.at_rest()

    played(play)


def test_a_worker_without_places_gets_its_share_of_a_busy_bound() -> None:
    """One worker holds every place and has a line of its own: another's line moves all the same."""

    async def play() -> None:
        gates = Gates(2, most=10, queue=1000, wait=LONG)
        served = [0, 0]

        async def visit(worker: int) -> None:
            assert await through(gates.all[worker]) == ""
            assert gates.taken.in_flight <= 10
            await asyncio.sleep(1)
            served[worker] += 1
            gates.all[worker].leave()

        tasks = [asyncio.create_task(visit(0)) for _ in range(200)]
        await asyncio.sleep(0.5)
        tasks += [asyncio.create_task(visit(1)) for _ in range(100)]
        await asyncio.sleep(15)
        assert served[1] >= 30
        assert sum(served) >= 120  # of 150 that a bound without any waste would have served
        await asyncio.gather(*tasks)
        gates.at_rest()

    played(play)


def test_a_newcomer_does_not_take_the_place_that_another_worker_gave_back() -> None:
    async def play() -> None:
        gates = Gates(2, most=1)
        assert gates.all[0].enter()
        waiting = asyncio.create_task(gates.all[1].wait(LONG))
        await asyncio.sleep(1)
        gates.all[0].leave()
        assert not gates.all[1].enter()
        assert await waiting == ""
        gates.all[1].leave()
        gates.at_rest()

    played(play)


def test_a_place_that_another_worker_gave_back_is_found() -> None:
    async def play() -> None:
        gates = Gates(2, most=1)
        assert gates.all[0].enter()
        waiting = asyncio.create_task(gates.all[1].wait(LONG))
        await asyncio.sleep(1)
        gates.all[0].leave()
        assert not waiting.done()
        await asyncio.sleep(2 * POLL)
        assert waiting.done()
        gates.all[1].leave()
        gates.at_rest()

    played(play)


_VISITS = st.lists(
    st.tuples(
        st.integers(0, 2),  # worker
        st.integers(0, 40).map(float),  # when it comes
        st.integers(0, 10).map(float),  # how long it stays
        st.integers(1, 40).map(float),  # how long its caller has
        st.none() | st.integers(0, 30).map(float),  # when it is cancelled
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(_VISITS, st.integers(1, 4), st.integers(0, 6), st.integers(1, 12).map(float))
def test_whatever_happens_the_bound_holds_and_nothing_is_left(
    visits: list[tuple[int, float, float, float, float | None]], most: int, queue: int, wait: float
) -> None:
    async def play() -> None:
        gates = Gates(3, most=most, queue=queue, wait=wait)
        joined: list[list[int]] = [[], [], []]
        admitted: list[list[int]] = [[], [], []]

        async def visit(number: int) -> None:
            worker, comes, stays, has, _ = visits[number]
            await asyncio.sleep(comes)
            gate, now = gates.all[worker], asyncio.get_running_loop().time
            began = now()
            if not gate.enter():
                joined[worker].append(number)
                why = await gate.wait(has)
                assert now() - began <= min(wait, has) + 1e-6
                if why:
                    assert why in (FULL, WAITED, DEADLINE)
                    return
                admitted[worker].append(number)
            assert gates.taken.in_flight <= most
            assert all(len(one) <= queue for one in gates.all)
            try:
                await asyncio.sleep(stays)
            finally:
                gate.leave()

        tasks = [asyncio.create_task(visit(number)) for number in range(len(visits))]
        for task, (*_, leaves) in zip(tasks, visits, strict=True):
            if leaves is not None:
                asyncio.get_running_loop().call_later(leaves, task.cancel)
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome
        gates.at_rest()
        for worker in range(3):
            assert admitted[worker] == [number for number in joined[worker] if number in admitted[worker]]

    played(play)


def test_two_workers_share_the_places_in_the_ledger(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "gates.ledger", sections())
    bound = Concurrency(2, 0)
    one, two = (wired(Board(ledger, number), "p", "p\0\0", bound) for number in (0, 1))
    assert [one.enter(), two.enter(), one.enter(), two.enter()] == [True, True, False, False]
    one.leave()
    assert two.enter()
    Board(ledger, 0)  # a successor in this row: what its predecessor held went with it
    two.leave()
    two.leave()
    assert [two.enter(), two.enter(), two.enter()] == [True, True, False]
