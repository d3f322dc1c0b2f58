"""Tells a kept answer again as a model would: word by word, so many tokens in a second."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

import msgspec
from msgspec.structs import replace

from gateway.cache.canonical import Kept
from gateway.cache.replay import Elements, marked
from gateway.cache.telling import events_of
from gateway.dialects.endpoints import Endpoint
from gateway.schemas.chat import ChatRequest, Reply
from gateway.schemas.events import Event, ReasoningDelta, RefusalDelta, TextDelta, ToolDelta

_WORD = re.compile(r"\s*\S{1,40}(?:\s+\Z)?|\s+")
"""A word with the space before it; the last one with that behind it. What has no spaces is cut."""

_SIZE = 4
"""Characters of a token, about."""


class Pace(msgspec.Struct, frozen=True):
    """`rate` is in tokens a second. What would follow within `least` seconds goes out together."""

    rate: float
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    least: float = 0.01


class Paced(msgspec.Struct, frozen=True):
    """A stream under way: `chunks` ends when it does, and may be left at any time."""

    chunks: AsyncIterator[bytes]
    content_type: bytes
    dropped: tuple[str, ...] = ()


def paced(kept: Kept, endpoint: Endpoint, request: ChatRequest, identity: str, pace: Pace) -> Paced | None:
    """The stream under `identity`; None where it cannot be told, which is a miss."""
    try:
        reply, dropped = marked(kept, endpoint, identity)
        said = list(_said(reply, endpoint, request))
    except Exception:  # what was kept is hostile: whatever cannot be told is a miss
        return None
    return Paced(_chunks(said, pace), endpoint.stream_type, dropped)


def _said(reply: Reply, endpoint: Endpoint, request: ChatRequest) -> Iterator[tuple[bytes, float]]:
    """All that is told, in words, with what each weighs in tokens."""
    writer = endpoint.codec.writer(request, reply_id=reply.id, created=reply.created)
    elements = Elements() if endpoint.array else None
    for event in events_of(reply):
        for piece, weight in _pieces(event):
            data = writer.write(piece)
            yield data if elements is None else elements.add(data), weight
    if elements is not None:
        yield elements.end(), 0.0


async def _chunks(told: Iterable[tuple[bytes, float]], pace: Pace) -> AsyncIterator[bytes]:
    """The clock says when a word is due, so that a slow reader is not kept waiting twice."""
    begun, said = pace.clock(), 0.0
    waiting: list[bytes] = []
    for data, weight in told:
        waiting.append(data)
        said += weight
        due = begun + said / pace.rate - pace.clock()
        if due >= pace.least:
            yield b"".join(waiting)
            waiting = []
            await pace.sleep(due)
    yield b"".join(waiting)


def _pieces(event: Event) -> Iterator[tuple[Event, float]]:
    """An event in words, with what each weighs in tokens."""
    if isinstance(event, TextDelta | RefusalDelta):
        for word in _WORD.findall(event.text):
            yield replace(event, text=word), _weight(word)
    elif isinstance(event, ToolDelta):
        for word in _WORD.findall(event.arguments):
            yield replace(event, arguments=word), _weight(word)
    elif isinstance(event, ReasoningDelta):
        words = _WORD.findall(event.text)
        for word in words[:-1]:
            yield replace(event, text=word, signature=""), _weight(word)
        last = words[-1] if words else ""
        yield replace(event, text=last), _weight(last)
    else:
        yield event, 0.0


def _weight(word: str) -> float:
    return max(1.0, len(word) / _SIZE)
