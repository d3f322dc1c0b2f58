"""A way back to the caller that says something now and then while there is nothing to say.

Proxies and clients give up on a stream that is silent for long. So once `every` seconds have passed without an answer,
its head leaves with status 200, and signs of life follow it; what then still goes wrong is an event in the stream.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from gateway.delivery import STREAM_HEADERS, Header, Send, gateway_headers
from gateway.dialects.endpoints import Endpoint
from gateway.schemas.record import Record


class Living:
    """A `Send` for one stream. A stream that speaks in time costs one timer; `rest` ends it."""

    __slots__ = ("_every", "_head", "_last", "_loop", "_send", "_sign", "_signing", "_timer")

    def __init__(self, send: Send, sign: bytes, every: float, head: Callable[[], list[Header]]) -> None:
        self._send = send
        self._sign = sign
        self._every = every
        self._head = head
        self._loop = asyncio.get_running_loop()
        self._signing: asyncio.Task[None] | None = None
        self._last = self._loop.time()
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(every, self._beat)

    @property
    def started(self) -> bool:
        """Whether the head of an answer has left, or is leaving."""
        return self._send.started or self._signing is not None

    async def whole(self, status: int, headers: list[Header], body: bytes) -> None:
        """A complete answer."""
        self._stop()
        await self._send.whole(status, headers, body)

    async def start(self, status: int, headers: list[Header]) -> None:
        """The head of the answer, unless a sign of life needed one before."""
        await self._signed()
        if not self._send.started:
            await self._send.start(status, headers)

    def chunk(self, data: bytes) -> Awaitable[None]:
        """A piece of the answer."""
        self._last = self._loop.time()
        if self._signing is not None:
            return self._after_sign(data)
        return self._send.chunk(data)

    async def cut(self) -> None:
        """Breaks the connection off."""
        self._stop()
        await self._send.cut()

    async def end(self) -> None:
        """The end of the answer."""
        self._stop()
        await self._signed()
        await self._send.end()

    def rest(self) -> None:
        """Nothing more is to be said."""
        self._stop()
        if self._signing is not None:
            self._signing.cancel()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        due = self._last + self._every
        if self._loop.time() < due:
            self._timer = self._loop.call_at(due, self._beat)
            return
        self._signing = self._loop.create_task(self._say())

    async def _say(self) -> None:
        with suppress(Exception):  # a caller that is gone is noticed where the answer is made
            if not self._send.started:
                await self._send.start(200, self._head())
            await self._send.chunk(self._sign)
        self._signing = None
        self._last = self._loop.time()
        if self._timer is not None:
            self._timer = self._loop.call_later(self._every, self._beat)

    async def _signed(self) -> None:
        """Waits for a sign of life that is on its way: two do not speak at once."""
        while self._signing is not None:
            await asyncio.wait((self._signing,))

    async def _after_sign(self, data: bytes) -> None:
        await self._signed()
        await self._send.chunk(data)


def living(send: Send, endpoint: Endpoint, stream: bool, every: float, record: Record) -> Living | None:
    """A living way back for a stream whose dialect has something to say; None where there is none."""
    if not (stream and every and endpoint.keep_alive):
        return None

    def head() -> list[Header]:
        record.status = 200
        return [(b"content-type", endpoint.stream_type), *STREAM_HEADERS, *gateway_headers(record)]

    return Living(send, endpoint.keep_alive, every, head)
