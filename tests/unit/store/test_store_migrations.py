"""The store's tables: as the code names them, made once whoever starts, and an audit log that only grows."""

import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from gateway.store import audit, things
from gateway.store.engine import open_engine, upgrade, writing
from gateway.store.governance import facts, orgs
from gateway.store.tables import metadata


def test_migrations_make_what_the_code_names(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_several_starts_at_once_make_one_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'gateway.db'}"
    failures: list[BaseException] = []
    begin = threading.Barrier(4)

    def start() -> None:
        engine = open_engine(url)
        begin.wait()
        try:
            upgrade(engine)
        except BaseException as error:
            failures.append(error)
        finally:
            engine.dispose()

    starts = [threading.Thread(target=start) for _ in range(4)]
    for one in starts:
        one.start()
    for one in starts:
        one.join()
    assert failures == []


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'me'", "DELETE FROM audit"])
def test_audit_log_only_grows(engine: Engine, change: str) -> None:
    with writing(engine) as connection:
        audit.append(
            connection,
            {"actor": "ann", "actor_name": "", "role": "owner", "ip": "", "request_id": ""},
            {"action": "create", "kind": "org", "subject": "o"},
            *(None, {"id": "o"}),
        )
    with pytest.raises(DBAPIError, match="append-only"), writing(engine) as connection:
        connection.execute(text(change))


def test_failed_transaction_leaves_nothing(engine: Engine) -> None:
    def learn_and_fail() -> None:
        with writing(engine) as connection:
            things.learn(connection, "one", "1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        learn_and_fail()
    with engine.connect() as connection:
        assert things.count(connection, facts) == 0


def test_change_of_an_older_version_is_not_made(engine: Engine) -> None:
    with writing(engine) as connection:
        old = things.add(connection, orgs, {"id": "o", "name": "0", "metadata": {}, "blocked": False})
        assert things.change(connection, orgs, old, {"name": "1"}) is not None
        assert things.change(connection, orgs, old, {"name": "2"}) is None
        assert not things.remove(connection, orgs, old)
        found = things.find(connection, orgs, "o")
    assert found is not None
    assert (found["name"], found["version"]) == ("1", 2)


def test_nothing_is_imported_where_nothing_is_to_be_changed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gateway.store.migrating", None)  # importing it fails
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001_governance'"))
    with pytest.raises(ImportError):
        upgrade(engine)
