"""The records' jobs: what fills the store from the journal, and what keeps its size."""

import asyncio
from functools import partial
from pathlib import Path

from gateway._speedups.ledger import Ledger
from gateway.config import Config
from gateway.control.files import journal_folder
from gateway.control.ingestion import Ingestion
from gateway.control.retention import Retention
from gateway.providers.catalog import Catalog
from gateway.providers.prices import cost_by_kind
from gateway.schemas.record import Record
from gateway.store.engine import open_engine
from gateway.telemetry.counters import Counters
from gateway.telemetry.metrics import cost_is_unknown

FAREWELL = 1.0
"""Seconds in which, at the end, what the workers wrote last is still stored."""


class Recording:
    """Both jobs, on one engine."""

    def __init__(self, ingestion: Ingestion, retention: Retention) -> None:
        self._ingestion = ingestion
        self._retention = retention

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ingestion.run())
                tasks.create_task(self._retention.run())
        finally:
            await asyncio.to_thread(self._ingestion.finish, FAREWELL)


def recording(config: Config, ledger: Ledger, catalog: Catalog) -> Recording:
    """The jobs, as configured."""
    engine = open_engine(store_url(config))
    kinds = partial(costs_by_kind, catalog)
    count = Counters(ledger).add
    ingestion = Ingestion(journal_folder(config), engine, kinds, cost_is_unknown, count)
    return Recording(ingestion, Retention(engine, config.records))


def store_url(config: Config) -> str:
    """The configured store, or SQLite in the directory for data."""
    given = config.store.url
    return f"sqlite:///{Path(config.data).absolute() / 'gateway.db'}" if given is None else given.reveal()


def costs_by_kind(catalog: Catalog, record: Record) -> dict[str, int] | None:
    """The cost of a record's own answer by kind; None where prices have changed since, or several tries cost."""
    if record.usage is None or record.cost_nano_usd is None:
        return None
    facts = catalog.facts(record.provider, record.model)
    if facts is None:
        return None
    ended = (record.wall_ns + record.total_ns) // 1_000_000_000
    found = cost_by_kind(facts, record.usage, ended)
    if found is None or sum(found.values()) != record.cost_nano_usd:
        return None
    return {f"{kind}_nano_usd": cost for kind, cost in found.items()}
