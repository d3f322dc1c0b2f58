"""Tells a kept answer again, to a caller of any dialect: whole, as a stream at once, or as one at a reader's pace.

What is told is what a translation of the answer says, but for two marks. Its id is `cache-ENTRY-COUNT`, behind the
prefix that the dialect has. Its usage counts the tokens that the original counted, with the whole prompt as read from a
cache, where the dialect says such a thing: nothing of it was computed for this caller.
"""

import msgspec
from msgspec.structs import replace

from gateway._speedups.sse import EventReader
from gateway.cache.canonical import Kept
from gateway.cache.telling import events_of
from gateway.dialects import spoken
from gateway.dialects.endpoints import Endpoint
from gateway.dialects.gemini.arrays import BEGIN, BETWEEN, END
from gateway.dialects.losses import lost_in
from gateway.schemas.chat import ChatRequest, Reply
from gateway.schemas.usage import Usage

_JSON = b"application/json"


class Lost(Exception):
    """More was said than was kept."""


class Told(msgspec.Struct, frozen=True):
    """An answer ready to send, and what the caller's dialect has no place for."""

    body: bytes
    content_type: bytes
    dropped: tuple[str, ...] = ()


def plain(kept: Kept, endpoint: Endpoint, request: ChatRequest, identity: str) -> Told | None:
    """The whole answer under `identity` (see `mark`); None for one that cannot be told this caller: a miss."""
    try:
        reply, dropped = marked(kept, endpoint, identity)
        return Told(endpoint.codec.write_reply(reply, request=request), _JSON, dropped)
    except Exception:  # what was kept is hostile: whatever cannot be told is a miss
        return None


def streamed(kept: Kept, endpoint: Endpoint, request: ChatRequest, identity: str) -> Told | None:
    """The same as a stream, all of it at once."""
    try:
        reply, dropped = marked(kept, endpoint, identity)
        writer = endpoint.codec.writer(request, reply_id=identity, created=reply.created)
        body = b"".join([writer.write(event) for event in events_of(reply)])
        if endpoint.array:
            elements = Elements()
            body = elements.add(body) + elements.end()
        return Told(body, endpoint.stream_type, dropped)
    except Exception:  # as above
        return None


def marked(kept: Kept, endpoint: Endpoint, identity: str) -> tuple[Reply, tuple[str, ...]]:
    """The reply as a caller of this endpoint gets it, and the names of what it has no place for. Raises Lost for one
    that its first caller was told without something that this one may have a place for."""
    dialect, lost = endpoint.codec.name, kept.entry.lost
    if lost and dialect != kept.reply.dialect:
        raise Lost(f"the kept answer lacks {lost[0]}")
    reply = replace(kept.reply, id=identity, usage=cached(kept.reply.usage))
    return spoken.told(reply, dialect), lost or lost_in(reply, dialect)


def cached(usage: Usage | None) -> Usage | None:
    """The usage of an answer that was not computed again: all of its prompt was read from a cache."""
    if usage is None:
        return None
    return replace(usage, cached=usage.input, cache_write=0, cache_write_1h=0)


class Elements:
    """Google's events as the elements of one JSON array."""

    __slots__ = ("_begun", "_events")

    def __init__(self) -> None:
        self._events = EventReader()
        self._begun = False

    def add(self, events: bytes) -> bytes:
        """The elements for these whole events."""
        return b"".join([self._element(event.data) for event in self._events.feed(events)])

    def end(self) -> bytes:
        """The end of the array."""
        return END if self._begun else BEGIN + END

    def _element(self, data: bytes) -> bytes:
        before = BETWEEN if self._begun else BEGIN
        self._begun = True
        return before + data
