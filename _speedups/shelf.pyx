# cython: auto_pickle=False
"""The shelf: which entry of the cache lies where, in memory that all processes of the gateway share; and the hands
of one process on the files of entries.

A slot of the index is one word: 28 bits of the key's hash, the number of a segment file, and the place in it in units
of 16 bytes. A key has two buckets of eight slots (a cache line each). Nothing is promised by a slot: the frame that it leads
to is read and its whole key and checksums compared, so that a slot that is stale, overwritten or half evicted is a
miss. All changes are one compare-and-swap of one word; no lock is held, so a process may be killed or stopped anywhere.

A segment has a line: its identity (which is its file's name, and grows with time), how much of it is whole, its
salt, who writes it. A line changes hands only through CLEARED, when no slot leads to it any more (`sweep`).

The memory has no name in the file system. Who wants it inherits it by fork; nobody can cut it short. Files are read
with pread alone, never mapped.
"""

import errno
import os
import struct
from typing import NamedTuple

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EACCES, EMFILE, ENFILE, ENOENT
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset
from posix.mman cimport MAP_FAILED, munmap
from posix.unistd cimport close, getpid

from gateway._speedups.ledger cimport ledger_add, ledger_load, ledger_store, ledger_swap

from gateway._speedups.ledger import process_identity

ENTRY = 1
"""Found by its key."""
VECTOR = 2
"""Handed to every process by `tail`, as PURGE is."""
PURGE = 3
ENTRIES = 1
"""A segment's stream: frames that are found by key."""
LOG = 2
"""The other stream: frames that are handed out by `tail`."""
HEAD_SIZE = 80
UNIT_SIZE = 16
SEGMENT_HEAD = 64
"""Bytes before a segment's first frame."""
LARGEST_SEGMENT = 64 << 20
"""Bytes after which the next segment begins: places in it are told in 22 bits."""
LINES = 1 << 14
EVERYBODY = 1 << 63
"""As a purge's scope: all that there are. A tenant's has 63 bits."""

cdef enum:
    HEAD = 80
    UNIT = 16
    START = 64
    MAGIC = 0xFE4347FF
    CHUNK = 256 << 10
    PEEK = 4096
    GATHERED = 128 << 10    # bytes that are written together
    KIND_ERASED = 0
    KIND_ENTRY = 1
    KIND_VECTOR = 2
    KIND_PURGE = 3
    # words of the header
    LOG_VERSION = 8
    HIGH = 16
    OLD_BELOW = 24
    PURGED = 32
    PURGE_OWNER = 33
    PURGED_ALL = 34
    COUNTERS = 40
    COUNTER_WORDS = 16
    HEADER_WORDS = 512
    # words of a line; it changes hands by the first
    IDENTITY = 0
    SIZE = 1
    FRAMES = 2
    LATEST = 3
    OWNER = 4
    STREAM = 5
    SALT = 6
    LINE_WORDS = 8
    FREE = 0
    CLEARED = 1
    MADE = 2
    # words of a purge
    SCOPE = 0
    BEFORE = 1
    DONE = 2
    PURGE_WORDS = 4
    WAYS = 8
    MOST_LINES = 16384
    MOST_PURGES = 8192
    MOST_SEGMENT = 0x4000000
    MOST_PAYLOAD = 0x40000000
    IN_ENTRIES = 1
    IN_LOG = 2
    # what became of looking at a slot
    MISS = 0
    HIT = 1

cdef int64_t FOREVER = 0x7FFFFFFFFFFFFFFF
cdef uint64_t SPREAD = 0x9E3779B97F4A7C15U
cdef uint64_t ALL_SCOPES = 0x8000000000000000U
cdef int64_t LOOK = 1_000_000_000

COUNTERS_NAMES = (
    "entries", "evicted", "evicted_bytes", "expired", "purged", "damaged", "refused", "lost", "carried", "written",
)
"""Numbers that all processes count in together."""


include "shelf_bytes.pxi"


class Line(NamedTuple):
    """A segment as all processes know it. `size` bytes of it are whole; `owner` is 0 when nobody writes it any more;
    `latest` is when its last frame expires (ns), `salt` 0 until somebody has looked into the file."""

    number: int
    identity: int
    stream: int
    size: int
    frames: int
    latest: int
    owner: int
    salt: int


class Frame(NamedTuple):
    """A frame as it was written; times in Unix seconds. `offset` is its place in its segment."""

    kind: int
    key: bytes
    scope: int
    written: float
    expires: float
    payload: bytes
    offset: int
    length: int


cdef class Found:
    """An entry: its payload, when it was written and when it expires (Unix seconds)."""

    def __init__(self):
        raise TypeError("use Reader.get")

    @property
    def id(self) -> str:
        """By which `forget` knows it."""
        return self.key[:16].hex()


include "shelf_index.pxi"
include "shelf_writer.pxi"
include "shelf_gathered.pxi"
include "shelf_reader.pxi"
