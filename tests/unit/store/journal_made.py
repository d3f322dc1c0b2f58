"""Records, and journals that hold them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from gateway.control.ingestion import Ingestion
from gateway.schemas.record import Record
from gateway.store.records import records
from gateway.telemetry.journal import Journal


def nothing(*_: Any) -> None:
    """For callers that must be told nothing."""


def unpriced(record: Record) -> bool:
    return record.usage is not None and record.cost_nano_usd is None


def journal(folder: Path, lost: Callable[[], None] = nothing, **options: Any) -> Journal:
    return Journal(folder, 0, lost, **options)


def fill(written: Journal, first: int, last: int) -> None:
    for number in range(first, last):
        written.write(Record(f"r{number:06d}", status=200, wall_ns=number))


def ingestion(folder: Path, engine: Engine, count: Callable[[str, int], None] = nothing) -> Ingestion:
    return Ingestion(folder, engine, nothing, unpriced, count)


def ids(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(records.c.request_id).order_by(records.c.request_id)).scalars())


def expected(first: int, last: int) -> list[str]:
    return [f"r{number:06d}" for number in range(first, last)]
