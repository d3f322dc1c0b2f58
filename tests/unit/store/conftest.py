"""Stores to test with: SQLite in a file, and PostgreSQL where a server is installed."""

from collections.abc import Iterator
from pathlib import Path

import postgres_house
import pytest
from sqlalchemy import Engine, text

from gateway.store.engine import open_engine, upgrade


@pytest.fixture(scope="module", autouse=True)
def _nobody_gives_way() -> Iterator[None]:
    """Work that can wait is done at once: a machine without a free moment would let it wait for minutes."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gateway.control.hands._adopt", lambda *_: None)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_house.House]:
    """The server of the session, running."""
    found = postgres_house.programs()
    if found is None:
        pytest.skip(postgres_house.MISSING)
    house = postgres_house.House(found)
    house.start()
    yield house
    house.close()


@pytest.fixture(params=["sqlite", "postgres"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without a table."""
    if request.param == "sqlite":
        made = open_engine(f"sqlite:///{tmp_path}/store.db")
    else:
        made = open_engine(request.getfixturevalue("postgres").url)
        with made.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    yield made
    made.dispose()


@pytest.fixture
def engine(bare: Engine) -> Engine:
    """An empty store."""
    upgrade(bare)
    return bare
