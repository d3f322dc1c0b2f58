"""What the control process has written for the workers since it was last looked at, read without holding them up."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from gateway.access import snapshot
from gateway.access.snapshot import EMPTY, Snapshot
from gateway.config import Config
from gateway.config.secret import Secret
from gateway.control.files import discovered
from gateway.control.handed import Handed, config_path, read_config, snapshot_path
from gateway.control.process import begin_as_before
from gateway.providers.discovered import Discovered
from gateway.providers.sealed import DamagedFile
from gateway.telemetry.logs import log
from gateway.upstream.renewal import in_thread

T = TypeVar("T")

LONGEST = 30.0
"""Seconds that reading may take; it is tried again at the next news."""


class News:
    """The files of one gateway. Each is read when it is another one than last time; what cannot be read stays as it
    was, which is logged."""

    def __init__(self, config: Config, models: Path | None) -> None:
        self._models = models
        self._stored = snapshot_path(config)
        self._config = config_path(config)
        self._seen: dict[Path, tuple[int, int]] = {}

    def since(self, *paths: Path) -> None:
        """What is there of these has been read already."""
        for path in paths:
            self._seen[path] = _state(path)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file."""
        return tuple(one for one in (self._models, self._stored, self._config) if one is not None)

    async def models(self) -> Discovered | None:
        """What the providers list, where that has changed."""
        return None if self._models is None else await self._read(self._models, discovered)

    async def stored(self) -> Snapshot | None:
        """What the store says of callers, where that has changed."""
        return await self._read(self._stored, snapshot.read)

    async def config(self) -> Handed | None:
        """The configuration, what its file says of callers, and their provider keys, where any of it has changed."""
        return await self._read(self._config, read_config)

    async def _read(self, path: Path, read: Callable[[Path], T | None]) -> T | None:
        now = _state(path)
        if self._seen.get(path, _ABSENT) == now:
            return None
        self._seen[path] = now
        try:
            return await in_thread(lambda: read(path), LONGEST)
        except (OSError, DamagedFile, TimeoutError) as error:
            log.warning("news_unreadable", file=str(path), error=str(error), hint="what was known stays")
            return None


_ABSENT = (0, 0)


def _state(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return _ABSENT
    return found.st_ino, found.st_mtime_ns


def as_before(file: Config) -> tuple[Config, dict[str, dict[str, Secret]]]:
    """The file's configuration with what the store last added to it, and the callers' own provider keys."""
    path = config_path(file)
    path.unlink(missing_ok=True)
    begin_as_before(file)
    try:
        found = read_config(path)
    except (OSError, DamagedFile) as error:
        hint = "what the store adds is served when it has been read"
        log.warning("copy_unused", error=str(error), hint=hint)
        found = None
    if found is None:
        return file, {}
    return msgspec.structs.replace(found.config, governance=file.governance), found.own


def last_stored(config: Config) -> Snapshot:
    """What the store last said of callers, before this start."""
    path = snapshot_path(config)
    try:
        return snapshot.read(path) or EMPTY
    except (OSError, DamagedFile) as error:
        log.error("snapshot_unreadable", file=str(path), error=str(error), hint="the store is read anew")
        return EMPTY
