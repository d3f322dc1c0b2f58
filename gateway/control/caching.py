"""The cache's job: keeps its size, forgets what expired, erases what was purged, finds again what was there before.

Workers need none of it to answer. Where it is away nothing is evicted, and they stop keeping more at their own bound.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gateway._speedups.ledger import process_identity
from gateway._speedups.shelf import ENTRIES, LOG, SEGMENT_HEAD, VECTOR, Line, Reader
from gateway.cache.files import YOUNG, Segment, enroll, is_written, read_salt, segment_path, segments
from gateway.cache.store import Store
from gateway.control.erasing import Erasing
from gateway.telemetry.logs import log

EVERY = 0.25
"""Seconds between two looks at what is to be evicted or erased."""
COUNT = 2.0
"""Seconds between two counts of the entries."""
LIST = 5.0
"""Seconds between two looks into the folder."""
YOUTH = 10.0
"""Seconds after which a segment without a file is taken for one that was removed."""
NEARLY = 0.75
"""Of its size: a cache that is not so full has no old entries."""
OLD = 0.25
"""Of all bytes: entries there are carried over when they are hit."""
PIECE = 2000
"""Frames that are indexed at a time."""


class Caching:
    """The job on `store`, which is this process's. `clock` is Unix time in seconds."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._shelf = store.shelf
        self._clock = clock
        self._reader = Reader(store.shelf, str(store.folder.absolute()), None, _ignore, files=16)
        self._erasing = Erasing(store, self._reader, wall=clock)
        self._listed_at = float("-inf")
        self._counted_at = float("-inf")
        self._counted = -1

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            while True:
                await asyncio.to_thread(self.step)
                await asyncio.sleep(EVERY)
        finally:
            self._store.close()

    def step(self) -> None:
        """Everything that is to be done now, in the order in which it matters."""
        try:
            self._step()
        except OSError as error:
            self._store.say("cache_unreadable", error=error.strerror or "", during="upkeep")

    def _step(self) -> None:
        if time.monotonic() - self._listed_at > LIST:
            self._listed_at = time.monotonic()
            self._list()
        self._erasing.learn()
        self.evict()
        self._index()
        self._erasing.erase()
        self._clear([line for line in self._erasing.emptied if not is_open(line)], "expired")
        if time.monotonic() - self._counted_at > COUNT:
            self.count()

    # --- what is there ---

    def _list(self) -> None:
        folder = self._store.folder
        there: dict[int, Segment] = {}
        with suppress(FileNotFoundError, NotADirectoryError):  # nothing was kept yet, or somebody removed it
            enroll(self._shelf, folder)
            there = {one.identity: one for one in segments(folder)}
        before = int((self._clock() - YOUTH) * 1e9)
        gone = [
            line for line in self._shelf.get_lines() if line.identity < before and line.identity not in there
        ]
        if self._clear(gone, "evicted"):
            log.warning(
                "cache_removed", directory=str(folder), segments=len(gone), hint="its entries are misses"
            )
        for young in folder.glob(f"*{YOUNG}"):
            # Whoever makes one has not locked it in the first moment: it is left alone.
            if len(young.stem) == 16 and young.stem < f"{before:016x}" and not is_written(young):
                young.unlink(missing_ok=True)

    def _index(self) -> None:
        """Finds what another time wrote, what is newest first."""
        for line in reversed(self._shelf.get_lines()):
            if line.salt == 0 or (line.frames == 0 and not is_open(line)):
                self._index_one(line)

    def _index_one(self, line: Line) -> None:
        path = segment_path(self._store.folder, line.identity, line.stream)
        try:
            salt = read_salt(path, line.identity)
            size = path.stat().st_size
        except FileNotFoundError:
            salt = size = 0
        if salt == 0:
            self._clear([line], "evicted")
            return
        # From here on it is read: by `tail`, where it is a log.
        self._shelf.describe(line.number, frames=0, latest=0, salt=salt, size=size)
        at, number, latest = 0, 0, 0.0
        while at < size:
            frames, at = self._reader.frames(
                line.number, line.identity, at or SEGMENT_HEAD, size, most=PIECE, payloads=False
            )
            number += len(frames)
            latest = max([latest, *(one.expires for one in frames)])
            now = self._clock()
            living = [one for one in frames if one.expires > now and not self._erasing.concerns(one)]
            if line.stream == ENTRIES:
                self._reader.restore(line.number, line.identity, living)
        ends = min(int(latest * 1e9), (1 << 63) - 1)
        self._shelf.describe(line.number, frames=max(number, 1), latest=ends, salt=salt, size=size)

    def count(self) -> None:
        """Counts the entries, if any came or went."""
        self._counted_at = time.monotonic()
        signature = sum(line.frames * (line.identity & 0xFFFFFFFF | 1) for line in self._shelf.get_lines())
        if signature != self._counted:
            self._counted = signature
            self._shelf.put_count("entries", self._shelf.occupied())

    # --- what goes ---

    def evict(self) -> None:
        """Removes what expired, then the oldest until the cache has its size; says from where entries are old."""
        now = int(self._clock() * 1e9)
        lines = self._shelf.get_lines()
        self._clear(
            [line for line in lines if line.frames and line.latest < now and not is_open(line)], "expired"
        )
        lines = self._shelf.get_lines()
        excess = sum(line.size for line in lines) - self._store.max_size
        if excess > 0:
            self._clear(_oldest(lines, excess), "evicted")
            lines = self._shelf.get_lines()
        self._mark_old(lines)

    def _mark_old(self, lines: list[Line]) -> None:
        held = sum(line.size for line in lines)
        below = 0
        if held >= NEARLY * self._store.max_size:
            old = _oldest([line for line in lines if line.stream == ENTRIES], int(held * OLD))
            below = old[-1].identity if old else 0
        if below != self._shelf.old_below:
            self._shelf.old_below = below

    def _clear(self, lines: list[Line], why: str) -> int:
        """Takes segments away: first out of the index, then from the disk; how many. Entries go first: a cache that is
        far too large takes nothing, and so would not take the vectors of those that stay."""
        retired = []
        for line in sorted(lines, key=lambda line: line.stream == LOG):
            if line.stream == LOG and why == "evicted":
                self._save_vectors(line)
            if self._shelf.retire(line.number, line.identity):
                retired.append(line)
                self._remove(segment_path(self._store.folder, line.identity, line.stream))
        entries = self._shelf.sweep()  # also of what was retired by who then died
        if retired:
            self._shelf.count(why, entries)
            self._shelf.count("evicted_bytes", sum(line.size for line in retired))
            self._reader.forget_files()
            self._store.reader.forget_files()
        return len(retired)

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            pass  # there is nothing left to be removed
        except OSError as error:
            self._store.say("cache_unremovable", error=error.strerror or "")

    def _save_vectors(self, line: Line) -> None:
        """Vectors stay as long as the entries that they lead to: these are written again."""
        self._store.leave(line.identity)
        at = SEGMENT_HEAD
        while at < line.size and line.salt:
            frames, at = self._reader.frames(line.number, line.identity, at, line.size, most=PIECE)
            for one in frames:
                if one.kind == VECTOR and self._reader.holds(one.key):
                    self._store.put(one.key, one.scope, one.expires, one.payload, VECTOR, one.written)


def is_open(line: Line) -> bool:
    """Whether a living process writes the segment."""
    return line.owner != 0 and process_identity(line.owner & 0xFFFFFFFF) == line.owner >> 32


def _oldest(lines: list[Line], size: int) -> list[Line]:
    """As many of the first ones as have so many bytes."""
    found = []
    for line in lines:
        if size <= 0:
            break
        size -= line.size
        found.append(line)
    return found


def _ignore(*_: object) -> None:
    """What cannot be read is not there."""
