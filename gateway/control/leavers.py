"""Tenants who leave the file take the answers along that were kept for them: whoever gets their id next is another."""

import asyncio
from pathlib import Path
from typing import Protocol

from gateway.access import snapshot
from gateway.access.snapshot import EMPTY, Snapshot
from gateway.providers.sealed import DamagedFile
from gateway.telemetry.logs import log


class Cache(Protocol):
    """Where answers are kept."""

    def purge(self, kind: str, name: str) -> bool:
        """False where it has to be asked again. What is not open remembers it until it is. Raises OSError."""


class Leavers:
    """Compares what the file said of callers with what it says. Who is also in the store stays: `stored` is the
    snapshot of that."""

    def __init__(self, cache: Cache, stored: Path) -> None:
        self._cache = cache
        self._stored = stored
        self._under_way: set[asyncio.Future[None]] = set()

    def __call__(self, before: bytes, after: bytes) -> None:
        """Has those purged who are there no more; returns at once."""
        if before == after:
            return
        work = asyncio.ensure_future(asyncio.to_thread(self._bury, before, after))
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)

    def _bury(self, before: bytes, after: bytes) -> None:
        gone = Snapshot(before).holders() - Snapshot(after).holders()
        if gone:
            for kind, name in sorted(gone - self._kept()):
                bury(self._cache, kind, name)

    def _kept(self) -> set[tuple[str, str]]:
        try:
            return (snapshot.read(self._stored) or EMPTY).holders()
        except (OSError, DamagedFile):
            return set()


def bury(cache: Cache, kind: str, name: str) -> None:
    """Forgets all that a tenant had who is no more: workers refuse them already, and whoever gets the id next must
    not be told their answers. Where that fails the log says how it is made good."""
    try:
        failed = "" if cache.purge(kind, name) else "others are at it"
    except OSError as error:
        failed = error.strerror or type(error).__name__
    if failed:
        hint = f"ask for DELETE /api/cache?{kind}={name} before anybody else gets this id"
        log.error("cache_not_purged", tenant=f"{kind}:{name}", error=failed, hint=hint)
