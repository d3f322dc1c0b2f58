"""Starts, watches, drains and restarts the workers; they inherit its memory and share its ledger."""

import errno
import gc
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes, TaskImpl
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from gateway._speedups.ledger import LedgerError
from gateway.app import PULSE, Prepared, load, prepare
from gateway.config import Config
from gateway.control.child import Child
from gateway.control.files import is_lasting, runtime_folder
from gateway.control.handed import config_path
from gateway.control.process import has_work, run
from gateway.control.recorder import record
from gateway.control.sharing import Hold, hold
from gateway.control.snapshots import Reread
from gateway.telemetry.logs import log

BACKOFF = (0.0, 0.1, 0.5, 1.0, 2.0)
"""Seconds before a worker that died young is started again; the last one repeats."""

STABLE = 10.0
"""Seconds after which a worker counts as healthy, and its backoff starts over."""


FAREWELL = 1.5
"""Seconds in which workers, after the drain's deadline, tell their callers that it is over."""

STOP = 3
"""Seconds in which a worker without requests has to end before it is killed."""

CONCURRENCY = 16_384
"""Connections that one worker serves at the same time; further ones wait in the backlog."""

ROOM = "the counters that processes share need some 41 MiB (docker run --shm-size=256m)"

REQUEST_LINE = 16_384
"""Bytes for the request line beside `limits.max_header`."""


class Supervisor(MPServer):
    """Granian's process supervision with this house's drain and restart rules.

    Granian gives up on a worker that dies twice in a few seconds; a gateway must not: it is started again, ever slower.
    """

    def __init__(
        self, prepared: Prepared, reread: Reread | None = None, held: Hold | None = None, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._killed = False
        self._held = held
        self._ledger = prepared.ledger
        self._drain = prepared.config.server.drain
        self._deaths: dict[int, int] = {}
        self._control = control(prepared, self.main_loop_interrupt.set, reread)
        recording = recorder(prepared, self.main_loop_interrupt.set)
        self._children = [child for child in (self._control, recording) if child is not None]

    def signal_handler_interrupt(self, number: int = signal.SIGTERM, *_: Any) -> None:
        """The first signal drains. A second Ctrl-C ends everything at once; orchestrators may repeat SIGTERM."""
        if multiprocessing.parent_process() is not None:
            os._exit(0)  # a worker so young that it still has the supervisor's handlers
        repeated, self.interrupt_signal = self.interrupt_signal, True
        if repeated:
            if number == signal.SIGINT:
                self._kill()
            return
        for worker in self.wrks:
            worker.interrupt_by_parent = True  # some get the signal themselves: their end is no accident
        self._ledger.drain(time.time_ns() + int(self._drain * 1e9))
        if self._held is not None:
            self._held.release()  # the next one may begin
        log.info("drain_begun", seconds=self._drain)
        self.main_loop_interrupt.set()

    def _kill(self) -> None:
        self._killed = True
        for worker in self.wrks:
            worker.inner.kill()

    def signal_handler_reload(self, *_: Any) -> None:
        """The control process reads the file again; workers hear of it from there."""
        if self._control is None:
            log.warning("reload_ignored", hint="the configuration does not come from a file")
        else:
            self._control.signal(signal.SIGHUP)

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        for child in self._children:
            child.start()
        while True:
            self.main_loop_interrupt.wait()
            self.main_loop_interrupt.clear()
            if self.interrupt_signal:
                self._await_drain()
                for child in self._children:
                    child.ask_to_end()
                for child in self._children:
                    child.end()
                return
            for child in self._children:
                child.revive()
            while self.interrupt_children and not self.interrupt_signal:
                self._restart(self.interrupt_children.pop(0), spawn_target, target_loader)

    def _await_drain(self) -> None:
        """Workers refuse new connections and finish what runs; the deadline ends what does not finish."""
        ledger = self._ledger
        time.sleep(
            2 * PULSE
        )  # every worker has seen the drain, and what it had accepted by then is in flight
        latest = ledger.drain_deadline_ns + int(FAREWELL * 1e9)
        while time.time_ns() < latest and not self._killed:
            if not any(worker.in_flight for worker in ledger.workers()):
                return
            time.sleep(PULSE / 2)

    def _restart(self, index: int, spawn_target: Any, target_loader: Any) -> None:
        dead = self.wrks[index]
        young = time.monotonic() - dead.birth < STABLE
        deaths = self._deaths[index] = self._deaths.get(index, 0) + 1 if young else 1
        wait = BACKOFF[min(deaths, len(BACKOFF)) - 1]
        number = self._ledger.number_of(dead.inner.pid)
        who = {} if number is None else {"worker": number}  # one that died at once had none
        log.error("worker_died", **who, pid=dead.inner.pid, exit_code=dead.inner.exitcode, restart_in=wait)
        time.sleep(wait)
        worker = self._spawn_worker(idx=index, target=spawn_target, callback_loader=target_loader)
        worker.start()  # type: ignore[no-untyped-call] # Granian's
        self.wrks[index] = worker


def control(prepared: Prepared, wake: Callable[[], None], reread: Reread | None = None) -> Child | None:
    """The control process, where there is work for it."""
    if not has_work(prepared.file):
        return None
    main = partial(run, prepared.file, prepared.ledger, prepared.models, prepared.shelf, reread)
    return Child("control", main, wake)


def recorder(prepared: Prepared, wake: Callable[[], None]) -> Child | None:
    """The process that stores the journal, where there is one."""
    if not prepared.config.journal.enabled:
        return None
    return Child("recorder", partial(record, prepared.config, prepared.ledger, prepared.catalog), wake)


def keeps(config: Config) -> bool:
    """Whether anything lies in `data` that another gateway there would count or write too."""
    return config.journal.enabled or config.admin.enabled or config.cache is not None


def claim(host: str, port: int) -> None:
    """Raises OSError where the address is taken: the workers' shared listening would not notice."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def serve(config: Config, reread: Reread | None = None) -> int:
    """Runs the gateway until a signal ends it; returns the exit code. `reread` reads the configuration again."""
    multiprocessing.set_start_method(
        "fork", force=True
    )  # workers share the imported code and the read configuration
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    server = config.server
    try:
        claim(server.host, server.port)  # before anything is made that would be left behind
        prepared = prepare(config)
    except (OSError, ValueError, LedgerError) as error:
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        hint = {"hint": f"make room in {runtime_folder()}: {ROOM}"} if full else {}
        log.error("cannot_start", address=f"{server.host}:{server.port}", error=str(error), **hint)
        return 1
    supervisor = Supervisor(
        prepared,
        reread,
        held=hold(Path(config.data)) if keeps(config) else None,
        target="gateway",
        address=server.host,
        port=server.port,
        interface=Interfaces.ASGI,
        workers=server.workers,
        runtime_mode=RuntimeModes.st,
        loop=Loops.uvloop,
        task_impl=TaskImpl.asyncio,
        http=HTTPModes.http1,
        websockets=True,
        backlog=server.backlog,
        backpressure=CONCURRENCY,
        http1_settings=HTTP1Settings(max_buffer_size=config.limits.max_header + REQUEST_LINE),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP,
        log_enabled=False,
    )
    loader: Callable[[], Any] = partial(load, prepared)
    log.info("listening", url=f"http://{server.host}:{server.port}", workers=server.workers, pid=os.getpid())
    gc.freeze()  # for a child's collector to look through what it shares with this process is to copy it
    try:
        supervisor.serve(target_loader=loader, wrap_loader=False)
    finally:
        Path(prepared.ledger.path).unlink(missing_ok=True)
        config_path(config).unlink(missing_ok=True)
        if prepared.models is not None and not is_lasting(prepared.models):
            prepared.models.unlink(missing_ok=True)
    log.info("stopped")
    sys.stderr.flush()
    return 0
