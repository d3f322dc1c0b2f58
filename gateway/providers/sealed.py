"""Files that one process writes and others read: replaced as a whole, checksummed, readable by their owner alone.

A file: the magic with a format number, a BLAKE2s digest (16 bytes) of the rest, the rest. A file that is not exactly
this is no file.
"""

import os
import stat
from hashlib import blake2s
from pathlib import Path

_DIGEST = 16


class DamagedFile(ValueError):
    """The file is not one that the gateway wrote."""


def write(path: Path, magic: bytes, content: bytes) -> None:
    """Replaces the file at once; makes its directory. Raises OSError."""
    replace(path, magic + _digest(content), content)


def replace(path: Path, *pieces: bytes) -> None:
    """The same for a file of other makers, whose content the pieces are."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(descriptor)
        unfinished.replace(path)
    except BaseException as error:
        unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # of a disk that is full it tells the number alone
        raise


def read(path: Path, magic: bytes, largest: int) -> memoryview | None:
    """What follows the digest; None when there is no file. Raises OSError and DamagedFile.

    In a thread it keeps nobody waiting: reading and the digest release the interpreter's lock, nothing is copied.
    """
    data = content_of(path, largest)
    if data is None:
        return None
    start = len(magic) + _DIGEST
    content = data[start:]
    if data[:start] != magic + _digest(content):
        raise DamagedFile("its checksum is wrong")
    return content


def content_of(path: Path, largest: int) -> memoryview | None:
    """All of a regular file of this user; None when there is no file. Raises OSError and DamagedFile."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise DamagedFile("it is no regular file of this user")
        if found.st_size > largest:
            raise DamagedFile("it is too large")
        return memoryview(file.read(found.st_size))


def _digest(content: bytes | memoryview) -> bytes:
    return blake2s(content, digest_size=_DIGEST).digest()
