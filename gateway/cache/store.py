"""The store of answers: what one process of the gateway keeps, all of them find at once, and a restart does not lose.

Entries are appended to segment files, each written by one process; where they lie is in memory that all share
(`_speedups/shelf`). What is damaged, gone or full is a warning and a miss, never an error.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from gateway._speedups.shelf import (
    ENTRIES,
    ENTRY,
    LARGEST_SEGMENT,
    LOG,
    PURGE,
    VECTOR,
    Found,
    Frame,
    Gathered,
    Reader,
    Shelf,
    Writer,
)
from gateway.cache.files import Erasure, mark, new_salt, new_segment, segment_path
from gateway.telemetry.logs import log

__all__ = ["ENTRY", "PURGE", "VECTOR", "Found", "Frame", "Shelf", "Stats", "Store"]

QUIET = 60.0
"""Seconds between two lines of the log about the same kind of trouble."""
AGAIN = 1.0
"""Seconds until a segment that could not be made is tried again."""
SLACK = 1.25
"""How far beyond its size the cache may grow while nobody evicts."""
SMALLEST_SEGMENT = 256 << 10
SHARE = 64
"""Segments that the cache is divided into, where they become no larger than LARGEST_SEGMENT."""
LATEST = (1 << 63) - 1
PURGE_TRIES = 20
TOLD = 86_400.0
"""Seconds for which `tail` tells of a purge."""
FILES = 256
"""Segments that one process keeps open for reading."""


class Stats(NamedTuple):
    """What the cache holds, and what became of the rest since the gateway started; the same in every process.

    `entries` is counted by control. `evicted`, `expired` and `purged` are entries; `damaged` frames that could not be
    read; `refused` what was not kept: too large, no room; `lost` what could not be written.
    """

    entries: int
    bytes: int
    segments: int
    evicted: int
    evicted_bytes: int
    expired: int
    purged: int
    damaged: int
    refused: int
    lost: int
    carried: int


class Store:
    """One process's hand on the cache in `folder`, made after the fork; nothing in it raises for what the disk says.

    `get` and `put` are the compiled ones: `get(key, now)` returns the entry of a key of 32 bytes, if it is whole,
    neither expired nor purged; `put(key, scope, expires, payload, kind=ENTRY, now=0.0)` keeps one, or returns False.
    Scopes are numbers of 64 bits. They may be called by any thread. What is `gathered` is written together; that is for
    the worker's loop alone. `max_size` and `max_entry` are bytes.
    """

    def __init__(
        self,
        shelf: Shelf,
        folder: Path,
        *,
        max_size: int,
        max_entry: int,
        segment: int = 0,
        clock: Callable[[], float] = monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.shelf = shelf
        self.folder = folder
        self.max_size = max_size
        self.segment = segment or max(SMALLEST_SEGMENT, min(max_size // SHARE, LARGEST_SEGMENT))
        self._clock = clock
        self._wall = wall
        self._retry_at = 0.0
        self._quiet_until: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}
        self.writer = Writer(shelf, self._turn, self._unwritten, max_entry=max_entry, segment=self.segment)
        self.reader = Reader(shelf, str(folder.absolute()), self.writer, self._unread, files=FILES)
        self.get: Callable[[bytes, float], Found | None] = self.reader.get
        self.put = self.writer.put
        self.gathered = Gathered(self.writer)

    def tail(self, most: int = 256) -> list[Frame]:
        """What any process appended of kinds VECTOR and PURGE since the last call, `most` of it; at first what was
        there before. A frame may come again."""
        return self.reader.tail(most)

    def forget(self, id: str) -> bool:
        """No process finds the entry of this id any more, control erases it; False when the index did not know it."""
        try:
            start = bytes.fromhex(id)
        except ValueError:
            return False
        if len(start) != 16:
            return False
        known = self.reader.forget(start) > 0
        self._mark(Erasure(None, start.hex(), int(self._wall() * 1e9)))
        return known

    def purge(self, scope: int, before: float) -> bool:
        """All processes refuse what this scope wrote until `before` (Unix seconds), from now on and after a restart;
        control erases it. False where the other processes do not know yet: control tells them; and where it could not
        be noted: it holds until a restart then."""
        moment = max(0, min(int(before * 1e9), LATEST))
        noted = self._mark(Erasure(scope, "", moment))
        for _ in range(PURGE_TRIES):
            if self.shelf.purge(scope, moment):
                break
            time.sleep(0.001)  # another process is at it
        else:
            return False
        self.put(bytes(32), scope, self._wall() + TOLD, b"", PURGE, before)
        return noted

    def stats(self) -> Stats:
        """What is counted for all processes."""
        counts = self.shelf.counts()
        del counts["written"]
        lines = self.shelf.get_lines()
        return Stats(bytes=sum(one.size for one in lines), segments=len(lines), **counts)

    def check(self) -> None:
        """To be called now and then: closes what is gone."""
        self.reader.forget_files()

    def leave(self, identity: int) -> None:
        """Appends no more to this segment, if it did."""
        for stream in (ENTRIES, LOG):
            if self.writer.standing(stream)[1] == identity:
                _close(self.writer.leave(stream))

    def close(self) -> None:
        """Gives everything back. What is put later is kept in a new segment."""
        for stream in (ENTRIES, LOG):
            _close(self.writer.leave(stream))
        self.reader.close()

    def _turn(self, stream: int) -> bool:
        """The next segment of this stream, unless the cache is too large or the disk is in trouble."""
        if self._clock() < self._retry_at:
            return False
        if self.shelf.total() >= self.max_size * SLACK:
            return self._wait("cache_full", hint="nothing is kept until the oldest entries are evicted")
        salt = new_salt()
        claimed = self.shelf.claim(stream, salt=salt, mine=True)
        if claimed is None:
            return self._wait("cache_full", hint="there are too many segments: give the cache a larger size")
        try:
            file = new_segment(self.folder, claimed[1], stream, salt)
        except OSError as error:
            self.shelf.retire(*claimed)
            self.shelf.count("lost")
            return self._wait("cache_unwritable", error=error.strerror or "")
        _close(self.writer.use(stream, file, *claimed, salt))
        return True

    def _wait(self, event: str, **fields: str) -> bool:
        self._retry_at = self._clock() + AGAIN
        self.say(event, **fields)
        return False

    def _unwritten(self, stream: int, number: int) -> None:
        self.shelf.count("lost")
        why = os.strerror(number) if number else "its file was removed or cut"
        self.say("cache_unwritable", error=why)
        segment, identity, size = self.writer.standing(stream)
        _close(self.writer.leave(stream))
        if size == 0 and self.shelf.retire(segment, identity):
            with suppress(OSError):
                segment_path(self.folder, identity, stream).unlink(missing_ok=True)
        if number:
            self._retry_at = self._clock() + AGAIN

    def _unread(self, what: str, number: int) -> None:
        why = os.strerror(number) if number else "a frame is damaged"
        self.say("cache_unreadable", error=why, during=what)

    def _mark(self, erasure: Erasure) -> bool:
        try:
            mark(self.folder, erasure)
        except OSError as error:
            self.say("cache_unmarked", error=error.strerror or "", hint="a restart may bring it back")
            return False
        return True

    def say(self, event: str, **fields: str) -> None:
        """Warns of this kind of trouble, unless that was done a short time ago."""
        now = self._clock()
        if now < self._quiet_until.get(event, 0.0):
            self._unsaid[event] = self._unsaid.get(event, 0) + 1
            return
        self._quiet_until[event] = now + QUIET
        times = self._unsaid.pop(event, 0)
        fields.setdefault("hint", "requests are served all the same, without what is missing")
        log.warning(event, directory=str(self.folder), unsaid=times, **fields)


def _close(file: int) -> None:
    if file >= 0:
        with suppress(OSError):
            os.close(file)
