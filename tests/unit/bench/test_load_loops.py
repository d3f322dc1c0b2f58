"""The load loops on a synthetic clock: what an open loop counts when a server stalls, what a closed one would."""

import asyncio
import heapq
from itertools import count, pairwise

import pytest

from bench.load.loops import SECOND, arrivals, closed_loop, open_loop

MS = SECOND // 1000


class SyntheticClock:
    """Time moves only when everybody waits."""

    def __init__(self) -> None:
        self._now = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> int:
        return self._now

    async def until(self, moment: int) -> None:
        if moment <= self._now:
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (moment, next(self._order), future))
        await future

    async def drive(self, work: "asyncio.Task[None]") -> None:
        while not work.done():
            for _ in range(10):
                await asyncio.sleep(0)
            if self._waiting and not work.done():
                moment, _, future = heapq.heappop(self._waiting)
                self._now = max(self._now, moment)
                future.set_result(None)
        await work


class OneAtATimeServer:
    """Serves in order, `service` ns each, and stands still from `stall_from` for `stall` ns."""

    def __init__(self, clock: SyntheticClock, service: int, stall_from: int = -1, stall: int = 0) -> None:
        self._clock = clock
        self._service = service
        self._free = 0
        self._stall = (stall_from, stall_from + stall)

    async def serve(self) -> None:
        begin = max(self._clock.now(), self._free)
        if self._stall[0] <= begin < self._stall[1]:
            begin = self._stall[1]
        self._free = begin + self._service
        await self._clock.until(self._free)


async def latencies_of_open_loop(server_stall: int) -> list[int]:
    clock = SyntheticClock()
    server = OneAtATimeServer(clock, MS // 10, stall_from=500 * MS, stall=server_stall)
    found: list[int] = []

    async def send(moment: int) -> None:
        await server.serve()
        found.append(clock.now() - moment)

    due = arrivals(0, SECOND, 1000.0, uniform=True, seed=0)
    work = asyncio.ensure_future(open_loop(due, send, clock, lambda *_: None))
    await clock.drive(work)
    return found


async def test_every_request_that_came_due_in_a_stall_counts_its_wait():
    found = await latencies_of_open_loop(100 * MS)
    assert len(found) == 1000
    slow = sorted(latency for latency in found if latency > MS)
    # 100 requests came due in the stall, and more while the backlog was worked off at 10 per millisecond.
    assert 100 <= len(slow) <= 115
    assert slow[-1] == 100 * MS + MS // 10
    assert slow[len(slow) // 2] == pytest.approx(50 * MS, rel=0.15)


async def test_without_a_stall_latency_is_the_service_time():
    assert set(await latencies_of_open_loop(0)) == {MS // 10}


async def test_a_late_generator_counts_its_own_lag_as_latency():
    clock = SyntheticClock()
    found: list[int] = []
    lags: list[int] = []

    async def send(moment: int) -> None:
        found.append(clock.now() - moment)

    def due():
        for number in range(10):
            if number == 5:
                clock._now += 50 * MS  # the generator's process was not scheduled
            yield number * MS

    work = asyncio.ensure_future(open_loop(due(), send, clock, lambda _, lag: lags.append(lag)))
    await clock.drive(work)
    assert lags[4:6] == [0, 49 * MS]
    assert found[5] == 49 * MS


async def test_a_closed_loop_keeps_its_connections_busy_until_the_end():
    clock = SyntheticClock()
    running = peak = done = 0

    async def send(moment: int) -> None:
        nonlocal running, peak, done
        running += 1
        peak = max(peak, running)
        await clock.until(clock.now() + MS)
        running -= 1
        done += 1

    await clock.drive(asyncio.ensure_future(closed_loop(4, 100 * MS, send, clock)))
    assert (peak, running, done) == (4, 0, 400)


def test_poisson_arrivals_have_the_rate_and_are_not_even():
    due = list(arrivals(0, 100 * SECOND, 1000.0, uniform=False, seed=1))
    assert len(due) == pytest.approx(100_000, rel=0.02)
    gaps = [later - earlier for earlier, later in pairwise(due)]
    # In a Poisson process 1/e of the gaps are longer than the mean.
    assert sum(gap > MS for gap in gaps) / len(gaps) == pytest.approx(0.368, abs=0.01)
    assert due == list(arrivals(0, 100 * SECOND, 1000.0, uniform=False, seed=1))


def test_uniform_arrivals_are_even():
    assert list(arrivals(5, SECOND, 4.0, uniform=True, seed=0)) == [
        5 + number * SECOND // 4 for number in range(4)
    ]
