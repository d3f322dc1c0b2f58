"""Callers stand in a table of their own: rows of before are carried over, and who asked is stored once."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config as Migrations
from sqlalchemy import Connection, Engine, MetaData, Table, func, insert, select

from gateway.schemas.record import Record
from gateway.store.engine import open_engine, upgrade
from gateway.store.hours import add_up
from gateway.store.levels import hours
from gateway.store.records import WHO as WHO_KINDS
from gateway.store.records import Batch, asked_by, callers, keep, records
from gateway.store.rows import add
from gateway.store.spent import spent
from gateway.store.usage import Question, ask, ask_records, found

KINDS: dict[type, Any] = {str: "", int: 7, bool: False}
WHO = {
    "a": ("k1", "u1", "red", "o"),
    "b": ("k1", "u1", "red", "o"),
    "c": ("k2", "", "blue", "o"),
    "d": ("", "", "", ""),
}
FOREVER = 2**62


def migrated(connection: Connection, to: str) -> None:
    settings = Migrations()
    settings.set_main_option("script_location", "gateway.store:migrations")
    settings.attributes["connection"] = connection
    (command.downgrade if to == "0003_saved" else command.upgrade)(settings, to)


def old_row(connection: Connection, request_id: str) -> None:
    """A row as it was written before."""
    before = Table("records", MetaData(), autoload_with=connection)
    values = {one.name: KINDS[one.type.python_type] for one in before.columns if one.name != "id"}
    key, user, team, org = WHO[request_id]
    names = {"request_id": request_id, "key": key, "user": user, "team": team, "org": org, "cost_nano_usd": 5}
    connection.execute(insert(before).values(values | names))


def whose(engine: Engine) -> dict[str, tuple[str, ...]]:
    with engine.connect() as connection:
        rows = found(connection, Question(shadows=True))
        return {row["request_id"]: (row["key"], row["user"], row["team"], row["org"]) for row in rows}


def record(request_id: str, who: tuple[str, ...]) -> Record:
    key, user, team, org = who
    return Record(request_id, key=key, user=user, team=team, org=org, cost_nano_usd=5, status=200)


def store(engine: Engine, batch: Batch, *some: Record) -> None:
    for one in some:
        add(batch, one, lambda _: None, lambda _: False)
    with engine.begin() as connection:
        keep(connection, batch, 1)


def test_rows_of_before_keep_their_callers(bare: Engine) -> None:
    engine = bare
    with engine.begin() as connection:
        migrated(connection, "0002_records")
        for request_id in WHO:
            old_row(connection, request_id)
    upgrade(engine)
    assert whose(engine) == WHO
    assert add_up(engine) == len(WHO)
    store(engine, Batch(), record("new", WHO["c"]))
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(callers)).scalar() == 3
        sums = {one.by["team"]: one.requests for one in ask(connection, Question(by=("team",)))}
        assert sums == {"red": 2, "blue": 2, "": 1}
        assert ask(connection, Question(by=("team",))) == ask_records(connection, Question(by=("team",)))
        assert connection.execute(select(func.sum(hours.c.nano_usd))).scalar() == 20
        assert spent(connection, "team:blue", 0, FOREVER) == 10
    with engine.begin() as connection:
        migrated(connection, "0003_saved")
        old = Table("records", MetaData(), autoload_with=connection)
        rows = connection.execute(select(old.c.request_id, old.c.key, old.c.user, old.c.team, old.c.org))
        assert {row[0]: tuple(row[1:]) for row in rows} == WHO | {"new": WHO["c"]}


def test_a_caller_that_is_known_is_not_stored_again(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/new.db")
    upgrade(engine)
    first = Batch()
    store(engine, first, record("a", WHO["a"]), record("b", WHO["b"]), record("c", WHO["c"]))
    assert len(first.callers) == 2
    second = Batch(frozenset(first.callers))
    store(engine, second, record("e", WHO["a"]), record("d", WHO["d"]))
    assert [row[1:] for row in second.callers.values()] == [WHO["d"]]
    assert whose(engine) == WHO | {"e": WHO["a"]}


def test_names_that_end_elsewhere_are_other_callers(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/new.db")
    upgrade(engine)
    store(engine, Batch(), record("a", ("k", "ab", "", "")), record("b", ("k", "a", "b", "")))
    assert whose(engine) == {"a": ("k", "ab", "", ""), "b": ("k", "a", "b", "")}


@pytest.mark.parametrize("name", WHO_KINDS)
def test_who_asked_is_found_by_the_index(tmp_path: Path, name: str) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/new.db")
    upgrade(engine)
    query = select(func.sum(records.c.cost_nano_usd)).where(asked_by(name, ("x",)), records.c.time_ns > 5)
    with engine.connect() as connection:
        words = query.compile(engine, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}").all()
    assert any("ix_records_caller (caller=? AND time_ns>?)" in row[3] for row in plan)
