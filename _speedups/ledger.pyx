# cython: auto_pickle=False
"""The ledger: one mapped file of counters that every process of the gateway updates, by atomics alone.

    0     magic, layout version, CRC of what never changes, file size, number of sections
    64    snapshot version          (a line of its own: it is polled by every worker)
    128   drain deadline            (0 while serving)
    256   section table             (name, layout, slot size, slots, offset), 64 bytes each, 60 at most
    4096  the sections, each on a page of its own

A reader needs only the sections that it knows, so a new tenant is a new section and disturbs nobody. No lock
is ever held, so a process may be killed at any instruction: what is then half done is invisible, or is given
back (`join`). All blocks of the file are reserved when it is made: a full disk is an
error at the start, not a SIGBUS later.
"""

import os
import stat
import struct
import time
import zlib
from typing import NamedTuple

from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcmp, memcpy, memset
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap
from posix.unistd cimport getpid

LINE = 64
PAGE = 4096
KEY_SLOT = 256
KEY_LIMIT = KEY_SLOT - 8

_MAGIC = b"GWLEDGER"
_VERSION = 1
_FIXED = struct.Struct("<8sIIQI")
_ENTRY = struct.Struct("<24sIIQQ")
_MOST_SECTIONS = (PAGE - 256) // LINE

cdef enum:
    SNAPSHOT = 64
    DRAIN = 128
    KEY_BYTES = 256
    # int64 positions inside a worker's line
    OWNER = 0
    STARTED = 1
    BEAT = 2
    IN_FLIGHT = 3
    ROLE = 4
    LINE_WORDS = 8


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


WORKERS = Section("workers", 1, LINE, 256)


def table_sections(name, *, slots, cells, layout=1) -> tuple:
    """A `Table`'s three sections: hash buckets (at least twice the slots), keys, blocks of `cells` int64."""
    width = -(-cells * 8 // LINE) * LINE
    buckets = 1 << max(4, (2 * slots - 1).bit_length())
    return (
        Section(f"{name}.index", layout, LINE, 1 + buckets * 4 // LINE),
        Section(f"{name}.keys", layout, KEY_SLOT, slots),
        Section(f"{name}.cells", layout, width, slots),
    )


def _boot() -> bytes:
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            return file.read()
    except OSError:
        return b""


_BOOT = _boot()
_PROC = os.path.exists("/proc/self/stat")


def process_identity(pid: int) -> int:
    """31 bits that tell this process from any later one with its pid; 0 when it is gone or a zombie."""
    if not _PROC:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return 0
        except PermissionError:
            return 1
        return 1
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0
    if len(fields) < 20 or fields[0] in b"ZXx":
        return 0
    return zlib.crc32(_BOOT + fields[19]) & 0x7FFFFFFF | 1  # starttime, in ticks since this boot


def _gone(owner: int) -> bool:
    return owner == 0 or process_identity((owner & 0xFFFFFFFF) >> 1) != owner >> 32


# --- the file -----------------------------------------------------------------------------------------------


def _pages(size: int) -> int:
    return -(-size // PAGE) * PAGE


def _checksum(head) -> int:
    return zlib.crc32(head[256:PAGE], zlib.crc32(head[16:SNAPSHOT], zlib.crc32(head[:12])))


def _header(sections) -> bytes:
    head = bytearray(PAGE)
    offset = PAGE
    for number, section in enumerate(sections):
        name, *shape = section
        _ENTRY.pack_into(head, 256 + number * LINE, name.encode(), *shape, offset)
        offset += _pages(section.slot_size * section.slots)
    _FIXED.pack_into(head, 0, _MAGIC, _VERSION, 0, offset, len(sections))
    struct.pack_into("<I", head, 12, _checksum(head))
    return bytes(head)


def _write_new(path: str, head: bytes) -> None:
    """The whole file appears under its name at once, or not at all."""
    fresh = f"{path}.{os.getpid()}.new"
    fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.posix_fallocate(fd, 0, _FIXED.unpack_from(head)[3])
        os.pwrite(fd, head, 0)
        os.rename(fresh, path)
    except BaseException:
        os.unlink(fresh)
        raise
    finally:
        os.close(fd)


def _read_sections(path: str, head: bytes, size: int) -> dict:
    """Name → (Section, offset), once the header is proven sound."""
    if len(head) < PAGE or head[:8] != _MAGIC:
        raise LedgerDamaged(f"{path} is not a ledger")
    _, version, checksum, expected, count = _FIXED.unpack_from(head)
    if version != _VERSION:
        raise LedgerMismatch(f"{path} has layout {version}, this program needs {_VERSION}")
    if checksum != _checksum(head) or expected != size or count > _MOST_SECTIONS:
        raise LedgerDamaged(f"{path} is damaged: its header or its size ({size} bytes) is wrong")
    found = {}
    for number in range(count):
        name, layout, slot_size, slots, offset = _ENTRY.unpack_from(head, 256 + number * LINE)
        if offset % PAGE or offset + slot_size * slots > size:
            raise LedgerDamaged(f"{path} is damaged: section {number} lies outside the file")
        section = Section(name.rstrip(b"\0").decode("ascii", "replace"), layout, slot_size, slots)
        found[section.name] = (section, offset)
    return found


cdef class Ledger:
    """The mapped file. It stays mapped as long as anything made from it lives.

    `replaced` says why `prepare` had to make a new file, and is empty when it did not.
    """

    def __init__(self, path, sections):
        self.path = os.fspath(path)
        self.replaced = ""
        fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            self._map(fd)
        finally:
            os.close(fd)
        for section in (WORKERS, *sections):
            if self.sections.get(section.name, (None,))[0] != section:
                raise LedgerMismatch(f"{self.path} has no section {section.name} of the needed shape")
            if section.name.endswith(".index"):
                self._check_table(section.name.removesuffix(".index"))

    def _map(self, int fd):
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise LedgerDamaged(f"{self.path} is not a file of this user")
        self.sections = _read_sections(self.path, os.pread(fd, PAGE, 0), status.st_size)
        cdef void *mapped = mmap(NULL, status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
        if mapped == MAP_FAILED:
            raise LedgerError(f"{self.path} cannot be mapped")
        self.base = <char *>mapped
        self.size = status.st_size

    def __dealloc__(self):
        if self.base != NULL:
            munmap(self.base, self.size)

    @classmethod
    def create(cls, path, sections):
        """A new, empty ledger in place of whatever had this name. OSError when there is no room for it."""
        _write_new(os.fspath(path), _header((WORKERS, *sections)))
        return cls(path, sections)

    @classmethod
    def open(cls, path, sections):
        """The one that is there, with at least these sections. OSError, LedgerDamaged, LedgerMismatch."""
        return cls(path, sections)

    @classmethod
    def prepare(cls, path, sections):
        """For the supervisor: the ledger that is there if it is sound, else a new one; never draining."""
        cdef Ledger ledger
        try:
            ledger = cls(path, sections)
            ledger.resume()
            return ledger
        except FileNotFoundError:
            reason = ""
        except LedgerError as error:
            reason = str(error)
        ledger = cls.create(path, sections)
        ledger.replaced = reason
        return ledger

    cdef char *start(self, str name) except NULL:
        """Where the section begins; KeyError."""
        return self.base + <size_t>self.sections[name][1]

    def _check_table(self, str name):
        """No bucket may lead outside: what a scribbled file says is never used as an address."""
        shape = self.sections[name + ".keys"][0]
        cdef uint32_t *buckets = <uint32_t *>(self.start(name + ".index") + LINE_WORDS * 8)
        cdef char *keys = self.start(name + ".keys")
        cdef uint32_t capacity = shape.slots
        cdef uint32_t at, block, length
        cdef int64_t taken = ledger_load(<int64_t *>self.start(name + ".index"))
        sound = shape.slot_size == KEY_SLOT and 0 <= taken <= capacity
        for at in range((self.sections[name + ".index"][0].slots - 1) * LINE // 4):
            block = ledger_load32(&buckets[at])
            if block > capacity:
                sound = False
            elif block:
                memcpy(&length, keys + <size_t>(block - 1) * KEY_BYTES, 4)
                sound = sound and length <= KEY_LIMIT
        if not sound:
            raise LedgerDamaged(f"{self.path} is damaged: table {name}")

    # The two words that the supervisor moves and every worker reads.

    @property
    def snapshot_version(self) -> int:
        """The number of the configuration snapshot that workers should be using."""
        return ledger_load(<int64_t *>(self.base + SNAPSHOT))

    def publish(self) -> int:
        """A new snapshot is ready: its number."""
        return ledger_add(<int64_t *>(self.base + SNAPSHOT), 1)

    def drain(self, int64_t deadline_ns):
        """Ask every worker to drain until this moment (Unix time, ns)."""
        ledger_store(<int64_t *>(self.base + DRAIN), max(1, deadline_ns))

    def resume(self):
        ledger_store(<int64_t *>(self.base + DRAIN), 0)

    @property
    def draining(self) -> bool:
        return ledger_load(<int64_t *>(self.base + DRAIN)) != 0

    @property
    def drain_deadline_ns(self) -> int:
        """Unix time, ns; 0 while serving."""
        return ledger_load(<int64_t *>(self.base + DRAIN))

    # The worker table.

    def join(self, str role="worker"):
        """A line in the worker table for this process, taken from a dead one if need be: what that one held
        goes with its line. LedgerError when living processes hold them all."""
        cdef int64_t pid = os.getpid()
        cdef int64_t mine = (<int64_t>process_identity(pid) << 32) | (pid << 1)
        cdef int64_t *line = <int64_t *>self.start("workers")
        cdef int64_t owner
        for number in range(self.sections["workers"][0].slots):
            owner = ledger_load(&line[OWNER])
            # The low bit is set last: until then readers ignore the line, and who dies there loses it again.
            if _gone(owner) and ledger_swap(&line[OWNER], owner, mine):
                _fill(line, role.encode()[:32])
                ledger_store(&line[OWNER], mine | 1)
                return _worker(self, line, mine | 1, number)
            line += LINE_WORDS
        raise LedgerError(f"{self.path}: the worker table is full")

    def workers(self) -> list:
        """Every living process that joined."""
        cdef int64_t *line = <int64_t *>self.start("workers")
        cdef int64_t owner
        found = []
        for number in range(self.sections["workers"][0].slots):
            owner = ledger_load(&line[OWNER])
            if owner & 1 and not _gone(owner):
                found.append(_state(line, owner, number))
            line += LINE_WORDS
        return found

    def number_of(self, int64_t pid):
        """The line of this process, also of a dead one whose line nobody has taken; None without one."""
        cdef int64_t *line = <int64_t *>self.start("workers")
        cdef int64_t owner
        for number in range(self.sections["workers"][0].slots):
            owner = ledger_load(&line[OWNER])
            if owner & 1 and (owner & 0xFFFFFFFF) >> 1 == pid:
                return number
            line += LINE_WORDS
        return None


cdef _fill(int64_t *line, bytes role):
    ledger_store(&line[STARTED], time.time_ns())
    ledger_store(&line[BEAT], time.monotonic_ns())
    ledger_store(&line[IN_FLIGHT], 0)
    memset(&line[ROLE], 0, 32)
    memcpy(&line[ROLE], <char *>role, len(role))


cdef _state(int64_t *line, int64_t owner, int number):
    return WorkerState(
        number,
        (owner & 0xFFFFFFFF) >> 1,
        (<char *>&line[ROLE])[:32].rstrip(b"\0").decode("ascii", "replace"),
        ledger_load(&line[STARTED]),
        ledger_load(&line[BEAT]),
        max(0, ledger_load(&line[IN_FLIGHT])),
    )


cdef _worker(Ledger ledger, int64_t *line, int64_t owner, int number):
    cdef Worker worker = Worker.__new__(Worker)
    worker.ledger = ledger
    worker.line = line
    worker.owner = owner
    worker.number = number
    return worker


cdef class Worker:
    """This process's line. After a fork the child must `join` for itself."""

    def __init__(self):
        raise TypeError("use Ledger.join")

    def started(self):
        """One more request is being served."""
        ledger_add(&self.line[IN_FLIGHT], 1)

    def finished(self):
        """One request less."""
        ledger_add(&self.line[IN_FLIGHT], -1)

    def beat(self):
        """This process is alive and not stuck."""
        ledger_store(&self.line[BEAT], time.monotonic_ns())

    def leave(self):
        """Give the line back. A second call does nothing, nor does a forked child's copy."""
        if (self.owner & 0xFFFFFFFF) >> 1 == getpid():
            ledger_swap(&self.line[OWNER], self.owner, 0)
            # What still ends after this must not be counted in a successor's line.
            self.owner = 0
            self.line = self.nowhere


include "ledger_tables.pxi"
