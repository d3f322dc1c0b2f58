"""The worker's side of the journal: one write each, and requests go on whatever the disk says."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage
from gateway.telemetry import journal as journals
from gateway.telemetry.bodies import Bodies
from gateway.telemetry.frames import scan
from gateway.telemetry.journal import Journal, masked

RECORD = Record(
    "gw-1",
    status=200,
    attempts=[Attempt("openai", "gpt", cause="overloaded", usage=Usage(1, 2))],
    usage=Usage(3, 4),
    cost_nano_usd=0,
    dropped=("a", "b"),
    tags=("t",),
    client="192.0.2.77",
)


class Losses:
    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> None:
        self.number += 1


def stored(folder: Path) -> list[Record]:
    data = b"".join(path.read_bytes() for path in sorted(folder.glob("*.log")))
    return [msgspec.msgpack.decode(one, type=Record) for one in scan(data, final=True).payloads]


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    losses = Losses()
    Journal(tmp_path, 0, losses).write(RECORD)
    assert stored(tmp_path) == [RECORD]
    assert losses.number == 0


def test_one_write_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    write = os.write

    def counted(file: int, data: bytes) -> int:
        written.append(len(data))
        return write(file, data)

    journal = Journal(tmp_path, 0, Losses())
    monkeypatch.setattr(journals.os, "write", counted)
    journal.write(RECORD)
    journal.write(RECORD)
    assert len(written) == 2


def test_a_full_disk_is_counted_and_over_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = Losses()
    journal = Journal(tmp_path, 0, losses)
    write = os.write

    def full(file: int, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def almost_full(file: int, data: Any) -> int:
        return write(file, bytes(data)[:20])

    journal.write(RECORD)
    for kind in (full, almost_full):
        monkeypatch.setattr(journals.os, "write", kind)
        journal.write(RECORD)
    monkeypatch.setattr(journals.os, "write", write)
    journal.write(RECORD)
    assert losses.number == 2
    assert stored(tmp_path) == [RECORD, RECORD]


def test_a_device_that_is_really_full(tmp_path: Path) -> None:
    """The kernel's own ENOSPC."""
    losses = Losses()
    journal = Journal(tmp_path, 0, losses)
    with open("/dev/full", "wb") as full:
        os.dup2(full.fileno(), journal._file)
    journal.write(RECORD)
    assert losses.number == 1


def test_the_file_is_locked_as_long_as_it_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 3, Losses())
    (path,) = tmp_path.iterdir()
    with path.open("rb") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        journal.close()
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_after_a_segment_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0, Losses(), segment=1000)
    for _ in range(50):
        journal.write(RECORD)
    assert len(list(tmp_path.iterdir())) > 3
    assert len(stored(tmp_path)) == 50


def test_a_removed_file_is_noticed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0, Losses())
    (path,) = tmp_path.iterdir()
    path.unlink()
    journal.check()
    journal.write(RECORD)
    assert stored(tmp_path) == [RECORD]


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", "192.0.2.0"), ("2001:db8:1:2::3", "2001:db8:1::"), ("a socket", ""), ("", "")],
)
def test_masked_addresses(address: str, network: str) -> None:
    assert masked(address) == network


@pytest.mark.parametrize(("client", "kept"), [("masked", "192.0.2.0"), ("off", "")])
def test_addresses_are_kept_as_configured(tmp_path: Path, client: str, kept: str) -> None:
    Journal(tmp_path, 0, Losses(), client=client).write(msgspec.structs.replace(RECORD))
    assert stored(tmp_path)[0].client == kept


@pytest.mark.parametrize("secret", ["gw-abcdefgh12345", "gwa-abcdefgh12345", "Bearer abcdefgh12345"])
def test_the_gateways_own_keys_are_never_kept(secret: str) -> None:
    assert Bodies(99, [], every=True).text(b"[%s]" % secret.encode()) == "[***]"


def test_bodies_are_bounded_and_hold_no_secret() -> None:
    bodies = Bodies(40, ["[0-9]{16}"], every=True)
    record = Record("a")
    answer = bodies.begin(record, b'{"key": "sk-abcdefgh12345", "card": "4111111111111111", "more": 1}')
    assert answer is not None
    assert record.prompt == '{"key": "***", "card": "***", "more": 1}'[:40]
    for piece in ("ä" * 30, "ö" * 300):
        answer.hear(piece.encode())
    answer.note(record)
    assert record.answer == "ä" * 20


def test_bodies_of_keys_that_want_them_alone() -> None:
    bodies = Bodies(40, [], every=False)
    assert bodies.begin(Record("a"), b"x") is None
    assert bodies.begin(Record("a", keeps_bodies=True), b"x") is not None


def test_a_secret_at_the_edge_leaves_no_piece() -> None:
    bodies = Bodies(16, [], every=True)
    assert "sk-" not in bodies.text(b"0123456789 sk-abcdefgh12345")
