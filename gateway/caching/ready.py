"""Answers that were told before, ready to be told again: two hits of one entry differ in their ids alone.

Only for plain requests, whose answers repeat nothing of them. A worker remembers a bounded number of bytes, the oldest
are forgotten first; what the store has under a key still decides whether there is a hit.
"""

import msgspec

from gateway.caching.replaying import Found, Replay, hit_headers, next_mark
from gateway.schemas.caching import Entry
from gateway.upstream.replies import Header, Whole

MOST = 8 << 20
"""Bytes of answers that a worker remembers."""
LARGEST = 64 << 10

Place = tuple[bytes, str, str, bool, bool]
"""A key, the endpoint and the model's name as the caller spelled them, and how the answer is told."""


class Ready(msgspec.Struct, frozen=True, gc=False):
    """An answer around its id, and the entry that it was made of, `written` at this Unix time."""

    written: float
    pieces: tuple[bytes, ...]
    headers: tuple[Header, ...]
    content_type: bytes
    entry: Entry
    dropped: tuple[str, ...]
    size: int

    def again(self, found: Found, age: float) -> Replay:
        """The same answer, under a new id."""
        body = next_mark(found.id).encode().join(self.pieces)
        headers = [*hit_headers(found, age), *self.headers]
        return Replay(Whole(body, headers, self.content_type), self.entry, self.dropped)


class Memory:
    """What one worker remembers."""

    __slots__ = ("_known", "_left")

    def __init__(self, most: int = MOST) -> None:
        self._known: dict[Place, Ready] = {}
        self._left = most

    def find(self, place: Place, found: Found) -> Ready | None:
        """The answer that was made of this very entry."""
        ready = self._known.get(place)
        return ready if ready is not None and ready.written == found.written else None

    def keep(self, place: Place, found: Found, replay: Replay) -> None:
        """Remembers an answer that was just told, if it is text: a binary frame's checksum covers its id."""
        whole, identity = replay.reply, replay.identity.encode()
        if not isinstance(whole, Whole) or len(whole.body) > LARGEST or b"eventstream" in whole.content_type:
            return
        own = tuple(whole.headers[len(hit_headers(found, 0.0)) :])
        pieces = tuple(whole.body.split(identity))
        entry = msgspec.structs.replace(replay.entry, body=b"")
        size = len(whole.body) + 1024
        self._forget(place)
        while self._left < size and self._known:
            self._forget(next(iter(self._known)))
        self._left -= size
        self._known[place] = Ready(
            found.written, pieces, own, whole.content_type, entry, replay.dropped, size
        )

    def _forget(self, place: Place) -> None:
        before = self._known.pop(place, None)
        if before is not None:
            self._left += before.size
