"""What runs in the control process: its jobs, until SIGTERM or its supervisor's end."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import __version__
from gateway._speedups.ledger import Ledger
from gateway.config import Config
from gateway.control.child import parent
from gateway.control.discovery import Discovery, Round
from gateway.control.files import journal_folder
from gateway.control.handed import begin, snapshot_path
from gateway.control.keeping import Desk, Keeping
from gateway.control.leavers import Leavers, noted_path
from gateway.control.lists import fetch, sources
from gateway.control.precedence import Precedence
from gateway.control.remembering import copy_path, in_fork, recalled, remember
from gateway.control.snapshots import Reread, Snapshots
from gateway.store.trouble import cause, trace
from gateway.telemetry.counters import Counters
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.logs import log

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from gateway.cache.store import Shelf
    from gateway.store.compiling import Stored
    from gateway.store.sealing import Sealer

NICENESS = 10
"""Workers go first where cores are scarce."""
HEAD_START = 0.3
"""Seconds that workers have for starting before any work begins here."""
PULSE = 0.5
"""Seconds between two looks at whether the supervisor still lives."""
TURN = 0.0002
"""Seconds after which a thread that compiles hands over to one that answers, which needs many turns: each wait for the
store costs it one."""


REST = 5.0
"""Seconds until a job that failed is started again."""

Job = Callable[[], Awaitable[None]]


def asks_for_models(config: Config) -> bool:
    """Whether there are providers to be asked for their lists of models, or may be some day."""
    return bool(config.source) or (config.discovery.enabled and bool(sources(config) or config.admin.enabled))


def has_work(config: Config) -> bool:
    """Whether there is any job to do."""
    others = config.journal.enabled or config.admin.enabled or config.cache is not None
    return others or asks_for_models(config)


def run(
    config: Config, ledger: Ledger, models: Path | None, shelf: "Shelf", reread: Reread | None = None
) -> None:
    """The control process, from its start to its end; returns its life to no caller. `models` is the file of lists,
    `shelf` tells where the cache's entries are, `reread` reads the configuration again."""
    settle_in()
    sys.setswitchinterval(TURN)
    code = 0
    try:
        precedence = Precedence()
        reading = Reading(config, precedence) if config.admin.enabled else None
        snapshots = Snapshots(
            config, ledger.publish, reread, reading, failed=partial(Counters(ledger).add, "changes_untold")
        )
        jobs = _jobs(config, ledger, models, shelf, snapshots, precedence)
        asyncio.run(_main(jobs, ledger, snapshots.ask))
    except Exception as error:
        log.error("control_failed", error=cause(error), trace=trace(error))
        code = 1
    sys.stderr.flush()
    os._exit(code)  # it is a fork: what the supervisor wanted done at its own end is not to be done here


def settle_in() -> None:
    """What a child of the supervisor does first that works in the background."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # it goes to the whole group; the supervisor passes on what it means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the job is there that it is for
    os.nice(NICENESS)
    os.umask(0o077)  # what is stored here is nobody else's to read


def _jobs(
    config: Config,
    ledger: Ledger,
    models: Path | None,
    shelf: "Shelf",
    snapshots: Snapshots,
    precedence: Precedence,
) -> list[tuple[str, Job]]:
    """Everything that is done here, by its name."""
    keeping = Keeping(shelf, lambda: snapshots.config)
    desk = Desk(shelf, ledger, keeping)
    leavers = Leavers(desk, snapshot_path(config), noted_path(config), lambda: desk.is_used)
    snapshots.left = leavers
    found: list[tuple[str, Job]] = [("snapshots", snapshots.run), ("caching", keeping.run)]
    found.append(("leavers", partial(bury_leavers, leavers, snapshots)))
    if models is not None:
        found.append(("discovery", partial(discover, models, ledger, snapshots)))
    if config.journal.enabled:
        found.append(("spending", partial(keep_budgets, config, ledger, snapshots)))
    if config.admin.enabled:
        found.append(("admin", partial(administer, config, ledger, desk, snapshots, precedence)))
    return found


async def discover(models: Path, ledger: Ledger, snapshots: Snapshots) -> None:
    """Asks the providers of the file and of the store for their lists of models, whoever they are at the time."""
    config = snapshots.served
    asked = _asked(config)

    async def changes() -> Round:
        nonlocal config, asked
        found = asked
        while found == asked:
            config = await snapshots.served_other_than(config)
            found = _asked(config)
        asked = found
        return found

    await Discovery(asked, models, fetch, ledger.publish, changes).run()


def _asked(config: Config) -> Round:
    return Round(sources(config) if config.discovery.enabled else [], config.discovery.every)


async def bury_leavers(leavers: Leavers, snapshots: Snapshots) -> None:
    """Looks once for who left the file while nobody looked."""
    await snapshots.resume()
    await leavers.begin(snapshots.declared)


async def keep_budgets(config: Config, ledger: Ledger, snapshots: Snapshots) -> None:
    """Tells a new ledger what was spent before; what that needs is imported here, where alone it
    is needed."""
    from gateway.control.recording import store_url
    from gateway.control.spending import Spending, Standing
    from gateway.control.sums import sums_path
    from gateway.store.engine import open_engine

    engine = open_engine(store_url(config))
    declared = Standing(
        lambda: snapshots.config.governance.budgets, engine if config.admin.enabled else None, ledger
    )
    await Spending(ledger, journal_folder(config), engine, declared, sums_path(config)).run()


async def administer(
    config: Config, ledger: Ledger, desk: Desk, snapshots: Snapshots, precedence: Precedence
) -> None:
    """Serves the admin API; imported here for the same reason."""
    from gateway.control.admin.server import serve_admin

    metrics = Exposition(ledger, __version__, desk.held).pieces
    await serve_admin(config, snapshots, metrics, lambda: snapshots.config, desk, precedence)


class Reading:
    """What the store says, whenever it is called: it waits for the store, so call it in a thread. The store is opened
    by the first call, and what that needs imported there."""

    def __init__(self, config: Config, precedence: Precedence) -> None:
        self._config = config
        self._precedence = precedence
        self._engine: Engine | None = None
        self._sealer: Sealer | None = None
        self._salt = ""

    def __call__(self) -> "Stored":
        from gateway.control.admin.opening import sealer_of
        from gateway.control.recording import store_url
        from gateway.store import things
        from gateway.store.compiling import stored_of
        from gateway.store.engine import open_engine, upgrade

        if self._engine is None:
            engine = open_engine(store_url(self._config))
            upgrade(engine)
            self._engine = engine
        if self._sealer is None:
            self._sealer = sealer_of(self._engine, Path(self._config.data))
        with self._engine.connect() as connection:
            self._salt = things.fact(connection, "master_salt")
            return stored_of(connection, self._sealer.open, self._precedence.work().give_way)

    def remember(self, stored: "Stored") -> None:
        """Keeps it for the next start; it was read before. Raises OSError."""
        if self._sealer is not None:
            remember(self._config, stored, self._sealer, self._salt)

    def recalled(self) -> "Stored | None":
        """What was kept."""
        return recalled(self._config)

    def added(self, config: Config, stored: "Stored") -> tuple[Config, tuple[str, ...]]:
        """See gateway.control.additions."""
        from gateway.control.additions import added

        return added(config, stored)


def begin_as_before(config: Config) -> None:
    """Where the store added to the file at the last end, this start begins with it: see read_config."""
    if (
        config.admin.enabled
        and copy_path(config).exists()
        and not in_fork(partial(begin, config, Reading(config, Precedence())))
    ):
        log.warning("copy_unused", hint="what the store adds is served when it has been read")


async def _main(jobs: list[tuple[str, Job]], ledger: Ledger, reload: Callable[[], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    place = ledger.join("control")
    works = [asyncio.ensure_future(lasting(name, job)) for name, job in jobs]
    watch = asyncio.ensure_future(until_orphaned(parent(), place.beat))
    ends = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((watch, ends), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        place.leave()


async def lasting(name: str, job: Job) -> None:
    """Runs the job; one that fails is begun anew, and the others do not notice."""
    await asyncio.sleep(HEAD_START)
    while True:
        try:
            await job()
            return
        except OSError as error:  # the disk's or the network's fault, not the job's
            log.error("job_failed", job=name, error=error, again_in=REST)
        except Exception as error:
            log.error("job_failed", job=name, error=cause(error), trace=trace(error), again_in=REST)
        await asyncio.sleep(REST)


async def until_orphaned(parent: int, beat: Callable[[], None] | None = None) -> None:
    """Returns when the supervisor has ended."""
    while os.getppid() == parent:
        if beat is not None:
            beat()
        await asyncio.sleep(PULSE)
