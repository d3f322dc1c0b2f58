"""The cache's files: segments, each locked by who writes it, and marks for what is to be erased."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gateway._speedups.shelf import ENTRIES, LOG, SEGMENT_HEAD, Shelf, salt_of, segment_head

SUFFIXES = {ENTRIES: ".seg", LOG: ".log"}
YOUNG = ".new"
"""What a segment is called until it is locked."""
MARKS = "erase"
"""The folder of marks, beside the segments."""


class Segment(NamedTuple):
    """A segment that lies in the folder; its identity is its name."""

    path: Path
    identity: int
    stream: int


class Erasure(NamedTuple):
    """What is to be erased: all of a scope, or the entries of an id, that were written until `before` (ns)."""

    scope: int | None
    id: str
    before: int


def segment_path(folder: Path, identity: int, stream: int) -> Path:
    """Where a segment lies."""
    return folder / f"{identity:016x}{SUFFIXES[stream]}"


def new_salt() -> int:
    """What makes the frames of a file its own: nobody outside can know it. Never 0."""
    return secrets.randbits(64) | 1


def new_segment(folder: Path, identity: int, stream: int, salt: int) -> int:
    """A new segment, open for reading and writing, and locked before anybody can find it. Raises OSError."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    path = segment_path(folder, identity, stream)
    young = path.with_suffix(YOUNG)
    file = os.open(young, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.pwrite(file, segment_head(identity, salt), 0) != SEGMENT_HEAD:
            raise OSError(28, "the disk is full")
        young.rename(path)
    except OSError:
        os.close(file)
        with suppress(OSError):
            young.unlink(missing_ok=True)
        raise
    return file


def is_written(path: Path) -> bool:
    """Whether a process holds the segment, or nobody can tell."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def read_salt(path: Path, identity: int) -> int:
    """The salt that the segment tells; 0 where it is none. Raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        return salt_of(os.pread(file, SEGMENT_HEAD, 0), identity)
    finally:
        os.close(file)


def segments(folder: Path) -> Iterator[Segment]:
    """Every segment in the folder. Raises OSError."""
    streams = {suffix: stream for stream, suffix in SUFFIXES.items()}
    with os.scandir(folder) as found:
        for one in found:
            name, dot, suffix = one.name.partition(".")
            stream = streams.get(dot + suffix)
            identity = _hexadecimal(name) if len(name) == 16 else None
            if stream is not None and identity is not None and 2 < identity < 1 << 63:
                yield Segment(Path(one.path), identity, stream)


def enroll(shelf: Shelf, folder: Path) -> None:
    """Gives a line to every segment that nobody writes and that has none, so that its size counts. What lies in it is
    found once it is indexed. Raises OSError."""
    known = {line.identity for line in shelf.get_lines()}
    for one in sorted(segments(folder), key=_age, reverse=True):
        if one.identity in known or is_written(one.path):
            continue
        if shelf.claim(one.stream, one.identity, one.path.stat().st_size) is None:
            return


def _age(one: Segment) -> int:
    return one.identity


def mark(folder: Path, *erasures: Erasure) -> None:
    """Notes what is to be erased, so that a restart does not forget it. Raises OSError."""
    place = folder / MARKS
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for one in erasures:
        path = mark_path(folder, one)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def mark_path(folder: Path, erasure: Erasure) -> Path:
    """Where it is noted."""
    what = erasure.id if erasure.scope is None else f"{erasure.scope:016x}"
    return folder / MARKS / f"{what}-{erasure.before:016x}"


def marks(folder: Path) -> list[Erasure]:
    """What is noted. Raises OSError."""
    found = []
    with os.scandir(folder / MARKS) as noted:
        for one in noted:
            what, _, before = one.name.partition("-")
            value, moment = _hexadecimal(what), _hexadecimal(before)
            if len(what) in (16, 32) and len(before) == 16 and value is not None and moment is not None:
                by_scope = len(what) == 16
                found.append(Erasure(value if by_scope else None, "" if by_scope else what, moment))
    return found


def _hexadecimal(text: str) -> int | None:
    if not text or text.strip("0123456789abcdef"):
        return None
    return int(text, 16)
