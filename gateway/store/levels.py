"""The tables of sums: of hours and of days by callers, and of days by their teams. All have the same columns.

In the sums by teams, `caller` is one of a team's callers: whose key it is is not told there.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    func,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.measures import ADDED, COUNTED, DAY, TIMED, begin_of, of_sums
from gateway.store.metadata import metadata
from gateway.store.records import callers

KINDS = ("provider", "model", "endpoint", "status", "cache", "shadow")
BY = ("caller", *KINDS, "starts_ns")
"""What the sums are told apart by."""
_MOST = 1 << 57
"""No sum is larger: of providers' lies nobody needs to know more."""


def _columns() -> list[Column[Any]]:
    return [
        Column("starts_ns", BigInteger, primary_key=True, autoincrement=False),
        Column("caller", BigInteger, primary_key=True, autoincrement=False),
        *(Column(name, Text, primary_key=True) for name in ("provider", "model", "endpoint")),
        Column("status", Integer, primary_key=True, autoincrement=False),
        Column("cache", Text, primary_key=True),
        Column("shadow", Boolean(create_constraint=False), primary_key=True),
        *(Column(name, Integer, nullable=False) for name in (*COUNTED, *TIMED)),
        *(Column(name, BigInteger, nullable=False) for name in ADDED),
    ]


hours, days, team_days = (
    Table(name, metadata, *_columns(), sqlite_with_rowid=False)
    for name in ("usage_hours", "usage_days", "usage_team_days")
)
Index("ix_usage_days_caller", days.c.caller, days.c.starts_ns)
progress = Table(
    "usage_progress",
    metadata,
    Column("record", BigInteger, primary_key=True, autoincrement=False),
    Column("day_ns", BigInteger, nullable=False),
)
"""One row: the id of the last record that is in the sums, and the first day that is in no sum of days yet."""

piece = Table(
    "usage_piece",
    MetaData(),
    *(Column(one.name, one.type, nullable=False) for one in _columns()),
    prefixes=["TEMPORARY"],
)
"""Sums on their way into the others, seen by one connection alone."""
NAMES = [one.name for one in piece.c]


def prepare(connection: Connection, sums: Select[Any]) -> None:
    """Puts these into the piece, in a transaction that keeps nobody from writing."""
    with connection.begin():
        piece.drop(connection, checkfirst=True)
        piece.create(connection)
        connection.execute(piece.insert().from_select(NAMES, sums))


def by_day(source: Table, begin_ns: int, end_ns: int) -> Select[Any]:
    """Sums of hours as those of their days, from one moment to another."""
    starts = source.c.starts_ns
    by = {**{name: source.c[name] for name in BY}, "starts_ns": begin_of(starts, DAY)}
    return _grouped(source, by, [*by.values()]).where(starts >= begin_ns, starts < end_ns)


def by_team(source: Any) -> Select[Any]:
    """Sums of days by callers as those by their teams."""
    kinds = {name: source.c[name] for name in ("starts_ns", *KINDS)}
    by = {**kinds, "caller": func.min(source.c.caller)}
    joined = source.outerjoin(callers, callers.c.id == source.c.caller)
    whose: list[ColumnElement[Any]] = [callers.c.org, callers.c.team]
    return _grouped(source, by, [*whose, *kinds.values()]).select_from(joined)


def _grouped(source: Any, by: dict[str, ColumnElement[Any]], groups: list[ColumnElement[Any]]) -> Select[Any]:
    sums = {one.name: one for one in of_sums(source, latency=True)}
    values = [by[name].label(name) if name in by else sums[name] for name in NAMES]
    return select(*values).group_by(*groups)


def merge(connection: Connection, table: Table, sums: Any) -> None:
    """Adds these to a table's."""
    if connection.dialect.name == "postgresql":
        insert: Any = postgresql.insert(table)
        least: Any = func.least
    else:
        insert, least = sqlite.insert(table), func.min
    source = select(sums.subquery("added")) if isinstance(sums, Select) else select(sums)
    statement = insert.from_select(NAMES, source.where(true()))
    new = statement.excluded
    together: dict[str, Any] = {name: table.c[name] + new[name] for name in (*COUNTED, *TIMED)}
    together |= {name: least(table.c[name] + new[name], _MOST) for name in ADDED}
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=together))
