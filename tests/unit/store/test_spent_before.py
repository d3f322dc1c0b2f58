"""What accounts had spent by the records, when a new ledger asks."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from gateway.control.spending import began
from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage
from gateway.store.engine import upgrade
from gateway.store.records import Batch, keep
from gateway.store.rows import add
from gateway.store.spent import spent

DAY = 86_400_000_000_000


def unpriced(_: Record) -> None:
    pass


def known(_: Record) -> bool:
    return False


def record(id: str, cost: int, **fields: Any) -> Record:
    made = {
        "key": "k",
        "team": "t",
        "provider": "a",
        "model": "m",
        "requested_model": "fast",
        "total_ns": 1000,
    }
    return Record(id, wall_ns=10 * DAY, cost_nano_usd=cost, **(made | fields))


def fallen_back() -> Record:
    """Of 100, provider `a` cost 30 before it broke off, and `b` the rest."""
    tries = [Attempt("a", "m", usage=Usage(input=3), cost_nano_usd=30), Attempt("b", "m")]
    return record("r3", 100, provider="b", attempts=tries)


@pytest.mark.parametrize(
    ("account", "sum_of_all"),
    [
        ("key:k", 101),
        ("key:other", 10),
        ("team:t", 111),
        ("user:t", 0),
        ("provider:a", 41),
        ("provider:b", 70),
        ("model:a/m", 41),
        ("model:b/m", 70),
        ("model:fast", 111),
        ("model:A/M", 41),
        ("model:Fast", 111),
        ("key:k+model:B/m", 70),
        ("provider:A", 0),
        ("model:c+d", 0),
        ("key:other+provider:a", 10),
        ("key:k+model:b/m", 70),
        ("key:k+model:fast", 101),
    ],
)
def test_each_account_has_spent_what_the_records_say(tmp_path: Path, account: str, sum_of_all: int) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'store.db'}")
    upgrade(engine)
    batch = Batch()
    made = [
        record("r1", 1),
        record("r2", 10, key="other"),
        fallen_back(),
        record("copy", 1000, shadow=True),
        record("late", 10_000, total_ns=DAY),
        Record("early", key="k", provider="a", model="m", wall_ns=9 * DAY, cost_nano_usd=100_000),
    ]
    for one in made:
        add(batch, one, unpriced, known)
    with engine.begin() as connection:
        keep(connection, batch, 0)
        assert spent(connection, account, 10 * DAY, 11 * DAY) == sum_of_all


@pytest.mark.parametrize(
    ("period", "start"),
    [
        ("never", 0),
        ("day", 1_709_164_800),  # 2024-02-29, a Thursday
        ("week", 1_708_905_600),
        ("month", 1_706_745_600),
        ("rolling:3600", 1_709_210_096),
    ],
)
def test_a_period_begins_when_the_ledger_says_so(period: str, start: int) -> None:
    assert began(period, 1_709_213_696_000_000_000) == start * 1_000_000_000
