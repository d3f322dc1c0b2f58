"""What one caller hears of an answer that several callers wait for; see sharing.py for the answer itself."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Protocol

from gateway.delivery import Header, Stream
from gateway.errors import Unavailable, UpstreamTimeout
from gateway.schemas.record import Record


class Told(Protocol):
    """An answer on its way, as those who hear it see it. Pieces are counted from its beginning."""

    record: Record
    source: Stream | None
    failure: BaseException | None
    over: bool

    @property
    def end(self) -> int: ...
    def since(self, at: int) -> bytes: ...
    def taken(self) -> None: ...
    async def more(self, share: "Share") -> None: ...
    async def told_to_its_end(self) -> None: ...
    def note(self, record: Record) -> None: ...
    async def close(self, share: "Share") -> None: ...
    def abort(self, share: "Share") -> None: ...


class Share:
    """What one caller hears of a shared stream; delivered as the stream itself would be. `at` and `read` are the pieces
    and bytes that were taken; a `slow` one was given up, so that the others go on."""

    __slots__ = ("_deadline", "_noted", "_shared", "at", "headers", "leads", "read", "slow", "waited")

    def __init__(self, shared: Told, leads: bool) -> None:
        self._shared = shared
        self.leads = leads
        self.at = self.read = 0
        self.slow = False
        self.waited: Record | None = None
        self._deadline = 0
        self._noted: Callable[[Record], None] | None = None
        self.headers: list[Header] = shared.source.headers if leads and shared.source is not None else []

    def listen(self, record: Record, noted: Callable[[Record], None], deadline: int) -> None:
        """Its waiting is this record's, until `deadline` (a `perf_counter_ns`). `noted` is told when all is known."""
        self.waited, self._noted, self._deadline = record, noted, deadline

    async def chunk(self) -> bytes:
        """The next bytes; b"" at the stream's right end. Raises what broke it."""
        shared = self._shared
        if self.slow:
            if self.leads:
                await shared.told_to_its_end()  # theirs is the record that pays for all of it
            raise Unavailable("this answer was shared, and read too slowly to be held any longer; try again")
        while self.at == shared.end:
            if shared.failure is not None:
                raise shared.failure
            if shared.over:
                return b""
            if self.waited is None:
                await shared.more(self)
            else:
                await self._timed(self.waited)
        data = shared.since(self.at)
        self.at = shared.end
        self.read += len(data)
        shared.taken()
        return data

    async def _timed(self, record: Record) -> None:
        before = perf_counter_ns()
        try:
            await in_time(self._shared.more(self), self._deadline)
        finally:
            record.waited_ns += perf_counter_ns() - before
        if self._shared.end and not record.first_token_ns:
            record.first_token_ns = perf_counter_ns() - record.started_ns

    @property
    def over(self) -> bool:
        """Whether what `chunk` gave last was the stream's right end."""
        shared = self._shared
        return shared.over and shared.failure is None and self.at == shared.end

    def note(self, record: Record) -> None:
        """Writes what the stream told of itself into the record."""
        if self.leads:
            self._shared.note(record)
            return
        as_leader(record, self._shared.record)
        if self._noted is not None and self.over:
            self._noted(record)

    async def close(self) -> None:
        """It was told to its end."""
        await self._shared.close(self)

    def abort(self) -> None:
        """Nobody wants the rest."""
        self._shared.abort(self)


async def in_time(waiting: Awaitable[None], deadline: int) -> None:
    """Waits for what another request does, no longer than this one may take. Raises UpstreamTimeout."""
    try:
        async with asyncio.timeout((deadline - perf_counter_ns()) / 1e9):
            await waiting
    except TimeoutError:
        raise UpstreamTimeout("the time for all tries is over", phase="total") from None


def as_leader(record: Record, leader: Record) -> None:
    """Writes into the record of one who joined what is known of the answer. It costs nothing."""
    record.provider, record.model = leader.provider, leader.model
    record.answered_model, record.usage, record.finish = leader.answered_model, leader.usage, leader.finish
    record.dropped, record.estimated = leader.dropped, leader.estimated
    record.saved_nano_usd = leader.cost_nano_usd
