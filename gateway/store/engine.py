"""The engine: a store by its URL, SQLite or PostgreSQL, set up so that it never waits for long.

It is synchronous and is used in threads: an outage of the store holds up nobody but them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import SQLAlchemyError

LOCK_WAIT = 5.0
"""Seconds for which another writer of SQLite's file is waited for."""
CACHE = 8192
"""KiB of pages that who writes much keeps: those of the indices' ends, where new rows belong."""
CHECKPOINT = 4000
"""Pages of SQLite's log, 16 MiB, that are brought into its file at once: each that changed several times once."""
CONNECT_WAIT = 5
"""Seconds in which PostgreSQL has to answer a new connection."""
LONGEST_STATEMENT = 60
"""Seconds after which PostgreSQL gives up a statement."""
STEPS = Path(__file__).parent / "migrations" / "versions"


def open_engine(url: str, *, bulk: bool = False) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql+psycopg://…`; connects when it is first used. `bulk` is for who
    writes much."""
    parsed = make_url(url)
    given: dict[str, Any] = {"json_deserializer": msgspec.json.decode, "hide_parameters": True}
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": LOCK_WAIT}, **given)
        event.listen(engine, "connect", _prepare_sqlite)
        if bulk:
            event.listen(engine, "connect", _prepare_bulk)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    waits = {
        "connect_timeout": CONNECT_WAIT,
        "tcp_user_timeout": 10_000,
        "options": f"-c statement_timeout={LONGEST_STATEMENT}s -c lock_timeout={int(LOCK_WAIT)}s",
    }
    return create_engine(
        parsed,
        connect_args=waits,
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=4,
        **given,
    )


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # the driver would begin late, and never for a change of tables
    for pragma in (
        "auto_vacuum = INCREMENTAL",  # only heeded before the first table is made
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_bulk(connection: sqlite3.Connection, _: Any) -> None:
    connection.execute(f"PRAGMA cache_size = -{CACHE}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads, then writes what it concluded: SQLite's only writer from its very beginning."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


def upgrade(engine: Engine) -> None:
    """Makes and changes the tables as this version needs them. A store of a later version is left alone and refused:
    raises NewerStore.

    Nearly always there is nothing to do; what that needs is imported where there is.
    """
    known = sorted(path.stem for path in STEPS.glob("[0-9]*.py"))
    found = _steps(engine)
    if found == known[-1:]:
        return
    if newer := sorted(set(found) - set(known)):
        raise NewerStore(newer[-1], known[-1])
    from gateway.store.migrating import migrate

    migrate(engine)


class NewerStore(SQLAlchemyError):
    """A later version of the gateway has changed the tables; no other step is known than its name."""

    def __init__(self, step: str, known: str) -> None:
        super().__init__(
            f"the store is of a newer version of the gateway: its tables are at step {step}, this version knows those"
            f" up to {known}; run the newer version, or give this one another store (store.url)"
        )


def _steps(engine: Engine) -> list[str]:
    """The step that the tables are at; a step's file has its name. None of a new store."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return []
        found = connection.execute(text("SELECT version_num FROM alembic_version"))
        return [str(one) for one in found.scalars()]
