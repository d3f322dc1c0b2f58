"""The ledger's file: made at once, recognised when whole, refused or replaced when not."""

import os
import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from gateway._speedups.ledger import (
    Ledger,
    LedgerDamaged,
    LedgerError,
    LedgerMismatch,
    Section,
    Table,
    table_sections,
)

SECTIONS = table_sections("things", slots=32, cells=3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def section_offset(path: Path, name: str) -> int:
    return Ledger.open(path, SECTIONS).sections[name][1]


def test_counters_survive_closing_and_opening(path: Path) -> None:
    first = Table(Ledger.create(path, SECTIONS), "things")
    first.add(first.locate(b"a"), 2, 41)
    del first
    again = Table(Ledger.open(path, SECTIONS), "things")
    again.add(again.locate(b"a"), 2, 1)
    keys, values = again.snapshot()
    assert keys == [b"a"]
    assert values[2] == 42


def test_create_replaces_and_the_old_mapping_stays_usable(path: Path) -> None:
    old = Table(Ledger.create(path, SECTIONS), "things")
    old.add(old.locate(b"a"), 0, 1)
    new = Table(Ledger.create(path, SECTIONS), "things")
    old.add(old.locate(b"b"), 0, 1)
    assert new.used == 0
    assert old.used == 2


def test_nothing_but_the_ledger_is_left_in_its_directory(path: Path) -> None:
    Ledger.create(path, SECTIONS)
    assert [entry.name for entry in path.parent.iterdir()] == ["ledger"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_all_of_the_file_is_allocated(path: Path) -> None:
    ledger = Ledger.create(path, SECTIONS)
    assert path.stat().st_size == ledger.size
    assert path.stat().st_blocks * 512 >= ledger.size


def test_no_room_is_an_error_at_creation_and_leaves_nothing(path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    script = f"""
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from gateway._speedups.ledger import Ledger, table_sections
try:
    Ledger.create({str(path)!r}, table_sections("things", slots=32, cells=3))
except OSError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", script], preexec_fn=limit, capture_output=True, text=True)
    assert done.stdout == "refused\n", done.stderr
    assert list(path.parent.iterdir()) == []


def test_a_reader_needs_only_its_own_sections(path: Path) -> None:
    later = (*SECTIONS, Section("budgets", 1, 64, 100))
    Ledger.create(path, later)
    assert "budgets" in Ledger.open(path, SECTIONS).sections
    with pytest.raises(LedgerMismatch):
        Ledger.open(path, (*later, Section("buckets", 1, 64, 100)))


@pytest.mark.parametrize(
    "needed",
    [
        table_sections("things", slots=64, cells=3),
        table_sections("things", slots=32, cells=9),
        table_sections("things", slots=32, cells=3, layout=2),
    ],
)
def test_another_shape_of_the_same_section_is_a_mismatch(path: Path, needed: tuple[Section, ...]) -> None:
    Ledger.create(path, SECTIONS)
    with pytest.raises(LedgerMismatch):
        Ledger.open(path, needed)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut_inside_the_header(path: Path) -> None:
    os.truncate(path, 100)


def cut_by_a_page(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def grown(path: Path) -> None:
    os.truncate(path, path.stat().st_size + 4096)


def something_else(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" * 4096)


def flipped_in_the_section_table(path: Path) -> None:
    overwrite(path, 256 + 64 + 40, b"\xff")


def of_another_version(path: Path) -> None:
    overwrite(path, 8, struct.pack("<I", 2))


def too_many_blocks_taken(path: Path) -> None:
    overwrite(path, section_offset(path, "things.index"), struct.pack("<q", 1 << 40))


def bucket_leads_outside(path: Path) -> None:
    overwrite(path, section_offset(path, "things.index") + 64 + 4 * 7, struct.pack("<I", 33))


def key_longer_than_its_slot(path: Path) -> None:
    Table(Ledger.open(path, SECTIONS), "things").locate(b"a")
    overwrite(path, section_offset(path, "things.keys"), struct.pack("<I", 249))


SPOILT = [
    emptied,
    cut_inside_the_header,
    cut_by_a_page,
    grown,
    something_else,
    flipped_in_the_section_table,
    of_another_version,
    too_many_blocks_taken,
    bucket_leads_outside,
    key_longer_than_its_slot,
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_spoilt_file_is_refused_by_workers_and_replaced_by_the_supervisor(path: Path, spoil) -> None:
    Ledger.create(path, SECTIONS)
    spoil(path)
    expected = LedgerMismatch if spoil is of_another_version else LedgerDamaged
    with pytest.raises(expected) as refusal:
        Ledger.open(path, SECTIONS)
    replaced = Ledger.prepare(path, SECTIONS)
    assert replaced.replaced == str(refusal.value) != ""
    assert Table(Ledger.open(path, SECTIONS), "things").used == 0


def test_a_missing_file_is_made_by_the_supervisor_only(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Ledger.open(path, SECTIONS)
    assert Ledger.prepare(path, SECTIONS).replaced == ""
    Ledger.open(path, SECTIONS)


def test_a_link_or_a_directory_is_not_followed(path: Path) -> None:
    Ledger.create(path, SECTIONS)
    link = path.with_name("link")
    link.symlink_to(path)
    for wrong in (link, path.parent):
        with pytest.raises((OSError, LedgerError)):
            Ledger.open(wrong, SECTIONS)


def test_prepare_keeps_counters_and_the_snapshot_number_but_ends_a_drain(path: Path) -> None:
    before = Ledger.prepare(path, SECTIONS)
    Table(before, "things").locate(b"a")
    before.publish()
    before.drain(10**18)
    after = Ledger.prepare(path, SECTIONS)
    assert Table(after, "things").used == 1
    assert after.snapshot_version == 1
    assert not after.draining


def test_every_mapping_sees_the_drain_and_the_snapshot_number(path: Path) -> None:
    supervisor, worker = Ledger.create(path, SECTIONS), Ledger.open(path, SECTIONS)
    assert (worker.draining, worker.drain_deadline_ns, worker.snapshot_version) == (False, 0, 0)
    supervisor.drain(123_456_789)
    assert supervisor.publish() == 1
    assert (worker.draining, worker.drain_deadline_ns, worker.snapshot_version) == (True, 123_456_789, 1)
    supervisor.resume()
    assert not worker.draining


def test_a_table_outlives_the_name_of_its_ledger(path: Path) -> None:
    table = Table(Ledger.create(path, SECTIONS), "things")
    path.unlink()
    table.add(table.locate(b"a"), 0, 5)
    assert table.snapshot()[1][0] == 5
