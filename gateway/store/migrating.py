"""Changes of the tables, step by step: imported only where there is one to be made."""

from alembic import command
from alembic.config import Config as Migrations
from sqlalchemy import Connection, Engine, text

from gateway.store.engine import writing

_MIGRATING = 0x67_77_73_74
"""The number of the advisory lock under which one process at a time changes PostgreSQL's tables."""


def migrate(engine: Engine) -> None:
    """Takes every step that is missing, in one transaction."""
    settings = Migrations()
    settings.set_main_option("script_location", "gateway.store:migrations")
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATING})
            connection.execute(text("SET LOCAL statement_timeout = 0"))  # a step may rewrite millions of rows
        _run(settings, connection)


def _run(settings: Migrations, connection: Connection) -> None:
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
