"""Sums of hours tell what the records tell, to the nano-dollar, whenever they were added; and stay when these go."""

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_made import nothing, unpriced
from sqlalchemy import Engine, func, select

from gateway.config.records_model import Records
from gateway.control.hands import Hands
from gateway.control.retention import Retention
from gateway.control.summing import LATEST, Summing
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage
from gateway.store import usage
from gateway.store.engine import open_engine, upgrade, writing
from gateway.store.hours import GRACE, add_up, make_day
from gateway.store.levels import days, hours, progress, team_days
from gateway.store.measures import DAY, HOUR
from gateway.store.records import Batch, Overtaken, keep, records
from gateway.store.rows import add
from gateway.store.usage import ORDERS, SUMMED, Question, ask, ask_records

BEGIN = 20_000 * DAY
_HALVES = (*range(6), *range(44, 54), *range(94, 100))
_TIMES = st.sampled_from([BEGIN + half * HOUR // 2 + more for half in _HALVES for more in (0, 1)])
_NAMES = st.sampled_from(("", "a", "b"))
_COSTS = st.one_of(st.none(), st.integers(0, 10**15))
_RECORDS = st.builds(
    dict,
    wall_ns=_TIMES,
    key=_NAMES,
    team=_NAMES,
    model=st.sampled_from(("m", "n", "x" * 600)),
    provider=_NAMES,
    endpoint=st.sampled_from(("chat_completions", "embeddings")),
    status=st.sampled_from((200, 429, 500)),
    error=st.sampled_from(("", "rate_limited")),
    cache=st.sampled_from(("", "hit")),
    shadow=st.booleans(),
    usage=st.one_of(st.none(), st.builds(Usage, st.integers(0, 10**6), st.integers(0, 10**6))),
    cost_nano_usd=_COSTS,
    saved_nano_usd=_COSTS,
    total_ns=st.integers(0, 10**12),
)
_DIMENSIONS = st.sampled_from(SUMMED)
_VALUES: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("org", "user", "endpoint", "cache"), ("", "hit", "embeddings")),
    **dict.fromkeys(("team", "key", "provider"), ("", "a")),
    "model": ("m", "x"),
    "status": (200, 500),
    "hour": (BEGIN, BEGIN + 3 * HOUR),
    "day": (BEGIN,),
}
_QUESTIONS = st.builds(
    Question,
    since_ns=st.one_of(st.just(0), _TIMES),
    until_ns=st.one_of(st.just(2**63 - 1), _TIMES),
    by=st.lists(_DIMENSIONS, max_size=3, unique=True).map(tuple),
    where=st.lists(st.sampled_from(tuple(_VALUES.items())), max_size=2, unique_by=lambda pair: pair[0]).map(
        tuple
    ),
    order=st.sampled_from(("", *ORDERS)),
    shadows=st.booleans(),
    latency=st.booleans(),
)
_numbers = itertools.count()


def put(engine: Engine, *given_records: dict[str, Any]) -> None:
    batch = Batch()
    for one in given_records:
        add(batch, Record(f"r{next(_numbers)}", **one), nothing, unpriced)
    with writing(engine) as connection:
        keep(connection, batch, 1)


def emptied(engine: Engine) -> None:
    with writing(engine) as connection:
        last = connection.execute(select(func.max(records.c.id))).scalar()
        if last is not None:
            connection.execute(progress.update().values(record=last, day_ns=0))
        for table in (records, hours, days, team_days):
            connection.execute(table.delete())


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store for many examples."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('hours')}/store.db")
    upgrade(engine)
    yield engine
    engine.dispose()


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.lists(_RECORDS, min_size=1, max_size=8), st.sampled_from((0, 3, 100))), max_size=4),
    st.lists(_QUESTIONS, min_size=3, max_size=5),
)
def test_sums_of_hours_and_records_tell_the_same(
    lasting: Engine, turns: list[tuple[list[dict[str, Any]], int]], questions: list[Question]
) -> None:
    emptied(lasting)
    for some, most in turns:
        put(lasting, *some)
        if most:
            add_up(lasting, most)
            make_day(lasting, BEGIN + most * DAY)
    with lasting.connect() as connection:
        for question in questions:
            assert ask(connection, question) == ask_records(connection, question)


def test_what_is_summed_is_told_once_by_either_database(engine: Engine) -> None:
    """Late records of an hour that was added up before belong to it; a copy for a shadow is told apart."""
    one: dict[str, Any] = {"wall_ns": BEGIN + 5, "team": "red", "model": "m", "usage": Usage(10, 5)}
    put(engine, *({**one, "cost_nano_usd": 7 + n, "total_ns": n * 10**6} for n in range(20)))
    assert add_up(engine) == 20
    late = {**one, "wall_ns": BEGIN + HOUR - 1, "cost_nano_usd": 1000, "total_ns": 10**12}
    put(engine, late, {**late, "wall_ns": BEGIN + HOUR}, {**late, "shadow": True})
    assert add_up(engine, 1) == 1
    whole = Question(since_ns=BEGIN, by=("team", "model", "hour"))
    questions = [whole]
    for since, until in ((BEGIN, BEGIN + HOUR), (BEGIN + 6, BEGIN + 2 * HOUR), (0, BEGIN + HOUR + 1)):
        questions += (Question(since, until, ("team",)), Question(since, until, (), (("team", ("red",)),)))
    with engine.connect() as connection:
        for question in (*questions, Question(shadows=True), Question(where=(("model", ("m",)),))):
            assert ask(connection, question) == ask_records(connection, question)
        first, second = ask(connection, whole)
    assert (first.nano_usd, first.requests) == (sum(range(7, 27)) + 1000, 21)
    assert (second.nano_usd, second.requests) == (1000, 1)


def test_days_are_made_of_hours_and_take_what_comes_late(engine: Engine) -> None:
    def one(at: int, key: str, team: str) -> dict[str, Any]:
        return {
            "wall_ns": BEGIN + at,
            "key": key,
            "team": team,
            "model": "m",
            "cost_nano_usd": 1,
            "total_ns": at,
        }

    whose = (("k1", "red"), ("k2", "red"), ("k3", "blue"))
    put(engine, *(one(n * HOUR, *who) for n in range(60) for who in whose))
    add_up(engine, 100)
    assert not make_day(engine, BEGIN + DAY + GRACE - 1)
    assert make_day(engine, BEGIN + DAY + GRACE)
    assert not make_day(engine, BEGIN + DAY + GRACE)
    assert make_day(engine, BEGIN + 3 * DAY)  # the second day, though not all of it is added up
    with engine.connect() as connection:
        for table, number in ((days, 6), (team_days, 4)):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == number
    put(engine, one(5, "k1", "red"), one(6, "new", "green"))
    while add_up(engine, 50):
        pass
    put(engine, one(7, "k1", "red"))
    with engine.connect() as connection:
        for table in (days, team_days):
            assert connection.execute(select(func.sum(table.c.requests))).scalar() == 48 * 3 + 2
        for by in ("team", "key", "day", "model"):
            for times in ((0, 2**63 - 1), (BEGIN + 1, BEGIN + 30 * HOUR), (BEGIN + DAY, BEGIN + 2 * DAY)):
                question = Question(*times, (by,))
                assert ask(connection, question) == ask_records(connection, question)


def test_a_providers_lies_stop_no_sum(engine: Engine) -> None:
    most = 2**63 - 1
    for _ in range(3):
        put(engine, *({"wall_ns": BEGIN, "usage": Usage(most), "cost_nano_usd": most} for _ in range(50)))
        assert add_up(engine) == 50
    with engine.begin() as connection:
        connection.execute(hours.update().values(nano_usd=1 << 57))
    put(engine, {"wall_ns": BEGIN, "cost_nano_usd": most})
    assert add_up(engine) == 1
    with engine.connect() as connection:
        assert ask(connection, Question())[0].nano_usd == 1 << 57


def test_names_of_any_length_are_summed(engine: Engine) -> None:
    put(engine, {"wall_ns": BEGIN, "model": "\U0001f600" * 5000, "provider": "\u4e00" * 5000, "team": "red"})
    assert add_up(engine) == 1
    with engine.connect() as connection:
        question = Question(by=("model", "provider"))
        assert ask(connection, question) == ask_records(connection, question)
        assert ask(connection, question)[0].requests == 1


def test_two_that_add_at_once_add_once(engine: Engine) -> None:
    put(engine, *({"wall_ns": BEGIN + n, "cost_nano_usd": 1} for n in range(300)))
    overtaken: list[Overtaken] = []
    begin = threading.Barrier(3)

    def work() -> None:
        begin.wait()
        for _ in range(40):
            try:
                add_up(engine, 20)
            except Overtaken as error:
                overtaken.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with engine.connect() as connection:
        assert connection.execute(select(func.sum(hours.c.nano_usd))).scalar() == 300
        assert ask(connection, Question())[0].nano_usd == 300


def test_ids_of_a_transaction_under_way_are_waited_for(engine: Engine) -> None:
    """Of two writers the second one may be done first, which leaves a gap that is filled later."""
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    slow = engine.connect()
    transaction = slow.begin()
    batch = Batch()
    add(batch, Record("slow", wall_ns=BEGIN, key="slow", cost_nano_usd=5), nothing, unpriced)
    keep(slow, batch, 1)
    put(engine, {"wall_ns": BEGIN, "cost_nano_usd": 7})
    adding = threading.Thread(target=add_up, args=(engine,))
    adding.start()
    adding.join(0.3)
    transaction.commit()
    slow.close()
    adding.join(10)
    with engine.connect() as connection:
        assert connection.execute(select(func.sum(hours.c.nano_usd))).scalar() == 12


def test_what_is_added_meanwhile_is_not_told_twice(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    put(engine, *({"wall_ns": BEGIN + n, "cost_nano_usd": 1} for n in range(10)))
    answered = usage._answered
    moves = iter((5, 3, 0, 0))

    def meanwhile(*given_arguments: Any) -> Any:
        if most := next(moves):
            add_up(engine, most)
        return answered(*given_arguments)

    monkeypatch.setattr(usage, "_answered", meanwhile)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert ask(connection, Question())[0].nano_usd == 10


async def test_sums_stay_when_their_records_go(engine: Engine) -> None:
    put(engine, *({"wall_ns": BEGIN + n * HOUR, "cost_nano_usd": 1, "team": "red"} for n in range(50)))
    add_up(engine)

    def now() -> int:
        return BEGIN + 50 * HOUR

    kept = Records(keep=10 * 3600.0, keep_bodies=0, keep_sums=25 * 3600.0)
    assert await Retention(engine, kept, now).clean() == 40  # no hour goes that is in no day yet
    while make_day(engine, now()):
        pass
    await Retention(engine, kept, now).clean()
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(records)).scalar() == 10
        assert connection.execute(select(func.count()).select_from(hours)).scalar() == 10
        for by in ("team", "key"):
            assert ask(connection, Question(by=(by,)))[0].nano_usd == 26  # of the first day nothing is left
        assert ask(connection, Question(by=("error",)))[0].nano_usd == 10  # sums do not tell these apart


async def test_records_are_added_when_there_are_many_or_some_wait_long(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    upgrade(engine)
    now = 0.0
    job = Summing(engine, Hands(), lambda: now, piece=10)
    one = {"wall_ns": BEGIN}
    put(engine, one)
    assert await job.catch_up() == 1
    put(engine, *[one] * 9)
    assert await job.catch_up() == 0
    put(engine, *[one] * 16)
    assert await job.catch_up() == 20
    now += LATEST
    assert await job.catch_up() == 5
    with engine.connect() as connection:
        assert connection.execute(select(progress.c.record)).scalar() == 26
    engine.dispose()
