"""The store as commands read it: on a connection that cannot write, and in words where it cannot be had."""

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import time
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from gateway.commands.screens import shown
from gateway.config import Config
from gateway.config.units import seconds
from gateway.control.recording import store_url
from gateway.store.engine import CONNECT_WAIT, LOCK_WAIT, LONGEST_STATEMENT

_AGO = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[mhdw])", re.ASCII)
_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


class Trouble(Exception):
    """What keeps a command from its work, and what to do about it; told in place of a trace."""

    def __init__(self, said: str, todo: str = "") -> None:
        super().__init__(said)
        self.said = said
        self.todo = todo


class WrongCall(Trouble):
    """An argument that says nothing which can be done."""


class NoDriver(Trouble):
    """A package that speaks to this store is missing."""


def tell(trouble: Trouble) -> int:
    """Says it on standard error; returns the exit code."""
    hint = f"\n    {trouble.todo}" if trouble.todo else ""
    print(f"gateway: {trouble.said}{hint}", file=sys.stderr)
    return 2 if isinstance(trouble, WrongCall) else 1


def read_only(config: Config) -> Engine:
    """The configured store; whatever is asked of it, it is not changed. Raises Trouble."""
    url = make_url(store_url(config))
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if not path.is_file():
            todo = (
                "give --config or --data as `gateway serve` gets it; the gateway makes it at its first start"
            )
            raise Trouble(f"there is no store at {shown(str(path))}", todo)
        place = f"file:{quote(str(path.absolute()))}?mode=ro"
        return create_engine(
            "sqlite://", creator=lambda: sqlite3.connect(place, LOCK_WAIT, uri=True), poolclass=NullPool
        )
    options = f"-c default_transaction_read_only=on -c statement_timeout={LONGEST_STATEMENT}s"
    waits = {"connect_timeout": CONNECT_WAIT, "options": options}
    try:
        return create_engine(url, connect_args=waits, poolclass=NullPool)
    except (ImportError, NoSuchModuleError):
        raise NoDriver("the store's driver is not installed", "pip install 'ai-gateway[postgres]'") from None


@contextmanager
def reading(config: Config) -> Iterator[Connection]:
    """A connection for questions. Raises Trouble for what goes wrong with it."""
    engine = read_only(config)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise trouble_of(error) from None
    finally:
        engine.dispose()


def trouble_of(error: DBAPIError) -> Trouble:
    """The driver's words are shown in their first line alone, which holds no parameters and no password."""
    first = shown(str(error.orig).partition("\n")[0])
    no_such = (
        getattr(error.orig, "sqlite_errorname", "") == "SQLITE_ERROR"
    )  # SQLite's words for a wrong statement
    if no_such or isinstance(error, ProgrammingError):
        todo = "start this version of the gateway once on it"
        return Trouble(f"the store is of another version: {first}", todo)
    if isinstance(error, OperationalError):
        return Trouble(f"the store cannot be read: {first}", "`gateway doctor` tells more")
    return Trouble(f"the store did not answer: {first}", "`gateway doctor` tells more")


def since(text: str, now: float | None = None) -> float:
    """The Unix time that `7d`, `24h`, `2026-11-01`, `2026-11-01T12:00` (UTC) or `all` begins at. Raises WrongCall."""
    if text == "all":
        return 0.0
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return max(0.0, (time() if now is None else now) - int(ago["number"]) * _UNITS[ago["unit"]])
    return date(text)


def date(text: str) -> float:
    """The Unix time of a day or a moment, UTC unless it says otherwise. Raises WrongCall."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise WrongCall(
            f"{shown(text)} is no time", "such as 7d, 24h, 30m, 2026-11-01 or 2026-11-01T12:00"
        ) from None


def duration(text: str) -> float:
    """Seconds. Raises WrongCall."""
    ago = _AGO.fullmatch(text)
    found = int(ago["number"]) * _UNITS[ago["unit"]] if ago else seconds(text)
    if found is None:
        raise WrongCall(f"{shown(text)} is no duration", "such as 30m, 1h or 7d")
    return found
