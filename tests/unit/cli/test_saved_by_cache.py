"""What the cache saved: in the store, in `gateway usage`, in exports, and in stores that had no such column."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config as Migrations
from sqlalchemy import Engine, MetaData, Table, insert

from gateway.cli import main
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage
from gateway.store.engine import open_engine, upgrade
from gateway.store.export import as_csv, as_json, flat
from gateway.store.records import Batch, keep
from gateway.store.rows import add
from gateway.store.usage import Question, ask, found

Run = Callable[..., str]


def told(name: str, cache: str, cost: int | None, saved: int | None = None, **more: Any) -> Record:
    usage = Usage(1000, 10)
    return Record(
        name, status=200, cache=cache, usage=usage, cost_nano_usd=cost, saved_nano_usd=saved, **more
    )


def put(engine: Engine, *given: Record) -> None:
    batch = Batch()
    for record in given:
        add(batch, record, lambda _: None, lambda one: one.cost_nano_usd is None)
    with engine.begin() as connection:
        keep(connection, batch, 1)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = open_engine(f"sqlite:///{tmp_path}/gateway.db")
    upgrade(made)
    put(
        made,
        told("r1", "miss", 500, team="red"),
        told("r2", "hit", 0, 500, team="red"),
        told("r3", "semantic", 0, 700, team="blue"),
        told("r4", "coalesced", 0, None, team="blue"),
        told("r5", "", 9, team="blue"),
        told("r6", "checked", 800, shadow=True),
    )
    return made


@pytest.fixture
def run(tmp_path: Path, engine: Engine, capsys: pytest.CaptureFixture[str]) -> Run:
    def ran(*arguments: str) -> str:
        assert main(("usage", *arguments, "--data", str(tmp_path))) == 0
        return capsys.readouterr().out

    return ran


def test_usage_by_cache(run: Run) -> None:
    lines = [line.split() for line in run("--by", "cache").splitlines()]
    assert lines[0] == [
        *("CACHE", "REQUESTS", "ERRORS", "INPUT", "OUTPUT", "CACHED"),
        *("COST", "USD", "SAVED", "USD"),
    ]
    rows = {line[0]: line[1:] for line in lines[1:]}
    money = {name: (float(row[-2]), float(row[-1])) for name, row in rows.items()}
    assert money["miss"] == (500e-9, 0.0)
    assert money["semantic"] == (0.0, 700e-9)
    assert money["(none)"] == (9e-9, 0.0)
    assert money["all"] == (509e-9, 1200e-9)
    assert set(rows) == {"miss", "hit", "semantic", "coalesced", "(none)", "all"}


def test_without_a_cache_there_is_no_such_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = open_engine(f"sqlite:///{tmp_path}/gateway.db")
    upgrade(made)
    put(made, told("r1", "", 500, team="red"))
    assert main(("usage", "--by", "team", "--data", str(tmp_path))) == 0
    assert "SAVED" not in capsys.readouterr().out


def test_exports_say_it_too(engine: Engine, run: Run) -> None:
    rows = {row["cache"]: row for row in csv.DictReader(io.StringIO(run("--by", "cache", "--csv")))}
    assert (rows["semantic"]["saved_nano_usd"], rows["miss"]["saved_nano_usd"]) == ("700", "0")
    lines = [json.loads(line) for line in run("--by", "team", "--json").splitlines()]
    assert {line["team"]: line["saved_nano_usd"] for line in lines}["blue"] == 700
    with engine.connect() as connection:
        single = list(found(connection, Question(shadows=True)))
        groups = ask(connection, Question(by=("cache",), where=(("team", ("red",)),)))
    known = {row["request_id"]: row["saved_nano_usd"] for row in single}
    assert known == {"r1": None, "r2": 500, "r3": 700, "r4": None, "r5": None, "r6": None}
    assert json.loads(b"".join(as_json(single)).splitlines()[1])["saved_nano_usd"] == 500
    assert b"saved_nano_usd" in next(as_csv(single))
    assert {flat(one)["cache"]: flat(one)["saved_nano_usd"] for one in groups} == {"miss": 0, "hit": 500}


def test_a_store_of_before_keeps_what_it_has(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/old.db")
    settings = Migrations()
    settings.set_main_option("script_location", "gateway.store:migrations")
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0002_records")
        kinds: dict[type, Any] = {str: "", int: 7, bool: False}
        before = Table("records", MetaData(), autoload_with=connection)
        columns = [one for one in before.columns if one.name != "id"]
        connection.execute(insert(before).values({one.name: kinds[one.type.python_type] for one in columns}))
    upgrade(engine)
    put(engine, told("new", "hit", 0, 500))
    with engine.connect() as connection:
        rows = list(found(connection, Question()))
        assert [(row["request_id"], row["saved_nano_usd"]) for row in rows] == [("", None), ("new", 500)]
        assert ask(connection, Question())[0].saved_nano_usd == 500
