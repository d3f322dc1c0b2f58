"""A kept connection never carries another request's answer, and its death costs a request nothing."""

import asyncio
import socket
import time

import pytest

from gateway._speedups.http1 import Origin
from gateway.errors import (
    UpstreamClosed,
    UpstreamProtocolError,
)
from tests.reference.http1_provider import (
    OK,
    POST,
    Peer,
    ask,
    client,
    eventually,
    provider,
)


async def test_two_answers_to_one_request_poison_the_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.writer.write(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nSECRET")
        await peer.request()
        peer.writer.write(OK)

    async with provider(script) as upstream, client() as made:
        origin = upstream.origin
        for _ in range(5):
            assert await (await ask(made, origin)).read() == b"ok"
        assert len(upstream.peers) == 5


async def test_an_unsolicited_answer_while_idle_closes_the_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK, b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nSECRET")
        await peer.gone()

    async with provider(script) as upstream, client() as made:
        origin = upstream.origin
        assert await (await ask(made, origin)).read() == b"ok"
        await eventually(lambda: not made.stats)
        assert await (await ask(made, origin)).read() == b"ok"
        assert len(upstream.peers) == 2


async def test_a_second_answer_that_the_loop_has_not_seen_yet_is_not_the_next_requests() -> None:
    """The bytes wait in the kernel when the connection is chosen again: only a look at the socket can tell."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def serve_one() -> socket.socket:
        connection = listener.accept()[0]
        connection.recv(65536)
        connection.sendall(OK)
        return connection

    loop = asyncio.get_running_loop()
    async with client() as made:
        origin = Origin("127.0.0.1", listener.getsockname()[1])
        first = loop.run_in_executor(None, serve_one)
        assert await (await ask(made, origin)).read() == b"ok"
        connection = await first
        second = loop.run_in_executor(None, serve_one)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nSECRET")
        time.sleep(0.02)  # noqa: ASYNC251 - the loop must not turn before the next request takes a connection
        assert await (await ask(made, origin)).read() == b"ok"
        (await second).close()
    connection.close()
    listener.close()


async def test_a_server_of_another_protocol_that_speaks_first_is_refused() -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"SSH-2.0-OpenSSH_9.2\r\n")
        await peer.gone()

    async with provider(script) as upstream, client() as made:
        with pytest.raises((UpstreamClosed, UpstreamProtocolError)):
            await ask(made, upstream.origin)
        assert made.stats == {}
        await upstream.peers[0].ended.wait()


@pytest.mark.parametrize("reset", [False, True])
async def test_a_kept_connection_that_dies_under_a_request_is_replaced_once(reset: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        if peer.number == 0:
            peer.reset() if reset else peer.writer.close()
            return
        await peer.send(OK)

    async with provider(script) as upstream, client(max_connections=1) as made:
        origin = upstream.origin
        assert await (await ask(made, origin, body=b"1")).read() == b"ok"
        assert await (await ask(made, origin, body=b"2")).read() == b"ok"
        assert [len(peer.requests) for peer in upstream.peers] == [2, 1]
        assert upstream.peers[1].requests == [POST + b"content-length: 1\r\n\r\n2"]


async def test_a_request_is_sent_again_only_once_and_only_on_a_fresh_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number < 3:
            await peer.send(OK)
            await peer.request()

    async with provider(script) as upstream, client() as made:
        origin = upstream.origin
        await asyncio.gather(*[ask(made, origin) for _ in range(3)])
        assert made.stats[origin].idle == 3
        with pytest.raises(UpstreamClosed):
            await ask(made, origin)
        assert sorted(len(peer.requests) for peer in upstream.peers) == [1, 1, 1, 2]
        assert made.stats[origin].idle == 2


async def test_no_resend_once_a_byte_of_the_answer_arrived() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(b"H")

    async with provider(script) as upstream, client() as made:
        origin = upstream.origin
        await (await ask(made, origin)).read()
        with pytest.raises(UpstreamClosed):
            await ask(made, origin)
        assert len(upstream.peers) == 1


async def test_no_resend_from_a_fresh_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()

    async with provider(script) as upstream, client() as made:
        with pytest.raises(UpstreamClosed):
            await ask(made, upstream.origin)
        assert len(upstream.peers) == 1


async def test_an_idle_connection_that_the_provider_closed_is_forgotten() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)

    async with provider(script) as upstream, client() as made:
        origin = upstream.origin
        for _ in range(3):
            await (await ask(made, origin)).read()
            await eventually(lambda: not made.stats)
        assert len(upstream.peers) == 3
