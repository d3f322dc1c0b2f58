"""The journal of one worker: every finished request, in one write each, before the last byte of its answer leaves.

What was written survives the worker's death; it is read by the control process (`control/ingestion.py`). A worker holds
a lock on the file that it writes, so that its reader knows when nothing more will come.
"""

import fcntl
import os
import secrets
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from time import monotonic, time_ns
from zlib import crc32

import msgspec

from gateway.schemas.record import Record
from gateway.telemetry.frames import HEAD, LONGEST, MARK
from gateway.telemetry.logs import log

SUFFIX = ".log"
YOUNG = ".new"
"""What a file is called until it is locked."""
LONGEST_TEXT = 512
"""Characters of each text of a record that is too long to be kept whole."""
QUIET = 60.0
"""Seconds between two lines of the log about records that could not be kept."""
AGAIN = 1.0
"""Seconds until a file that could not be made is tried again."""

Lost = Callable[[], None]


class Journal:
    """Appends to `folder`; never raises and never waits for the disk to be in order.

    `lost` is called for each record that could not be kept. A file of more than `segment` bytes is followed by the next
    one. `client` is full, masked or off: how much of callers' addresses is kept.
    """

    def __init__(
        self,
        folder: Path,
        worker: int,
        lost: Lost,
        *,
        segment: int = 64 << 20,
        client: str = "full",
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._folder = folder
        self._name = f"{time_ns():016x}{secrets.token_hex(4)}-{worker}"
        self._lost = lost
        self._segment = segment
        self._client = client
        self._clock = clock
        self._number = 0
        self._file = -1
        self._size = 0
        self._quiet_until = 0.0
        self._unsaid = 0
        self._retry_at = 0.0
        self._encode_into = msgspec.msgpack.Encoder().encode_into
        self._buffer = bytearray(4096)
        self._turn()

    def write(self, record: Record) -> None:
        """Keeps the record, or counts it as lost."""
        if self._client != "full":
            record.client = masked(record.client) if self._client == "masked" else ""
        buffer = self._buffer
        try:
            self._encode_into(record, buffer, HEAD.size)
            length = len(buffer) - HEAD.size
        except Exception:  # a text that has no bytes, or a number that msgpack has not
            length = LONGEST + 1
        if length > LONGEST:
            self._encode_into(plain(record), buffer, HEAD.size)
            length = len(buffer) - HEAD.size
        HEAD.pack_into(buffer, 0, MARK, length, crc32(memoryview(buffer)[HEAD.size :]))
        if self._size >= self._segment or self._file < 0:
            self._turn()
        try:
            written = os.write(self._file, buffer)
        except OSError as error:
            self._miss(error.strerror or "")
            return
        self._size += written
        if written != len(buffer):  # its reader passes over the piece that was written
            self._miss("the disk is full")

    def check(self) -> None:
        """To be called now and then: writes elsewhere when the file was removed, or could not be made."""
        if self._file < 0:
            self._turn()
        elif os.fstat(self._file).st_nlink == 0:
            log.error(
                "journal_removed", directory=str(self._folder), hint="what it held and was not stored is lost"
            )
            self._turn()

    def close(self) -> None:
        """Nothing more will be written."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._retry_at = float("inf")

    def _turn(self) -> None:
        """The next file. Where it cannot be made, the one that is there goes on."""
        if self._clock() < self._retry_at:
            return
        name = f"{self._name}-{self._number}"
        try:
            fresh = _locked(self._folder, name)
        except OSError as error:
            self._retry_at = self._clock() + AGAIN
            self._say(error.strerror or "")
            return
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size = fresh, 0
        self._number += 1

    def _miss(self, why: str) -> None:
        self._lost()
        self._unsaid += 1
        self._say(why)

    def _say(self, why: str) -> None:
        if self._clock() < self._quiet_until:
            return
        self._quiet_until = self._clock() + QUIET
        log.error(
            "journal_failed",
            directory=str(self._folder),
            error=why,
            records_lost=self._unsaid,
            hint="requests are served all the same; gateway_journal_lost_total counts records that are not kept",
        )
        self._unsaid = 0


def _locked(folder: Path, name: str) -> int:
    """A new file, locked before anybody can find it under its name. Raises OSError."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # parents are made with the usual mode, else
    folder.mkdir(mode=0o700, exist_ok=True)
    young = folder / (name + YOUNG)
    file = os.open(
        young, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
    )
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        young.rename(folder / (name + SUFFIX))
    except OSError:
        os.close(file)
        young.unlink(missing_ok=True)
        raise
    return file


def plain(record: Record) -> Record:
    """The record without bodies, with short texts of whole characters and numbers that every store takes."""
    found = msgspec.structs.replace(record, prompt="", answer="", plan="", usage=None)
    for name in Record.__struct_fields__:
        value = getattr(found, name)
        if isinstance(value, str):
            setattr(found, name, _short(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            setattr(found, name, max(-(2**63), min(value, 2**63 - 1)))
    found.dropped = tuple(_short(one) for one in record.dropped[:100])
    found.tags = tuple(_short(one) for one in record.tags[:100])
    found.attempts = [
        msgspec.structs.replace(
            one, provider=_short(one.provider), model=_short(one.model), cause=_short(one.cause), usage=None
        )
        for one in record.attempts[:100]
    ]
    return found


def _short(text: str) -> str:
    return text[:LONGEST_TEXT].encode("utf-8", "backslashreplace").decode()


def masked(address: str) -> str:
    """The network that an address is in: /24 or /48."""
    try:
        bits = 24 if ip_address(address).version == 4 else 48
        return str(ip_network((address, bits), strict=False).network_address)
    except ValueError:
        return ""
