"""Answers that were told before, ready to be told again: two hits of one entry differ in their ids alone.

Only for plain requests, whose answers repeat nothing of them. What was told at the same endpoint, in the same way, is
told again in the same words; other answers are remembered once they were translated. A worker remembers a bounded
number of bytes, the oldest are forgotten first; what the store has under a key still decides whether there is a hit.
"""

from gateway._speedups.asking import Memory, Ready
from gateway.caching.replaying import Found, Replay, hit_headers
from gateway.upstream.replies import Whole

MOST = 8 << 20
"""Bytes of answers that a worker remembers."""

Place = tuple[bytes, str, str, bool, bool]
"""A key, the endpoint and the model's name as the caller spelled them, and how the answer is told."""


def remembered(memory: Memory, place: Place, found: Found, replay: Replay) -> None:
    """Remembers an answer that was just told, if it is text: a binary frame's checksum covers its id."""
    whole, identity = replay.reply, replay.identity.encode()
    if not isinstance(whole, Whole) or b"eventstream" in whole.content_type:
        return
    own = tuple(whole.headers[len(hit_headers(found, 0.0)) :])
    pieces, size = tuple(whole.body.split(identity)), len(whole.body) + 1024
    ready = Ready(found.written, pieces, own, whole.content_type, replay.entry, replay.dropped, size)
    memory.keep(place, ready, found)
