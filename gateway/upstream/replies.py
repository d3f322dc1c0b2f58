"""What a target gave: a whole answer, or a stream that has begun, in the caller's dialect."""

import asyncio
from collections.abc import Callable
from time import perf_counter_ns
from typing import Protocol

from gateway._speedups.http1 import Response
from gateway.errors import GatewayError, UpstreamTimeout
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage

Header = tuple[bytes, bytes]

GRACE = 0.5
"""Seconds in which a provider may close a body whose last event has come; later its connection is closed."""


class Whole:
    """A complete answer: `body` is ready to send."""

    __slots__ = ("body", "headers")

    def __init__(self, body: bytes, headers: list[Header]) -> None:
        self.body = body
        self.headers = headers


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

    def feed(self, data: bytes) -> bytes:
        """The caller's bytes for these bytes of the provider's, up to a failure."""

    def end(self) -> bytes:
        """Called once, when the provider's body is over: the caller's last bytes. A cut stream sets `failure`."""


class Stream:
    """A stream that has begun. `chunk` gives what is there, b"" at its right end, and raises where it breaks."""

    __slots__ = ("_cleanse", "_ended", "_failure", "_first", "_record", "_response", "_source", "headers")

    def __init__(
        self,
        response: Response,
        source: Source,
        record: Record,
        headers: list[Header],
        cleanse: Callable[[GatewayError], None],
    ) -> None:
        self._cleanse = cleanse
        self.headers = headers
        self._response = response
        self._source = source
        self._record = record
        self._first = b""
        self._failure: GatewayError | None = None
        self._ended = False

    async def commit(self, seconds: float) -> None:
        """Waits for the first content event; up to there another target can take over. Raises what went wrong."""
        try:
            async with asyncio.timeout(seconds):
                await self._until_committed()
        except TimeoutError:
            raise UpstreamTimeout(
                "the provider's stream brought no content in time", phase="first_token"
            ) from None
        record = self._record
        record.first_token_ns = perf_counter_ns() - record.started_ns

    async def _until_committed(self) -> None:
        parts = []
        while not self._source.committed and not self._ended:
            data = await self._advance()
            if data:
                parts.append(data)
        if self._failure is not None and not self._source.committed:
            raise self._failure
        self._first = b"".join(parts)

    async def chunk(self) -> bytes:
        """The next bytes for the caller; b"" when the stream is complete."""
        data, self._first = self._first, b""
        while not data and not self._ended:
            data = await self._advance()
        if not data and self._failure is not None:
            self._cleanse(self._failure)
            raise self._failure
        return data

    async def _advance(self) -> bytes:
        """One read from the provider. A failure is kept until the bytes before it were delivered."""
        source = self._source
        before = perf_counter_ns()
        try:
            raw = await self._response.chunk()
        except GatewayError as error:
            self._ended = True
            if source.complete:  # the answer is whole: how the body went on to end does not matter
                return source.end()
            self._failure = error
            return b""
        finally:
            self._record.waited_ns += perf_counter_ns() - before
        data = source.feed(raw) if raw else b""
        if not raw or source.terminated or source.failure is not None:
            self._ended = True
            if source.failure is None:
                data += source.end()
            self._failure = source.failure
        return data

    def note(self, record: Record) -> None:
        """Writes what the stream told of itself into the record."""
        source = self._source
        record.usage, record.answered_model, record.finish = source.usage, source.model, source.finish

    async def close(self) -> None:
        """Lets the provider finish its body so that its connection can serve again, or closes it."""
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
        self._response.abort()
