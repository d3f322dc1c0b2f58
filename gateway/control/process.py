"""What runs in the control process: its jobs, until SIGTERM or its supervisor's end."""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from gateway._speedups.ledger import Ledger
from gateway.config import Config
from gateway.control.discovery import Discovery
from gateway.control.lists import fetch, sources
from gateway.providers.catalog import Catalog
from gateway.telemetry.logs import log

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
    return asks_for_models(config) or config.journal.enabled


def run(config: Config, ledger: Ledger, models: Path | None, catalog: Catalog) -> None:
    """The control process, from its start to its end; returns its life to no caller. `models` is the file of lists."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C goes to the whole group; the supervisor passes on what it means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(NICENESS)
    os.umask(0o077)  # what is stored here is nobody else's to read
    code = 0
    try:
        asyncio.run(_main(_jobs(config, ledger, models, catalog), ledger))
    except Exception as error:
        log.error("control_failed", error=error, trace=traceback.format_exc())
        code = 1
    sys.stderr.flush()
    os._exit(code)  # it is a fork: what the supervisor wanted done at its own end is not to be done here


def _jobs(config: Config, ledger: Ledger, models: Path | None, catalog: Catalog) -> list[tuple[str, Job]]:
    """Everything that is done here, by its name."""
    found: list[tuple[str, Job]] = []
    if models is not None:
        job = Discovery(sources(config), models, config.discovery.every, fetch, ledger.publish)
        found.append(("discovery", job.run))
    if config.journal.enabled:
        found.append(("records", partial(keep_records, config, ledger, catalog)))
    return found


async def keep_records(config: Config, ledger: Ledger, catalog: Catalog) -> None:
    """Brings the journal into the store. What that needs is imported here, where alone it is needed."""
    from gateway.control.recording import recording

    await recording(config, ledger, catalog).run()


async def _main(jobs: list[tuple[str, Job]], ledger: Ledger) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
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
        except Exception as error:
            log.error("job_failed", job=name, error=error, trace=traceback.format_exc(), again_in=REST)
        await asyncio.sleep(REST)


async def _until_orphaned(parent: int, beat: Callable[[], None]) -> None:
    while os.getppid() == parent:
        beat()
        await asyncio.sleep(PULSE)
