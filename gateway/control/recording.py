"""The records' jobs: what fills the store from the journal, what adds it up, and what keeps its size."""

import asyncio
from functools import partial
from pathlib import Path

from gateway._speedups.ledger import Ledger
from gateway.config import Config
from gateway.control.files import discovered, journal_folder, models_path
from gateway.control.handed import config_path, read_config
from gateway.control.hands import Hands
from gateway.control.ingestion import Ingestion
from gateway.control.retention import Retention
from gateway.control.summing import Summing
from gateway.providers.catalog import Catalog, catalog_of
from gateway.providers.prices import CostByKind, cost_by_kind
from gateway.providers.sealed import DamagedFile
from gateway.schemas.record import Record
from gateway.store.engine import open_engine
from gateway.telemetry.backlog import Teller
from gateway.telemetry.counters import Counters
from gateway.telemetry.logs import log
from gateway.telemetry.metrics import cost_is_unknown

FAREWELL = 1.0
"""Seconds in which, at the end, what the workers wrote last is still stored."""


PRICED = ("providers", "prices", "price_files")
"""Sections that prices depend on."""
LOOK = 0.5
"""Seconds between two looks at whether the configuration has changed."""


class Recording:
    """All of these jobs, on one engine, by the same hands; prices and what is kept follow the configuration."""

    def __init__(
        self,
        ingestion: Ingestion,
        retention: Retention,
        summing: Summing,
        hands: Hands,
        ledger: Ledger,
        config: Config,
    ) -> None:
        self._ingestion = ingestion
        self._summing = summing
        self._retention = retention
        self._hands = hands
        self._ledger = ledger
        self._config = config
        self._version = -1

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ingestion.run(self._hands))
                tasks.create_task(self._retention.run())
                tasks.create_task(self._summing.run())
                tasks.create_task(self._follow())
        finally:
            await self._hands.work(partial(self._ingestion.finish, FAREWELL), urgent=True)

    async def _follow(self) -> None:
        while True:
            if self._ledger.snapshot_version != self._version:
                await self._hands.work(self.catch_up)
            await asyncio.sleep(LOOK)

    def catch_up(self) -> None:
        """Goes by the configuration that the workers have. One that cannot be read changes nothing."""
        self._version = self._ledger.snapshot_version
        try:
            handed = read_config(config_path(self._config))
        except (OSError, DamagedFile) as error:
            log.warning("news_unreadable", error=str(error), hint="records are kept as before")
            return
        if handed is None or handed.config == self._config:
            return
        before, self._config = self._config, handed.config
        self._retention.keep(handed.config.records)
        if any(getattr(handed.config, name) != getattr(before, name) for name in PRICED):
            self._price(handed.config)

    def _price(self, config: Config) -> None:
        try:
            catalog = catalog_of(config)
        except (OSError, ValueError) as error:
            log.warning("prices_unreadable", error=str(error), hint="costs are told by kind as before")
            return
        catalog.adopt(discovered(models_path(config)) or {})
        self._ingestion.split_by(partial(costs_by_kind, catalog))


def recording(config: Config, ledger: Ledger, catalog: Catalog) -> Recording:
    """The jobs, as configured."""
    engine = open_engine(store_url(config), bulk=True)
    kinds = partial(costs_by_kind, catalog)
    count = Counters(ledger).add
    ingestion = Ingestion(journal_folder(config), engine, kinds, cost_is_unknown, count, Teller(ledger).tell)
    hands = Hands()
    retention = Retention(engine, config.records, hands=hands)
    return Recording(ingestion, retention, Summing(engine, hands), hands, ledger, config)


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
