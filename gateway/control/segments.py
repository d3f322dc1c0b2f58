"""The journal's files as their reader sees them: read piece by piece, removed once they are stored and over."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.telemetry.frames import HEAD, LONGEST, Scan, scan
from gateway.telemetry.journal import SUFFIX, YOUNG

PIECE = 1 << 18
"""Bytes that are read at once, at least."""
USUAL = 512
"""Bytes of a frame, as a guess at how much to read for so many."""


class Piece(NamedTuple):
    """What was read of a file: `start` is where, `over` whether nothing will follow it."""

    start: int
    found: Scan
    over: bool


def segments(folder: Path) -> list[Path]:
    """The files, the oldest first. Raises OSError."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    except FileNotFoundError:
        return []


def read(path: Path, start: int, most: int, lost: bool) -> Piece | None:
    """At most `most` frames from `start` on; None where there is nothing new. Raises OSError.

    The owner is asked for before the size: what it wrote last is then in that size.
    """
    with open(path, "rb") as file:
        over = _is_free(file.fileno())
        size = os.fstat(file.fileno()).st_size
        if size <= start:
            return Piece(start, Scan([], [], 0, 0, lost), True) if over else None
        piece = max(PIECE, most * USUAL)
        for length in (piece, LONGEST + HEAD.size + piece):
            file.seek(start)
            data = file.read(length)
            ends = over and start + len(data) >= size
            found = scan(data, final=ends, lost=lost, most=most)
            if found.done:
                return Piece(start, found, ends and found.done == len(data))
    return None


def _is_free(file: int) -> bool:
    """Whether nobody writes the file any more: its lock went with its owner."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True


def is_over(path: Path) -> bool:
    """Whether it is there, and nobody writes it any more."""
    try:
        with open(path, "rb") as file:
            return _is_free(file.fileno())
    except FileNotFoundError:
        return False


def remove_unborn(folder: Path) -> None:
    """Removes what workers left that died before their file had its name."""
    for path in _unborn(folder):
        with open(path, "rb") as file:
            free = _is_free(file.fileno())
        if free and os.stat(path).st_size == 0:
            path.unlink(missing_ok=True)


def _unborn(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if path.name.endswith(YOUNG))
