"""Tenants who leave the file take the answers along that were kept for them: whoever gets their id next is another."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Protocol

from gateway.access import snapshot
from gateway.access.snapshot import EMPTY, Snapshot
from gateway.config import Config
from gateway.providers.sealed import DamagedFile
from gateway.telemetry.logs import log


class Cache(Protocol):
    """Where answers are kept."""

    def purge(self, kind: str, name: str) -> bool:
        """False where it has to be asked again. What is not open remembers it until it is. Raises OSError."""


class Leavers:
    """Compares what the file said of callers with what it says. Who is also in the store stays: `stored` is the
    snapshot of that. While the cache is `used`, what the file said last is kept at `noted`, for those who leave it
    while the gateway is stopped."""

    def __init__(self, cache: Cache, stored: Path, noted: Path, used: Callable[[], bool]) -> None:
        self._cache = cache
        self._stored = stored
        self._noted = noted
        self._used = used
        self._lock = Lock()
        self._under_way: set[asyncio.Future[None]] = set()

    def __call__(self, before: bytes, after: bytes) -> None:
        """Has those purged who are there no more; returns at once."""
        work = asyncio.ensure_future(asyncio.to_thread(self._compare, before, after))
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)

    async def begin(self, now: bytes) -> None:
        """The same, once, of those who left before this process began."""
        await asyncio.to_thread(self._compare, None, now)

    def _compare(self, before: bytes | None, after: bytes) -> None:
        with self._lock:
            had = _holders(self._noted) if before is None else Snapshot(before).holders()
            gone = had - Snapshot(after).holders()
            if gone:
                for kind, name in sorted(gone - _holders(self._stored)):
                    bury(self._cache, kind, name)
            try:
                self._note(after)
            except OSError as error:
                hint = "who leaves the file while the gateway is stopped leaves kept answers behind"
                log.warning("callers_not_noted", error=error.strerror or "", hint=hint)

    def _note(self, content: bytes) -> None:
        if self._used():
            snapshot.write(self._noted, content)
        else:
            self._noted.unlink(missing_ok=True)


def noted_path(config: Config) -> Path:
    """Where it is kept what the file said last of callers."""
    return Path(config.data) / f"declared-{config.server.port}.msgpack"


def _holders(path: Path) -> set[tuple[str, str]]:
    """Who is in this file; nobody where it cannot be read."""
    try:
        return (snapshot.read(path) or EMPTY).holders()
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
