"""The two ways to put load on a server: as fast as it answers, or on a schedule that does not wait for it.

An open loop counts each latency from the moment at which the request was due. When the server (or the
generator) stalls, the requests that came due meanwhile count their whole wait: nothing is omitted because
something else was slow.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from time import perf_counter_ns
from typing import Protocol

SECOND = 1_000_000_000
_COARSE = 2_000_000  # ns; event loops round their timers to a millisecond


class Clock(Protocol):
    """Nanoseconds, and waiting for one of them."""

    def now(self) -> int: ...
    async def until(self, moment: int) -> None: ...


class LoopClock:
    """The real clock. `spin` polls through the last two milliseconds, because timers are coarser than what is
    measured."""

    def __init__(self, spin: bool) -> None:
        self._spin = spin

    def now(self) -> int:
        return perf_counter_ns()

    async def until(self, moment: int) -> None:
        left = moment - perf_counter_ns()
        if not self._spin:
            if left > 0:
                await asyncio.sleep(left / SECOND)
            return
        if left > _COARSE:
            await asyncio.sleep((left - _COARSE) / SECOND)
        while perf_counter_ns() < moment:  # noqa: ASYNC110  (polling is the point)
            await asyncio.sleep(0)


def arrivals(start: int, stop: int, rate: float, *, uniform: bool, seed: int) -> Iterator[int]:
    """Moments at which requests are due: evenly spaced, or a Poisson process; `rate` per second."""
    chance = random.Random(seed)
    moment = float(start)
    while moment < stop:
        yield int(moment)
        moment += SECOND / rate if uniform else chance.expovariate(rate) * SECOND


Fire = Callable[[int], Awaitable[None]]


async def open_loop(due: Iterator[int], send: Fire, clock: Clock, lag: Callable[[int, int], None]) -> None:
    """Sends at each moment of `due`, whatever became of the earlier ones; returns when all are answered.

    `lag` is told each moment and how late its request left (ns): the generator's own fault, to be small.
    """
    running: set[asyncio.Future[None]] = set()
    for moment in due:
        await clock.until(moment)
        lag(moment, clock.now() - moment)
        task = asyncio.ensure_future(send(moment))
        running.add(task)
        task.add_done_callback(running.discard)
    while running:
        await asyncio.gather(*running)


async def closed_loop(connections: int, stop: int, send: Fire, clock: Clock) -> None:
    """Keeps `connections` requests under way until `stop`."""

    async def one() -> None:
        while (now := clock.now()) < stop:
            await send(now)

    await asyncio.gather(*(one() for _ in range(connections)))
