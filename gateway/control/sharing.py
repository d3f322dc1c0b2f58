"""Whether other gateways use the same `data`: each counts limits and budgets by itself, and knows of no other.

Every gateway holds a lock of one file (flock), together with others, from its start until it drains or its last process
has ended. Who could hold it alone has no company. A new one that begins while an old one drains has none either.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from gateway.telemetry.logs import log

NAME = "lock"
LOOKS = (0.0, 0.02, 0.05)
"""Seconds before each of its looks: who only looks, as the doctor does, has the lock alone for a moment."""
PATIENCE = 1.0
"""Seconds in which another one that is just looking has to be done."""
HINT = "limits and budgets hold for each by itself, so what they allow is allowed twice: give each its own `data`"


class Hold:
    """This gateway's part of the lock. Processes that it forks have it too."""

    def __init__(self, file: int) -> None:
        self._file = file

    def release(self) -> None:
        """From now on this gateway counts no more as one that uses the folder, whatever its processes still do."""
        with suppress(OSError):
            fcntl.flock(self._file, fcntl.LOCK_UN)


def hold(folder: Path) -> Hold | None:
    """Takes part, and warns where others do; None where that cannot be known, as in a folder of somebody else's."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    alone = any(_is_free(file, after) for after in LOOKS)
    if not _join(file):
        os.close(file)
        return None
    if not alone:
        mine = os.getpid()
        others = [pid for pid in holders(folder) if pid != mine]
        log.warning("data_shared", directory=str(folder), processes=others, hint=HINT)
    return Hold(file)


def is_held(folder: Path) -> bool:
    """Whether any gateway uses the folder."""
    try:
        file = os.open(folder / NAME, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return not _is_free(file)
    finally:
        os.close(file)


def holders(folder: Path) -> list[int]:
    """The processes of this machine that took part, as far as the kernel tells (/proc/locks)."""
    try:
        found = os.stat(folder / NAME)
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return []
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    words = [line.split() for line in lines]
    return sorted({int(one[4]) for one in words if one[1:2] == ["FLOCK"] and one[5:6] == [place]})


def _is_free(file: int, after: float = 0.0) -> bool:
    """Whether nobody holds it, so many seconds later. For a moment this process does, alone."""
    time.sleep(after)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _join(file: int) -> bool:
    latest = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > latest:
                return False
            time.sleep(0.01)
        else:
            return True
