"""What runs in the control process: its jobs, until SIGTERM or its supervisor's end."""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import __version__
from gateway._speedups.ledger import Ledger
from gateway.config import Config
from gateway.control.discovery import Discovery
from gateway.control.files import journal_folder
from gateway.control.lists import fetch, sources
from gateway.control.snapshots import Reread, Snapshots
from gateway.providers.catalog import Catalog
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.logs import log

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from gateway.store.compiling import Stored
    from gateway.store.sealing import Sealer

NICENESS = 10
"""Workers go first where cores are scarce."""
HEAD_START = 0.3
"""Seconds that workers have for starting before any work begins here."""
PULSE = 0.5
"""Seconds between two looks at whether the supervisor still lives."""


REST = 5.0
"""Seconds until a job that failed is started again."""

Job = Callable[[], Awaitable[None]]


def asks_for_models(config: Config) -> bool:
    """Whether there are providers to be asked for their lists of models."""
    return config.discovery.enabled and bool(sources(config))


def has_work(config: Config) -> bool:
    """Whether there is any job to do."""
    return asks_for_models(config) or config.journal.enabled or config.admin.enabled or bool(config.source)


def run(
    config: Config, ledger: Ledger, models: Path | None, catalog: Catalog, reread: Reread | None = None
) -> None:
    """The control process, from its start to its end; returns its life to no caller. `models` is the file of lists,
    `reread` reads the configuration again."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C goes to the whole group; the supervisor passes on what it means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the job is there that it is for
    os.nice(NICENESS)
    os.umask(0o077)  # what is stored here is nobody else's to read
    code = 0
    try:
        snapshots = Snapshots(
            config, ledger.publish, reread, Reading(config) if config.admin.enabled else None
        )
        jobs = _jobs(config, ledger, models, catalog, snapshots)
        asyncio.run(_main(jobs, ledger, snapshots.ask))
    except Exception as error:
        log.error("control_failed", error=error, trace=traceback.format_exc())
        code = 1
    sys.stderr.flush()
    os._exit(code)  # it is a fork: what the supervisor wanted done at its own end is not to be done here


def _jobs(
    config: Config, ledger: Ledger, models: Path | None, catalog: Catalog, snapshots: Snapshots
) -> list[tuple[str, Job]]:
    """Everything that is done here, by its name."""
    found: list[tuple[str, Job]] = [("snapshots", snapshots.run)]
    if models is not None:
        job = Discovery(sources(config), models, config.discovery.every, fetch, ledger.publish)
        found.append(("discovery", job.run))
    if config.journal.enabled:
        found.append(("records", partial(keep_records, config, ledger, catalog)))
        found.append(("spending", partial(keep_budgets, config, ledger, snapshots)))
    if config.admin.enabled:
        found.append(("admin", partial(administer, config, ledger, snapshots)))
    return found


async def keep_records(config: Config, ledger: Ledger, catalog: Catalog) -> None:
    """Brings the journal into the store. What that needs is imported here, where alone it is needed."""
    from gateway.control.recording import recording

    await recording(config, ledger, catalog).run()


async def keep_budgets(config: Config, ledger: Ledger, snapshots: Snapshots) -> None:
    """Tells a new ledger what was spent before; imported here for the same reason."""
    from gateway.control.recording import store_url
    from gateway.control.spending import Spending, Standing
    from gateway.store.engine import open_engine

    engine = open_engine(store_url(config))
    declared = Standing(
        lambda: snapshots.config.governance.budgets, engine if config.admin.enabled else None, ledger
    )
    await Spending(ledger, journal_folder(config), engine, declared).run()


async def administer(config: Config, ledger: Ledger, snapshots: Snapshots) -> None:
    """Serves the admin API; imported here for the same reason."""
    from gateway.control.admin.server import serve_admin

    metrics = Exposition(ledger, __version__).pieces
    await serve_admin(config, snapshots.publish, metrics, lambda: snapshots.config)


class Reading:
    """What the store says, whenever it is called: it waits for the store, so call it in a thread. The store is opened
    by the first call, and what that needs imported there."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._engine: Engine | None = None
        self._sealer: Sealer | None = None

    def __call__(self) -> "Stored":
        from gateway.control.admin.opening import sealer_of
        from gateway.control.recording import store_url
        from gateway.store.compiling import stored_of
        from gateway.store.engine import open_engine, upgrade

        if self._engine is None:
            engine = open_engine(store_url(self._config))
            upgrade(engine)
            self._engine = engine
        if self._sealer is None:
            self._sealer = sealer_of(self._engine, Path(self._config.data))
        with self._engine.connect() as connection:
            return stored_of(connection, self._sealer.open)

    def added(self, config: Config, stored: "Stored") -> tuple[Config, tuple[str, ...]]:
        """See gateway.control.additions."""
        from gateway.control.additions import added

        return added(config, stored)


async def _main(jobs: list[tuple[str, Job]], ledger: Ledger, reload: Callable[[], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    place = ledger.join("control")
    works = [asyncio.ensure_future(_lasting(name, job)) for name, job in jobs]
    watch = asyncio.ensure_future(_until_orphaned(os.getppid(), place.beat))
    ends = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((watch, ends), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        place.leave()


async def _lasting(name: str, job: Job) -> None:
    """Runs the job; one that fails is begun anew, and the others do not notice."""
    await asyncio.sleep(HEAD_START)
    while True:
        try:
            await job()
            return
        except OSError as error:  # the disk's or the network's fault, not the job's
            log.error("job_failed", job=name, error=error, again_in=REST)
        except Exception as error:
            log.error("job_failed", job=name, error=error, trace=traceback.format_exc(), again_in=REST)
        await asyncio.sleep(REST)


async def _until_orphaned(parent: int, beat: Callable[[], None]) -> None:
    while os.getppid() == parent:
        beat()
        await asyncio.sleep(PULSE)
