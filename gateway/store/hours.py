"""Records are added up by the hour, hours by the day: what questions about long times go by, and what stays when the
records have gone.

Records are added in the order of their ids, each once: up to which one is said beside the sums and moves in the
transaction that adds them. A record that comes late belongs to its own hour all the same, and to its day. Days are made
when they are over.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, delete, func, select, text, update

from gateway.store.levels import (
    BY,
    NAMES,
    by_day,
    by_team,
    days,
    hours,
    merge,
    piece,
    prepare,
    progress,
    team_days,
)
from gateway.store.measures import DAY, HOUR, begin_of, of_records
from gateway.store.records import Overtaken, records

PIECE = 1 << 17
"""Records that are added at once: a group of them costs more than a record. So many of the largest numbers that a
record may have are 2⁶²."""
LONGEST_MODEL = 512
LONGEST_PROVIDER = 128
"""Characters: what PostgreSQL's index takes. Of records that are written now none is longer (`rows`)."""
GRACE = HOUR
"""So long after its end a day is made: hardly any of its records are still to come."""


def upto(connection: Connection) -> tuple[int, int]:
    """The id of the last record that is in the sums, and the first day that is in no sum of days."""
    found = connection.execute(select(progress.c.record, progress.c.day_ns)).one()
    return found.record, found.day_ns


def last(connection: Connection) -> int:
    """The id of the last record."""
    return connection.execute(select(func.max(records.c.id))).scalar() or 0


def add_up(engine: Engine, most: int = PIECE, least: int = 1) -> int:
    """Adds the next records, where there are `least`; how many ids that were. Nobody else's writing waits while they
    are added up, but only while their sums are stored. Raises Overtaken where somebody else has done it."""
    with engine.connect() as connection:
        (begin, day), end = _next(connection, most, least)
        if begin == end:
            return 0
        prepare(connection, _summed(begin, end))
        connection.execution_options(writes=True)
        with connection.begin():
            _move(connection, (begin, day), record=end)
            merge(connection, hours, piece)
            if (connection.execute(select(func.min(piece.c.starts_ns))).scalar() or 0) < day:
                late = by_day(piece, -(2**63) + 1, day)
                merge(connection, days, late)
                merge(connection, team_days, by_team(late.subquery("late")))
            piece.drop(connection)
    return end - begin


def _next(connection: Connection, most: int, least: int) -> tuple[tuple[int, int], int]:
    """How far everything is, and the id up to which is added. Below that nothing may follow: in PostgreSQL, ids of
    transactions that are under way are waited for."""
    with connection.begin():
        begin, end = upto(connection), last(connection)
    if end - begin[0] < max(1, least):
        return begin, begin[0]
    if connection.dialect.name == "postgresql":
        with connection.begin():
            connection.execute(text("LOCK TABLE records IN SHARE MODE"))
            end = last(connection)
    return begin, min(end, begin[0] + most)


def _move(connection: Connection, known: tuple[int, int], **to: int) -> None:
    at = progress.c.record == known[0], progress.c.day_ns == known[1]
    if connection.execute(update(progress).where(*at).values(**to)).rowcount != 1:
        raise Overtaken("usage_progress")


def _summed(begin: int, end: int) -> Select[Any]:
    r = records.c
    by: dict[str, ColumnElement[Any]] = {
        **{name: r[name] for name in BY[:-1]},
        "provider": func.substr(r.provider, 1, LONGEST_PROVIDER),
        "model": func.substr(r.model, 1, LONGEST_MODEL),
        "starts_ns": begin_of(r.time_ns, HOUR),
    }
    found = {one.name: one for one in of_records(records, latency=True)}
    values = [by[name].label(name) if name in by else found[name] for name in NAMES]
    return select(*values).where(r.id > begin, r.id <= end).group_by(*by.values())


def make_day(engine: Engine, now_ns: int) -> bool:
    """Adds up the hours of the first day that is over; whether there was one. Raises Overtaken as above."""
    with engine.connect() as connection:
        with connection.begin():
            known = upto(connection)
            first = select(func.min(hours.c.starts_ns)).where(hours.c.starts_ns >= known[1])
            found = connection.execute(first).scalar()
        if found is None or (day := found - found % DAY) + DAY + GRACE > now_ns:
            return False
        prepare(connection, by_day(hours, day, day + DAY))
        connection.execution_options(writes=True)
        with connection.begin():
            _move(connection, known, day_ns=day + DAY)
            merge(connection, days, piece)
            merge(connection, team_days, by_team(piece))
            piece.drop(connection)
    return True


def forget_hours(connection: Connection, before_ns: int) -> int:
    """Removes the oldest hour that was over before, and is in its day; how many sums. 0 when none is left."""
    return _forget(connection, hours, min(before_ns, upto(connection)[1]), HOUR)


def forget_days(connection: Connection, before_ns: int) -> int:
    """Removes the oldest day that was over before; how many sums. 0 when none is left."""
    return sum(_forget(connection, table, before_ns, DAY) for table in (days, team_days))


def _forget(connection: Connection, table: Table, before_ns: int, unit: int) -> int:
    oldest = connection.execute(select(func.min(table.c.starts_ns))).scalar()
    if oldest is None or oldest + unit > before_ns:
        return 0
    return connection.execute(delete(table).where(table.c.starts_ns == oldest)).rowcount
