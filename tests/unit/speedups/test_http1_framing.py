"""Answers of every framing arrive whole over real sockets, and say rightly whether the connection lives on."""

import asyncio

import pytest

from gateway._speedups.http1 import Origin
from gateway.errors import UpstreamClosed, UpstreamProtocolError
from tests.reference.http1_provider import (
    GET,
    OK,
    POST,
    Peer,
    answers,
    answers_then_closes,
    ask,
    client,
    eventually,
    provider,
)

KEPT = [
    pytest.param([OK], b"ok", id="one segment"),
    pytest.param([OK[:10], OK[10:-1], OK[-1:]], b"ok", id="many segments"),
    pytest.param([b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n"], b"", id="empty body, no reason"),
    pytest.param(
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"2;x=y\r\nok", b"\r\n0\r\na: b\r\n\r\n"],
        b"ok",
        id="chunked, extension, trailer",
    ),
    pytest.param(
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\na: b\r\n\r\n" + OK], b"ok", id="1xx"
    ),
    pytest.param([b"HTTP/1.1 204 No Content\r\n\r\n"], b"", id="204"),
    pytest.param([b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n"], b"", id="304"),
    pytest.param(
        [b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nok"], b"ok", id="1.0 kept"
    ),
]

CLOSED = [
    pytest.param([b"HTTP/1.1 200 OK\r\n\r\n", b"o", b"k"], b"ok", id="until the end of the connection"),
    pytest.param([b"HTTP/1.0 200 OK\r\n\r\nok"], b"ok", id="1.0"),
    pytest.param([b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"], b"ok", id="1.0 with a length"),
    pytest.param(
        [b"HTTP/1.1 200 OK\r\nconnection: x, CLOSE\r\ncontent-length: 2\r\n\r\nok"], b"ok", id="close"
    ),
]


@pytest.mark.parametrize(("pieces", "body"), KEPT)
async def test_a_framed_answer_leaves_its_connection_for_the_next_request(
    pieces: list[bytes], body: bytes
) -> None:
    async with provider(answers(*pieces)) as upstream, client() as made:
        origin = upstream.origin
        for _ in range(3):
            response = await ask(made, origin)
            assert await response.read() == body
            assert await response.read() == b""
            assert await response.chunk() == b""
        assert len(upstream.peers) == 1


@pytest.mark.parametrize(("pieces", "body"), CLOSED)
async def test_an_unkept_answer_ends_its_connection(pieces: list[bytes], body: bytes) -> None:
    async with provider(answers_then_closes(*pieces)) as upstream, client() as made:
        origin = upstream.origin
        for _ in range(2):
            response = await ask(made, origin)
            assert await response.read() == body
        assert len(upstream.peers) == 2
        assert made.stats == {}


async def test_connection_close_is_obeyed_though_the_provider_holds_on() -> None:
    async with (
        provider(answers(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")) as upstream,
        client() as made,
    ):
        assert await (await ask(made, upstream.origin)).read() == b"ok"
        await upstream.peers[0].ended.wait()


async def test_head_and_fields_are_as_sent() -> None:
    raw = b"HTTP/1.1 429 Too Many  Requests\r\nRetry-After:\t7 \r\nX-A: 1\r\nx-a: \xe2\x82\xac\r\n"
    raw += b"content-length: 0\r\n\r\n"
    async with provider(answers(raw)) as upstream, client() as made:
        response = await ask(made, upstream.origin)
        assert response.status == 429
        assert response.reason == b"Too Many  Requests"
        assert response.headers == [
            (b"retry-after", b"7"),
            (b"x-a", b"1"),
            (b"x-a", b"\xe2\x82\xac"),
            (b"content-length", b"0"),
        ]
        assert response.header(b"retry-after") == b"7"
        assert response.header(b"x-a") == b"1"
        assert response.header(b"x") is None


async def test_a_head_request_has_no_body_to_wait_for() -> None:
    async with (
        provider(answers(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")) as upstream,
        client() as made,
    ):
        origin = upstream.origin
        for _ in range(2):
            response = await ask(made, origin, b"HEAD / HTTP/1.1\r\nhost: test\r\n")
            assert await response.read() == b""
        assert len(upstream.peers) == 1


@pytest.mark.parametrize("size", [0, 1, 32768, 32769, 3_000_000])
async def test_a_body_of_any_size_is_sent_with_its_length(size: int) -> None:
    body = bytes(i % 251 for i in range(1000)) * (size // 1000 + 1)
    body = body[:size]
    async with provider(answers(OK)) as upstream, client() as made:
        assert await (await ask(made, upstream.origin, POST, body)).read() == b"ok"
        assert upstream.peers[0].requests == [POST + b"content-length: %d\r\n\r\n" % size + body]


async def test_a_request_without_body_has_no_length() -> None:
    async with provider(answers(OK)) as upstream, client() as made:
        await (await ask(made, upstream.origin, GET)).read()
        assert upstream.peers[0].requests == [GET + b"\r\n"]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET /",
        GET[:-2],
        GET + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\nGET /admin HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nhost: a\nx: y\r\n",
        b"GET / HTTP/1.1\r\nhost: a\rx: y\r\n",
        b"\r\nGET / HTTP/1.1\r\nhost: a\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n",
    ],
)
async def test_a_head_that_could_be_read_as_two_is_not_sent(head: bytes) -> None:
    async with provider(answers(OK)) as upstream, client() as made:
        with pytest.raises(ValueError, match="request head"):
            await ask(made, upstream.origin, head)
        assert upstream.peers == []


async def test_chunks_come_as_they_arrive_and_are_never_held_back() -> None:
    tell = asyncio.Queue[bytes]()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while piece := await tell.get():
            await peer.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        await peer.send(b"0\r\n\r\n")

    async with provider(script) as upstream, client() as made:
        response = await ask(made, upstream.origin)
        for i in range(20):
            tell.put_nowait(b"event %d" % i)
            assert await response.chunk() == b"event %d" % i
        tell.put_nowait(b"")
        assert await response.chunk() == b""


async def test_a_chunk_holds_all_that_waits() -> None:
    pieces = [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"abc", b"def", b"ghi"]
    async with provider(answers(*pieces)) as upstream, client() as made:
        origin = upstream.origin
        response = await ask(made, origin)
        await eventually(lambda: made.stats[origin].idle == 1)
        assert await response.chunk() == b"abcdefghi"
        assert await response.chunk() == b""


async def test_the_connection_is_free_before_the_buffered_body_is_read() -> None:
    async with provider(answers(OK)) as upstream, client(max_connections=1) as made:
        origin = upstream.origin
        unread = [await ask(made, origin) for _ in range(5)]
        assert [await response.read() for response in unread] == [b"ok"] * 5
        assert len(upstream.peers) == 1


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"HTTP/1.1 200 OK\r\ncont"],
        [b"HTTP/1.1 100 Continue\r\n\r\n"],
    ],
)
async def test_an_end_before_the_head_is_an_error(pieces: list[bytes]) -> None:
    async with provider(answers_then_closes(*pieces)) as upstream, client() as made:
        with pytest.raises(UpstreamClosed):
            await ask(made, upstream.origin)
        assert len(upstream.peers) == 1
        assert made.stats == {}


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"abc"],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"3\r\nabc"],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"3\r\nabc\r\n0\r\n"],
    ],
)
async def test_a_cut_body_is_an_error_after_what_arrived(pieces: list[bytes]) -> None:
    async with provider(answers_then_closes(*pieces)) as upstream, client() as made:
        response = await ask(made, upstream.origin)
        assert await response.chunk() == b"abc"
        with pytest.raises(UpstreamClosed):
            await response.chunk()
        with pytest.raises(UpstreamClosed):
            await (await ask(made, upstream.origin)).read()


@pytest.mark.parametrize("framing", [b"content-length: 3000", b"transfer-encoding: chunked", b"x: until-eof"])
async def test_read_is_bounded(framing: bytes) -> None:
    body = b"bb8\r\n" + b"x" * 3000 + b"\r\n0\r\n\r\n" if b"chunked" in framing else b"x" * 3000
    raw = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n"
    async with provider(answers_then_closes(raw, body)) as upstream, client(max_body=2999) as made:
        with pytest.raises(UpstreamProtocolError, match="larger than 2999"):
            await (await ask(made, upstream.origin)).read()
    async with provider(answers_then_closes(raw, body)) as upstream, client(max_body=3000) as made:
        assert len(await (await ask(made, upstream.origin)).read()) == 3000


async def test_two_tasks_cannot_read_one_answer() -> None:
    async with (
        provider(answers(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")) as upstream,
        client() as made,
    ):
        response = await ask(made, upstream.origin)
        first = asyncio.create_task(response.chunk())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await response.chunk()
        with pytest.raises(RuntimeError, match="another task"):
            await response.read()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first


def test_origins_differ_though_their_values_are_equal() -> None:
    assert Origin("a", 1) != Origin("a", 1)
    assert repr(Origin("a", 1)) == "Origin(http://a:1)"
