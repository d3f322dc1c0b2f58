"""One answer that several callers wait for: asked for once, told to each at their own speed.

Who asks first leads: their task asks the provider, and their record pays. When they go away while others listen, their
task goes on without them. While nobody else listens, a stream is read by its own caller's task; else by a task of its
own, so that nobody waits for a slow reader before `bound` bytes are held for them.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter_ns
from typing import Protocol

from gateway.delivery import Header
from gateway.errors import ClientDisconnected, Unavailable
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record
from gateway.upstream.replies import Whole

_ECHOING = frozenset(("responses",))
"""Endpoints whose answers repeat what a request says beside its question."""


class Source(Protocol):
    """A stream that has begun, as a target gave it."""

    headers: list[Header]

    @property
    def over(self) -> bool: ...

    async def chunk(self) -> bytes: ...
    def note(self, record: Record) -> None: ...
    async def close(self) -> None: ...
    def abort(self) -> None: ...


class Leaver(Protocol):
    """Whoever may go away before the end."""

    gone: bool


class Shared:
    """One answer on its way. Of a stream `tell` is told all bytes at its right end, unless it `spilled`: it had more
    than `bound`, and its beginning was forgotten. `done` is called once nobody may join any more."""

    __slots__ = (
        *("_bound", "_call", "_closed", "_ending", "_held", "_inbound", "_news", "_noted", "_parts"),
        *("_pulling", "_pump", "_roomy", "_targets", "_task", "_tell", "_trimmed", "detached", "done"),
        *("failure", "others", "over", "record", "shares", "source", "spilled", "whole"),
    )

    def __init__(
        self,
        inbound: Leaver,
        task: "asyncio.Task[object]",
        call: Call,
        plan: Plan,
        record: Record,
        bound: int,
        tell: Callable[[bytes], None],
    ) -> None:
        self._inbound = inbound
        self._task = task
        self._tell = tell
        self.done: Callable[[], None] | None = None
        self._call = call
        self._targets = plan.targets
        self.record = record
        self._bound = bound
        self.spilled = False
        self.detached = False
        self.others = 0
        self.whole: Whole | None = None
        self.source: Source | None = None
        self.failure: BaseException | None = None
        self.over = False
        self.shares: list[Share] = []
        self._held = 0
        self._parts: list[bytes] = []
        self._trimmed = 0
        self._news: list[asyncio.Future[None]] = []
        self._ending: list[asyncio.Future[None]] = []
        self._roomy: asyncio.Future[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._pulling = self._noted = self._closed = False

    # --- the leader's side ----------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Called in place of the cancelling of the leader's task. A caller that is gone is missed by nobody."""
        if not (self._inbound.gone and self.stays()):
            self._task.cancel()

    def stays(self) -> bool:
        """Whether the leader's task has to go on without its caller: others listen."""
        if self.others and not self.over and self.failure is None:
            self.detached = True
        return self.detached

    def answered(self, whole: Whole) -> None:
        """The answer is there, in one piece."""
        self.whole, self.over = whole, True
        self._finish()

    def failed(self, error: BaseException) -> None:
        """There will be no answer. What ends the leader's task alone is told in other words."""
        if isinstance(error, asyncio.CancelledError):
            error = ClientDisconnected("the caller who asked first went away")
        self.failure = error
        self._finish()

    def begins(self, source: Source) -> "Share":
        """The answer has begun, in pieces: the leader's share of it."""
        self.source = source
        share = Share(self, leads=True)
        self.shares.append(share)
        _wake(self._news)
        return share

    # --- the others' side -----------------------------------------------------------------------------------

    async def begun(self) -> None:
        """Waits until there is an answer, its beginning, or a failure. Who waits is counted in `others`."""
        while self.whole is None and self.source is None and self.failure is None:
            await self._wait(self._news)

    async def ended(self) -> None:
        """Waits until it is told to the end, or cannot be kept."""
        while not self.over and self.failure is None and not self.spilled:
            await self._wait(self._ending)

    def joined(self, content_type: bytes) -> "Share":
        """One of the others' share, from its beginning."""
        share = Share(self, leads=False)
        share.headers = [(b"content-type", content_type)]
        self.shares.append(share)
        return share

    def goes_to(self, targets: tuple[Target, ...]) -> bool:
        """Whether it may be answered by these targets, and by no others."""
        own = self._targets
        return own == targets or (len(own) == len(targets) and set(own) == set(targets))

    def tells(self, call: Call) -> bool:
        """Whether the very bytes of the answer are what this call wants too."""
        own = self._call
        if (own.endpoint, own.stream, own.array) != (call.endpoint, call.stream, call.array):
            return False
        if own.headers != call.headers:
            return False
        if own.body == call.body:
            return True
        if own.endpoint in _ECHOING:
            return False
        return not call.stream or own.facts.include_usage == call.facts.include_usage

    def left(self) -> None:
        """One of the others listens no more."""
        self.others -= 1
        if self.detached and not self.others and not self.over and self.failure is None:
            self._task.cancel()

    # --- the pieces -----------------------------------------------------------------------------------------

    @property
    def end(self) -> int:
        """How many pieces have come."""
        return self._trimmed + len(self._parts)

    def since(self, at: int) -> bytes:
        """All from piece `at` on, of which there is one at least."""
        fresh = self._parts[at - self._trimmed :]
        return fresh[0] if len(fresh) == 1 else b"".join(fresh)

    def taken(self) -> None:
        """Somebody took what there was: what nobody needs any more is forgotten."""
        if self.spilled:
            self._trim()

    async def more(self, share: "Share") -> None:
        """Returns when there is more, an end, or a failure. Raises CancelledError."""
        if share.leads and not self.others and self._pump is None:
            await self._pull()
            return
        if self._pump is None and not self._pulling:
            self._pump = asyncio.get_running_loop().create_task(self._drive())
        await self._wait(self._news)

    async def _drive(self) -> None:
        while not self.over and self.failure is None:
            await self._room()
            await self._pull()

    async def _pull(self) -> None:
        assert self.source is not None  # it has begun
        self._pulling = True
        try:
            data = await self.source.chunk()
        except asyncio.CancelledError:
            self.failure = self.failure or Unavailable("the answer was broken off; try again", retry_after=1)
            self._finish()
            raise
        except BaseException as error:
            self.failure = error  # raised where the pieces are asked for
            self._finish()
            return
        finally:
            self._pulling = False
        self._hear(data)

    def _hear(self, data: bytes) -> None:
        assert self.source is not None  # it has begun
        if data:
            self._parts.append(data)
            self._held += len(data)
        if self._held > self._bound and not self.spilled:
            self._spill()
        if not data or self.source.over:
            self.over = True
            self.note(self.record)
            if not self.spilled:
                self._tell(b"".join(self._parts))
            self._finish()
            return
        _wake(self._news)

    def note(self, record: Record) -> None:
        """Writes what the stream told of itself into the leader's record, once."""
        if not self._noted and self.source is not None:
            self._noted = True
            self.source.note(record)

    def _spill(self) -> None:
        self.spilled = True
        self._close()
        self._trim()

    def _close(self) -> None:
        """From now on nobody joins."""
        if self.done is not None:
            self.done()
            self.done = None
        _wake(self._ending)

    def _trim(self) -> None:
        first = min([share.at for share in self.shares], default=self.end)
        while self._trimmed < first:
            self._held -= len(self._parts[0])
            del self._parts[0]
            self._trimmed += 1
        if self._roomy is not None and self._held <= self._bound and not self._roomy.done():
            self._roomy.set_result(None)

    async def _room(self) -> None:
        """Waits while more is held for slow readers than may be."""
        while self.spilled and self._held > self._bound:
            self._roomy = asyncio.get_running_loop().create_future()
            await self._roomy

    def _finish(self) -> None:
        self._close()
        _wake(self._news)

    async def _wait(self, line: list[asyncio.Future[None]]) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        await turn

    # --- the end --------------------------------------------------------------------------------------------

    async def close(self, share: "Share") -> None:
        """A share was told to its end. The first one closes the stream."""
        self._part(share)
        if not self._closed and self.source is not None:
            self._closed = True
            await self.source.close()

    def abort(self, share: "Share") -> None:
        """A share is given up. The last one ends the stream, at once."""
        self._part(share)
        if self.shares or self._closed or self.source is None:
            return
        self._closed = True
        if not self.over and self.failure is None:
            self.failure = ClientDisconnected("nobody listens any more")
            self._finish()
        if self._pump is not None:
            self._pump.cancel()
        self.source.abort()

    def _part(self, share: "Share") -> None:
        if share not in self.shares:
            return
        self.shares.remove(share)
        if not share.leads:
            self.left()
        if self.spilled:
            self._trim()


def _wake(line: list[asyncio.Future[None]]) -> None:
    for turn in line:
        if not turn.done():
            turn.set_result(None)
    line.clear()


class Share:
    """What one caller hears of a shared stream; delivered as the stream itself would be."""

    __slots__ = ("_noted", "_shared", "at", "headers", "leads", "waited")

    def __init__(self, shared: Shared, leads: bool) -> None:
        self._shared = shared
        self.leads = leads
        self.at = 0
        self.waited: Record | None = None
        self._noted: Callable[[Record], None] | None = None
        self.headers: list[Header] = shared.source.headers if leads and shared.source is not None else []

    def listen(self, record: Record, noted: Callable[[Record], None]) -> None:
        """Its waiting is this record's. `noted` is told when all is known."""
        self.waited, self._noted = record, noted

    async def chunk(self) -> bytes:
        """The next bytes; b"" at the stream's right end. Raises what broke it."""
        shared = self._shared
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
        shared.taken()
        return data

    async def _timed(self, record: Record) -> None:
        before = perf_counter_ns()
        try:
            await self._shared.more(self)
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


def as_leader(record: Record, leader: Record) -> None:
    """Writes into the record of one who joined what is known of the answer. It costs nothing."""
    record.provider, record.model = leader.provider, leader.model
    record.answered_model, record.usage, record.finish = leader.answered_model, leader.usage, leader.finish
    record.dropped, record.estimated = leader.dropped, leader.estimated
    record.saved_nano_usd = leader.cost_nano_usd
