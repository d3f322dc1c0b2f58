"""Erases what was purged or forgotten: in the files, over whatever lies there, and after a restart too."""

import os
import time
from collections.abc import Callable
from time import monotonic

from gateway._speedups.shelf import ENTRY, EVERYBODY, PURGE, SEGMENT_HEAD, VECTOR, Frame, Line, Reader, sealed
from gateway.cache.files import Erasure, mark_path, marks, segment_path
from gateway.cache.store import Store
from gateway.telemetry.logs import log

PIECE = 2000
AHEAD = 1.0
"""Seconds by which what is there already may be of a later time than now."""
SETTLED = 5.0
"""Seconds after which files are gone through once more, for what a process was just carrying over."""
ZEROS = bytes(1 << 20)


class Erasing:
    """What is to be erased is noted in the folder, and stays noted until it was erased twice. In those `emptied` by the
    last pass nothing is left that anybody may be told."""

    def __init__(
        self,
        store: Store,
        reader: Reader,
        clock: Callable[[], float] = monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._reader = reader
        self._clock = clock
        self._wall = wall
        self._now = wall()
        self._scopes: dict[int, float] = {}
        self._ids: dict[str, float] = {}
        self._passed: dict[Erasure, float] = {}
        self.emptied: list[Line] = []

    def learn(self) -> None:
        """Reads what is noted; other processes refuse it from now on, if they did not already."""
        try:
            noted = marks(self._store.folder)
        except OSError:
            return  # there is no folder of marks: nothing is to be erased
        self._scopes, self._ids, self._now = {}, {}, self._wall()
        for one in noted:
            if one.scope is None:
                self._ids[one.id] = max(one.before / 1e9, self._ids.get(one.id, 0.0))
                continue
            self._scopes[one.scope] = max(one.before / 1e9, self._scopes.get(one.scope, 0.0))
            if not self._store.shelf.refuses(one.scope, one.before):
                self._store.shelf.purge(one.scope, one.before)
        self._passed = {one: self._passed.get(one, float("-inf")) for one in noted}

    def concerns(self, frame: Frame) -> bool:
        """Whether the frame is to be erased. What tells of a purge tells no more than that."""
        if frame.kind not in (ENTRY, VECTOR):
            return False
        return (
            self._is_before(frame, self._scopes.get(frame.scope))
            or self._is_before(frame, self._scopes.get(EVERYBODY))
            or (bool(self._ids) and self._is_before(frame, self._ids.get(frame.key[:16].hex())))
        )

    def _is_before(self, frame: Frame, moment: float | None) -> bool:
        """Whether it was written until then; or later than now, by a clock that was ahead and has been set back."""
        return moment is not None and (frame.written <= moment or frame.written > self._now + AHEAD)

    def erase(self) -> None:
        """Erases it, and notes no longer what was erased twice. Raises OSError."""
        now, self.emptied = self._clock(), []
        fresh = [one for one, at in self._passed.items() if at == float("-inf")]
        settled = [one for one, at in self._passed.items() if float("-inf") < at < now - SETTLED]
        if not fresh and not settled:
            return
        begun, erased = time.monotonic(), 0
        for line in self._store.shelf.get_lines():
            if line.salt:
                erased += self._erase_in(line)
        for one in fresh:
            self._passed[one] = now
        for one in settled:
            mark_path(self._store.folder, one).unlink(missing_ok=True)
            if one.scope is not None:
                self._store.shelf.purged(one.scope)
        if erased:
            log.info("cache_erased", entries=erased, seconds=round(time.monotonic() - begun, 3))

    def _erase_in(self, line: Line) -> int:
        at, file, erased, cleared, living = SEGMENT_HEAD, -1, 0, False, False
        path = segment_path(self._store.folder, line.identity, line.stream)
        try:
            while at < line.size:
                frames, at = self._reader.frames(
                    line.number, line.identity, at, line.size, most=PIECE, payloads=False
                )
                for one in frames:
                    if not self.concerns(one):
                        living = living or one.kind == PURGE or one.expires > self._now
                    else:
                        if file < 0:
                            file = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                        self._write_over(file, line, one)
                        erased, cleared = erased + (one.kind == ENTRY), True
            if file >= 0:
                os.fdatasync(file)
        except FileNotFoundError:
            return erased  # it was evicted: that erased it
        finally:
            if file >= 0:
                os.close(file)
        self._store.shelf.count("purged", erased)
        if cleared and not living:
            self.emptied.append(line)
        return erased

    def _write_over(self, file: int, line: Line, one: Frame) -> None:
        self._store.shelf.leave_out(one.key, line.number, one.offset)
        head = sealed(one.offset, line.salt, length=one.length)
        at, end = one.offset + len(head), one.offset + len(head) + one.length
        while at < end:
            at += os.pwrite(file, ZEROS[: end - at], at)
        os.pwrite(file, head, one.offset)
