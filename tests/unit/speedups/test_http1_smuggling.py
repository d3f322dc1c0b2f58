"""Answers that two readers could read differently, or that never end, close the connection with a clear error."""

import collections

import pytest

from gateway._speedups.http1_parser import ResponseParser
from gateway.errors import UpstreamClosed, UpstreamProtocolError
from tests.reference.http1_provider import Peer, ask, client, provider

START = b"HTTP/1.1 200 OK\r\n"
CHUNKED = START + b"transfer-encoding: chunked\r\n\r\n"

REFUSED = {
    "two different lengths": START + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    "two equal lengths": START + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello",
    "a list of lengths": START + b"content-length: 5, 5\r\n\r\nhello",
    "a signed length": START + b"content-length: +5\r\n\r\nhello",
    "a negative length": START + b"content-length: -5\r\n\r\nhello",
    "a hexadecimal length": START + b"content-length: 0x5\r\n\r\nhello",
    "an empty length": START + b"content-length: \r\n\r\nhello",
    "a length of 2**64 + 5": START + b"content-length: 18446744073709551621\r\n\r\nhello",
    "a length in other digits": START + "content-length: ٥\r\n\r\nhello".encode(),
    "length and chunked": START + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": START + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "gzip, chunked": START + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": START + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked, chunked": START + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "identity": START + b"transfer-encoding: identity\r\n\r\nhello",
    "xchunked": START + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "vertical tab before chunked": START + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "no status line": b"hello\r\n\r\n",
    "an answer without LF": b"GARBAGE",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\n\r\n",
    "lower-case http": b"http/1.1 200 OK\r\n\r\n",
    "HTTP/0.9": b"<html>hello</html>\r\n",
    "two blanks before the status": b"HTTP/1.1  200 OK\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "status 099": b"HTTP/1.1 099 OK\r\n\r\n",
    "status 600": b"HTTP/1.1 600 OK\r\n\r\n",
    "status 2x0": b"HTTP/1.1 2x0 OK\r\n\r\n",
    "control in the reason": b"HTTP/1.1 200 O\0K\r\n\r\n",
    "an empty line first": b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n",
    "bare LF after the status": b"HTTP/1.1 200 OK\ncontent-length: 5\n\nhello",
    "bare LF after a field": START + b"content-length: 5\nx: y\r\n\r\nhello",
    "bare LF ends the head": START + b"content-length: 5\r\n\nhello",
    "bare CR in a value": START + b"x: a\rcontent-length: 5\r\n\r\nhello",
    "bare CR and silence": START + b"x: a\rcontent-length: 5\r\r",
    "CR CR LF": START + b"x: a\r\r\n\r\n",
    "a folded line": START + b"x: a\r\n b\r\ncontent-length: 5\r\n\r\nhello",
    "a folded first line": START + b" x: a\r\n\r\n",
    "NUL in a value": START + b"x: a\0b\r\n\r\n",
    "DEL in a value": START + b"x: a\x7fb\r\n\r\n",
    "escape in a value": START + b"x: \x1b[2J\r\n\r\n",
    "blank before the colon": START + b"content-length : 5\r\n\r\nhello",
    "blank in a name": START + b"content length: 5\r\n\r\nhello",
    "non-ASCII name": START + b"content-length\xa0: 5\r\n\r\nhello",
    "NUL in a name": START + b"content-length\0: 5\r\n\r\nhello",
    "an empty name": START + b": 5\r\n\r\nhello",
    "no colon": START + b"content-length 5\r\n\r\nhello",
    "one field too large": START + b"x: " + b"y" * 5000,
    "endless fields": START + b"x: y\r\n" * 1000,
    "257 fields": START + b"a:\r\n" * 257 + b"\r\n",
    "endless 1xx": b"HTTP/1.1 102 Processing\r\n\r\n" * 21 + START + b"content-length: 0\r\n\r\n",
    "a signed chunk size": CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n",
    "a negative chunk size": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "a chunk size with 0x": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "blank before a chunk size": CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n",
    "blank after a chunk size": CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n",
    "no chunk size": CHUNKED + b"\r\nhello\r\n0\r\n\r\n",
    "only an extension": CHUNKED + b";a=b\r\nhello\r\n0\r\n\r\n",
    "17 digits of chunk size": CHUNKED + b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    "a chunk size of 64 bits": CHUNKED + b"ffffffffffffffff\r\nhello",
    "a chunk size of 2**63": CHUNKED + b"8000000000000000\r\nhello",
    "bare LF after a chunk size": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "bare CR after a chunk size": CHUNKED + b"5\rhello\r\n0\r\n\r\n",
    "bare LF in an extension": CHUNKED + b"5;a\nhello\r\n0\r\n\r\n",
    "control in an extension": CHUNKED + b"5;a\0b\r\nhello\r\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"4\r\nhello\r\n0\r\n\r\n",
    "bare LF after chunk data": CHUNKED + b"5\r\nhello\n0\r\n\r\n",
    "bare LF ends the trailers": CHUNKED + b"0\r\n\n",
    "bare CR in a trailer": CHUNKED + b"0\r\na: b\rc\r\n\r\n",
    "bare CR in a trailer, and silence": CHUNKED + b"0\r\na: b\rc",
    "a folded trailer": CHUNKED + b"0\r\na: b\r\n c\r\n\r\n",
    "a length as trailer": CHUNKED + b"0\r\ncontent-length: 5\r\n\r\n",
    "chunked as trailer": CHUNKED + b"0\r\ntransfer-encoding: chunked\r\n\r\n",
    "an endless extension": CHUNKED + b"5;" + b"a" * 20_000,
    "extensions without end": CHUNKED + b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n" * 2000,
    "an endless trailer": CHUNKED + b"0\r\na: " + b"b" * 5000,
    "endless trailers": CHUNKED + b"0\r\n" + b"a: b\r\n" * 1000,
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
async def test_is_refused_and_its_connection_closed(raw: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.writer.write(raw)
        await peer.gone()

    async with provider(script) as upstream, client(max_head=4096) as made:
        with pytest.raises(UpstreamProtocolError, match="the provider broke HTTP"):
            await (await ask(made, upstream.origin)).read()
        await upstream.peers[0].ended.wait()
        assert made.stats == {}
        assert len(upstream.peers) == 1


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_is_refused_byte_by_byte(raw: bytes) -> None:
    parser = ResponseParser(4096)
    with pytest.raises(UpstreamProtocolError, match="the provider broke HTTP"):
        collections.deque((parser.feed(raw[i : i + 1]) for i in range(len(raw))), maxlen=0)
    with pytest.raises(UpstreamProtocolError):
        parser.feed(b"x")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(START + b"a:\r\n" * 256 + b"\r\n", id="256 fields"),
        pytest.param(
            START + b"x: " + b"y" * (4096 - 17 - 3 - 4) + b"\r\n\r\n", id="a head as large as allowed"
        ),
        pytest.param(b"HTTP/1.1 102 P\r\n\r\n" * 20 + START + b"\r\n", id="20 1xx"),
        pytest.param(CHUNKED + b"0000000000000005\r\nhello\r\n0\r\n\r\n", id="16 digits of chunk size"),
        pytest.param(
            CHUNKED + (b"40;sum=%s\r\n" % (b"f" * 64) + b"x" * 64 + b"\r\n") * 2000, id="signed chunks"
        ),
    ],
)
def test_bounds_leave_room_for_what_is_right(raw: bytes) -> None:
    for step in (len(raw), 1000, 1):
        parser = ResponseParser(4096)
        for i in range(0, len(raw), step):
            parser.feed(raw[i : i + step])
        assert parser.head_complete


async def test_a_length_that_is_too_long_is_an_error_when_the_provider_leaves() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(START + b"content-length: 6\r\n\r\nhello")

    async with provider(script) as upstream, client() as made:
        with pytest.raises(UpstreamClosed):
            await (await ask(made, upstream.origin)).read()


@pytest.mark.parametrize("pieces", [[b"hello!"], [b"hello", b"!"]], ids=["together", "late"])
async def test_a_length_that_is_too_short_poisons_the_connection(pieces: list[bytes]) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(START + b"content-length: 5\r\n\r\n" + pieces[0], *pieces[1:])
        await peer.gone()

    async with provider(script) as upstream, client() as made:
        assert await (await ask(made, upstream.origin)).read() == b"hello"
        await upstream.peers[0].ended.wait()
        assert made.stats == {}


def test_bytes_behind_an_answer_are_counted_and_not_delivered() -> None:
    parser = ResponseParser()
    assert parser.feed(START + b"content-length: 5\r\n\r\nhello" + START) == b"hello"
    assert parser.complete
    assert parser.feed(b"abc") == b""
    assert parser.surplus == len(START) + 3
