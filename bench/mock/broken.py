"""Answers with a fault in them: what each kind of bench.mock.faults puts on the wire."""

import gzip
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Protocol

import msgspec

from bench.mock.faults import STATUSES, FaultSpec
from bench.mock.manners import EVENTS, PLAIN, Manners
from bench.mock.script import Script
from bench.mock.wire import LAST_CHUNK, chunk, head, whole

_MIB = 1 << 20
_JSON = "application/json"
_PAGE = b"<html><head><title>Sign in</title></head><body>Please sign in to the network.</body></html>"


class Family(Protocol):
    """A vendor's way to say that something went wrong."""

    def error(self, status: int, message: str) -> bytes: ...
    def refusal(self, kind: str) -> bytes: ...
    def error_event(self, message: str) -> bytes: ...


class Sound(msgspec.Struct, frozen=True):
    """The answer as it would be without its fault: a plain `body`, or `events` of which the last `ends` are its end;
    the `manners` tell the rest of its parts."""

    family: Family
    body: bytes = b""
    events: tuple[bytes, ...] = ()
    ends: int = 0
    manners: Manners = PLAIN

    @property
    def streams(self) -> bool:
        return bool(self.events)

    def upto(self, count: int) -> tuple[bytes, ...]:
        """The events up to `count` with content."""
        return self.events[: min(self.manners.leads + count, len(self.events) - self.ends)]

    @property
    def half(self) -> bytes:
        """Three quarters of a plain answer."""
        return self.body[: -max(1, len(self.body) // 4)]


def broken(fault: FaultSpec, sound: Sound) -> Script:
    """The script of this fault."""
    if fault.kind == STATUSES:
        return _refused(fault, sound, fault.status, sound.family.error(fault.status, "mock fault"))
    if fault.kind in sound.manners.statuses:
        status = sound.manners.statuses[fault.kind]
        return _refused(fault, sound, status, sound.family.refusal(fault.kind))
    if fault.kind in _FIXED:
        return _FIXED[fault.kind]
    if fault.kind in _SPOILT:
        return _SPOILT[fault.kind](sound)
    return _COUNTED[fault.kind](fault.number, sound)


def _refused(fault: FaultSpec, sound: Sound, status: int, body: bytes) -> Script:
    headers = sound.manners.headers(status, fault.kind)
    if fault.wait:
        told, body = sound.manners.waits(fault.wait, body)
        headers += told
    elif fault.retry.startswith("date "):
        headers += ("retry-after: " + formatdate(time.time() + int(fault.retry[5:]), usegmt=True),)
    elif fault.retry:
        headers += (fault.retry,)
    return Script(opening=whole(status, _JSON, body, *headers))


# --- faults of the connection and of HTTP ---


def _opening(sound: Sound) -> bytes:
    if sound.streams:
        return head(200, sound.manners.events, "cache-control: no-cache", "transfer-encoding: chunked")
    return head(200, _JSON, f"content-length: {len(sound.body)}")


def _half(sound: Sound) -> Script:
    opening = _opening(sound)
    return Script(opening=opening[: len(opening) // 2], ending="close")


def _long(sound: Sound) -> Script:
    kind, data = _flat(sound)
    return Script(opening=head(200, kind, f"content-length: {len(data) + 1000}") + data, ending="close")


def _short(sound: Sound) -> Script:
    kind = _flat(sound)[0]
    data = b"".join(sound.upto(2)) if sound.streams else sound.half
    opening = head(200, kind, f"content-length: {len(data)}") + _flat(sound)[1]
    return Script(opening=opening)


def _two_lengths(sound: Sound) -> Script:
    kind, data = _flat(sound)
    lengths = (f"content-length: {len(data)}", f"content-length: {len(data) + 7}")
    return Script(opening=head(200, kind, *lengths) + data)


def _flat(sound: Sound) -> tuple[str, bytes]:
    return (sound.manners.events, b"".join(sound.events)) if sound.streams else (_JSON, sound.body)


def _chunks(sound: Sound) -> Script:
    kind = _flat(sound)[0]
    return Script(opening=head(200, kind, "transfer-encoding: chunked") + b"zz\r\nnot a size\r\n")


def _gzip(sound: Sound) -> Script:
    kind, data = _flat(sound)
    packed = gzip.compress(data, mtime=0)
    return Script(opening=whole(200, kind, packed, "content-encoding: gzip"))


def _empty(sound: Sound) -> Script:
    return Script(opening=whole(200, _flat(sound)[0], b""))


def _two(sound: Sound) -> Script:
    sent = _sound(sound)
    stray = whole(200, _JSON, b'{"stray":true}')
    if sent.writes:
        return msgspec.structs.replace(sent, writes=(*sent.writes[:-1], sent.writes[-1] + stray))
    return msgspec.structs.replace(sent, opening=sent.opening + stray)


# --- faults of time ---


def _slow(number: int, sound: Sound) -> Script:
    return msgspec.structs.replace(_sound(sound), latency=number / 1000)


def _late(number: int, sound: Sound) -> Script:
    gap = number / 1000
    return msgspec.structs.replace(_sound(sound), gap=gap, gap_at=sound.manners.leads if sound.streams else 0)


def _trickle(number: int, sound: Sound) -> Script:
    return msgspec.structs.replace(_sound(sound), pace=number / 1000)


def _stall(number: int, sound: Sound) -> Script:
    return _stopped(sound, number, "hang")


def _cut(number: int, sound: Sound) -> Script:
    return _stopped(sound, number, "close")


def _torn(number: int, sound: Sound) -> Script:
    stopped = _stopped(sound, number, "close")
    if not sound.streams:
        return stopped
    event = sound.upto(number + 1)[-1]
    return msgspec.structs.replace(stopped, writes=(*stopped.writes, chunk(event[: len(event) // 2])))


def _stopped(sound: Sound, count: int, ending: str) -> Script:
    writes = tuple(chunk(event) for event in sound.upto(count)) if sound.streams else (sound.half,)
    return msgspec.convert({"opening": _opening(sound), "writes": writes, "ending": ending}, Script)


# --- faults of what is said ---


def _sound(sound: Sound) -> Script:
    if not sound.streams:
        return Script(opening=_opening(sound), writes=(sound.body,))
    return Script(opening=_opening(sound), writes=_chunked(sound.events))


def _chunked(events: tuple[bytes, ...]) -> tuple[bytes, ...]:
    writes = tuple(chunk(event) for event in events)
    return (*writes[:-1], writes[-1] + LAST_CHUNK) if writes else (LAST_CHUNK,)


def _spoken(sound: Sound, events: tuple[bytes, ...]) -> Script:
    return Script(opening=_opening(sound), writes=_chunked(events))


def _malformed(number: int, sound: Sound) -> Script:
    if not sound.streams:
        return Script(opening=whole(200, _JSON, b"{" + sound.body))
    return _with(sound, number, sound.manners.bad)


def _with(sound: Sound, number: int, bad: bytes) -> Script:
    """A stream with one event more."""
    before = sound.upto(number)
    spoken = _spoken(sound, (*before, bad, *sound.events[len(before) :]))
    # A pause, so that it comes alone: what is read together with the first content is looked at more closely.
    return msgspec.structs.replace(spoken, gap=0.05, gap_at=len(before))


def _checksum(number: int, sound: Sound) -> Script:
    if not sound.streams or not sound.manners.binary:
        return _malformed(number, sound)
    event = sound.upto(number + 1)[-1]
    return _with(sound, number, event[:-1] + bytes((event[-1] ^ 0xFF,)))


def _no_done(sound: Sound) -> Script:
    if not sound.streams:
        return _sound(sound)
    return _spoken(sound, sound.events[: len(sound.events) - sound.manners.marks])


def _open(sound: Sound) -> Script:
    if not sound.streams:
        return _sound(sound)
    events = sound.events[: len(sound.events) - sound.manners.marks]
    return Script(opening=_opening(sound), writes=tuple(chunk(event) for event in events), ending="hang")


def _no_finish(sound: Sound) -> Script:
    return _spoken(sound, sound.events[: len(sound.events) - sound.ends]) if sound.streams else _sound(sound)


def _in_band(number: int, sound: Sound) -> Script:
    if not sound.streams:
        return Script(opening=whole(200, _JSON, sound.family.error(500, "mock fault")))
    return _spoken(sound, (*sound.upto(number), sound.family.error_event("mock fault")))


def _truncated(sound: Sound) -> Script:
    if not sound.streams:
        return Script(opening=whole(200, _JSON, sound.half))
    last = sound.upto(3)[-1]
    return _spoken(sound, (*sound.upto(2), last[: len(last) // 2]))


def _huge(number: int, sound: Sound) -> Script:
    """One letter of the answer stands `number` MiB of times."""
    if not sound.streams:
        return _spoken_whole(_swollen(sound.body, number * _MIB))
    before = sound.upto(0)
    big = _swollen(sound.events[len(before)], number * _MIB)
    return _spoken(sound, (*before, big, *sound.events[len(before) + 1 :]))


def _spoken_whole(body: bytes) -> Script:
    return Script(opening=head(200, _JSON, f"content-length: {len(body)}"), writes=(body,))


_TEXT = re.compile(rb'("(?:content|text)":")[^"]')


def _swollen(data: bytes, size: int) -> bytes:
    return _TEXT.sub(lambda found: found[1] + b"h" * size, data, count=1)


_FIXED: dict[str, Script] = {
    "reset": Script(opening=b"", ending="reset"),
    "close": Script(opening=b"", ending="close"),
    "hang": Script(opening=b"", ending="hang"),
    "garbage": Script(opening=b"\x16\x03\x01garbage\x00\r\nnot: http\r\n\r\n", ending="close"),
    "html": Script(opening=whole(200, "text/html", _PAGE)),
    "redirect": Script(opening=whole(302, "text/plain", b"", "location: http://127.0.0.1:1/elsewhere")),
    "comments": Script(
        opening=head(200, EVENTS, "transfer-encoding: chunked"),
        writes=(chunk(b": still there\n\n"),),
        pace=0.05,
        endless=True,
    ),
    "heads": Script(
        opening=b"HTTP/1.1 200 OK\r\n",
        writes=(b"x-pad: " + b"y" * 8000 + b"\r\n",),
        pace=0.001,
        endless=True,
    ),
    "flood": Script(opening=b"", writes=(b"HTTP/1.1 102 Processing\r\n\r\n" * 20,), pace=0.001, endless=True),
}

_SPOILT: dict[str, Callable[[Sound], Script]] = {
    "half": _half,
    "long": _long,
    "short": _short,
    "twolengths": _two_lengths,
    "chunks": _chunks,
    "gzip": _gzip,
    "empty": _empty,
    "truncated": _truncated,
    "two": _two,
    "nodone": _no_done,
    "open": _open,
    "nofinish": _no_finish,
}

_COUNTED: dict[str, Callable[[int, Sound], Script]] = {
    "slow": _slow,
    "late": _late,
    "trickle": _trickle,
    "cut": _cut,
    "torn": _torn,
    "stall": _stall,
    "malformed": _malformed,
    "checksum": _checksum,
    "inband": _in_band,
    "huge": _huge,
}
