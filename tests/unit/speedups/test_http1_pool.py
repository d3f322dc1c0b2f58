"""Connections are kept, bounded, queued for, and never used again once they could carry another's answer."""

import asyncio
import gc

import pytest

from gateway._speedups.http1 import Origin
from gateway.errors import (
    Unavailable,
    UpstreamClosed,
    UpstreamConnectError,
    UpstreamPoolTimeout,
)
from tests.reference.http1_provider import (
    OK,
    Peer,
    answers,
    ask,
    client,
    eventually,
    provider,
    silent,
)


async def test_the_latest_used_connection_is_taken_first() -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % peer.number)

    async with provider(script) as upstream, client() as made:
        origin = upstream.origin
        a, b = await asyncio.gather(ask(made, origin), ask(made, origin))
        assert made.stats[origin] == (2, 2, 0)
        last = await (await ask(made, origin)).read()
        assert [await (await ask(made, origin)).read() for _ in range(5)] == [last] * 5
        assert {await a.read(), await b.read()} == {b"0", b"1"}


async def test_connections_are_bounded_and_the_queue_is_fair() -> None:
    served: list[bytes] = []

    async def script(peer: Peer) -> None:
        while True:
            served.append(await peer.request())
            await peer.send(OK)

    async with provider(script) as upstream, client(max_connections=3) as made:
        origin = upstream.origin
        tasks = [asyncio.create_task(ask(made, origin, body=b"%d" % i)) for i in range(40)]
        await asyncio.sleep(0)
        assert made.stats[origin] == (3, 0, 37)
        for response in await asyncio.gather(*tasks):
            assert await response.read() == b"ok"
        assert len(upstream.peers) == 3
        arrival = [int(body) for body in served]
        assert all(abs(place - number) <= 3 for place, number in enumerate(arrival))


async def test_one_origins_queue_does_not_hold_another() -> None:
    async with provider(silent) as stuck, provider(answers(OK)) as lively, client(max_connections=1) as made:
        blocked = stuck.origin
        waiting = [asyncio.create_task(ask(made, blocked)) for _ in range(2)]
        assert await (await ask(made, lively.origin)).read() == b"ok"
        assert made.stats[blocked] == (1, 0, 1)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_waiting_for_a_connection_is_bounded_and_never_early() -> None:
    async with provider(silent) as upstream, client(max_connections=1, pool_wait=0.15) as made:
        origin = upstream.origin
        busy = asyncio.create_task(ask(made, origin))
        await asyncio.sleep(0)
        begun = asyncio.get_running_loop().time()
        with pytest.raises(UpstreamPoolTimeout):
            await ask(made, origin)
        assert asyncio.get_running_loop().time() - begun >= 0.149
        assert made.stats[origin] == (1, 0, 0)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)


async def test_a_failed_connection_lets_the_queue_try() -> None:
    async with provider(answers(OK)) as upstream:
        origin = upstream.origin
    async with client(max_connections=1) as made:
        results = await asyncio.gather(*[ask(made, origin) for _ in range(5)], return_exceptions=True)
        assert [type(result) for result in results] == [UpstreamConnectError] * 5
        assert made.stats == {}


async def test_an_unresolvable_name_is_a_connect_error() -> None:
    async with client() as made:
        for host in ("name.invalid", "a" * 70, "..", "\udcff"):
            with pytest.raises(UpstreamConnectError):
                await ask(made, Origin(host, 80))


async def test_idle_connections_expire() -> None:
    async with provider(answers(OK)) as upstream, client(keepalive=0.1) as made:
        origin = upstream.origin
        await (await ask(made, origin)).read()
        assert made.stats[origin] == (1, 1, 0)
        await upstream.peers[0].ended.wait()
        assert made.stats == {}


async def test_without_keepalive_nothing_is_reused() -> None:
    async with provider(answers(OK)) as upstream, client(keepalive=0.0) as made:
        origin = upstream.origin
        for _ in range(3):
            await (await ask(made, origin)).read()
        assert len(upstream.peers) == 3


async def test_a_connection_that_is_not_kept_leaves_its_slot_to_the_queue() -> None:
    async with provider(answers(OK)) as upstream, client(keepalive=0.0, max_connections=1) as made:
        origin = upstream.origin
        await asyncio.gather(*[ask(made, origin) for _ in range(4)])
        assert [len(peer.requests) for peer in upstream.peers] == [1] * 4


@pytest.mark.parametrize("limit", [7, 200])
async def test_200_concurrent_bodies_are_not_mixed(limit: int) -> None:
    async def script(peer: Peer) -> None:
        while True:
            body = await peer.request()
            await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in range(5):
                await peer.send(b"%x\r\n%s\r\n" % (len(body), body))
            await peer.send(b"0\r\n\r\n")

    async with provider(script) as upstream, client(max_connections=limit) as made:
        origin = upstream.origin

        async def one(i: int) -> bool:
            body = b"%d," % i * (i + 1)
            response = await ask(made, origin, body=body)
            got = b""
            while piece := await response.chunk():
                got += piece
            return got == body * 5

        assert all(await asyncio.gather(*[one(i) for i in range(200)]))
        assert made.stats[origin].open <= limit


async def test_a_dropped_response_closes_its_connection() -> None:
    async with (
        provider(answers(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")) as upstream,
        client() as made,
    ):
        response = await ask(made, upstream.origin)
        assert response.status == 200
        del response
        gc.collect()
        assert made.stats == {}
        await upstream.peers[0].ended.wait()


async def test_abort_closes_the_connection_at_once_and_may_be_repeated() -> None:
    async with (
        provider(answers(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")) as upstream,
        client() as made,
    ):
        response = await ask(made, upstream.origin)
        response.abort()
        response.abort()
        assert made.stats == {}
        with pytest.raises(UpstreamClosed):
            await response.read()
        await upstream.peers[0].ended.wait()


async def test_close_ends_all_that_is_under_way() -> None:
    async def script(peer: Peer) -> None:
        if await peer.request() == b"idle":
            await peer.send(OK)
        await peer.gone()

    async with provider(script) as upstream, client(max_connections=4) as made:
        origin = upstream.origin
        await asyncio.gather(*[ask(made, origin, body=b"idle") for _ in range(2)])
        tasks = [asyncio.create_task(ask(made, origin)) for _ in range(8)]
        await eventually(lambda: len(upstream.peers) == 4)
        await made.close()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [UpstreamClosed] * 8
        assert made.stats == {}
        with pytest.raises(Unavailable):
            await ask(made, origin)
        for peer in upstream.peers:
            await peer.ended.wait()
