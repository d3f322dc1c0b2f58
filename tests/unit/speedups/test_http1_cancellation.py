"""Cancellation in any phase closes the connection at once, serves the queue, and leaves nothing behind."""

import asyncio
import gc
from collections import Counter

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
    eventually,
    provider,
    silent,
)

OWN = ("Client", "Connection", "Exchange", "Response")
HEAD_ONLY = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"


async def in_phase(made: Client, origin: Origin, **limits: float) -> bytes:
    return await (await ask(made, origin, POST, b"", **limits)).read()


async def hangs_before_tls(peer: Peer) -> None:
    await peer.gone()


async def cancelled(task: asyncio.Task) -> None:  # type: ignore[type-arg]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def chunk_by_chunk(made: Client, origin: Origin) -> None:
    response = await ask(made, origin)
    while await response.chunk():
        pass


@pytest.mark.parametrize(
    ("script", "work"),
    [
        pytest.param(silent, in_phase, id="before the head"),
        pytest.param(answers(HEAD_ONLY, b"abc"), in_phase, id="in read"),
        pytest.param(answers(HEAD_ONLY, b"abc"), chunk_by_chunk, id="in chunk"),
    ],
)
async def test_cancellation_closes_the_connection_and_serves_the_queue(script, work) -> None:  # type: ignore[no-untyped-def]
    async def mixed(peer: Peer) -> None:
        await (script if peer.number == 0 else answers(OK))(peer)

    async with provider(mixed) as upstream, client(max_connections=1) as made:
        origin = upstream.origin
        first = asyncio.create_task(work(made, origin))
        await eventually(lambda: bool(upstream.peers and upstream.peers[0].requests))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(in_phase(made, origin))
        await asyncio.sleep(0)
        assert made.stats[origin] == (1, 0, 1)
        await cancelled(first)
        await upstream.peers[0].ended.wait()
        assert await second == b"ok"
        assert made.stats[origin] == (1, 1, 0)


async def test_cancellation_while_connecting_frees_the_slot() -> None:
    async with provider(hangs_before_tls) as upstream, client(max_connections=1) as made:
        origin = Origin("127.0.0.1", upstream.port, tls=True)
        first = asyncio.create_task(ask(made, origin))
        second = asyncio.create_task(ask(made, origin))
        await eventually(lambda: bool(upstream.peers))
        await cancelled(first)
        await upstream.peers[0].ended.wait()
        await eventually(lambda: len(upstream.peers) == 2)
        await cancelled(second)
        assert made.stats == {}


@pytest.mark.parametrize("turns_of_the_loop", range(12))
async def test_cancellation_in_any_turn_of_the_loop_leaks_nothing(turns_of_the_loop: int) -> None:
    async with provider(answers(OK)) as upstream, client(max_connections=2) as made:
        origin = upstream.origin
        tasks = [asyncio.create_task(in_phase(made, origin)) for _ in range(4)]
        for _ in range(turns_of_the_loop):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert await in_phase(made, origin) == b"ok"
        assert made.stats[origin].waiting == 0
        assert made.stats[origin].open == made.stats[origin].idle


async def test_cancellation_in_the_queue_leaves_the_others_in_order() -> None:
    async with provider(answers(OK)) as upstream, client(max_connections=1) as made:
        origin = upstream.origin
        tasks = [asyncio.create_task(in_phase(made, origin)) for _ in range(6)]
        await asyncio.sleep(0)
        await cancelled(tasks[3])
        assert made.stats[origin] == (1, 0, 4)
        del tasks[3]
        assert await asyncio.gather(*tasks) == [b"ok"] * 5
        assert len(upstream.peers) == 1


async def test_failures_that_nobody_awaits_any_more_are_not_complained_about() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    async with provider(silent) as upstream, client(max_connections=1) as made:
        origin = upstream.origin
        tasks = [asyncio.create_task(in_phase(made, origin)) for _ in range(3)]
        await eventually(lambda: bool(upstream.peers))
        closing = asyncio.create_task(made.close())
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(closing, *tasks, return_exceptions=True)
        tasks.clear()
        gc.collect()
        await asyncio.sleep(0.01)
    assert complaints == []


def alive() -> dict[str, int]:
    """How many there are of each kind."""
    kinds = Counter(repr(type(thing)) for thing in gc.get_objects())
    return {name: kinds[f"<class 'gateway._speedups.http1.{name}'>"] for name in OWN}


async def test_nothing_is_left_of_requests_that_ended_in_any_way() -> None:
    """Counted without the cycle collector: what only it could free would pile up between its runs."""
    raw = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"
    gc.collect()
    before = alive()  # somebody may still hold what an earlier test made
    async with provider(answers(OK)) as good, provider(answers(raw)) as cut, client() as made:
        origins = [good.origin, cut.origin]
        gc.disable()
        try:
            for i in range(60):
                response = await ask(made, origins[i % 2], total=0.3 if i % 10 == 1 else 10.0)
                if i % 10 == 1:
                    with pytest.raises(UpstreamTimeout):
                        await response.read()
                elif i % 10 == 3:
                    response.abort()
                elif i % 10 == 5:
                    await cancelled(asyncio.create_task(response.read()))
                else:
                    await response.chunk()
                del response
            await eventually(lambda: len(made.stats) == 1)
            await asyncio.sleep(0.01)
            now = alive()
        finally:
            gc.enable()
        left = {name: now[name] - before[name] for name in OWN}
        assert left == {"Client": 1, "Connection": 1, "Exchange": 0, "Response": 0}
