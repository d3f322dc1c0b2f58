"""What is in the journal gets into the store, each record once, whatever happens on the way."""

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from journal_made import expected, fill, ids, ingestion, journal
from postgres_house import House
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from gateway.schemas.record import Record
from gateway.store.engine import open_engine
from gateway.telemetry.frames import HEAD, MARK
from gateway.telemetry.journal import SUFFIX


def drained(job: Any) -> None:
    for _ in range(100):
        if not job.step():
            job.step()
            return
    raise AssertionError("there is no end to it")


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def test_rows_of_living_and_dead_workers(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    dead, living = journal(folder), journal(folder)
    fill(dead, 0, 1200)
    dead.close()
    fill(living, 1200, 1300)
    job = ingestion(folder, engine)
    drained(job)
    assert ids(engine) == expected(0, 1300)
    assert len(files(folder)) == 1  # the dead one's is stored, and gone
    fill(living, 1300, 1400)
    drained(ingestion(folder, engine))
    assert ids(engine) == expected(0, 1400)


def test_finished_segments_go(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    written = journal(folder, segment=4096)
    fill(written, 0, 300)
    assert len(files(folder)) > 3
    drained(ingestion(folder, engine))
    assert ids(engine) == expected(0, 300)
    assert len(files(folder)) == 1


def test_two_readers_at_once_store_each_record_once(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    written = journal(folder)
    one, other = ingestion(folder, engine), ingestion(folder, engine)
    for number in range(10):
        fill(written, 100 * number, 100 * number + 100)
        (one if number % 2 else other).step()
    drained(one)
    drained(other)
    assert ids(engine) == expected(0, 1000)


@pytest.mark.parametrize("seed", range(3))
def test_a_store_that_fails_anywhere_loses_and_doubles_nothing(
    engine: Engine, tmp_path: Path, seed: int
) -> None:
    """Statements and commits fail at random; half of the failed commits have happened all the same."""
    folder, draw = tmp_path / "journal", random.Random(seed)
    written = journal(folder)

    def fail(*_: Any) -> None:
        if draw.random() < 0.1:
            raise OperationalError("away", None, Exception("away"))

    class Forgetful(Exception):
        pass

    def commit(connection: Connection) -> None:
        if draw.random() < 0.2:
            connection.connection.dbapi_connection.commit()
            raise OperationalError("gone after the commit", None, Exception("gone"))

    event.listen(engine, "before_cursor_execute", fail)
    event.listen(engine, "commit", commit)
    job = ingestion(folder, engine)
    for number in range(40):
        fill(written, 50 * number, 50 * number + 50)
        job.step()
        if draw.random() < 0.2:
            job = ingestion(folder, engine)  # it died, and another one was started
    event.remove(engine, "before_cursor_execute", fail)
    event.remove(engine, "commit", commit)
    job.step()
    drained(job)
    assert ids(engine) == expected(0, 2000)


def test_a_torn_end_is_counted_and_passed_over(engine: Engine, tmp_path: Path) -> None:
    folder, counts = tmp_path / "journal", Counter[str]()
    written = journal(folder)
    fill(written, 0, 10)
    written.close()
    (path,) = files(folder)
    os.truncate(path, path.stat().st_size - 5)

    def count(name: str, number: int) -> None:
        counts[name] += number

    drained(ingestion(folder, engine, count))
    assert ids(engine) == expected(0, 9)
    assert counts["journal_damaged"] == 1
    assert counts["records_stored"] == 9
    assert files(folder) == []


def test_a_piece_of_a_living_workers_frame_is_waited_for(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    written = journal(folder)
    fill(written, 0, 3)
    (path,) = files(folder)
    whole = path.read_bytes()
    os.truncate(path, len(whole) - 7)
    job = ingestion(folder, engine)
    drained(job)
    assert ids(engine) == expected(0, 2)
    with path.open("ab") as file:
        file.write(whole[-7:])
    drained(job)
    assert ids(engine) == expected(0, 3)


def test_damage_in_the_middle_costs_what_it_hit(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    written = journal(folder)
    fill(written, 0, 20)
    written.close()
    (path,) = files(folder)
    data = bytearray(path.read_bytes())
    third = data.find(MARK, data.find(MARK, data.find(MARK, 1) + 1) + 1)
    data[third + HEAD.size + 3] ^= 0xFF
    path.write_bytes(data)
    drained(ingestion(folder, engine))
    assert ids(engine) == [one for one in expected(0, 20) if one != "r000003"]


def test_texts_that_no_database_takes(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    written = journal(folder)
    written.write(Record("a", requested_model="nul \0 in it", error="x" * 100_000, tags=("t", "t", "u\0")))
    written.write(Record("b", requested_model="lone \ud800 half"))
    written.write(Record("c", total_ns=2**80, prompt="p" * 2_000_000))
    fill(written, 0, 2)
    drained(ingestion(folder, engine))
    assert ids(engine) == ["a", "b", "c", *expected(0, 2)]


def test_postgres_stopped_and_started(postgres: House, engine: Engine, tmp_path: Path) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("this is about a server")
    folder = tmp_path / "journal"
    written = journal(folder)
    fill(written, 0, 100)
    job = ingestion(folder, engine)
    drained(job)
    postgres.stop()
    try:
        fill(written, 100, 900)
        assert job.step() == job.step() == 0
    finally:
        postgres.start()
    drained(job)
    assert ids(engine) == expected(0, 900)


def test_a_locked_file_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.store.engine.LOCK_WAIT", 0.05)
    store = open_engine(f"sqlite:///{tmp_path}/store.db")
    folder = tmp_path / "journal"
    written = journal(folder)
    fill(written, 0, 100)
    job = ingestion(folder, store)
    drained(job)
    with store.connect() as locker:
        locker.exec_driver_sql("ROLLBACK")
        locker.exec_driver_sql("BEGIN EXCLUSIVE")
        fill(written, 100, 200)
        assert job.step() == 0
        locker.exec_driver_sql("ROLLBACK")
        locker.exec_driver_sql("BEGIN")
    drained(job)
    assert ids(store) == expected(0, 200)
    store.dispose()
