"""How much of the journal waits is told by who stores it, and goes on growing where nobody does."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from journal_made import journal, nothing, unpriced
from sqlalchemy import Engine

from gateway._speedups.ledger import Ledger
from gateway.control.ingestion import Ingestion
from gateway.control.segments import Piece, read
from gateway.control.waiting import backlog
from gateway.schemas.record import Record
from gateway.store.engine import open_engine
from gateway.telemetry.backlog import Backlog, Teller
from gateway.telemetry.cells import sections
from gateway.telemetry.exposition import Exposition

SECOND = 1_000_000_000
LONG_AGO = 1_000 * SECOND


class House:
    """A journal, and who stores it."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder / "journal"
        self.journal = journal(self.folder)
        self.told: list[Backlog] = []
        self.engine = engine

    def asked(self, name: str, ended_ns: int) -> None:
        self.journal.write(Record(name, wall_ns=ended_ns - SECOND, total_ns=SECOND, status=200))

    def job(self, engine: Engine | None = None) -> Ingestion:
        return Ingestion(self.folder, engine or self.engine, nothing, unpriced, nothing, self.told.append)

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir())


@pytest.fixture
def house(tmp_path: Path, engine: Engine) -> House:
    return House(tmp_path, engine)


def test_what_waits_is_told_with_its_oldest_record(house: House) -> None:
    assert backlog(house.folder / "nowhere", {}, 5) == Backlog(0, 5)
    house.asked("first", LONG_AGO)
    half = house.size
    house.asked("second", LONG_AGO + SECOND)
    (path,) = house.folder.iterdir()
    assert backlog(house.folder, {}, 5 * LONG_AGO) == Backlog(house.size, LONG_AGO)
    assert backlog(house.folder, {path.name: half}, 5 * LONG_AGO) == Backlog(
        house.size - half, LONG_AGO + SECOND
    )
    assert backlog(house.folder, {path.name: house.size}, 5 * LONG_AGO) == Backlog(0, 5 * LONG_AGO)


def test_of_what_is_no_record_the_files_time_counts(house: House) -> None:
    (path,) = house.folder.iterdir()
    path.write_bytes(b"\xff scribbled on, for longer than a head")
    found = backlog(house.folder, {}, time.time_ns() + LONG_AGO)
    assert found == Backlog(house.size, path.stat().st_mtime_ns)


def test_a_store_that_takes_all_leaves_nothing_waiting(house: House) -> None:
    house.asked("r", LONG_AGO)
    before = time.time_ns()
    assert house.job().step() == 1
    (found,) = house.told
    assert found.bytes == 0
    assert found.until_ns >= before


def test_a_store_that_goes_away_leaves_what_came_since(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.control.ingestion.TELL", 0)
    job = house.job()
    house.asked("stored", LONG_AGO)
    assert job.step() == 1
    stored = house.size
    away = tmp_path / "away"
    away.mkdir()
    job._engine = open_engine(f"sqlite:///{away}")  # a folder is no database
    for name in ("one", "two"):
        house.asked(name, 2 * LONG_AGO)
        assert job.step() == 0
    assert house.told[-1] == Backlog(house.size - stored, 2 * LONG_AGO)


def test_a_store_that_stays_away_is_asked_before_the_journal_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of two thousand records takes tens of milliseconds, which requests on the same core wait for."""
    monkeypatch.setattr("gateway.store.engine.LOCK_WAIT", 0.05)
    house = House(tmp_path, open_engine(f"sqlite:///{tmp_path / 'store.db'}"))
    job, places = house.job(), []
    house.asked("stored", LONG_AGO)
    assert job.step() == 1

    def counted(path: Path, place: int, *more: Any) -> Piece | None:
        places.append(place)
        return read(path, place, *more)

    monkeypatch.setattr("gateway.control.ingestion.read", counted)
    house.asked("waits", LONG_AGO)
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert [job.step() for _ in range(3)] == [0, 0, 0]
        assert len(places) == 1
    assert job.step() == 1
    assert len(places) == 2


def gauges(ledger: Ledger) -> dict[str, float]:
    page = Exposition(ledger, "1").render("")[0].decode()
    lines = [line.split() for line in page.splitlines() if line.startswith("gateway_journal_waiting_")]
    return {name.removeprefix("gateway_journal_waiting_"): float(value) for name, value in lines}


def test_every_process_tells_it_and_the_age_grows_by_itself(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "ledger", sections(series=8, events=64))
    assert gauges(ledger) == {}
    Teller(ledger).tell(Backlog(700, time.time_ns() - 60 * SECOND))
    found = gauges(ledger)
    assert found["bytes"] == 700
    assert 60 <= found["seconds"] < 600
    Teller(ledger).tell(Backlog(0, time.time_ns()))  # the next one, after the first has died
    found = gauges(ledger)
    assert found["bytes"] == 0
    assert found["seconds"] < 50
