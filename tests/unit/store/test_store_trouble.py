"""What the log says of a store in trouble: one short line, and nothing that a statement was given."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, text
from sqlalchemy.exc import DBAPIError

from gateway.config import Config
from gateway.control.admin import server
from gateway.control.ingestion import Ingestion
from gateway.control.process import lasting
from gateway.control.recording import store_url
from gateway.store.engine import NewerStore, open_engine, upgrade, writing
from gateway.store.governance import orgs
from gateway.store.trouble import cause, trace

CANARY = "canary-of-a-caller"


def twice(connection: Connection) -> None:
    for _ in range(2):
        connection.execute(text("INSERT INTO facts (name, value) VALUES (:name, 'v')"), {"name": CANARY})


def without_what_is_needed(connection: Connection) -> None:
    connection.execute(insert(orgs).values(id="o", name=None, metadata={"note": CANARY}))


def of_nobody(connection: Connection) -> None:
    connection.execute(text("UPDATE no_table SET a = :a"), {"a": CANARY})


FAILURES = [twice, without_what_is_needed, of_nobody]


def failure(engine: Engine, statement: Callable[[Connection], None]) -> Exception:
    try:
        with writing(engine) as connection:
            statement(connection)
    except DBAPIError as error:
        return error
    raise AssertionError("it did not fail")


@pytest.mark.parametrize("statement", FAILURES)
def test_no_parameter_of_a_statement_is_told(engine: Engine, statement: Callable[[Connection], None]) -> None:
    plain = failure(engine, statement)
    try:
        raise ExceptionGroup("of a group of tasks", [RuntimeError("another"), plain])
    except ExceptionGroup as group:
        found = [plain, group, ExceptionGroup("in turn", [plain])]
    for error in found:
        assert CANARY not in trace(error)
        assert CANARY not in cause(error)
        assert "\n" not in cause(error)
    assert "failure" in trace(plain)  # where it came from


@pytest.mark.parametrize("statement", FAILURES)
async def test_a_job_that_fails_tells_none_either(
    engine: Engine,
    statement: Callable[[Connection], None],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.control.process.HEAD_START", 0)
    tried = asyncio.Event()

    async def job() -> None:
        tried.set()
        raise ExceptionGroup("a group of tasks", [failure(engine, statement)])

    running = asyncio.ensure_future(lasting("records", job))
    await tried.wait()
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    (said,) = lines(capfd)
    assert said["event"] == "job_failed"
    assert CANARY not in json.dumps(said)
    assert "1 sub-exception" not in said["error"]


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_other_errors_are_told_with_where_they_came_from() -> None:
    with pytest.raises(ValueError, match="first") as caught:
        raise ValueError("first line\nsecond line")
    assert cause(caught.value) == "ValueError: first line"
    assert "second line" in trace(caught.value)
    assert cause(KeyError()) == "KeyError"


@pytest.fixture
def newer(tmp_path: Path) -> Config:
    """A gateway whose store a later version has changed."""
    config = Config(data=str(tmp_path))
    engine = open_engine(store_url(config))
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_later'"))
    engine.dispose()
    return config


def test_a_newer_store_is_left_alone(newer: Config) -> None:
    engine = open_engine(store_url(newer))
    with pytest.raises(NewerStore, match=r"9999_later.*0005_hours.*run the newer version"):
        upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999_later"


def nothing(*_: object) -> Any:
    return None


def test_records_wait_for_a_newer_gateway(newer: Config, capfd: pytest.CaptureFixture[str]) -> None:
    engine = open_engine(store_url(newer))
    job = Ingestion(Path(newer.data), engine, nothing, nothing, nothing)
    for _ in range(3):
        assert job.step() == 0
    (said,) = lines(capfd)
    assert said["event"] == "store_away"
    assert "9999_later" in said["error"]


async def test_the_admin_api_says_once_that_the_store_is_newer(
    newer: Config, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "WAITS", (0.01,))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server._opened(newer, None), 0.3)
    (said,) = lines(capfd)
    assert (said["event"], "9999_later" in said["error"], "trace" in said) == ("store_unusable", True, False)
