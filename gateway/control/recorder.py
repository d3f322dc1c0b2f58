"""The process that brings the journal into the store and keeps its size: a process of its own, for it works as an idle
task (`hands.py`), and what gives way to everybody must not hold the lock of an interpreter that answers somebody."""

import asyncio
import gc
import os
import signal
import sys

from gateway._speedups.ledger import Ledger
from gateway.config import Config
from gateway.control.child import parent
from gateway.control.process import lasting, settle_in, until_orphaned
from gateway.providers.catalog import Catalog
from gateway.store.trouble import cause, trace
from gateway.telemetry.logs import log

ALLOCATIONS = 50_000
"""New objects after which the collector looks: nearly all of them are rows, which need no collector."""


def record(config: Config, ledger: Ledger, catalog: Catalog) -> None:
    """The process from its start to its end; returns its life to no caller."""
    settle_in()
    code = 0
    try:
        asyncio.run(_main(config, ledger, catalog))
    except Exception as error:
        log.error("recorder_failed", error=cause(error), trace=trace(error))
        code = 1
    sys.stderr.flush()
    os._exit(code)  # it is a fork: what the supervisor wanted done at its own end is not to be done here


async def _main(config: Config, ledger: Ledger, catalog: Catalog) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def keep() -> None:
        """What it needs is imported here, where alone it is needed."""
        from gateway.control.recording import recording

        gc.freeze()
        gc.set_threshold(ALLOCATIONS)
        await recording(config, ledger, catalog).run()

    work = asyncio.ensure_future(lasting("records", keep))
    ends = [asyncio.ensure_future(until_orphaned(parent())), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
