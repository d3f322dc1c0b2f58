"""Tells the workers of keys that have ended, ahead of the snapshot that leaves them out: see gateway.access.revoked."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

from gateway.access import revoked, snapshot
from gateway.access.revoked import MOST, Entry
from gateway.providers.sealed import DamagedFile
from gateway.schemas.governance import Gone
from gateway.telemetry.logs import log


class Revoking:
    """The file of entries, by one process at a time. Their numbers only ever rise, also over restarts."""

    def __init__(self, path: Path, snapshots: Path) -> None:
        self._path = path
        self._snapshots = snapshots
        self._entries: dict[bytes, Entry] = {}
        self._last = -1
        self._lock = asyncio.Lock()

    async def version(self) -> int:
        """The version of a snapshot that is compiled from what the store says from now on."""
        async with self._lock:
            await self._begin()
        return self._last

    async def add(self, gone: Iterable[Gone]) -> bool:
        """Writes down what the store has said already; False where it could not, or there is no room."""
        async with self._lock:
            await self._begin()
            number = max(self._last + 1, time.time_ns())
            new = {one.digest: Entry(one.digest, number, one.blocked) for one in gone}
            entries = self._entries | new
            if len(entries) > MOST:
                return False
            self._last = number
            return await self._write(entries)

    async def include(self, version: int) -> None:
        """The workers have been told of a snapshot of this version."""
        async with self._lock:
            left = {digest: one for digest, one in self._entries.items() if one.number > version}
            if len(left) < len(self._entries):
                await self._write(left)

    async def _write(self, entries: dict[bytes, Entry]) -> bool:
        try:
            await asyncio.to_thread(revoked.write, self._path, tuple(entries.values()))
        except OSError as error:
            hint = "keys that end are refused as soon as the whole snapshot is written; make room for both in `data`"
            log.warning("revoked_not_written", error=error.strerror or "", hint=hint)
            return False
        self._entries = entries
        return True

    async def _begin(self) -> None:
        if self._last < 0:
            found, version = await asyncio.to_thread(self._found)
            self._entries = {one.digest: one for one in found}
            if not await asyncio.to_thread(self._has_room):
                await self._write(self._entries)
            self._last = max(version, *(one.number for one in found), 0)

    def _has_room(self) -> bool:
        try:
            return revoked.has_room(self._path)
        except OSError:
            return False  # writing says why

    def _found(self) -> tuple[tuple[Entry, ...], int]:
        """What a predecessor left behind."""
        entries: tuple[Entry, ...] = ()
        version = 0
        try:
            entries = revoked.read(self._path)
        except (OSError, DamagedFile) as error:
            log.warning("revoked_unreadable", error=str(error), hint="the store is read anew")
        try:
            last = snapshot.read(self._snapshots)
            version = 0 if last is None else last.version
        except (OSError, DamagedFile):
            version = time.time_ns()  # workers may have it all the same
        return entries, version
