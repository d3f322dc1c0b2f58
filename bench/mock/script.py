"""An answer as the writes that make it up, rendered once and played many times."""

from typing import Literal

import msgspec

from bench.mock.behaviour import Behaviour
from bench.mock.wire import LAST_CHUNK, chunk, head, whole

Ending = Literal["keep", "close", "hang", "reset"]


class Script(msgspec.Struct, frozen=True, gc=False):
    """`opening` goes out after `latency` seconds, then one of `writes` every `pace` seconds; then the
    connection is kept, closed, reset, or left hanging. `stamped` writes carry a place for their time of writing.
    Before write number `gap_at` there are `gap` seconds of silence; an `endless` script begins its writes anew.
    """

    opening: bytes
    writes: tuple[bytes, ...] = ()
    latency: float = 0.0
    pace: float = 0.0
    ending: Ending = "keep"
    stamped: bool = False
    gap: float = 0.0
    gap_at: int = 0
    endless: bool = False


class Fault(msgspec.Struct, frozen=True):
    """What to do instead for some requests: `script` for the `first` N of a model's requests, or `rate`
    percent. With `flap` it comes and goes every so many seconds; `credential` is what a head must hold."""

    script: Script
    first: int
    rate: int
    flap: float = 0.0
    credential: bytes = b""


class Play(msgspec.Struct, frozen=True):
    """The answers of one request; a `dated` one is true but for now."""

    model: str
    script: Script
    fault: Fault | None = None
    dated: bool = False


def plain(body: bytes, behaviour: Behaviour, *, status: int = 200, headers: tuple[str, ...] = ()) -> Script:
    """A plain JSON answer, with the faults that a plain answer can have."""
    if special := _special(behaviour):
        return special
    if behaviour.empty:
        body = b""
    if behaviour.eof:
        opening = head(status, "application/json", "connection: close", *headers) + body
        return Script(opening=opening, latency=behaviour.latency, ending="close")
    data = whole(status, "application/json", body, *headers)
    if behaviour.cut is not None:
        return _cut_plain(data, behaviour)
    if behaviour.split:
        return Script(opening=b"", writes=_slices(data, behaviour.split), latency=behaviour.latency)
    return Script(opening=data, latency=behaviour.latency)


def streamed(
    events: list[bytes], behaviour: Behaviour, error_event: bytes, *, ends: int, kind: str
) -> Script:
    """A stream of this content type, with the faults that a stream can have. The last `ends` events are its end."""
    if special := _special(behaviour):
        return special
    if behaviour.cut == 0:
        return Script(opening=b"", latency=behaviour.latency, ending="close")
    if behaviour.empty:
        events = []
    if behaviour.noend:
        events = events[:-ends]
    if behaviour.fail is not None:
        events = [*events[: behaviour.fail], error_event]
    if behaviour.cut is not None:
        events = events[: behaviour.cut]
    framing = "connection: close" if behaviour.eof else "transfer-encoding: chunked"
    opening = head(200, kind, "cache-control: no-cache", framing)
    writes = _writes(events, behaviour)
    ends_whole = behaviour.cut is None and not behaviour.eof
    if ends_whole:
        # The end of the body travels with the last event, as servers do it.
        writes = (*writes[:-1], writes[-1] + LAST_CHUNK) if writes else (LAST_CHUNK,)
    return Script(
        opening=opening,
        writes=writes,
        latency=behaviour.latency,
        pace=behaviour.pace,
        ending="keep" if ends_whole else "close",
        stamped=behaviour.stamp,
    )


def _special(behaviour: Behaviour) -> Script | None:
    latency = behaviour.latency
    if behaviour.hang:
        return Script(opening=b"", latency=latency, ending="hang")
    if behaviour.garbage:
        return Script(
            opening=b"\x16\x03\x01garbage\x00\r\nnot: http\r\n\r\n", latency=latency, ending="close"
        )
    if behaviour.html:
        page = b"<html><head><title>502 Bad Gateway</title></head><body>upstream</body></html>"
        return Script(opening=whole(502, "text/html", page), latency=latency)
    return None


def _cut_plain(data: bytes, behaviour: Behaviour) -> Script:
    kept = data[: -max(1, len(data) // 4)] if behaviour.cut else b""
    return Script(opening=kept, latency=behaviour.latency, ending="close")


def _writes(events: list[bytes], behaviour: Behaviour) -> tuple[bytes, ...]:
    if behaviour.split:
        pieces = _slices(b"".join(events), behaviour.split)
    elif behaviour.burst == 1:
        pieces = tuple(events)
    else:
        count = behaviour.burst or len(events)
        pieces = tuple(b"".join(events[at : at + count]) for at in range(0, len(events), max(1, count)))
    return pieces if behaviour.eof else tuple(chunk(piece) for piece in pieces)


def _slices(data: bytes, size: int) -> tuple[bytes, ...]:
    return tuple(data[at : at + size] for at in range(0, len(data), size))
