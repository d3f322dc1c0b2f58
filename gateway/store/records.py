"""The tables of records, and how a batch of them gets in: each once, with the place in the journal up to which it goes.

Times are Unix nanoseconds, durations nanoseconds, costs nano-dollars; a cost that is NULL is unknown, not zero.
What the cache saved is NULL where it gave no answer, or one whose cost is unknown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    Table,
    Text,
    func,
    or_,
    select,
    update,
)

from gateway.schemas.governance import same_model
from gateway.store.metadata import metadata

Row = tuple[Any, ...]
"""The values of a row, in the order of ROW, CALLER, TAG or BODY; the first one is its id, of a record the second one
its caller's."""
_SERIAL = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts up by itself there

WHO = ("key", "user", "team", "org")
TEXTS = (
    *("request_id", "endpoint", "dialect", "requested_model", "provider", "model"),
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
"""In the order of `providers.prices.CostByKind`."""
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
    Column("caller", BigInteger, nullable=False),
    *(Column(name, Text, nullable=False) for name in TEXTS),
    Column("status", Integer, nullable=False),
    *(Column(name, Boolean(create_constraint=False), nullable=False) for name in FLAGS),
    *(Column(name, BigInteger, nullable=False) for name in (*TOKENS, *COUNTS)),
    Column("cost_nano_usd", BigInteger),
    *(Column(name, BigInteger) for name in COST_KINDS),
    Column("saved_nano_usd", BigInteger),
    *(Column(name, Text, nullable=False) for name in LISTS),
    sqlite_autoincrement=True,
)
Index("uq_records_request_id", records.c.request_id, unique=True)
Index("ix_records_time_ns", records.c.time_ns)
for _name in ("caller", "model"):
    Index(f"ix_records_{_name}", records.c[_name], records.c.time_ns)

callers = Table(
    "callers",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    *(Column(name, Text, nullable=False) for name in WHO),
)
"""Who asks: each key with its user, team and organisation. An index on every one of them would cost each record more
than all the rest of it does; the id is made of the names alone (`caller_id`), so that nobody has to look for it."""

with_callers = records.outerjoin(callers, callers.c.id == records.c.caller)
WHOLE = (
    *(records.c["id", "time_ns", "request_id"]),
    *(callers.c[name] for name in WHO),
    *(one for one in records.c if one.name not in ("id", "time_ns", "request_id", "caller")),
)
"""What is told of a record, to be selected from `with_callers`."""


def asked_by(
    name: str, values: Iterable[Any], caller: ColumnElement[int] = records.c.caller
) -> ColumnElement[bool]:
    """Whether the `caller` is of a key, user, team or org among these: said so that the index on callers is used."""
    return caller.in_(select(callers.c.id).where(callers.c[name].in_(values)))


def of_model(name: str) -> ColumnElement[bool]:
    """Whether a record counts to this model's account: it was asked for, or answered, in whatever case."""
    named = (records.c.requested_model, records.c.provider + "/" + records.c.model)
    found = [func.lower(one) == same_model(name) for one in named]
    if not name.isascii():  # what databases make of its letters differs
        found += [one == name for one in named]
    return or_(*found)


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


COMMON = (
    *("request_id", "caller", "endpoint", "dialect", "requested_model", "provider", "model"),
    *("answered_model", "finish", "client", "stream", "input_tokens", "output_tokens", "cached_tokens"),
    *(
        "reasoning_tokens",
        "time_ns",
        "waited_ns",
        "first_token_ns",
        "total_ns",
        "status",
        "tries",
        "overhead_ns",
    ),
    *("cost_nano_usd", "attempts", *COST_KINDS),
)
RARE: Mapping[str, str | int | bool | None] = {
    **dict.fromkeys(("error", "cache", "rule"), ""),
    **dict.fromkeys(("fallback", "estimated", "shadow"), False),
    **dict.fromkeys(("queued_ns", "resumed", "skipped"), 0),
    **dict.fromkeys(("cache_write_tokens", "cache_write_1h_tokens", "input_audio_tokens"), 0),
    **dict.fromkeys(("output_audio_tokens", "audio_ms", "searches"), 0),
    "cause": "",
    "cost_unknown": False,
    "dropped": "[]",
    "tags": "[]",
    "saved_nano_usd": None,
}
"""Columns that nearly always say the same, and what. A row of which that holds is stored by a statement that says it
too, for it is the values that are handed in which cost."""
ORDINARY = tuple(RARE.values())
WORTH = 8
"""So many rows at least for each statement that has all columns: statements cost too."""
ROW = (*COMMON, *RARE)
_COMMON = len(COMMON)
CALLER = ("id", *WHO)
TAG = ("request_id", "tag")
BODY = ("request_id", "time_ns", "prompt", "answer")


class Overtaken(Exception):
    """Somebody else has stored this piece of the journal meanwhile."""


class Batch:
    """Rows on their way in: those of each table, and the journal's files with the bytes (from, to) they came from.
    Callers by their ids; those that are `known` to be stored need not be stored again."""

    def __init__(self, known: Set[int] = frozenset()) -> None:
        self.known = known
        self.callers: dict[int, Row] = {}
        self.records: list[Row] = []
        self.tags: list[Row] = []
        self.bodies: list[Row] = []
        self.places: dict[str, tuple[int, int]] = {}

    def only(self, row: Row) -> "Batch":
        """The rows of one record."""
        single, request_id = Batch(), row[0]
        single.records = [row]
        single.callers = {row[1]: self.callers[row[1]]} if row[1] in self.callers else {}
        single.tags = [one for one in self.tags if one[0] == request_id]
        single.bodies = [one for one in self.bodies if one[0] == request_id]
        return single


def keep(connection: Connection, batch: Batch, now_ns: int) -> int:
    """Stores the batch, in the caller's transaction; the number of records that were new. Raises Overtaken."""
    for file, (before, after) in batch.places.items():
        _move(connection, file, before, after, now_ns)
    _insert(connection, "callers", CALLER, list(batch.callers.values()))
    stored = sum(_insert(connection, "records", *run) for run in _runs(batch.records))
    _insert(connection, "record_tags", TAG, batch.tags)
    _insert(connection, "record_bodies", BODY, batch.bodies)
    return stored


def _move(connection: Connection, file: str, before: int, after: int, now_ns: int) -> None:
    values = {"offset": after, "updated_ns": now_ns}
    if before == 0:
        made = _insert(connection, "journal_offsets", ("file", *values), [(file, *values.values())])
        if made == 1:
            return
    table = journal_offsets
    moved = connection.execute(
        update(table).where(table.c.file == file, table.c.offset == before).values(**values)
    )
    if moved.rowcount != 1:
        raise Overtaken(file)


def _runs(rows: list[Row]) -> Iterator[tuple[Sequence[str], list[Row], bool]]:
    """The rows with the columns that each statement takes, and whether the others are ordinary: those rows go first,
    for statements cost, and the order within a batch is no promise."""
    plain = [row[_COMMON:] == ORDINARY for row in rows]
    if plain.count(False) * WORTH > len(rows):
        yield ROW, rows, False
        return
    yield COMMON, [row[:_COMMON] for row, ordinary in zip(rows, plain, strict=True) if ordinary], True
    yield ROW, [row for row, ordinary in zip(rows, plain, strict=True) if not ordinary], False


def _insert(
    connection: Connection, table: str, columns: Sequence[str], rows: list[Row], ordinary: bool = False
) -> int:
    """Inserts the rows that are not there yet; how many those were. In the driver's own words: what SQLAlchemy does
    for each value costs more than SQLite's own work."""
    if not rows:
        return 0
    statement = _statement(connection.dialect.name, table, columns, ordinary)
    found = connection.exec_driver_sql(statement, rows, execution_options={"preserve_rowcount": True})
    return max(0, found.rowcount)


@cache
def _statement(dialect: str, table: str, columns: Sequence[str], ordinary: bool) -> str:
    """With `ordinary`, what is RARE is as it nearly always is."""
    place = "?" if dialect == "sqlite" else "%s"
    names = ", ".join(f'"{name}"' for name in (*columns, *(RARE if ordinary else ())))
    values = ", ".join([*[place] * len(columns), *(map(_literal, ORDINARY) if ordinary else ())])
    return f"INSERT INTO {table} ({names}) VALUES ({values}) ON CONFLICT DO NOTHING"  # noqa: S608 - no value in it


def _literal(value: str | int | bool | None) -> str:
    if value is None:
        return "NULL"
    return f"'{value}'" if isinstance(value, str) else str(value).upper()


def offsets(connection: Connection) -> dict[str, int]:
    """Up to where each file of the journal is stored."""
    table = journal_offsets
    return {row.file: row.offset for row in connection.execute(select(table.c.file, table.c.offset))}
