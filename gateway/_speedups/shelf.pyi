"""The shelf: which entry of the cache lies where, in memory that all processes share, and the hands on its files."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

ENTRY: int
VECTOR: int
PURGE: int
ENTRIES: int
LOG: int
HEAD_SIZE: int
UNIT_SIZE: int
SEGMENT_HEAD: int
LARGEST_SEGMENT: int
LINES: int
EVERYBODY: int
COUNTERS_NAMES: tuple[str, ...]

def crc32c(data: bytes, crc: int = 0, *, plain: bool = False) -> int: ...
def sealed(at: int, salt: int, *, length: int) -> bytes: ...
def segment_head(identity: int, salt: int) -> bytes: ...
def salt_of(head: bytes, identity: int) -> int: ...

class Line(NamedTuple):
    """A segment as all processes know it."""

    number: int
    identity: int
    stream: int
    size: int
    frames: int
    latest: int
    owner: int
    salt: int

class Frame(NamedTuple):
    """A frame as it was written; times in Unix seconds."""

    kind: int
    key: bytes
    scope: int
    written: float
    expires: float
    payload: bytes
    offset: int
    length: int

class Found:
    """An entry: its payload, when it was written and when it expires (Unix seconds)."""

    @property
    def key(self) -> bytes: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def written(self) -> float: ...
    @property
    def expires(self) -> float: ...
    @property
    def scope(self) -> int: ...
    @property
    def id(self) -> str: ...

class Shelf:
    """Room for `entries` of them, at least, in memory that is inherited by fork. MemoryError."""

    size: int
    capacity: int
    old_below: int

    def __init__(self, entries: int = 1_000_000) -> None: ...
    def count(self, name: str, amount: int = 1) -> None: ...
    def put_count(self, name: str, amount: int) -> None: ...
    def counts(self) -> dict[str, int]: ...
    def claim(
        self, stream: int, identity: int = 0, size: int = 0, *, salt: int = 0, mine: bool = False
    ) -> tuple[int, int] | None: ...
    def describe(self, number: int, *, frames: int, latest: int, salt: int, size: int) -> None: ...
    def release(self, number: int) -> None: ...
    def retire(self, number: int, identity: int) -> bool: ...
    def sweep(self) -> int: ...
    def leave_out(self, key: bytes, number: int, at: int) -> bool: ...
    def occupied(self) -> int: ...
    def get_lines(self) -> list[Line]: ...
    def total(self) -> int: ...
    def purge(self, scope: int, before: int) -> bool: ...
    def purged(self, scope: int) -> None: ...
    def refuses(self, scope: int, written: int) -> bool: ...

class Writer:
    """Appends to two segments of its own, one for each stream. Never waits for another process."""

    max_entry: int
    segment: int

    def __init__(
        self,
        shelf: Shelf,
        turn: Callable[[int], bool],
        failed: Callable[[int, int], None],
        *,
        max_entry: int,
        segment: int,
    ) -> None: ...
    def use(self, stream: int, file: int, number: int, identity: int, salt: int) -> int: ...
    def leave(self, stream: int) -> int: ...
    def look(self, stream: int) -> None: ...
    def standing(self, stream: int) -> tuple[int, int, int]: ...
    def put(
        self,
        key: bytes,
        scope: int,
        expires: float,
        payload: bytes,
        kind: int = 1,
        now: float = 0.0,
    ) -> bool: ...

class Gathered:
    """Entries on their way into a writer's segment: `add` one after the other, then `write`, and all processes find
    them. Their places are taken at once."""

    def __init__(self, writer: Writer) -> None: ...
    def add(self, key: bytes, scope: int, expires: float, payload: bytes, written: float) -> None:
        """Takes one; what does not fit in is put at once, what was purged before it came is not kept: its erasure may
        be over. Times are Unix seconds."""

    def write(self) -> None:
        """Writes what was added."""

class Reader:
    """Reads the segments of `folder`, of which it keeps at most `files` open."""

    def __init__(
        self,
        shelf: Shelf,
        folder: str,
        writer: Writer | None,
        failed: Callable[[str, int], None],
        *,
        files: int = 256,
    ) -> None: ...
    def close(self) -> None: ...
    def get(self, key: bytes, now: float) -> Found | None: ...
    def forget(self, start: bytes) -> int: ...
    def is_purged(self, scope: int, written: int) -> bool:
        """Whether what this scope wrote then (Unix time, ns) was purged."""

    def holds(self, key: bytes, apart: int = 0) -> bool: ...
    def restore(self, number: int, identity: int, frames: Sequence[Frame]) -> int: ...
    def forget_files(self) -> None: ...
    def frames(
        self,
        number: int,
        identity: int,
        at: int,
        end: int,
        *,
        most: int = 256,
        payloads: bool = True,
        reach: int = ...,
        now: float = 0.0,
    ) -> tuple[list[Frame], int]: ...
    def tail(self, most: int = 256) -> list[Frame]: ...
