"""The recorder goes by the configuration that the workers have, once it has changed."""

import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from gateway._speedups import limits
from gateway._speedups.ledger import Ledger
from gateway.config import Config, load
from gateway.control import files, handed, recording
from gateway.control.files import journal_folder
from gateway.control.recording import Recording
from gateway.control.snapshots import Snapshots
from gateway.providers.catalog import catalog_of
from gateway.providers.registry import known
from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage
from gateway.store.engine import open_engine
from gateway.store.records import records
from gateway.telemetry.cells import sections
from gateway.telemetry.journal import Journal

FILE = """
providers: {{openai: {{keys: [sk-1]}}}}
prices: {{openai/gpt-own: {{input: {input}, output: 0}}}}
records: {{keep: {keep}}}
data: {data}
"""


def nobody() -> None:
    raise AssertionError("a record was lost")


class House:
    """A recorder, the file that it goes by, and what it stored."""

    def __init__(self, folder: Path) -> None:
        self._file, self._data = folder / "gateway.yaml", folder / "data"
        self.config = self.says(1, "forever")
        self.ledger = Ledger.create(folder / "ledger", (*sections(), *limits.sections(limits=8, budgets=8)))
        self.recorder: Recording = recording.recording(self.config, self.ledger, catalog_of(self.config))
        self.snapshots = Snapshots(self.config, self.ledger.publish, self.read)

    def says(self, price: int, keep: str) -> Config:
        """The file, with this price in USD for a million tokens."""
        self._file.write_text(FILE.format(input=price, keep=keep, data=self._data))
        return self.read()

    def read(self) -> Config:
        return load(self._file, {}, known=known())

    def asked(self, name: str, nano_usd: int) -> None:
        """One request of a million tokens, stored."""
        journal = Journal(journal_folder(self.config), 0, nobody)
        journal.write(
            Record(
                name,
                wall_ns=time.time_ns() - 10**13,
                provider="openai",
                model="gpt-own",
                status=200,
                usage=Usage(10**6),
                cost_nano_usd=nano_usd,
                attempts=[Attempt("openai", "gpt-own")],
            )
        )
        journal.close()
        self.recorder._ingestion.finish(10)

    def split(self) -> dict[str, Any]:
        """What was spent on input, by request."""
        with open_engine(recording.store_url(self.config)).connect() as connection:
            return dict(
                connection.execute(select(records.c.request_id, records.c.input_nano_usd)).tuples().all()
            )

    def left(self) -> int:
        with open_engine(recording.store_url(self.config)).connect() as connection:
            return int(connection.execute(select(func.count()).select_from(records)).scalar_one())


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(handed, "runtime_folder", lambda: tmp_path)
    monkeypatch.setattr(files, "runtime_folder", lambda: tmp_path)
    return House(tmp_path)


async def test_new_prices_and_a_new_time_to_keep_hold_without_a_restart(house: House) -> None:
    house.asked("before", 10**9)
    house.says(3, "1h")
    assert await house.snapshots.reload()
    house.asked("unknown", 3 * 10**9)  # it has not looked yet
    house.recorder.catch_up()
    house.asked("after", 3 * 10**9)
    assert house.split() == {"before": 10**9, "unknown": None, "after": 3 * 10**9}
    assert await house.recorder._summing.catch_up() == 3  # what is in no sum yet does not go
    assert await house.recorder._retention.clean() == 3
    assert house.left() == 0


async def test_a_configuration_that_cannot_be_read_changes_nothing(house: House, tmp_path: Path) -> None:
    house.says(3, "1h")
    assert await house.snapshots.reload()
    path = handed.config_path(house.config)
    path.write_bytes(path.read_bytes()[:-9])
    house.recorder.catch_up()
    house.asked("r", 10**9)
    assert house.split() == {"r": 10**9}
    assert await house.recorder._retention.clean() == 0
