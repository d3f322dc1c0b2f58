"""TLS toward the provider: verified by default, with SNI and ALPN, and as bounded and reusable as plain TCP."""

import asyncio
import ssl

import pytest
import trustme

from gateway._speedups.http1 import Origin
from gateway.errors import UpstreamClosed, UpstreamConnectError
from tests.reference.http1_provider import OK, POST, Peer, answers, ask, client, eventually, provider

AUTHORITY = trustme.CA()


def server_side(*names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    AUTHORITY.issue_cert(*names).configure_cert(context)
    return context


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


async def test_a_verified_provider_is_asked_over_one_connection() -> None:
    async with provider(answers(OK), server_side("localhost")) as upstream, client() as made:
        origin = Origin("localhost", upstream.port, tls=True, ssl_context=trusting())
        for _ in range(5):
            assert await (await ask(made, origin)).read() == b"ok"
        assert len(upstream.peers) == 1
        assert made.stats[origin] == (1, 1, 0)


async def test_http_1_1_is_what_alpn_agrees_on_and_the_name_is_sent() -> None:
    names: list[str] = []
    context = server_side("provider.test")
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    agreed: list[str | None] = []

    async def script(peer: Peer) -> None:
        agreed.append(peer.writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await answers(OK)(peer)

    async with provider(script, context) as upstream, client() as made:
        origin = Origin(
            "127.0.0.1", upstream.port, tls=True, ssl_context=trusting(), server_hostname="provider.test"
        )
        assert await (await ask(made, origin)).read() == b"ok"
    assert names == ["provider.test"]
    assert agreed == ["http/1.1"]


async def test_another_name_in_the_certificate_is_refused() -> None:
    async with provider(answers(OK), server_side("other.test")) as upstream, client() as made:
        origin = Origin("localhost", upstream.port, tls=True, ssl_context=trusting())
        with pytest.raises(UpstreamConnectError) as caught:
            await ask(made, origin)
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        assert all(peer.requests == [] for peer in upstream.peers)
        assert made.stats == {}


async def test_an_unknown_authority_is_refused_by_default() -> None:
    async with provider(answers(OK), server_side("localhost")) as upstream, client() as made:
        with pytest.raises(UpstreamConnectError) as caught:
            await ask(made, Origin("localhost", upstream.port, tls=True))
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        assert all(peer.requests == [] for peer in upstream.peers)


async def test_a_plain_server_is_refused() -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.gone()

    async with provider(script) as upstream, client() as made:
        with pytest.raises(UpstreamConnectError):
            await ask(made, Origin("localhost", upstream.port, tls=True, ssl_context=trusting()))


async def test_large_bodies_both_ways() -> None:
    body = bytes(range(256)) * 20_000
    raw = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    async with provider(answers(raw), server_side("localhost")) as upstream, client() as made:
        origin = Origin("localhost", upstream.port, tls=True, ssl_context=trusting())
        for _ in range(2):
            response = await ask(made, origin, POST, body)
            assert await response.read() == body
        head = POST + b"content-length: %d\r\n\r\n" % len(body)
        assert upstream.peers[0].requests == [head + body] * 2


async def test_back_pressure_reaches_through_tls() -> None:
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 40000000\r\n\r\n")
        for _ in range(40):
            peer.writer.write(bytes(1_000_000))
            await peer.writer.drain()
            sent += 1
        await peer.gone()

    async with provider(script, server_side("localhost")) as upstream, client() as made:
        origin = Origin("localhost", upstream.port, tls=True, ssl_context=trusting())
        response = await ask(made, origin)
        await asyncio.sleep(0.3)
        assert sent < 30
        read = 0
        while piece := await response.chunk():
            read += len(piece)
        assert read == 40_000_000
        assert made.stats[origin] == (1, 1, 0)


async def test_a_kept_connection_that_closed_is_replaced() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)

    async with provider(script, server_side("localhost")) as upstream, client() as made:
        origin = Origin("localhost", upstream.port, tls=True, ssl_context=trusting())
        for _ in range(3):
            assert await (await ask(made, origin)).read() == b"ok"
        await eventually(lambda: not made.stats)


async def test_bytes_behind_an_answer_and_cuts_are_caught() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + OK if peer.number == 0 else OK[:-1])

    async with provider(script, server_side("localhost")) as upstream, client() as made:
        origin = Origin("localhost", upstream.port, tls=True, ssl_context=trusting())
        assert await (await ask(made, origin)).read() == b"ok"
        assert made.stats == {}
        with pytest.raises(UpstreamClosed):
            await (await ask(made, origin)).read()


async def test_cancellation_closes_a_tls_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.gone()

    async with provider(script, server_side("localhost")) as upstream, client() as made:
        origin = Origin("localhost", upstream.port, tls=True, ssl_context=trusting())
        task = asyncio.create_task(ask(made, origin))
        await eventually(lambda: bool(upstream.peers and upstream.peers[0].requests))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert made.stats == {}
        await upstream.peers[0].ended.wait()
