"""What a target gave: a whole answer, or a stream that has begun, in the caller's dialect."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Protocol

from gateway._speedups.http1 import Response
from gateway.errors import GatewayError, UpstreamTimeout
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage
from gateway.upstream.hearing import Ear
from gateway.upstream.stories import Successor, Teller

Header = tuple[bytes, bytes]

GRACE = 0.5
"""Seconds in which a provider may close a body whose last event has come; later its connection is closed."""

TAIL = 2.0
"""Seconds in which usage may follow when the model has said that it is done; the stream's own end is not waited for."""


class Whole:
    """A complete answer: `body` is ready to send."""

    __slots__ = ("body", "content_type", "headers")

    def __init__(self, body: bytes, headers: list[Header], content_type: bytes = b"application/json") -> None:
        self.body = body
        self.headers = headers
        self.content_type = content_type


class Flight(Protocol):
    """A try that is in the air until its answer is over."""

    def failed(self, error: GatewayError) -> None: ...
    def end(self) -> None: ...


Onward = Callable[[Teller | Successor, GatewayError], Awaitable["Stream"]]
"""Who goes on with a stream that broke off. Raises its failure where nobody can."""


class Source(Protocol):
    """Turns a provider's bytes into the caller's bytes, and knows when the stream is complete."""

    @property
    def committed(self) -> bool:
        """A content event has come: from here on nobody else can take over."""

    @property
    def terminated(self) -> bool:
        """The dialect's own last event has come: nothing more is waited for."""

    @property
    def complete(self) -> bool:
        """The model said that it is done; what may still follow is usage and the end."""

    @property
    def failure(self) -> GatewayError | None:
        """The provider said in the stream that it failed, or its events cannot be read."""

    @property
    def usage(self) -> Usage | None: ...

    @property
    def model(self) -> str: ...

    @property
    def finish(self) -> str: ...

    @property
    def dropped(self) -> tuple[str, ...]:
        """What the stream says that the caller's dialect has no place for."""

    @property
    def skipped(self) -> int:
        """Events that could not be read and were left out."""

    def brought(self, data: bytes) -> bool:
        """Whether what was fed last brought more of the answer than signs of life."""

    def feed(self, data: bytes) -> bytes:
        """The caller's bytes for these bytes of the provider's, up to a failure."""

    def end(self) -> bytes:
        """Called once, when the provider's body is over: the caller's last bytes. A cut stream sets `failure`."""


class Stream:
    """A stream that has begun. `chunk` gives what is there, b"" at its right end, and raises where it breaks.

    `idle` is for how many seconds nothing of the answer may come; signs of life are nothing of it. With `onward` a
    stream that breaks is gone on with, where somebody can: it gives the next one, or raises the failure. `teller` is
    the source of a stream that can be gone on with.
    """

    __slots__ = (
        *("_cleanse", "_ended", "_failure", "_first", "_idle_ns", "_record", "_response", "_silent_ns"),
        *("_source", "ear", "flight", "headers", "onward", "teller"),
    )

    def __init__(
        self,
        response: Response,
        source: Source,
        record: Record,
        headers: list[Header],
        cleanse: Callable[[GatewayError], None],
        idle: float = 30.0,
    ) -> None:
        self._cleanse = cleanse
        self._idle_ns = int(idle * 1e9)
        self._silent_ns = 0
        self.onward: Onward | None = None
        self.teller: Teller | Successor | None = None
        self.flight: Flight | None = None
        self.ear: Ear | None = None
        self.headers = headers
        self._response = response
        self._source = source
        self._record = record
        self._first = b""
        self._failure: GatewayError | None = None
        self._ended = False

    async def commit(self, seconds: float, *, each: bool = False) -> None:
        """Waits for the first content event; up to there another target can take over. Raises what went wrong.

        With `each` the time is that of each event: much may have to be said again before something new comes.
        """
        try:
            async with asyncio.timeout(seconds) as timer:
                await self._until_committed(timer if each else None, seconds)
        except TimeoutError:
            raise UpstreamTimeout(
                "the provider's stream brought no content in time", phase="first_token"
            ) from None
        record = self._record
        record.first_token_ns = record.first_token_ns or perf_counter_ns() - record.started_ns

    def adopt(self, record: Record) -> None:
        """From now on its waiting is this record's."""
        self._record = record

    async def _until_committed(self, timer: asyncio.Timeout | None, seconds: float) -> None:
        parts = []
        while not self._source.committed and not self._ended:
            data = await self._advance()
            if data:
                parts.append(data)
            if timer is not None and not self._silent_ns:
                timer.reschedule(asyncio.get_running_loop().time() + seconds)
        if self._failure is not None and not self._source.committed:
            raise self._failure
        self._first = b"".join(parts)

    async def chunk(self) -> bytes:
        """The next bytes for the caller; b"" when the stream is complete."""
        while True:
            data, self._first = self._first, b""
            while not data and not self._ended:
                data = await self._advance()
            if data or self._failure is None:
                return data
            await self._go_on(self._failure)

    async def _go_on(self, failure: GatewayError) -> None:
        """It broke: another takes its place, or the failure is raised."""
        self._cleanse(failure)
        attempt = next((one for one in reversed(self._record.attempts) if one.outcome == "ok"), None)
        if self.flight is not None:
            self.flight.failed(failure)
        if self.onward is None or self.teller is None:
            raise failure
        self.abort()
        record, own, dropped = self._record, self.teller.own, self._record.dropped
        unsaid = None if self.ear is None else self.ear.end(own, whole=False)
        self._follow(await self.onward(self.teller, failure))
        record.resumed += 1
        record.fallback = True
        record.dropped = tuple(dict.fromkeys((*dropped, *record.dropped)))
        if attempt is not None:
            attempt.usage = own
            if unsaid is not None:
                unsaid.attempt = attempt
                record.unsaid = [*record.unsaid, unsaid]

    def _follow(self, other: "Stream") -> None:
        self._record.skipped += self._source.skipped
        self.teller, self.ear = other.teller, other.ear
        self._response, self._source, self.flight = other._response, other._source, other.flight
        self._cleanse, self._idle_ns, self._silent_ns = other._cleanse, other._idle_ns, 0
        self._first, self._ended, self._failure = other._first, other._ended, other._failure

    async def _advance(self) -> bytes:
        """One read from the provider. A failure is kept until the bytes before it were delivered."""
        source = self._source
        before = perf_counter_ns()
        try:
            raw = await (self._tail() if source.complete else self._response.chunk())
        except (GatewayError, TimeoutError) as error:
            self._ended = True
            if source.complete:  # the answer is whole: how the body went on to end does not matter
                return source.end()
            self._failure = error if isinstance(error, GatewayError) else None
            return b""
        finally:
            waited = perf_counter_ns() - before
            self._record.waited_ns += waited
        if raw and self.ear is not None:
            self.ear.hear(raw)
        data = source.feed(raw) if raw else b""
        self._silent_ns = 0 if source.brought(raw) else self._silent_ns + waited
        if self._silent_ns and self._is_over():
            self._ended = True
            if source.complete:
                return data + source.end()
            self._failure = UpstreamTimeout(
                "the provider sent signs of life, but no more tokens", phase="idle"
            )
            return data
        if not raw or source.terminated or source.failure is not None:
            self._ended = True
            if source.failure is None:
                data += source.end()
            self._failure = source.failure
        return data

    def _is_over(self) -> bool:
        """Whether there were nothing but signs of life for too long."""
        source = self._source
        if not source.committed or source.failure is not None or source.terminated:
            return False
        return self._silent_ns > (TAIL * 1e9 if source.complete else self._idle_ns)

    async def _tail(self) -> bytes:
        """What follows the end of the answer. Raises TimeoutError where nothing does."""
        async with asyncio.timeout(TAIL):
            return await self._response.chunk()

    @property
    def over(self) -> bool:
        """Whether what `chunk` gave last was the end of a stream that ended as it should."""
        return self._ended and self._failure is None and not self._first

    def note(self, record: Record) -> None:
        """Writes what the stream told of itself into the record."""
        source = self._source
        record.usage, record.answered_model, record.finish = source.usage, source.model, source.finish
        if record.resumed and self.teller is not None:
            record.usage = self.teller.own  # those that broke off have theirs in their attempts
        record.dropped += source.dropped
        record.skipped += source.skipped
        if self.ear is not None:
            unsaid = self.ear.end(record.usage, whole=source.complete or source.terminated)
            if unsaid is not None:
                record.unsaid = [*record.unsaid, unsaid]

    async def close(self) -> None:
        """Lets the provider finish its body so that its connection can serve again, or closes it."""
        if self.flight is not None:
            self.flight.end()
        if self._failure is None and self._ended:
            try:
                async with asyncio.timeout(GRACE):
                    while await self._response.chunk():
                        pass
                return
            except (TimeoutError, GatewayError):
                pass
        self._response.abort()

    def abort(self) -> None:
        """Closes the provider's connection at once."""
        if self.flight is not None:
            self.flight.end()
        self._response.abort()
