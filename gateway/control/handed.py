"""The files that lead from control to the workers: where they are, and what a start makes of them.

One is in memory where the system offers that, since it holds credentials: the configuration. The others are kept in
`data`, so that a start needs no store: who may call by the store, and how much, and which keys have ended since.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from gateway.access import snapshot
from gateway.access.snapshot import Snapshot
from gateway.config import Config, carried
from gateway.config.secret import Secret
from gateway.control.files import runtime_folder
from gateway.providers import sealed
from gateway.providers.sealed import DamagedFile

if TYPE_CHECKING:
    from gateway.store.compiling import Stored

MAGIC = b"GWCONFG\x01"


def snapshot_path(config: Config) -> Path:
    """Where what the store says of callers is, for the workers."""
    return Path(config.data) / f"snapshot-{config.server.port}.msgpack"


def revoked_path(config: Config) -> Path:
    """Where the keys are that ended since that was written."""
    return Path(config.data) / f"revoked-{config.server.port}.msgpack"


def config_path(config: Config) -> Path:
    """Where the configuration is that has taken the place of the first one."""
    return runtime_folder() / f"gateway-{os.getuid()}-{config.server.port}.config"


def governance_content(config: Config) -> bytes:
    """What the file says of callers, as a snapshot's content."""
    return snapshot.encoded(config.governance)


class Reading(Protocol):
    """What the store says, and the configuration with what of that can be served, and what cannot. In a thread."""

    def __call__(self) -> "Stored": ...

    def added(self, config: Config, stored: "Stored") -> tuple[Config, tuple[str, ...]]: ...

    def remember(self, stored: "Stored") -> None:
        """Keeps it for the next start. Raises OSError."""

    def recalled(self) -> "Stored | None":
        """What was kept."""


class Adopted(msgspec.Struct, frozen=True, array_like=True):
    """A configuration, what its file says of callers, the provider keys of callers by their keys' ids, and the
    configuration as the file alone says it, empty where the store adds nothing."""

    config: memoryview
    governance: memoryview
    own: dict[str, dict[str, str]] = {}
    file: memoryview = memoryview(b"")


def was_keyed(config: Config) -> bool:
    """Whether the store has ever made keys, as far as is known here; of what cannot be read the worse is assumed."""
    try:
        found = snapshot.read(snapshot_path(config))
    except (OSError, DamagedFile):
        return True
    return found is not None and found.keyed


class Handed(msgspec.Struct, frozen=True):
    """What a worker takes up: see Adopted."""

    config: Config
    declared: Snapshot
    own: dict[str, dict[str, Secret]]


_ADOPTED = msgspec.msgpack.Decoder(Adopted)


def begin(config: Config, reading: Reading) -> None:
    """Hands out what the gateway last served of the store, before any process of control is there. Raises OSError."""
    stored = reading.recalled()
    if stored is None:
        return
    whole, _ = reading.added(config, stored)
    own = {id: {name: one.reveal() for name, one in keys.items()} for id, keys in stored.own.items()}
    content = (carried.encoded(whole), governance_content(config), own, carried.encoded(config))
    sealed.write(config_path(config), MAGIC, msgspec.msgpack.encode(content))


def read_config(path: Path) -> Handed | None:
    """The configuration that has taken the first one's place; None where none has. Raises OSError, DamagedFile."""
    content = sealed.read(path, MAGIC, snapshot.LARGEST)
    if content is None:
        return None
    found = adopted(content)
    own = {id: {name: Secret(one) for name, one in keys.items()} for id, keys in found.own.items()}
    return Handed(config_of(found.config), Snapshot(found.governance), own)


def adopted(content: bytes | memoryview) -> Adopted:
    """The file's content, read. Raises DamagedFile."""
    try:
        return _ADOPTED.decode(content)
    except msgspec.DecodeError as error:
        raise DamagedFile(f"it is of another form: {error}") from None


def config_of(content: memoryview) -> Config:
    """A configuration in it. Raises DamagedFile."""
    try:
        return carried.decoded(content)
    except msgspec.DecodeError as error:
        raise DamagedFile(f"it is of another form: {error}") from None
