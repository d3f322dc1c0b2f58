"""A caller that has its whole answer has its record written; each answer's record is written once."""

from typing import Any

import pytest

from gateway.delivery import deliver
from gateway.errors import UpstreamClosed
from gateway.schemas.record import Record
from gateway.upstream.replies import Stream, Whole


class Books:
    """Remembers what happened, in order, together with what was sent."""

    def __init__(self) -> None:
        self.story: list[Any] = []
        self.started = False

    def price(self, record: Record) -> None:
        pass

    def close(self, record: Record) -> None:
        self.story.append("closed")
        assert record.finish == "noted" or not self.started

    async def whole(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.story.append(body)

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.started = True

    async def chunk(self, data: bytes) -> None:
        self.story.append(data)

    async def end(self) -> None:
        self.story.append("end")

    async def cut(self) -> None:
        self.story.append("cut")


class Scripted(Stream):
    """Gives these pieces; `known` tells whether the last one is known as the last."""

    def __init__(self, *pieces: bytes | Exception, known: bool) -> None:
        self._pieces = list(pieces)
        self._known = known
        self.headers = []
        self.noted = 0

    @property
    def over(self) -> bool:
        return self._known and not self._pieces

    async def chunk(self) -> bytes:
        found = self._pieces.pop(0) if self._pieces else b""
        if isinstance(found, Exception):
            raise found
        return found

    def note(self, record: Record) -> None:
        self.noted += 1
        record.finish = "noted"

    async def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


async def test_a_whole_answer() -> None:
    books = Books()
    await deliver(Whole(b"{}", []), books, Record("r"), books)
    assert books.story == ["closed", b"{}"]


async def test_a_stream_whose_last_bytes_are_known() -> None:
    books, stream = Books(), Scripted(b"a", b"[DONE]", known=True)
    await deliver(stream, books, Record("r"), books)
    assert books.story == [b"a", "closed", b"[DONE]", "end"]
    assert stream.noted == 1


async def test_a_stream_that_ends_with_its_connection() -> None:
    books, stream = Books(), Scripted(b"a", b"b", known=False)
    await deliver(stream, books, Record("r"), books)
    assert books.story == [b"a", b"b", "closed", "end"]
    assert stream.noted == 1


async def test_a_stream_that_breaks_is_noted_and_left_to_the_error() -> None:
    books, stream = Books(), Scripted(b"a", UpstreamClosed("gone"), known=True)
    with pytest.raises(UpstreamClosed):
        await deliver(stream, books, Record("r"), books)
    assert books.story == [b"a"]
    assert stream.noted == 1
