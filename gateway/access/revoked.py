"""Keys that may no longer be used, told ahead of the snapshot that leaves them out: a small file beside it, whose room
on the disk is kept, so that a key ends on a full disk too.

Each entry has a number. A snapshot's version is the largest number that it includes, so that an entry counts only
against snapshots with a smaller version: whichever of the two files is read first, none is served that was revoked,
and no entry outlives the snapshot that knows better.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from gateway.providers import reserved, sealed
from gateway.providers.sealed import DamagedFile
from gateway.schemas.governance import VirtualKey

MAGIC = b"GWREVOK\x02"
BEFORE = b"GWREVOK\x01"
"""Of files without such room, which gateways wrote before."""
SLOT = 1 << 18
MOST = 4096
"""Entries at a time. Whoever has more of them waits for the snapshot."""


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One digest; a key that is `blocked` is refused in other words than one that is gone."""

    digest: bytes
    number: int
    blocked: bool = False


_ENTRIES = msgspec.msgpack.Decoder(list[Entry])


def read(path: Path) -> tuple[Entry, ...]:
    """The entries in the file; none where there is none. Raises OSError and DamagedFile."""
    kept = has_room(path)
    content = reserved.read(path, MAGIC, SLOT) if kept else sealed.read(path, BEFORE, SLOT)
    if content is None:
        return ()
    try:
        return tuple(_ENTRIES.decode(content))
    except msgspec.DecodeError as error:
        raise DamagedFile(f"it is of another form: {error}") from None


def has_room(path: Path) -> bool:
    """Whether the file has all the room that it may ever need. Raises OSError where nobody can tell."""
    return reserved.is_reserved(path, SLOT)


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Replaces them, without a need for room where the file is there. Raises OSError."""
    reserved.write(path, MAGIC, SLOT, msgspec.msgpack.encode(tuple(entries)))


class Revoked:
    """What a worker knows of them, over the snapshot of the moment."""

    def __init__(self) -> None:
        self._entries: Mapping[bytes, Entry] = {}

    def take(self, found: Iterable[Entry], version: int) -> list[bytes]:
        """Adds these; forgets those that a snapshot of this `version` includes. Returns the new ones."""
        before = self._entries
        every = (*before.values(), *found)
        self._entries = now = {one.digest: one for one in every if one.number > version}
        return [digest for digest, one in now.items() if before.get(digest) != one]

    def judged(self, key: VirtualKey, digest: bytes, version: int) -> VirtualKey | None:
        """The key as a snapshot of this `version` has it, or as it has been blocked since; None where it has ended."""
        entry = self._entries.get(digest)
        if entry is None or entry.number <= version:
            return key
        return msgspec.structs.replace(key, blocked=True) if entry.blocked else None
