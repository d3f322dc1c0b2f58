"""The records' jobs: what fills the store from the journal, and what keeps its size."""

import asyncio
from functools import partial
from pathlib import Path

from gateway._speedups.ledger import Ledger
from gateway.config import Config
from gateway.control.files import journal_folder
from gateway.control.hands import Hands
from gateway.control.ingestion import Ingestion
from gateway.control.retention import Retention
from gateway.providers.catalog import Catalog
from gateway.providers.prices import CostByKind, cost_by_kind
from gateway.schemas.record import Record
from gateway.store.engine import open_engine
from gateway.telemetry.counters import Counters
from gateway.telemetry.metrics import cost_is_unknown

FAREWELL = 1.0
"""Seconds in which, at the end, what the workers wrote last is still stored."""


class Recording:
    """Both jobs, on one engine, by the same hands."""

    def __init__(self, ingestion: Ingestion, retention: Retention, hands: Hands) -> None:
        self._ingestion = ingestion
        self._retention = retention
        self._hands = hands

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ingestion.run(self._hands))
                tasks.create_task(self._retention.run())
        finally:
            await self._hands.work(partial(self._ingestion.finish, FAREWELL), urgent=True)


def recording(config: Config, ledger: Ledger, catalog: Catalog) -> Recording:
    """The jobs, as configured."""
    engine = open_engine(store_url(config), bulk=True)
    kinds = partial(costs_by_kind, catalog)
    count = Counters(ledger).add
    ingestion = Ingestion(journal_folder(config), engine, kinds, cost_is_unknown, count)
    hands = Hands()
    return Recording(ingestion, Retention(engine, config.records, hands=hands), hands)


def store_url(config: Config) -> str:
    """The configured store, or SQLite in the directory for data."""
    given = config.store.url
    return f"sqlite:///{Path(config.data).absolute() / 'gateway.db'}" if given is None else given.reveal()


def costs_by_kind(catalog: Catalog, record: Record) -> CostByKind | None:
    """The cost of a record's own answer by kind; None where prices have changed since, or several tries cost."""
    if record.usage is None or record.cost_nano_usd is None:
        return None
    facts = catalog.facts(record.provider, record.model)
    if facts is None:
        return None
    ended = (record.wall_ns + record.total_ns) // 1_000_000_000
    found = cost_by_kind(facts, record.usage, ended)
    if found is None or sum(found) != record.cost_nano_usd:
        return None
    return found
