"""Sums by every dimension, top lists, exports, and what retention leaves."""

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest
from journal_made import ids, nothing, unpriced
from sqlalchemy import Engine, text

from gateway.config.records_model import Records
from gateway.control.retention import Retention
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage
from gateway.store import usage
from gateway.store.engine import open_engine, upgrade
from gateway.store.export import as_csv, as_json, flat
from gateway.store.hours import add_up
from gateway.store.measures import DAY, HOUR
from gateway.store.records import Batch, keep
from gateway.store.rows import add
from gateway.store.usage import COLUMNS, ORDERS, Question, ask, dearest, found


def put(engine: Engine, *given: Record) -> None:
    batch = Batch()
    for record in given:
        add(batch, record, nothing, unpriced)
    with engine.begin() as connection:
        keep(connection, batch, 1)


def spent(name: str, at: int, cost: int | None, **more: object) -> Record:
    return Record(name, wall_ns=at, status=200, usage=Usage(100, 10, cached=5), cost_nano_usd=cost, **more)  # type: ignore[arg-type]


@pytest.fixture
def asked(engine: Engine) -> Engine:
    put(
        engine,
        spent("a", 10, 500, team="red", model="m1", tags=("x", "y"), total_ns=4_000_000),
        spent("b", HOUR + 1, 700, team="red", model="m2", tags=("x",), total_ns=40_000_000),
        spent("c", DAY + 1, None, team="blue", model="m1"),
        Record("d", wall_ns=DAY + 2, status=429, error="rate_limited", team="blue"),
        spent("e", DAY + 3, 9000, team="blue", model="m1", shadow=True),
    )
    return engine


def table(engine: Engine, question: Question) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [(*one.by.values(), one.requests, one.nano_usd) for one in ask(connection, question)]


def test_by_team(asked: Engine) -> None:
    with asked.connect() as connection:
        blue, red = ask(connection, Question(by=("team",)))
    assert (red.by, red.requests, red.errors, red.nano_usd, red.unpriced) == ({"team": "red"}, 2, 0, 1200, 0)
    assert red.tokens["input"] == 200
    assert (blue.requests, blue.errors, blue.nano_usd, blue.unpriced) == (2, 1, 0, 1)
    assert flat(blue)["nano_usd"] is None  # unknown is not zero
    assert red.p50_ms is not None
    assert 3 <= red.p50_ms <= 5
    assert red.p99_ms is not None
    assert 30 <= red.p99_ms <= 50


def test_by_time_and_tag(asked: Engine) -> None:
    assert table(asked, Question(by=("hour",))) == [(0, 1, 500), (HOUR, 1, 700), (DAY, 2, 0)]
    assert table(asked, Question(by=("day", "model"), until_ns=DAY)) == [(0, "m1", 1, 500), (0, "m2", 1, 700)]
    assert table(asked, Question(by=("tag",))) == [("x", 2, 1200), ("y", 1, 500)]
    assert table(asked, Question(where=(("tag", ("y",)),))) == [(1, 500)]


def test_the_whole_and_nothing(asked: Engine) -> None:
    assert table(asked, Question()) == [(4, 1200)]
    assert table(asked, Question(shadows=True)) == [(5, 10200)]
    assert table(asked, Question(since_ns=2 * DAY)) == []


def test_top_lists(asked: Engine) -> None:
    assert table(asked, Question(by=("model",), order="nano_usd", most=1)) == [("m2", 1, 700)]
    with asked.connect() as connection:
        assert [row["request_id"] for row in dearest(connection, Question(most=2))] == ["b", "a"]
        assert [
            row["request_id"] for row in found(connection, Question(where=(("team", ("blue",)),)), 1)
        ] == [
            "c",
            "d",
        ]


@pytest.mark.parametrize("name", COLUMNS)
def test_every_dimension_and_order(asked: Engine, name: str) -> None:
    for order in ORDERS:
        assert table(asked, Question(by=(name,), order=order))


@pytest.mark.parametrize(
    "question",
    [Question(by=("team; DROP TABLE records",)), Question(where=(("id", (1,)),)), Question(order="x")],
)
def test_unknown_names_are_refused(asked: Engine, question: Question) -> None:
    with asked.connect() as connection, pytest.raises(ValueError, match="there are"):
        ask(connection, question)


def test_values_are_parameters(asked: Engine) -> None:
    hostile = "'; DROP TABLE records; --"
    put(asked, Record("f", wall_ns=1, team=hostile))
    assert table(asked, Question(where=(("team", (hostile,)),))) == [(1, 0)]
    assert len(ids(asked)) == 6


def test_a_providers_lies_have_a_sum(engine: Engine) -> None:
    most = 2**63 - 1
    lies = Usage(most, most, most, most, most)
    put(
        engine,
        *(
            Record(f"r{n}", wall_ns=n, usage=lies, cost_nano_usd=most, saved_nano_usd=most)
            for n in range(200)
        ),
    )
    with engine.connect() as connection:
        told = ask(connection, Question())[0]
    assert told.nano_usd == told.saved_nano_usd == told.tokens["input"] == 200 << 45


def test_exports(asked: Engine) -> None:
    put(asked, Record("=g", wall_ns=5, requested_model='=cmd|"x"!A1', dropped=("stop",)))
    with asked.connect() as connection:
        rows = list(found(connection, Question()))
    lines = [json.loads(line) for line in as_json(rows)]
    assert lines[0]["tags"] == ["x", "y"]
    assert lines[2]["cost_nano_usd"] is None
    sheet = list(csv.DictReader(io.StringIO(b"".join(as_csv(rows)).decode())))
    assert [row["cost_nano_usd"] for row in sheet] == ["500", "700", "", "", ""]
    assert sheet[4]["requested_model"] == '\'=cmd|"x"!A1'


async def test_retention_by_age_and_number(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.store.retention.PIECE", 7)
    monkeypatch.setattr("gateway.control.retention.PAUSE", 0)
    put(engine, *(spent(f"r{n:02d}", n * 10**9, 1, tags=("t",), prompt="p", answer="a") for n in range(50)))

    def now() -> int:
        return 100 * 10**9

    assert await Retention(engine, Records(keep=80.0, keep_bodies=0), now).clean() == 0  # in no sum yet
    assert add_up(engine) == 50
    assert await Retention(engine, Records(keep=80.0, keep_bodies=70.0), now).clean() == 20 + 10
    assert ids(engine) == [f"r{n:02d}" for n in range(20, 50)]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM record_bodies")).scalar() == 20
        assert connection.execute(text("SELECT count(*) FROM record_tags")).scalar() == 30
    assert await Retention(engine, Records(keep=0, keep_bodies=0, most=5), now).clean() == 25
    assert ids(engine) == [f"r{n:02d}" for n in range(45, 50)]


async def test_a_smaller_store_gives_room_back(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    upgrade(engine)
    put(engine, *(spent(f"r{n}", n, 1, prompt="p" * 5000) for n in range(400)))
    with engine.connect() as connection:
        before = connection.execute(text("PRAGMA page_count")).scalar()
    add_up(engine)
    await Retention(engine, Records(keep=60.0)).clean()
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA page_count")).scalar() < before / 4
        assert connection.execute(text("PRAGMA freelist_count")).scalar() == 0
    engine.dispose()


def test_times_are_told_to_the_microsecond() -> None:
    answer = msgspec.structs.replace(usage.nothing(("team",)), p50_ms=4.399999999999999, p95_ms=12.00049)
    row = flat(answer)
    assert (row["p50_ms"], row["p95_ms"], row["p99_ms"]) == (4.4, 12.0, None)
