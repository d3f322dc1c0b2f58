"""The engine: a store by its URL, SQLite or PostgreSQL, set up so that it never waits for long.

It is synchronous and is used in threads: an outage of the store holds up nobody but them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as Migrations
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text

LOCK_WAIT = 5.0
"""Seconds for which another writer of SQLite's file is waited for."""
CONNECT_WAIT = 5
"""Seconds in which PostgreSQL has to answer a new connection."""
LONGEST_STATEMENT = 60
"""Seconds after which PostgreSQL gives up a statement."""
_MIGRATING = 0x67_77_73_74
"""The number of the advisory lock under which one process at a time changes PostgreSQL's tables."""


def open_engine(url: str) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql+psycopg://…`; connects when it is first used."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": LOCK_WAIT})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    waits = {
        "connect_timeout": CONNECT_WAIT,
        "tcp_user_timeout": 10_000,
        "options": f"-c statement_timeout={LONGEST_STATEMENT}s -c lock_timeout={int(LOCK_WAIT)}s",
    }
    return create_engine(parsed, connect_args=waits, pool_pre_ping=True, pool_size=4, max_overflow=4)


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # the driver would begin late, and never for a change of tables
    for pragma in (
        "auto_vacuum = INCREMENTAL",  # only heeded before the first table is made
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads, then writes what it concluded: SQLite's only writer from its very beginning."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


def upgrade(engine: Engine) -> None:
    """Makes and changes the tables as this version needs them. A store of a later version is left alone and refused."""
    settings = Migrations()
    settings.set_main_option("script_location", "gateway.store:migrations")
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATING})
        _run(settings, connection)


def _run(settings: Migrations, connection: Connection) -> None:
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
