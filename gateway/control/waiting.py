"""How much of the journal waits to be stored, and since when: by the files and the places up to which they are."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from gateway.control.segments import segments
from gateway.schemas.record import Record
from gateway.telemetry.backlog import Backlog
from gateway.telemetry.frames import HEAD, LONGEST, MARK

_RECORD = msgspec.msgpack.Decoder(Record)


def backlog(folder: Path, stored: Mapping[str, int], now_ns: int) -> Backlog:
    """What is behind the places that are `stored`, by the files' names. Raises OSError."""
    waits, until = 0, now_ns
    for path in segments(folder):
        try:
            with open(path, "rb") as file:
                found = os.fstat(file.fileno())
                start = stored.get(path.name, 0)
                if found.st_size <= start:
                    continue
                file.seek(start)
                ended = _ended(file.read(HEAD.size), file.read(LONGEST))
        except FileNotFoundError:
            continue  # it was stored and removed meanwhile
        waits += found.st_size - start
        until = min(until, found.st_mtime_ns if ended is None else ended)
    return Backlog(waits, until)


def _ended(head: bytes, rest: bytes) -> int | None:
    """When the record ended that stands there whole."""
    if len(head) < HEAD.size:
        return None
    mark, length, _ = HEAD.unpack(head)
    if mark != MARK:
        return None
    try:
        record = _RECORD.decode(rest[:length])
    except msgspec.DecodeError:
        return None
    return record.wall_ns + record.total_ns
