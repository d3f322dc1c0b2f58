"""A scripted upstream on a raw socket: it records each request and answers the very bytes it is told to."""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

POLL = 0.002  # seconds between two looks of a waiting test
PATIENCE = 40.0  # seconds in which what must come about does, on however busy a machine


@dataclass(frozen=True)
class Pause:
    """Say nothing for so many seconds."""

    seconds: float


class Gate:
    """Say nothing until the test opens it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def open(self) -> None:
        self._event.set()

    async def passed(self) -> None:
        while not self._event.is_set():  # noqa: ASYNC110 - it is opened from another thread
            await asyncio.sleep(POLL)


class _Ending:
    """An ending of the connection; compared by identity."""


CLOSE = _Ending()  # an orderly end of the connection
RESET = _Ending()  # a TCP reset
HANG = _Ending()  # never another byte; ends when the peer closes

Step = bytes | Pause | Gate | _Ending
Answer = Iterable[Step]


@dataclass
class Seen:
    """One request as it arrived. `first` tells whether it opened its connection."""

    head: bytes
    body: bytes
    connection: int
    first: bool
    at: float = field(default_factory=time.monotonic)
    answered: bool = False
    closed_by_peer: bool = False  # before the answer was complete

    @property
    def request_line(self) -> bytes:
        return self.head.split(b"\r\n", 1)[0]

    @property
    def path(self) -> str:
        return self.request_line.split(b" ")[1].decode("latin-1")

    @property
    def headers(self) -> list[tuple[str, str]]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    def json(self) -> Any:
        return json.loads(self.body)


Handler = Callable[[Seen], Answer]


class FaultServer:
    """Runs on a thread and an event loop of its own, so that a test that blocks does not stop it."""

    def __init__(self, default: Handler, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.seen: list[Seen] = []
        self.broken: list[bytes] = []  # what did not read as HTTP
        self.busy = 0  # answers under way
        self.accepted = 0  # connections so far
        self.failures: list[Exception] = []  # scripts that broke: a mistake of the test
        self._default = default
        self._handler = default
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    # --- life ---

    def start(self) -> "FaultServer":
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        async def end() -> None:
            self._server.close()
            for connection in list(self._connections):
                connection.abort()
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(
            lambda: _Connection(self), "127.0.0.1", 0, backlog=1024, ssl=self._tls
        )

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    # --- what a test does ---

    def reset(self) -> None:
        """Forgets scripts and requests, and ends every connection, so that the next test opens its own."""

        def end() -> None:
            for connection in list(self._connections):
                connection.abort()

        self._handler = self._default
        self._loop.call_soon_threadsafe(end)
        self.wait(lambda: not self._connections)
        assert not self.failures, self.failures
        self.seen.clear()
        self.broken.clear()

    def script(self, *answers: Answer) -> None:
        """Answers one request after the other with these; the last one repeats."""
        turns = [list(answer) for answer in answers]

        def handler(_: Seen) -> Answer:
            return turns.pop(0) if len(turns) > 1 else turns[0]

        self._handler = handler

    def handle(self, handler: Handler) -> None:
        """Answers each request with what `handler` makes of it."""
        self._handler = handler

    def wait(self, condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
        """Until `condition` holds; AssertionError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "the condition never came to hold"
            time.sleep(POLL)

    def wait_for(self, count: int, timeout: float = PATIENCE) -> list[Seen]:
        """Until so many requests have arrived."""
        self.wait(lambda: len(self.seen) >= count, timeout)
        return self.seen

    @property
    def only(self) -> Seen:
        """The one request of this test."""
        assert len(self.seen) == 1, f"{len(self.seen)} requests arrived, 1 expected"
        return self.seen[0]


class _Connection(asyncio.Protocol):
    """One accepted connection: requests in, scripted bytes out, one after the other."""

    def __init__(self, server: FaultServer) -> None:
        self._server = server
        self._buffer = b""
        self._queue: list[Seen] = []
        self._current: Seen | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server._connections.add(self)
        self._server.accepted += 1
        self._number = self._server.accepted
        self._first = True

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def eof_received(self) -> bool:
        self._peer_closed()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._peer_closed()
        self._server._connections.discard(self)

    def _peer_closed(self) -> None:
        if self._current is not None:
            self._current.closed_by_peer = True
        if self._task is not None:
            self._task.cancel()

    def abort(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (request := self._take()) is not None:
            self._server.seen.append(request)
            self._queue.append(request)
        if self._queue and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._answer_all())

    def _take(self) -> Seen | None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        request = Seen(head, b"", self._number, self._first)
        length = request.header("content-length") or "0"
        if len(request.request_line.split(b" ")) != 3 or not length.isdigit():
            self._server.broken.append(self._buffer)
            self._transport.abort()
            return None
        if len(rest) < int(length):
            return None
        request.body = rest[: int(length)]
        self._buffer = rest[int(length) :]
        self._first = False
        return request

    async def _answer_all(self) -> None:
        self._server.busy += 1
        try:
            while self._queue:
                current = self._current = self._queue.pop(0)
                for step in self._server._handler(current):
                    await self._take_step(step)
                current.answered = True
                self._current = None
        except Exception as error:
            self._server.failures.append(error)
            self._transport.abort()
        finally:
            self._server.busy -= 1
            self._task = None

    async def _take_step(self, step: Step) -> None:
        match step:
            case bytes():
                await self._writable.wait()
                self._transport.write(step)
                await asyncio.sleep(0)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Gate():
                await step.passed()
            case _:
                await self._end(step)

    async def _end(self, ending: _Ending) -> None:
        if ending is HANG:
            await asyncio.Event().wait()
        self._current = None  # from here on it is not the peer that closes
        if ending is RESET:
            linger = struct.pack("ii", 1, 0)
            with contextlib.suppress(OSError):
                self._transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
            self._transport.abort()
        else:
            self._transport.close()
