"""Takes up what has been revoked as soon as the control process says so, whatever else is being read."""

import asyncio
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Protocol

from gateway.access import revoked
from gateway.access.revoked import Entry, Revoked
from gateway.providers.sealed import DamagedFile
from gateway.telemetry.logs import log
from gateway.upstream.renewal import in_thread

LONGEST = 30.0
"""Seconds that reading may take; it is tried again at the next news."""


class Remembers(Protocol):
    """Whoever keeps callers that were found before."""

    def forget(self, digests: Iterable[bytes]) -> None: ...


class Revoking:
    """One worker's view of the file. `path` is read at once; what cannot be read leaves what was known."""

    def __init__(self, path: Path) -> None:
        self.revoked = Revoked()
        self._path = path
        self._version = -1
        self._seen = (0, 0)
        self._reading: asyncio.Task[None] | None = None
        self._callers: Remembers | None = None
        self._included = 0
        self._changed()
        try:
            self._take(revoked.read(path))
        except (OSError, DamagedFile) as error:
            self._say(error)

    def over(self, callers: Remembers, included: int) -> None:
        """Those who may call from now on, by a snapshot that includes the entries up to this number."""
        self._callers, self._included = callers, included

    def look(self, version: int) -> None:
        """Reads in the background whether more has been revoked, where the ledger's version is another one."""
        if version == self._version or (self._reading is not None and not self._reading.done()):
            return
        self._version = version
        if self._changed():
            self._reading = asyncio.get_running_loop().create_task(self._read())

    def close(self) -> None:
        """Reads no more."""
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> None:
        try:
            self._take(await in_thread(partial(revoked.read, self._path), LONGEST))
        except (OSError, DamagedFile, TimeoutError) as error:
            self._say(error)

    def _take(self, found: tuple[Entry, ...]) -> None:
        new = self.revoked.take(found, self._included)
        if self._callers is not None:
            self._callers.forget(new)

    def _say(self, error: Exception) -> None:
        self._seen = (0, 0)  # the next news has it read again
        hint = "keys that end are refused as soon as the whole snapshot is read"
        log.warning("revoked_unreadable", file=str(self._path), error=str(error), hint=hint)

    def _changed(self) -> bool:
        try:
            found = os.stat(self._path)
        except OSError:
            return False
        now = found.st_ino, found.st_mtime_ns
        changed, self._seen = now != self._seen, now
        return changed
