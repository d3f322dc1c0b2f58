"""What is asked of the tables of governance: find, page, insert, change, delete; values only ever as parameters."""

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, insert, select, update

from gateway.store import governance

Row = dict[str, Any]


def new_id(prefix: str) -> str:
    """A name for a new thing: later ones sort behind, and nobody guesses it."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{os.urandom(8).hex()}"


def _row(row: Mapping[Any, Any]) -> Row:
    """With plain names: the database layer has a type of its own for some."""
    return {str(name): value for name, value in row.items()}


def find(connection: Connection, table: Table, id: str) -> Row | None:
    row = connection.execute(select(table).where(table.c.id == id)).mappings().first()
    return None if row is None else _row(row)


def find_by(connection: Connection, table: Table, column: str, value: str) -> Row | None:
    """The first row with this value."""
    row = connection.execute(select(table).where(table.c[column] == value).limit(1)).mappings().first()
    return None if row is None else _row(row)


def everything(connection: Connection, table: Table) -> list[Row]:
    """All rows, by id."""
    return list(each(connection, table))


def each(connection: Connection, table: Table) -> Iterator[Row]:
    """The same, one after the other: for the compiler of snapshots."""
    names = [str(column.name) for column in table.columns]
    found = connection.execute(select(table).order_by(table.c.id))
    return (dict(zip(names, row, strict=True)) for row in found)


def page(
    connection: Connection,
    table: Table,
    filters: Mapping[str, Any],
    after: str,
    most: int,
    *clauses: ColumnElement[bool],
    newest_first: bool = False,
) -> list[Row]:
    """At most `most` rows behind the id `after`, ordered by id, that have these values and hold for `clauses`."""
    wanted = [*clauses, *(table.c[name] == value for name, value in filters.items())]
    if after:
        wanted.append(table.c.id < after if newest_first else table.c.id > after)
    order = table.c.id.desc() if newest_first else table.c.id
    query = select(table).where(and_(True, *wanted)).order_by(order).limit(most)
    return [_row(row) for row in connection.execute(query).mappings()]


def add(connection: Connection, table: Table, values: Row) -> Row:
    """The new row. Raises sqlalchemy's IntegrityError where the id is taken or a reference leads nowhere."""
    now = int(time.time())
    row = {**values, "version": 1, "created": now, "updated": now}
    connection.execute(insert(table), [row])
    return row


def change(connection: Connection, table: Table, old: Row, changes: Row) -> Row | None:
    """The changed row; None where another change came first."""
    new = {**changes, "version": old["version"] + 1, "updated": int(time.time())}
    query = update(table).where(table.c.id == old["id"], table.c.version == old["version"]).values(new)
    return {**old, **new} if connection.execute(query).rowcount == 1 else None


def remove(connection: Connection, table: Table, old: Row) -> bool:
    """Whether it was still as `old` says. Raises IntegrityError where something refers to it."""
    query = delete(table).where(table.c.id == old["id"], table.c.version == old["version"])
    return connection.execute(query).rowcount == 1


def count(connection: Connection, table: Table, *wanted: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(and_(True, *wanted))).scalar_one()


def fact(connection: Connection, name: str) -> str:
    """What the store knows of itself; empty where it knows nothing."""
    table = governance.facts
    return connection.execute(select(table.c.value).where(table.c.name == name)).scalar() or ""


def learn(connection: Connection, name: str, value: str) -> None:
    """Remembers a fact that was not known."""
    connection.execute(insert(governance.facts), [{"name": name, "value": value}])
