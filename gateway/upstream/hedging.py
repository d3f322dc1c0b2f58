"""A second try elsewhere while the first is slow: whichever commits first is the answer, the other is cancelled."""

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter_ns
from typing import Any

import msgspec

from gateway._speedups.health import TargetHealth
from gateway.schemas.plan import Hedge
from gateway.schemas.record import Record
from gateway.upstream.passthrough import Carried
from gateway.upstream.replies import Stream, Whole

Reply = Whole | Stream | Carried

GRACE = 0.2
"""Seconds in which a cancelled try gives its connection up, before the answer goes on without its record."""

SAVED = 10.0
"""Hedges that a quiet time may save up."""


class Share:
    """Credit that requests bring and hedges spend: at most a share of traffic is asked for twice."""

    __slots__ = ("_credit",)

    def __init__(self) -> None:
        self._credit = 1.0

    def asked(self, share: float) -> bool:
        """One more request; whether it may be hedged."""
        self._credit = min(SAVED, self._credit + share)
        return self._credit >= 1

    def take(self) -> bool:
        """Whether a hedge is within the share; if so it is spent."""
        if self._credit < 1:
            return False
        self._credit -= 1
        return True

    def give_back(self) -> None:
        """There was nobody to hedge with."""
        self._credit += 1


class Try(msgspec.Struct, frozen=True):
    """A try that writes into a record of its own. `release` gives back what one that never began had claimed."""

    go: Callable[[Record], Coroutine[Any, Any, Reply]]
    release: Callable[[], None]


class Runner:
    """One try of a race, in a task of its own."""

    def __init__(self, one: Try, record: Record) -> None:
        self.record = msgspec.structs.replace(record, attempts=[], waited_ns=0, queued_ns=0)
        self.began = perf_counter_ns()
        self._try = one
        self._begun = False
        self.task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> Reply:
        self._begun = True
        return await self._try.go(self.record)

    @property
    def failure(self) -> BaseException | None:
        """What it ended with; None while it runs, and for one that answered."""
        if not self.task.done():
            return None
        return asyncio.CancelledError() if self.task.cancelled() else self.task.exception()

    @property
    def reply(self) -> Reply | None:
        """Its answer, if it gave one."""
        return self.task.result() if self.task.done() and self.failure is None else None

    def give_up(self) -> None:
        """Ends it, whatever it is at."""
        self.task.cancel()
        if not self._begun:  # a task that never began runs nothing of its own ending
            self._begun = True
            self._try.release()
        self.task.add_done_callback(lambda _: self._discard())

    def _discard(self) -> None:
        reply = self.reply
        if reply is not None and not isinstance(reply, Whole):
            reply.abort()

    def left(self) -> None:
        """Writes down what is known of what it used: nobody will hear its answer."""
        reply = self.reply
        if isinstance(reply, Stream):
            reply.note(self.record)

    def lost(self) -> None:
        """Writes down that another was quicker, and what is known of what this one used."""
        self.left()
        attempts = self.record.attempts
        if attempts and attempts[-1].outcome in ("ok", "dropped"):
            attempts[-1].outcome = "hedge_lost"
            attempts[-1].usage = attempts[-1].usage or self.record.usage


def delay_of(hedge: Hedge, health: TargetHealth) -> float | None:
    """Seconds after which a try counts as slow; None where nothing is known of its target."""
    if hedge.after > 0:
        return hedge.after
    return health.slow / 1e9 if health.slow else None


class Race:
    """The race of one request. After it `outcome` is won (by the second), lost, failed (by both), or empty where no
    second try began."""

    def __init__(self, record: Record, share: Share, gives_up: Callable[[BaseException], bool]) -> None:
        self._record = record
        self._share = share
        self._gives_up = gives_up
        self._runners: list[Runner] = []
        self._began = perf_counter_ns()
        self.outcome = ""

    async def run(self, first: Try, another: Callable[[], Try | None], delay: float) -> Reply:
        """The answer of whoever commits first. Raises the first one's error when none does."""
        winner: Runner | None = None
        leading = self._start(first)
        try:
            await asyncio.wait((leading.task,), timeout=delay)
            if not leading.task.done() and self._share.take():
                second = another()
                if second is None:
                    self._share.give_back()
                else:
                    self._start(second)
            winner = await self._decided()
        finally:
            await self._settle(winner)
        if winner is not None:
            return winner.task.result()
        assert leading.failure is not None  # nobody answered, and nobody runs any more
        raise leading.failure

    def _start(self, one: Try) -> Runner:
        runner = Runner(one, self._record)
        self._runners.append(runner)
        return runner

    async def _decided(self) -> Runner | None:
        """The one that answered; None when nobody will, or when the first ended in what no other may mend."""
        leading = self._runners[0]
        while True:
            for runner in self._runners:
                if runner.reply is not None:
                    return runner
            running = [runner.task for runner in self._runners if not runner.task.done()]
            if not running or (leading.failure is not None and self._gives_up(leading.failure)):
                return None
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)

    async def _settle(self, winner: Runner | None) -> None:
        losers = [runner for runner in self._runners if runner is not winner]
        for runner in losers:
            runner.give_up()
        try:
            running = [runner.task for runner in losers if not runner.task.done()]
            if running:
                await asyncio.wait(running, timeout=GRACE)
        except BaseException:
            if winner is not None:  # its caller left while the loser was being ended
                winner.give_up()
                winner.left()
            raise
        finally:
            self._write_down(winner)

    def _unheard(self) -> Runner | None:
        """Whose answer came at the moment at which its caller left."""
        return next((one for one in self._runners if one.reply is not None), None)

    def _write_down(self, winner: Runner | None) -> None:
        record, told = self._record, winner or self._unheard() or self._runners[0]
        if len(self._runners) > 1:
            self.outcome = "failed" if winner is None else "lost" if winner is self._runners[0] else "won"
        for runner in self._runners:
            if winner is not None and runner is not winner:
                runner.lost()
            record.attempts += runner.record.attempts
        if winner is None:
            told.left()
        for name in _TOLD:
            setattr(record, name, getattr(told.record, name))
        if winner is None:
            record.unsaid = [one for runner in self._runners for one in runner.record.unsaid]
        record.waited_ns += told.began - self._began + told.record.waited_ns
        record.queued_ns += told.record.queued_ns
        reply = None if winner is None else winner.reply
        if reply is not None and not isinstance(reply, Whole):
            reply.adopt(record)


_TOLD = (
    *("provider", "model", "answered_model", "usage", "finish", "dropped", "estimated", "first_token_ns"),
    "unsaid",
)
"""What a try writes into its record, beside its attempts and its waiting."""
