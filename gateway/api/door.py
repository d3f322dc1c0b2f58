"""The ASGI door: one request in, one answer out; nothing behind it knows about ASGI.

A second door has to offer the same two faces, `Inbound` and `Send`.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from gateway.errors import BadRequest, ClientDisconnected, RequestTooLarge, UnsupportedEncoding

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
RawSend = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]


PATIENCE = 0.25
"""Seconds without a byte after which the sender of an unwanted body is taken to wait for the answer."""


class Inbound:
    """What a caller sent. Header names are lower case; of a repeated header the last one is in `headers`.

    `model` and `stream` are what the path said, where a path says it.
    """

    __slots__ = (
        "_read_whole",
        "_receive",
        "client",
        "gone",
        "headers",
        "method",
        "model",
        "path",
        "query",
        "raw_headers",
        "raw_path",
        "stream",
    )

    def __init__(self, scope: Message, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: bytes = scope["raw_path"]
        self.query: bytes = scope["query_string"]
        self.raw_headers: list[Header] = scope["headers"]
        self.headers: dict[bytes, bytes] = dict(self.raw_headers)
        self.client: tuple[str, Any] | None = scope["client"]
        self.model = ""
        self.stream = False
        self.gone = False
        self._receive = receive
        self._read_whole = False

    async def read(self, limit: int) -> bytes:
        """The whole body, at most `limit` bytes before and after decompression."""
        headers = self.headers
        declared = headers.get(b"content-length")
        expected = None if declared is None else int(declared)
        if expected is not None and expected > limit:
            raise _too_large(limit)
        message = await self._receive()
        body: bytes = message.get("body", b"")
        if len(body) == expected:
            self._read_whole = True  # the server's empty last message carries nothing: one await less
        else:
            body = await self._read_on(message, body, limit, expected)
        coding = headers.get(b"content-encoding")
        return body if coding is None else decoded(body, coding, limit)

    async def _read_on(self, message: Message, body: bytes, limit: int, expected: int | None) -> bytes:
        parts = [body]
        size = len(body)
        while message["type"] == "http.request" and message.get("more_body"):
            if size > limit:
                raise _too_large(limit)
            message = await self._receive()
            part = message.get("body", b"")
            size += len(part)
            parts.append(part)
        self._read_whole = True
        if message["type"] != "http.request" or (expected is not None and size < expected):
            self.gone = True
            raise ClientDisconnected("the caller went away while sending the request")
        if size > limit:
            raise _too_large(limit)
        return b"".join(parts)

    async def discard(self, limit: int) -> None:
        """Reads what is left of a body that nobody wants, up to `limit` bytes.

        A server that closes on a body under way resets the connection, and the reset destroys the answer. A caller that
        has stopped sending waits for the answer first (Expect: 100-continue).
        """
        try:
            while not self._read_whole and not self.gone and limit > 0:
                async with asyncio.timeout(PATIENCE):
                    message = await self._receive()
                limit -= len(message.get("body", b""))
                self.gone = message["type"] == "http.disconnect"
                self._read_whole = not message.get("more_body")
        except TimeoutError:
            pass

    async def until_gone(self) -> None:
        """Returns when the caller has gone away. Call after `read`, at most once."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


class Send:
    """The way back to the caller. `started` tells whether the head of an answer has left; with `close` the connection
    ends after the answer."""

    __slots__ = ("_close", "_send", "started")

    def __init__(self, send: RawSend, close: bool = False) -> None:
        self._send = send
        self._close = close
        self.started = False

    async def whole(self, status: int, headers: list[Header], body: bytes) -> None:
        """A complete answer; Content-Length is added."""
        headers.append((b"content-length", b"%d" % len(body)))
        self._begin(headers)
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def start(self, status: int, headers: list[Header]) -> None:
        """The head of a streamed answer."""
        self._begin(headers)
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    def _begin(self, headers: list[Header]) -> None:
        self.started = True
        if self._close:
            headers.append((b"connection", b"close"))

    async def chunk(self, data: bytes) -> None:
        """A piece of a streamed answer; waits while the caller reads too slowly."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def cut(self) -> None:
        """Breaks the connection off: what was sent so far is no complete answer, and nobody takes it for one."""
        raise ConnectionAbortedError("the answer broke off")

    async def end(self) -> None:
        """The end of a streamed answer. Without it the connection is cut, which no caller takes for an end."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def decoded(body: bytes, coding: bytes, limit: int) -> bytes:
    """`body` without its Content-Encoding (RFC 9110, 8.4); gzip and deflate, at most `limit` bytes."""
    name = coding.strip().lower()
    if name in (b"identity", b""):
        return body
    if name not in (b"gzip", b"x-gzip", b"deflate"):
        raise UnsupportedEncoding(
            "the request's Content-Encoding is not supported: use gzip, deflate or none"
        )
    inflater = zlib.decompressobj(wbits=47 if name != b"deflate" else 15)
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error:
        raise BadRequest("the request body is not valid " + name.decode("ascii")) from None
    if len(plain) > limit:
        raise _too_large(limit)
    if not inflater.eof or inflater.unused_data:
        raise BadRequest("the request body is cut short or has bytes left over after its compressed data")
    return plain


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"the request body exceeds the limit of {limit} bytes")


class Task(Protocol):
    """What serves a caller, or stands for it."""

    def cancel(self) -> Any: ...


class Watch:
    """Cancels the task of a caller that went away, and of every caller when a drain runs out of time.

    Watching costs an await and a task, so only requests that outlive one tick pay for it.
    """

    TICK = 0.02  # seconds

    def __init__(self) -> None:
        self._young: dict[Inbound, Task] = {}
        self._old: dict[Inbound, tuple[Task, asyncio.Task[None]]] = {}
        self._ticking = False
        self.draining = False
        self.cut = False

    def add(self, inbound: Inbound, task: Task) -> None:
        """Watch this caller for as long as `task` serves it."""
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(self.TICK, self._tick)
        self._young[inbound] = task

    def instead(self, inbound: Inbound, task: Task) -> Task | None:
        """From now on `task` is cancelled in place of the one that was added, which is returned; None where nobody
        watches."""
        before = self._young.get(inbound)
        if before is not None:
            self._young[inbound] = task
        elif inbound in self._old:
            before, watching = self._old[inbound]
            self._old[inbound] = (task, watching)
        return before

    def remove(self, inbound: Inbound) -> None:
        """The answer is complete; the caller may go."""
        if self._young.pop(inbound, None) is None:
            watched = self._old.pop(inbound, None)
            if watched is not None:
                watched[1].cancel()

    def cut_all(self) -> None:
        """Ends every running answer with an error in its dialect."""
        self.cut = True
        for task in [*self._young.values(), *(task for task, _ in self._old.values())]:
            task.cancel()

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _tick(self) -> None:
        self._ticking = False
        if not self._young:
            return
        ripe, self._young = self._young, {}
        for inbound, task in ripe.items():
            self._old[inbound] = (task, asyncio.ensure_future(self._watch(inbound)))

    async def _watch(self, inbound: Inbound) -> None:
        await inbound.until_gone()
        if inbound in self._old:
            inbound.gone = True
            self._old[inbound][0].cancel()
