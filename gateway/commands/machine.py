"""The doctor's look at the machine: room, descriptors, versions, and what the build made."""

import os
import platform
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gateway.commands.findings import Finding, fail, ok, warn
from gateway.config import Config
from gateway.config.units import size_text
from gateway.control.files import runtime_folder
from gateway.control.keeping import cache_folder
from gateway.providers.sealed import DamagedFile
from gateway.providers.table import PATH as FACTS
from gateway.providers.table import load
from gateway.tokens.ranks import read_ranks

MiB = 1 << 20
DISK_LOW, DISK_NONE = 1024 * MiB, 100 * MiB
SHARED = Path("/dev/shm")  # noqa: S108 - it is looked at, nothing is put there
COUNTERS = 64 * MiB
"""Room for the counters that the workers share, with some to spare."""
DESCRIPTORS = 10_240
"""Each request under way has two connections."""
OLDEST_SQLITE = (3, 35, 0)


def machine(config: Config) -> Iterator[Finding]:
    yield _disk(Path(config.data))
    if config.cache is not None:
        yield _cache(cache_folder(config), config.cache.settings.max_size)
    yield _memory(config)
    yield _descriptors()
    yield _versions()
    yield from _tables()


def _disk(data: Path) -> Finding:
    folder = next(path for path in (data.absolute(), *data.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    said = f"{_size(free)} are free for {data}"
    if free >= DISK_LOW:
        return ok("disk", said)
    todo = "make room: records of requests are lost when the disk is full (records.keep bounds them)"
    return (warn if free >= DISK_NONE else fail)("disk", said, todo)


def _cache(folder: Path, most: int) -> Finding:
    """Whether it can be written, and grow as far as it may."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        todo = f"chown it to the user that runs the gateway (here: uid {os.getuid()}); answers are not kept until then"
        return warn("cache", f"{there} is no directory that can be written to", todo)
    held = (
        sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
        if there == folder.absolute()
        else 0
    )
    room = held + shutil.disk_usage(there).free
    if room >= most:
        return ok("cache", f"{_size(held)} of {size_text(most)} are used")
    return warn(
        "cache",
        f"it may grow to {size_text(most)}, and there is room for {_size(room)}",
        "make room, or give it a smaller cache.max_size: a full disk loses records of requests",
    )


def _memory(config: Config) -> Finding:
    about, folder = "shared memory", runtime_folder()
    free = shutil.disk_usage(folder).free
    if folder != SHARED:
        todo = "mount one there: counters on a disk are slower"
        return warn(about, f"{SHARED} cannot be written to; counters are in {folder}", todo)
    runs = any(folder.glob(f"gateway-*-{config.server.port}.ledger"))
    said = f"{_size(free)} are free in {folder}"
    if free >= COUNTERS or runs:
        return ok(about, said)
    todo = f"counters need about {_size(COUNTERS)}: docker run --shm-size=256m, or an emptyDir in memory"
    return fail(about, said, todo)


def _descriptors() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= DESCRIPTORS:
        return ok(
            "open files",
            "any number may be open" if soft == resource.RLIM_INFINITY else f"{soft:,} may be open",
        )
    more = f"ulimit -n {hard}" if hard > soft else "ulimit -n 65536 as root"
    todo = f"{more}, or LimitNOFILE=65536 in the unit: each request under way takes two"
    return warn("open files", f"only {soft:,} may be open in a process", todo)


def _versions() -> Finding:
    names = ("granian", "uvloop", "sqlalchemy")
    said = ", ".join(f"{name} {_version(name)}" for name in names)
    said = f"Python {platform.python_version()}, {said}, SQLite {sqlite3.sqlite_version}"
    missing = [name for name in names if _version(name) == "missing"]
    if missing:
        return fail("versions", said, f"pip install {' '.join(missing)}, or install the gateway again")
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return warn("versions", said, "a SQLite from 3.35 on, or PostgreSQL (store.url)")
    return ok("versions", said)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _tables() -> Iterator[Finding]:
    try:
        vendors = len(load(FACTS))
    except (OSError, ValueError, DamagedFile):
        vendors = 0
    todo = "build the gateway again: make build"
    if vendors:
        yield ok("prices", f"the table of prices and windows knows {vendors} vendors")
    else:
        yield warn("prices", "the table of prices was not built: costs are unknown", todo)
    if read_ranks() is not None:
        yield ok("token ranks", "tokens are counted exactly where the encoding is published")
    else:
        yield warn("token ranks", "they were not built: tokens are estimated where providers tell none", todo)


def _size(count: int) -> str:
    """About so much, for people."""
    if count < 10 * 1024 * MiB:
        return size_text(count // MiB * MiB) if count % (1024 * MiB) == 0 else f"{count // MiB} MiB"
    return f"{count / (1024 * MiB):,.0f} GiB"
