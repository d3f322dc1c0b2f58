"""A kept answer, told again as its new caller wants it: plain or streamed, at once or at a pace, in any dialect."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from functools import cache
from itertools import count
from time import monotonic
from typing import Protocol

import msgspec

from gateway._speedups.asking import mark
from gateway.cache.canonical import Kept
from gateway.cache.pacing import Pace, paced
from gateway.cache.replay import plain, streamed
from gateway.delivery import STREAM_HEADERS, Header
from gateway.dialects.endpoints import ARRAYS, Endpoint
from gateway.schemas.caching import Entry, Wishes
from gateway.schemas.call import Call
from gateway.schemas.chat import ChatRequest
from gateway.schemas.record import Record
from gateway.upstream.replies import Whole

RATE = 80.0
"""Tokens in a second of an answer that is told at a pace."""

PACE = Pace(RATE, monotonic, asyncio.sleep)


@cache
def numbers(process: int) -> Iterator[int]:
    """Of the answers told by a process, so that no two have the same id: not those of two workers either, which begin
    alike in all else."""
    return count(process * 10**9 + secrets.randbelow(10**9))


class Found(Protocol):
    """What the store has under a key. Times are Unix seconds."""

    @property
    def payload(self) -> bytes: ...
    @property
    def written(self) -> float: ...
    @property
    def expires(self) -> float: ...
    @property
    def id(self) -> str: ...


class Paced:
    """A kept answer that is told as slowly as a model speaks; delivered as a provider's stream would be."""

    __slots__ = ("_pieces", "headers", "over")

    def __init__(self, pieces: AsyncIterator[bytes], headers: list[Header]) -> None:
        self._pieces = pieces
        self.headers = headers
        self.over = False

    async def chunk(self) -> bytes:
        """The next bytes; b"" at the end."""
        async for data in self._pieces:
            if data:
                return data
        self.over = True
        return b""

    def note(self, record: Record) -> None:
        """All is known before it begins."""

    async def close(self) -> None:
        """It was told to its end."""

    def abort(self) -> None:
        """Nobody wants the rest."""


class Replay(msgspec.Struct, gc=False):
    """An answer to give, and the entry that it was."""

    reply: Whole | Paced
    entry: Entry
    dropped: tuple[str, ...] = ()
    identity: str = ""
    similarity: float = 0.0
    kept: Kept | None = None

    def note(self, record: Record, result: str) -> None:
        """Writes into the record what is known of the answer. It costs nothing; what it saves is noted."""
        entry = self.entry
        record.cache, record.cost_nano_usd, record.saved_nano_usd = result, 0, entry.cost_nano_usd
        record.provider, record.model = entry.provider, entry.model
        record.answered_model, record.usage, record.finish = entry.answered_model, entry.usage, entry.finish
        record.dropped += self.dropped
        if self.similarity:
            self.reply.headers.append((b"x-gateway-cache-similarity", b"%.4f" % self.similarity))


def next_mark(entry: str) -> str:
    """The id of this entry's next answer."""
    return mark(entry, next(numbers(os.getpid())))


def hit_headers(found: Found, age: float) -> list[Header]:
    """What a hit's answer says of its entry, `age` seconds old."""
    return [(b"x-gateway-cache-age", b"%d" % age), (b"x-gateway-cache-id", found.id.encode())]


def told_again(
    kept: Kept, found: Found, asked: tuple[Endpoint, Call, ChatRequest], wishes: Wishes, age: float
) -> Replay | None:
    """The answer for this call; None where its dialect has no words for it."""
    endpoint, call, request = asked
    speaks = ARRAYS.get(endpoint.name, endpoint) if call.array else endpoint
    name = next_mark(found.id)
    headers = hit_headers(found, age)
    if call.stream and wishes.paced:
        slow = paced(kept, speaks, request, name, PACE)
        if slow is None:
            return None
        headers.append((b"content-type", slow.content_type))
        return Replay(Paced(slow.chunks, headers), kept.entry, slow.dropped, name, kept=kept)
    told = (streamed if call.stream else plain)(kept, speaks, request, name)
    if told is None:
        return None
    if call.stream:
        headers += STREAM_HEADERS
    return Replay(Whole(told.body, headers, told.content_type), kept.entry, told.dropped, name, kept=kept)
