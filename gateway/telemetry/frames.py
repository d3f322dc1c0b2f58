"""The frames of a journal: how a record lies in a file, and how records are found in one that was cut or scribbled on.

A frame is the mark, the length and the CRC-32 of what follows (u32 each, little-endian), and one record as a msgpack
map. No text can hold the mark, for it is not UTF-8: whoever writes into a record writes no frame.
"""

from struct import Struct
from typing import NamedTuple
from zlib import crc32

MARK = b"\xffGJ\xfe"
HEAD = Struct("<4sII")
LONGEST = 1 << 20
"""Bytes of one record; a longer one is shortened before it is written."""


class Scan(NamedTuple):
    """What was found in a piece of a journal: whole frames, up to where the piece is done with, and how often bytes
    that are no frame were passed over. `lost` tells that the last bytes passed over were such."""

    payloads: list[bytes]
    ends: list[int]
    done: int
    damages: int
    lost: bool


def frame(payload: bytes) -> bytes:
    """One record, ready to be written."""
    return HEAD.pack(MARK, len(payload), crc32(payload)) + payload


def scan(data: bytes, *, final: bool, lost: bool = False, most: int = 1 << 30) -> Scan:
    """At most `most` frames of `data`. With `final` nothing will follow: what is not whole is damage.

    `lost` is that of the scan before, so that one damage that spans several pieces is counted once.
    """
    payloads: list[bytes] = []
    ends: list[int] = []
    at = damages = 0
    while at < len(data) and len(payloads) < most:
        end = _end(data, at)
        if 0 < end <= len(data):
            payloads.append(data[at + HEAD.size : end])
            ends.append(end)
            at, lost = end, False
            continue
        if end > len(data) and not final:
            break
        if not lost:
            damages, lost = damages + 1, True
        at = _next(data, at + 1, final)
    return Scan(payloads, ends, at, damages, lost)


def _end(data: bytes, at: int) -> int:
    """Where the frame at `at` ends: beyond `data` if it is not whole yet, 0 if it is none."""
    if len(data) - at < HEAD.size:
        mark = data[at : at + 4]
        return len(data) + 1 if MARK.startswith(mark) else 0
    mark, length, checksum = HEAD.unpack_from(data, at)
    if mark != MARK or not 0 < length <= LONGEST:
        return 0
    end: int = at + HEAD.size + length
    if end <= len(data) and crc32(memoryview(data)[at + HEAD.size : end]) != checksum:
        return 0
    return end


def _next(data: bytes, at: int, final: bool) -> int:
    """Where a frame may begin at `at` or later; the last bytes may be the beginning of a mark."""
    found = data.find(MARK, at)
    if found >= 0:
        return found
    if final:
        return len(data)
    tail = range(max(at, len(data) - len(MARK) + 1), len(data))
    return next((place for place in tail if MARK.startswith(data[place:])), len(data))
