"""The ASGI door reads whole bodies within bounds, and tells when a caller is gone."""

import asyncio
import gzip
import zlib
from typing import Any

import pytest

from gateway.api.door import Inbound, Watch, decoded
from gateway.errors import BadRequest, ClientDisconnected, RequestTooLarge, UnsupportedEncoding


def inbound(messages: list[dict[str, Any]], *headers: tuple[bytes, bytes]) -> Inbound:
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    scope = {
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "raw_path": b"/",
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
    }
    return Inbound(scope, receive)


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_in_pieces_is_joined() -> None:
    assert await inbound([part(b"ab"), part(b"c"), part(b"", False)]).read(10) == b"abc"


async def test_a_body_of_the_declared_length_needs_no_second_message() -> None:
    assert await inbound([part(b"abc")], (b"content-length", b"3")).read(10) == b"abc"


async def test_a_declared_length_beyond_the_limit_is_refused_unread() -> None:
    with pytest.raises(RequestTooLarge):
        await inbound([], (b"content-length", b"11")).read(10)


async def test_an_undeclared_length_beyond_the_limit_is_refused_on_the_way() -> None:
    with pytest.raises(RequestTooLarge):
        await inbound([part(b"x" * 6), part(b"x" * 6), part(b"", False)]).read(10)


async def test_a_caller_that_leaves_while_sending_is_noticed() -> None:
    one = inbound([part(b"ab"), {"type": "http.disconnect"}], (b"content-length", b"5"))
    with pytest.raises(ClientDisconnected):
        await one.read(10)
    assert one.gone


@pytest.mark.parametrize(("name", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_compressed_bodies_are_undone(name: bytes, pack: Any) -> None:
    assert decoded(pack(b"hello"), name, 100) == b"hello"


def test_a_compression_bomb_stops_at_the_limit() -> None:
    with pytest.raises(RequestTooLarge):
        decoded(gzip.compress(b"\0" * 10_000_000), b"gzip", 1_000_000)


@pytest.mark.parametrize(
    "body",
    [b"plain", gzip.compress(b"x" * 100)[:-9], gzip.compress(b"x") + b"more"],
    ids=["plain", "cut", "followed"],  # the bytes tell the time
)
def test_a_damaged_compressed_body_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        decoded(body, b"gzip", 1000)


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(UnsupportedEncoding):
        decoded(b"x", b"br", 10)


async def test_a_caller_that_waits_and_leaves_cancels_its_task() -> None:
    watch = Watch()
    left = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    one = Inbound(
        {"method": "", "path": "", "query_string": b"", "raw_path": b"/", "headers": [], "client": None},
        receive,
    )
    task = asyncio.ensure_future(asyncio.sleep(60))
    watch.add(one, task)
    await asyncio.sleep(2 * Watch.TICK)
    left.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert one.gone
    watch.remove(one)
    assert len(watch) == 0


async def test_a_served_caller_is_no_longer_watched() -> None:
    watch = Watch()
    started = 0

    async def receive() -> dict[str, Any]:
        nonlocal started
        started += 1
        await asyncio.sleep(60)
        return {}

    one = Inbound(
        {"method": "", "path": "", "query_string": b"", "raw_path": b"/", "headers": [], "client": None},
        receive,
    )
    task = asyncio.ensure_future(asyncio.sleep(0))
    watch.add(one, task)
    await task
    watch.remove(one)
    await asyncio.sleep(2 * Watch.TICK)
    assert started == 0
