"""The tables of records, and how a batch of them gets in: each once, with the place in the journal up to which it goes.

Times are Unix nanoseconds, durations nanoseconds, costs nano-dollars; a cost that is NULL is unknown, not zero.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, Index, Integer, Table, Text, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.metadata import metadata

Row = Mapping[str, Any]
_SERIAL = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts up by itself there

TEXTS = (
    *(
        "request_id",
        "key",
        "user",
        "team",
        "org",
        "endpoint",
        "dialect",
        "requested_model",
        "provider",
        "model",
    ),
    *("answered_model", "error", "cause", "finish", "cache", "client", "rule"),
)
FLAGS = ("stream", "fallback", "estimated", "shadow", "cost_unknown")
TOKENS = (
    *("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "cache_write_1h_tokens"),
    *("reasoning_tokens", "input_audio_tokens", "output_audio_tokens", "audio_ms", "searches"),
)
COST_KINDS = (
    *("input_nano_usd", "cached_nano_usd", "cache_write_nano_usd", "output_nano_usd", "reasoning_nano_usd"),
    "request_nano_usd",
)
COUNTS = (
    "tries",
    "queued_ns",
    "waited_ns",
    "overhead_ns",
    "first_token_ns",
    "total_ns",
    "resumed",
    "skipped",
)
LISTS = ("attempts", "dropped", "tags")
"""JSON, as text."""

records = Table(
    "records",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("time_ns", BigInteger, nullable=False),
    *(Column(name, Text, nullable=False) for name in TEXTS),
    Column("status", Integer, nullable=False),
    *(Column(name, Boolean(create_constraint=False), nullable=False) for name in FLAGS),
    *(Column(name, BigInteger, nullable=False) for name in (*TOKENS, *COUNTS)),
    Column("cost_nano_usd", BigInteger),
    *(Column(name, BigInteger) for name in COST_KINDS),
    *(Column(name, Text, nullable=False) for name in LISTS),
    sqlite_autoincrement=True,
)
Index("uq_records_request_id", records.c.request_id, unique=True)
Index("ix_records_time_ns", records.c.time_ns)
for _name in ("key", "user", "team", "org", "model"):
    Index(f"ix_records_{_name}", records.c[_name], records.c.time_ns)

record_tags = Table(
    "record_tags",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("tag", Text, primary_key=True),
)

record_bodies = Table(
    "record_bodies",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("time_ns", BigInteger, nullable=False, index=True),
    Column("prompt", Text, nullable=False),
    Column("answer", Text, nullable=False),
)

journal_offsets = Table(
    "journal_offsets",
    metadata,
    Column("file", Text, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("updated_ns", BigInteger, nullable=False),
)


class Overtaken(Exception):
    """Somebody else has stored this piece of the journal meanwhile."""


class Batch:
    """Rows on their way in: those of each table, and the journal's files with the bytes (from, to) they came from."""

    def __init__(self) -> None:
        self.records: list[Row] = []
        self.tags: list[Row] = []
        self.bodies: list[Row] = []
        self.places: dict[str, tuple[int, int]] = {}

    def only(self, row: Row) -> "Batch":
        """The rows of one record."""
        single, request_id = Batch(), row["request_id"]
        single.records = [row]
        single.tags = [one for one in self.tags if one["request_id"] == request_id]
        single.bodies = [one for one in self.bodies if one["request_id"] == request_id]
        return single


def keep(connection: Connection, batch: Batch, now_ns: int) -> int:
    """Stores the batch, in the caller's transaction; the number of records that were new. Raises Overtaken."""
    for file, (before, after) in batch.places.items():
        _move(connection, file, before, after, now_ns)
    stored = _insert(connection, records, batch.records)
    _insert(connection, record_tags, batch.tags)
    _insert(connection, record_bodies, batch.bodies)
    return stored


def _move(connection: Connection, file: str, before: int, after: int, now_ns: int) -> None:
    values = {"offset": after, "updated_ns": now_ns}
    if before == 0:
        made = _insert(connection, journal_offsets, [{"file": file, **values}])
        if made == 1:
            return
    table = journal_offsets
    moved = connection.execute(
        update(table).where(table.c.file == file, table.c.offset == before).values(**values)
    )
    if moved.rowcount != 1:
        raise Overtaken(file)


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Inserts the rows that are not there yet; how many those were."""
    if not rows:
        return 0
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    found = connection.execute(
        make(table).on_conflict_do_nothing(), list(rows), execution_options={"preserve_rowcount": True}
    )
    return max(0, found.rowcount)


def offsets(connection: Connection) -> dict[str, int]:
    """Up to where each file of the journal is stored."""
    table = journal_offsets
    return {row.file: row.offset for row in connection.execute(select(table.c.file, table.c.offset))}
