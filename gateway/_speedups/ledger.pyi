"""The ledger: one mapped file of counters that every process of the gateway updates, by atomics alone."""

import os
from collections.abc import Sequence
from typing import NamedTuple

LINE: int
PAGE: int
KEY_SLOT: int
KEY_LIMIT: int
WORKERS: Section

class LedgerError(Exception):
    """The ledger cannot be used."""

class LedgerDamaged(LedgerError):
    """The file is not a whole ledger: cut, overwritten, or somebody else's."""

class LedgerMismatch(LedgerError):
    """A sound ledger of another version, or without a section that is needed."""

class Section(NamedTuple):
    """A run of equal slots (bytes) in the file. `layout` changes whenever the meaning of a slot does."""

    name: str
    layout: int
    slot_size: int
    slots: int

class WorkerState(NamedTuple):
    """A live process of the gateway. `started_ns` is Unix time, `heartbeat_ns` monotonic."""

    number: int
    pid: int
    role: str
    started_ns: int
    heartbeat_ns: int
    in_flight: int

def table_sections(
    name: str, *, slots: int, cells: int, layout: int = 1
) -> tuple[Section, Section, Section]: ...
def process_identity(pid: int) -> int: ...

class Ledger:
    """The mapped file. It stays mapped as long as anything made from it lives."""

    size: int
    path: str
    replaced: str
    sections: dict[str, tuple[Section, int]]

    @classmethod
    def create(cls, path: str | os.PathLike[str], sections: Sequence[Section]) -> Ledger: ...
    @classmethod
    def open(cls, path: str | os.PathLike[str], sections: Sequence[Section]) -> Ledger: ...
    @classmethod
    def prepare(cls, path: str | os.PathLike[str], sections: Sequence[Section]) -> Ledger: ...
    @property
    def snapshot_version(self) -> int: ...
    def publish(self) -> int: ...
    def drain(self, deadline_ns: int) -> None: ...
    def resume(self) -> None: ...
    @property
    def draining(self) -> bool: ...
    @property
    def drain_deadline_ns(self) -> int: ...
    def join(self, role: str = "worker") -> Worker: ...
    def workers(self) -> list[WorkerState]: ...
    def number_of(self, pid: int) -> int | None:
        """The line of this process, also of a dead one whose line nobody has taken; None without one."""

class Worker:
    """This process's line. After a fork the child must `join` for itself."""

    number: int

    def started(self) -> None: ...
    def finished(self) -> None: ...
    def beat(self) -> None: ...
    def leave(self) -> None: ...

class Table:
    """A fixed table from a key (at most KEY_LIMIT bytes) to a block of int64 cells that only ever grow."""

    capacity: int
    width: int

    def __init__(self, ledger: Ledger, name: str) -> None: ...
    @property
    def used(self) -> int: ...
    def locate(self, key: bytes, reserve: int = 0) -> int: ...
    def add(self, block: int, cell: int, amount: int) -> None: ...
    def snapshot(self) -> tuple[list[bytes], memoryview[int]]: ...

class RequestCells:
    """Adds one request to its block: four sums, six plain cells, then the buckets of four histograms."""

    def __init__(self, table: Table, bounds: Sequence[Sequence[int]]) -> None: ...
    def add(
        self,
        block: int,
        total: int,
        waited: int,
        first_token: int,
        input: int,
        output: int,
        cached: int,
        reasoning: int,
        cost: int | None,
        unknown: bool,
        queued: int = 0,
    ) -> None: ...
