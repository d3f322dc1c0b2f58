"""A file that keeps its room on the disk: what replaces its content needs none, however full the disk is by then.

It has two slots of one size, written in turn and in place: while one is written, the other one holds. A slot: the magic
with a format number, a number that rises with each writing, the content's length, a BLAKE2s digest (16 bytes) of these
and of the content, the content. One process at a time writes; who reads looks at both and takes the newer whole one.
"""

import errno
import os
import time
from hashlib import blake2s
from pathlib import Path

from gateway.providers import sealed
from gateway.providers.sealed import DamagedFile

_DIGEST = 16
_NUMBERS = 12
TRIES = 3
"""A slot may be written while it is read, and in the same moment the other one too."""


def is_reserved(path: Path, slot: int) -> bool:
    """Whether the file's room is kept. Raises OSError where nobody can tell."""
    try:
        return os.stat(path, follow_symlinks=False).st_size == 2 * slot
    except FileNotFoundError:
        return False


def read(path: Path, magic: bytes, slot: int) -> memoryview | None:
    """The content; None where there is no such file. Raises OSError and DamagedFile."""
    for _ in range(TRIES):
        data = sealed.content_of(path, 2 * slot)
        if data is None:
            return None
        newest = max((_slot(data[at : at + slot], magic) for at in (0, slot)), key=_number)
        if _number(newest):
            return newest[1]
    raise DamagedFile("its checksum is wrong")


def write(path: Path, magic: bytes, slot: int, content: bytes) -> None:
    """Replaces the content. A file that is not there yet, or is of another size, is made, which needs the room. Raises
    OSError."""
    if len(magic) + _NUMBERS + _DIGEST + len(content) > slot:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    try:
        data = sealed.content_of(path, 2 * slot)
    except DamagedFile:
        data = None
    except OSError as error:
        if error.errno != errno.ELOOP:  # a link, which is not followed
            raise
        data = None
    if data is None or len(data) < 2 * slot:
        sealed.replace(path, _filled(magic, 1, content).ljust(2 * slot, b"\0"))
        return
    first, second = (_number(_slot(data[at : at + slot], magic)) for at in (0, slot))
    filled = _filled(magic, max(first, second) + 1, content)
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        if os.pwrite(descriptor, filled, 0 if first < second else slot) < len(filled):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(descriptor)
        now = time.time_ns()
        os.utime(
            descriptor, ns=(now, now)
        )  # the kernel's own mark may be the same for two writings in a few milliseconds
    finally:
        os.close(descriptor)


def _filled(magic: bytes, number: int, content: bytes) -> bytes:
    numbers = number.to_bytes(8) + len(content).to_bytes(4)
    return magic + numbers + _digest(numbers, content) + content


def _slot(data: memoryview, magic: bytes) -> tuple[int, memoryview]:
    """Its number and its content; 0 where it is not whole."""
    numbers, start = data[len(magic) :][:_NUMBERS], len(magic) + _NUMBERS + _DIGEST
    content = data[start : start + int.from_bytes(numbers[8:])]
    whole = data[:start] == magic + bytes(numbers) + _digest(numbers, content)
    return (int.from_bytes(numbers[:8]) if whole else 0), content


def _number(found: tuple[int, memoryview]) -> int:
    return found[0]


def _digest(numbers: bytes | memoryview, content: bytes | memoryview) -> bytes:
    digest = blake2s(numbers, digest_size=_DIGEST)
    digest.update(content)
    return digest.digest()
