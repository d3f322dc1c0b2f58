"""Who may go to a provider now, who waits for a place, and who is turned away.

Places are counted in the ledger, for all workers; those who wait stand in a line of their own worker. Where several
workers have a line, none of them takes more than its line's share of the places that become free.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from time import perf_counter_ns
from typing import Protocol

from gateway.errors import GatewayError, TargetBusy
from gateway.schemas.plan import Concurrency
from gateway.schemas.record import Record

POLL = 0.02
"""Seconds between two looks for places that other workers gave back, while somebody waits."""

FULL, WAITED, DEADLINE = "full", "waited", "deadline"
"""Why somebody is turned away: too many wait already, no place came in time, or none would before the caller's end."""


class Count(Protocol):
    """A number that all workers share; what a worker that died had counted goes with it."""

    def begin(self) -> None: ...
    def end(self) -> None: ...
    @property
    def in_flight(self) -> int: ...


class Watcher(Protocol):
    """Who is told of waiting."""

    def queued(self, provider: str, ns: int) -> None: ...
    def queue_refused(self, provider: str, why: str) -> None: ...


class Gate:
    """The places of one bound. What `enter` gave, `leave` gives back, exactly once."""

    def __init__(self, name: str, bound: Concurrency, taken: Count, waiting: Count) -> None:
        self._name = name
        self._bound = bound
        self._taken = taken
        self._waiting = waiting
        self._own = 0
        self._line: OrderedDict[asyncio.Future[str], asyncio.TimerHandle] = OrderedDict()
        self._polling: asyncio.TimerHandle | None = None
        self._gave_way = False
        self._pace = 0.0
        self._moved = 0.0

    def __len__(self) -> int:
        """How many wait in this worker."""
        return len(self._line)

    def enter(self) -> bool:
        """Takes a place, if one is free and nobody waits for it."""
        return not self._line and self._take(1)

    def leave(self) -> None:
        """A place is free again: whoever has waited longest gets it."""
        self._own -= 1
        self._taken.end()
        if self._line:
            self._serve()

    async def wait(self, left: float) -> str:
        """Waits for a place, no longer than the `left` seconds that the caller has. What it returns is why there is
        none: empty, and the place is taken. Cancelled, it takes none."""
        if len(self._line) >= self._bound.queue:
            return FULL
        if left <= self.expected:
            return DEADLINE
        loop = asyncio.get_running_loop()
        if not self._line:
            self._moved = loop.time()
        waiter: asyncio.Future[str] = loop.create_future()
        patience, why = (self._bound.wait, WAITED) if self._bound.wait < left else (left, DEADLINE)
        self._line[waiter] = loop.call_later(patience, self._turn_away, waiter, why)
        self._waiting.begin()
        self._poll()
        try:
            return await waiter
        except BaseException:
            if waiter in self._line:
                self._remove(waiter)
            elif not waiter.cancelled() and waiter.result() == "":
                self.leave()  # the place came, and nobody was there any more
            raise

    @property
    def expected(self) -> float:
        """Seconds until one who joined the line now would have a place, as the line moves now; 0 while unknown."""
        return self._pace * (len(self._line) + 1)

    def busy(self, why: str) -> TargetBusy:
        """What one who was turned away is told."""
        words = "as many wait for it as may" if why == FULL else "no place became free in time"
        soon = max(1.0, min(self.expected or self._bound.wait, 60.0))
        under_way = f"{self._name} is busy: {self._bound.max} requests are under way"
        return TargetBusy(f"{under_way} and {words}", retry_after=soon)

    def _take(self, mine: int, *, left_over: bool = False) -> bool:
        """Takes a place for one of `mine` who want one. With `left_over` other lines have had their chance."""
        others = self._waiting.in_flight - len(self._line)
        if others > 0 and not left_over and self._own * (mine + others) >= self._bound.max * mine:
            self._gave_way = True
            return False
        # Taken before it is known to be free: of two workers that see the last place both may step back, never go on.
        self._taken.begin()
        if self._taken.in_flight > self._bound.max:
            self._taken.end()
            return False
        self._own += 1
        return True

    def _serve(self, *, left_over: bool = False) -> None:
        while self._line:
            first = next(iter(self._line))
            if first.cancelled():
                self._remove(first)
            elif self._take(len(self._line), left_over=left_over):
                self._remove(first)
                self._keep_pace(first.get_loop().time())
                first.set_result("")
            else:
                return

    def _turn_away(self, waiter: asyncio.Future[str], why: str) -> None:
        self._remove(waiter)
        if not waiter.done():
            waiter.set_result(why)

    def _remove(self, waiter: asyncio.Future[str]) -> None:
        self._line.pop(waiter).cancel()
        self._waiting.end()
        if not self._line:
            self._pace = 0.0
            self._gave_way = False
            if self._polling is not None:
                self._polling.cancel()
                self._polling = None

    def _keep_pace(self, now: float) -> None:
        if self._line:
            took = now - self._moved
            self._pace = took if not self._pace else self._pace + (took - self._pace) / 8
        self._moved = now

    def _poll(self) -> None:
        if self._polling is None:
            self._polling = asyncio.get_running_loop().call_later(POLL, self._look)

    def _look(self) -> None:
        self._polling = None
        left_over, self._gave_way = self._gave_way, False
        self._serve(left_over=left_over)
        if self._line:
            self._poll()


class Place:
    """What a try holds while anything of it is in the air."""

    __slots__ = ("_gates",)

    def __init__(self) -> None:
        self._gates: tuple[Gate, ...] = ()

    def hold(self, gate: Gate) -> None:
        """One more gate was passed."""
        self._gates = (*self._gates, gate)

    def failed(self, error: GatewayError) -> None:
        """What fails while it holds a place holds it until its end, as everything does."""

    def end(self) -> None:
        """Gives everything back; once more gives nothing."""
        gates, self._gates = self._gates, ()
        for gate in gates:
            gate.leave()


class Admission:
    """The gates of one provider: those of single models, and one for all of them."""

    def __init__(
        self, provider: str, all_models: Gate | None, models: Mapping[str, Gate], watcher: Watcher
    ) -> None:
        self._provider = provider
        self._rest = () if all_models is None else (all_models,)
        self._models = {model: (gate, *self._rest) for model, gate in models.items()}
        self._watcher = watcher

    async def enter(self, model: str, deadline: int, record: Record) -> Place:
        """A place, which whoever gets it ends. `deadline` is a `perf_counter_ns`. Raises TargetBusy."""
        place = Place()
        try:
            for gate in self._models.get(model, self._rest):
                if not gate.enter():
                    await self._wait(gate, deadline, record)
                place.hold(gate)
        except BaseException:
            place.end()
            raise
        return place

    async def _wait(self, gate: Gate, deadline: int, record: Record) -> None:
        if record.shadow:  # whose answer nobody gets has no place in a line of callers
            raise self._refused(gate, FULL)
        began = perf_counter_ns()
        try:
            why = await gate.wait((deadline - began) / 1e9)
        finally:
            queued = perf_counter_ns() - began
            record.queued_ns += queued
            self._watcher.queued(self._provider, queued)
        if why:
            raise self._refused(gate, why)

    def _refused(self, gate: Gate, why: str) -> TargetBusy:
        self._watcher.queue_refused(self._provider, why)
        return gate.busy(why)
