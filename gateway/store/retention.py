"""What is too old or too much goes, a small piece at a time, so that nobody waits long for the store."""

from sqlalchemy import ColumnElement, Connection, delete, func, select, text

from gateway.store import hours
from gateway.store.records import journal_offsets, record_bodies, record_tags, records

PIECE = 200
"""Rows that one transaction removes: other writers wait for it."""
PAGES = 200
"""Free pages that SQLite gives back to the disk at once."""


def forget(connection: Connection, before_ns: int) -> int:
    """Removes some of the records from before; how many. 0 when none is left."""
    return _forget(connection, records.c.time_ns < before_ns)


def forget_surplus(connection: Connection, most: int) -> int:
    """Removes some of the oldest records where there are more than `most`; how many."""
    highest, lowest = connection.execute(select(func.max(records.c.id), func.min(records.c.id))).one()
    if (
        highest is None or highest - lowest < most
    ):  # ids only grow: the span is never less than the number of rows
        return 0
    return _forget(connection, records.c.id <= highest - most)


def _forget(connection: Connection, which: ColumnElement[bool]) -> int:
    """None goes that is not in the sums of its hour yet."""
    known = records.c.id <= hours.upto(connection)[0]
    oldest = select(records.c.id, records.c.request_id).where(which, known).order_by(records.c.time_ns)
    oldest = oldest.limit(PIECE)
    found = connection.execute(oldest).all()
    if not found:
        return 0
    names = [request_id for _, request_id in found]
    for table in (record_tags, record_bodies):
        connection.execute(delete(table).where(table.c.request_id.in_(names)))
    connection.execute(delete(records).where(records.c.id.in_([number for number, _ in found])))
    return len(found)


def forget_bodies(connection: Connection, before_ns: int) -> int:
    """Removes some of the prompts and answers from before; how many."""
    old = select(record_bodies.c.request_id).where(record_bodies.c.time_ns < before_ns).limit(PIECE)
    names = connection.execute(old).scalars().all()
    if names:
        connection.execute(delete(record_bodies).where(record_bodies.c.request_id.in_(names)))
    return len(names)


def forget_places(connection: Connection, before_ns: int) -> None:
    """Removes the places of files that nobody has written for long; were one read again, its records are there."""
    connection.execute(delete(journal_offsets).where(journal_offsets.c.updated_ns < before_ns))


def shrink(connection: Connection) -> int:
    """Gives some free pages back to the disk; how many. PostgreSQL does so by itself (autovacuum)."""
    if connection.dialect.name != "sqlite":
        return 0
    free = text("PRAGMA freelist_count")
    before: int = connection.execute(free).scalar_one()
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA incremental_vacuum({PAGES})")
    cursor.fetchall()  # each step of the statement frees one page
    cursor.close()
    after: int = connection.execute(free).scalar_one()
    return before - after
