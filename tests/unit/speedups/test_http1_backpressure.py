"""Memory stays bounded when one side is slower than the other, and an early answer is not lost."""

import asyncio
import tracemalloc

import pytest

from gateway._speedups.http1 import Response
from tests.reference.http1_provider import (
    POST,
    Peer,
    answers,
    ask,
    client,
    eventually,
    provider,
    turns,
)

SIZE = 50_000_000


async def read_slowly(response: Response, pieces: int) -> int:
    read = 0
    for _ in range(pieces):
        read += len(await response.chunk())
        await asyncio.sleep(0.001)
    return read


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_slow_reader_blocks_the_provider_and_memory_stays_bounded(framing: str) -> None:
    sent = 0
    block = bytes(1_000_000)

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        if framing == "length":
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % SIZE)
        else:
            await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(SIZE // len(block)):
            peer.writer.write(block if framing == "length" else b"%x\r\n%s\r\n" % (len(block), block))
            await peer.writer.drain()
            sent += len(block)
        peer.writer.write(b"" if framing == "length" else b"0\r\n\r\n")
        await peer.gone()

    async with provider(script) as upstream, client() as made:
        origin = upstream.origin
        response = await ask(made, origin, idle=0.5)
        before = -1
        while sent > before:  # until the provider is stuck, for longer than the idle limit
            before = sent
            await asyncio.sleep(0.6)
        assert sent < SIZE // 2
        tracemalloc.start()
        read = await read_slowly(response, 20)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
        tracemalloc.stop()
        while piece := await response.chunk():
            read += len(piece)
        assert read == SIZE
        assert made.stats[origin] == (1, 1, 0)


async def test_a_body_that_drips_costs_its_bytes_and_not_an_object_for_each_piece() -> None:
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 5000:
            peer.writer.write(b"0123456789")
            sent += 1
            await asyncio.sleep(0)

    async with provider(script) as upstream, client() as made:
        response = await ask(made, upstream.origin)
        tracemalloc.start()
        await eventually(lambda: not made.stats)
        used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert used < 150_000
        assert await response.read() == b"0123456789" * 5000


async def test_read_takes_more_than_the_high_water_mark() -> None:
    body = bytes(range(256)) * 20_000
    pieces = [b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body), *turns(body, 100_000)]
    async with provider(answers(*pieces)) as upstream, client(high_water=1000) as made:
        response = await ask(made, upstream.origin)
        await asyncio.sleep(0.05)
        assert await response.read() == body


async def test_a_paused_connection_can_be_aborted() -> None:
    async with provider(answers(b"HTTP/1.1 200 OK\r\n\r\n", bytes(3_000_000))) as upstream, client() as made:
        response = await ask(made, upstream.origin)
        await asyncio.sleep(0.05)
        response.abort()
        await upstream.peers[0].ended.wait()
        assert made.stats == {}


TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\n\r\nlarge"


@pytest.mark.parametrize("then", ["holds on", "closes", "resets"])
async def test_an_early_refusal_is_delivered_and_its_connection_not_reused(then: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(TOO_LARGE)
        if then == "holds on":
            await peer.gone()
        elif then == "resets":
            await asyncio.sleep(0.02)
            peer.reset()

    async with provider(script) as upstream, client() as made:
        response = await ask(made, upstream.origin, POST, bytes(30_000_000))
        assert response.status == 413
        assert await response.read() == b"large"
        assert made.stats == {}
