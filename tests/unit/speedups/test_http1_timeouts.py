"""A provider that falls silent in any phase costs its time limit: not more than a tick longer, and never less."""

import asyncio

import pytest

from gateway._speedups.http1 import Client, Origin
from gateway.errors import UpstreamTimeout
from tests.reference.http1_provider import (
    OK,
    POST,
    Peer,
    answers,
    ask,
    client,
    provider,
    silent,
)

HEAD_ONLY = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"


async def in_phase(made: Client, origin: Origin, **limits: float) -> bytes:
    return await (await ask(made, origin, POST, b"", **limits)).read()


async def hangs_before_tls(peer: Peer) -> None:
    await peer.gone()


async def interim_then_silent(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    await peer.gone()


async def drips(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await peer.send(b"x")
        await asyncio.sleep(0.02)


TIMEOUTS = [
    pytest.param(silent, {"first_byte": 0.12}, "first_byte", id="first_byte"),
    pytest.param(interim_then_silent, {"first_byte": 0.12}, "first_byte", id="first_byte after 1xx"),
    pytest.param(
        answers(b"HTTP/1.1 200 OK\r\nx: "), {"first_byte": 0.12}, "first_byte", id="within the head"
    ),
    pytest.param(answers(HEAD_ONLY), {"idle": 0.12}, "idle", id="idle"),
    pytest.param(answers(HEAD_ONLY, b"abc"), {"idle": 0.12}, "idle", id="idle within the body"),
    pytest.param(drips, {"total": 0.3, "idle": 0.2}, "total", id="total while bytes drip"),
    pytest.param(silent, {"total": 0.12}, "total", id="total before the head"),
]


@pytest.mark.parametrize(("script", "limits", "phase"), TIMEOUTS)
async def test_a_silent_provider_times_out_in_its_phase_and_never_early(script, limits, phase) -> None:  # type: ignore[no-untyped-def]
    async with provider(script) as upstream, client() as made:
        origin = upstream.origin
        begun = asyncio.get_running_loop().time()
        with pytest.raises(UpstreamTimeout) as caught:
            await in_phase(made, origin, **limits)
        assert caught.value.phase == phase
        assert asyncio.get_running_loop().time() - begun >= limits[phase] - 0.001
        assert made.stats == {}
        await upstream.peers[0].ended.wait()


@pytest.mark.parametrize(("limit", "phase"), [("connect", "connect"), ("total", "total")])
async def test_a_handshake_that_hangs_times_out(limit: str, phase: str) -> None:
    async with provider(hangs_before_tls) as upstream, client() as made:
        origin = Origin("127.0.0.1", upstream.port, tls=True)
        with pytest.raises(UpstreamTimeout) as caught:
            await ask(made, origin, POST, b"", **{limit: 0.1})
        assert caught.value.phase == phase
        assert made.stats == {}
        await upstream.peers[0].ended.wait()


async def test_waiting_in_the_queue_counts_into_the_total() -> None:
    async with provider(silent) as upstream, client(max_connections=1) as made:
        origin = upstream.origin
        busy = asyncio.create_task(ask(made, origin))
        await asyncio.sleep(0)
        with pytest.raises(UpstreamTimeout) as caught:
            await ask(made, origin, total=0.1)
        assert caught.value.phase == "total"
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)


async def test_first_byte_counts_from_the_last_byte_sent() -> None:
    """The provider lets the body wait for longer than it may take to answer."""

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(1.2)
        read = 0
        while read < 20_000_000:
            piece = await peer.reader.read(1_000_000)
            assert piece
            read += len(piece)
        await peer.send(OK)

    async with provider(script) as upstream, client() as made:
        response = await ask(made, upstream.origin, POST, bytes(20_000_000), first_byte=1.0)
        assert await response.read() == b"ok"


async def test_time_limits_end_with_the_answer() -> None:
    async with provider(answers(OK)) as upstream, client() as made:
        origin = upstream.origin
        response = await ask(made, origin, total=0.5, first_byte=0.5, idle=0.5)
        await asyncio.sleep(0.7)
        assert await response.read() == b"ok"
        assert made.stats[origin] == (1, 1, 0)


async def test_an_answer_in_time_is_not_cut_off_by_a_busy_loop() -> None:
    """Each piece comes within `idle`, though together they take longer."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD_ONLY)
        for byte in b"abcdefghi":
            await asyncio.sleep(0.13)
            await peer.send(bytes([byte]))

    async with provider(script) as upstream, client() as made:
        assert await in_phase(made, upstream.origin, idle=1.0) == b"abcdefghi"


async def test_the_idle_limit_begins_anew_when_a_slow_reader_resumes() -> None:
    resumed = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 3001\r\n\r\n" + bytes(3000))
        await resumed.wait()
        await asyncio.sleep(0.15)
        await peer.send(b"!")

    async with provider(script) as upstream, client(high_water=1000) as made:
        response = await ask(made, upstream.origin, idle=1.0)
        await asyncio.sleep(1.1)
        assert await response.chunk() == bytes(3000)
        resumed.set()
        assert await response.chunk() == b"!"
