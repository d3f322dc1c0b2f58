"""A provider that answers with exactly the bytes a test scripts, on real sockets, and remembers what it was sent."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from gateway._speedups.http1 import Client, Origin, Response

POST = b"POST /v1/x HTTP/1.1\r\nhost: test\r\n"
GET = b"GET /v1/x HTTP/1.1\r\nhost: test\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Peer:
    """One accepted connection, from the provider's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number
        self.requests: list[bytes] = []
        self.ended = asyncio.Event()

    async def request(self) -> bytes:
        """The body of the next request. Raises IncompleteReadError when the client leaves instead."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        lengths = [int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")]
        assert len(lengths) <= 1
        body = await self.reader.readexactly(lengths[0]) if lengths else b""
        self.requests.append(head + body)
        return body

    async def send(self, *pieces: bytes) -> None:
        """Each piece in a segment of its own, as far as a pause of the loop makes one."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.001)

    async def gone(self) -> None:
        """Returns once the client closed."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    def reset(self) -> None:
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class Provider:
    """`peers` are all the connections that it ever accepted."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.peers: list[Peer] = []
        self.port = 0

    @property
    def origin(self) -> Origin:
        return Origin("127.0.0.1", self.port)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, len(self.peers))
        self.peers.append(peer)
        try:
            await self.script(peer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            peer.ended.set()
            writer.close()


@contextlib.asynccontextmanager
async def provider(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Provider]:
    """A provider on a free loopback port that runs `script` for every connection."""
    scripted = Provider(script)
    server = await asyncio.start_server(scripted.accept, "127.0.0.1", 0, ssl=tls)
    scripted.port = server.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        server.close()
        for peer in scripted.peers:
            peer.reset()
        await asyncio.gather(*[peer.ended.wait() for peer in scripted.peers])


def answers(*pieces: bytes) -> Script:
    """Sends `pieces` for every request, and waits for the next one."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(*pieces)

    return script


def answers_then_closes(*pieces: bytes) -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(*pieces)

    return script


async def silent(peer: Peer) -> None:
    """Takes a request and never answers."""
    await peer.request()
    await peer.gone()


@contextlib.asynccontextmanager
async def client(**limits: float) -> AsyncIterator[Client]:
    made = Client(asyncio.get_running_loop(), **limits)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()


async def ask(
    made: Client, origin: Origin, head: bytes = POST, body: bytes = b"", **limits: float
) -> Response:
    """A request with patient time-outs, but for those in `limits`."""
    patient = {"connect": 10.0, "first_byte": 10.0, "idle": 10.0, "total": 20.0} | limits
    return await made.request(origin, head, body, **patient)


async def eventually(condition: Callable[[], bool]) -> None:
    """Waits until the condition holds; a test's own time limit is what ends it otherwise."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the condition is the other end's
            await asyncio.sleep(0.005)


def turns(body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]
