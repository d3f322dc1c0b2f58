"""One answer that several callers wait for: asked for once, told to each at their own speed.

What each of them hears is a share of it (see shares.py). Who asks first leads: their task asks the provider, and their
record pays. When they go away while others listen, their task goes on without them. While nobody else listens, a stream
is read by its own caller's task; else by a task of its own, as quickly as the quickest of them reads. Nobody waits for
a slow one: who is more than twice `bound` bytes behind is given up.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from gateway.caching.shares import Share
from gateway.delivery import Stream
from gateway.errors import ClientDisconnected, Unavailable
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record
from gateway.upstream.replies import Whole

_ECHOING = frozenset(("responses",))
"""Endpoints whose answers repeat what a request says beside its question."""


class Leaver(Protocol):
    """Whoever may go away before the end."""

    gone: bool


class Shared:
    """One answer on its way. Of a stream `tell` is told all bytes at its right end, unless it `spilled`: it had more
    than `bound`, and its beginning was forgotten. `task` is the leader's. `done` is called once nobody may join any
    more."""

    # Most answers are told to one caller: what that one does not need stands in the class.
    task: "asyncio.Task[object] | None" = None
    done: Callable[[], object] | None = None
    spilled = False
    detached = False
    others = 0
    whole: Whole | None = None
    source: Stream | None = None
    failure: BaseException | None = None
    over = False
    shares: list[Share]
    _parts: list[bytes]
    _heard = 0
    _trimmed = 0
    _news: "list[asyncio.Future[None]] | None" = None
    _ending: "list[asyncio.Future[None]] | None" = None
    _roomy: "asyncio.Future[None] | None" = None
    _pump: "asyncio.Task[None] | None" = None
    _pulling = False
    _noted = False
    _closed = False

    def __init__(
        self,
        inbound: Leaver,
        call: Call,
        plan: Plan,
        record: Record,
        bound: int,
        tell: Callable[[bytes], None],
    ) -> None:
        self._inbound = inbound
        self._tell = tell
        self._call = call
        self._targets = plan.targets
        self.record = record
        self._bound = bound

    # --- the leader's side ----------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Called in place of the cancelling of the leader's task. A caller that is gone is missed by nobody."""
        if not (self._inbound.gone and self.stays()):
            self._end()

    def stays(self) -> bool:
        """Whether the leader's task has to go on without its caller: others listen."""
        if self.others and not self.over and self.failure is None:
            self.detached = True
        return self.detached

    def _end(self) -> None:
        if self.task is not None:
            self.task.cancel()

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

    def begins(self, source: Stream) -> Share:
        """The answer has begun, in pieces: the leader's share of it."""
        self.source, self._parts = source, []
        share = Share(self, leads=True)
        self.shares = [share]
        self._told()
        return share

    # --- the others' side -----------------------------------------------------------------------------------

    async def begun(self) -> None:
        """Waits until there is an answer, its beginning, or a failure. Who waits is counted in `others`."""
        while self.whole is None and self.source is None and self.failure is None:
            await self._hears()

    async def ended(self) -> None:
        """Waits until it is told to the end, or cannot be kept."""
        while not self.over and self.failure is None and not self.spilled:
            await self._ends()

    def joined(self, content_type: bytes) -> Share:
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
            self._end()

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

    async def more(self, share: Share) -> None:
        """Returns when there is more, an end, or a failure. Raises CancelledError."""
        if share.leads and not self.others and self._pump is None:
            await self._pull()
            return
        if self._pump is None and not self._pulling:
            self._pump = asyncio.get_running_loop().create_task(self._drive())
        await self._hears()

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
            self._heard += len(data)
        if self._heard > self._bound and not self.spilled:
            self._spill()
        if not data or self.source.over:
            self.over = True
            self.note(self.record)
            if not self.spilled:
                self._tell(b"".join(self._parts))
            self._finish()
            return
        self._told()

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
        if self._ending is not None:
            _wake(self._ending)
            self._ending = None

    def _trim(self) -> None:
        """Forgets what nobody needs any more, and those who are too far behind."""
        quickest = max([share.read for share in self.shares], default=self._heard)
        # Whoever takes all that is held is ahead by up to one bound, which makes nobody else slow.
        for share in [one for one in self.shares if quickest - one.read > 2 * self._bound]:
            share.slow = True
            self._part(share)
        first = min([share.at for share in self.shares], default=self.end)
        if first > self._trimmed:
            del self._parts[: first - self._trimmed]
            self._trimmed = first
        if self._roomy is not None and self._heard - quickest <= self._bound and not self._roomy.done():
            self._roomy.set_result(None)

    async def _room(self) -> None:
        """Waits while more is held for the quickest reader than may be."""
        while self.spilled and self._heard - max([one.read for one in self.shares], default=0) > self._bound:
            self._roomy = asyncio.get_running_loop().create_future()
            await self._roomy

    async def told_to_its_end(self) -> None:
        """Waits until there is nothing more to hear."""
        while not self.over and self.failure is None:
            await self._hears()

    def _finish(self) -> None:
        self._close()
        self._told()

    def _told(self) -> None:
        """Wakes all who wait for news."""
        if self._news is not None:
            _wake(self._news)
            self._news = None

    async def _hears(self) -> None:
        """Returns when something has happened."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._news is None:
            self._news = []
        self._news.append(turn)
        await turn

    async def _ends(self) -> None:
        """Returns when nobody may join any more."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._ending is None:
            self._ending = []
        self._ending.append(turn)
        await turn

    # --- the end --------------------------------------------------------------------------------------------

    async def close(self, share: Share) -> None:
        """A share was told to its end. The first one closes the stream."""
        self._part(share)
        if not self._closed and self.source is not None:
            self._closed = True
            await self.source.close()

    def abort(self, share: Share) -> None:
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

    def _part(self, share: Share) -> None:
        if share not in self.shares:
            return
        self.shares.remove(share)
        if not share.leads:
            self.left()
        if self.spilled and not share.slow:
            self._trim()


def _wake(line: "list[asyncio.Future[None]]") -> None:
    for turn in line:
        if not turn.done():
            turn.set_result(None)
