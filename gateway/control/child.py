"""A process in the background as its supervisor sees it: started, watched, started again ever slower, ended."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from gateway.telemetry.logs import log

WAITS = (0.5, 1.0, 2.0, 5.0, 15.0)
"""Seconds before it is started again after so many early deaths; the last one repeats. It is needed by no request."""

STABLE = 30.0
"""Seconds after which it counts as healthy, and the waiting starts over."""

GRACE = 2.0
"""Seconds in which it has to end before it is killed."""


def parent() -> int:
    """The process that forked this one, also where it was gone before this one looked."""
    forked_by = multiprocessing.parent_process()
    return os.getppid() if forked_by is None or forked_by.pid is None else forked_by.pid


class Child:
    """Runs `main` in a fork, called `name` in the log. `wake` makes the supervisor's loop call `revive`: only its main
    thread forks."""

    def __init__(self, name: str, main: Callable[[], None], wake: Callable[[], None]) -> None:
        self._name = name
        self._main = main
        self._wake = wake
        self._process: BaseProcess | None = None
        self._watcher: threading.Thread | None = None
        self._ending = threading.Event()
        self._due = False
        self._deaths = 0

    def start(self) -> None:
        """Forks it."""
        self._due = False
        self._process = process = multiprocessing.get_context("fork").Process(
            name=f"gateway-{self._name}", target=self._main, daemon=True
        )
        process.start()
        self._watcher = threading.Thread(target=self._watch, args=(process, time.monotonic()), daemon=True)
        self._watcher.start()

    def revive(self) -> None:
        """Starts it again, where it died and has waited."""
        if self._due and not self._ending.is_set():
            self.start()

    def signal(self, number: int) -> None:
        """Passes a signal on; to one that is not there it says nothing, for it will begin anew anyway."""
        if self._process is not None and self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, number)

    def end(self) -> None:
        """Ends it with SIGTERM, and with SIGKILL where that does not help. It is not started again."""
        self.ask_to_end()
        if self._process is None or self._watcher is None:
            return
        self._watcher.join(GRACE)
        if self._watcher.is_alive():
            self._process.kill()
            self._watcher.join(GRACE)

    def ask_to_end(self) -> None:
        """Only begins to end it."""
        if not self._ending.is_set():
            self._ending.set()
            if self._process is not None:
                self._process.terminate()

    def _watch(self, process: BaseProcess, birth: float) -> None:
        process.join()
        young = time.monotonic() - birth < STABLE
        self._deaths = self._deaths + 1 if young else 1
        wait = WAITS[min(self._deaths, len(WAITS)) - 1]
        if self._ending.wait(wait):
            return  # it died of the signal that ends the whole gateway
        log.error(
            f"{self._name}_died",
            exit_code=process.exitcode,
            waited=wait,
            hint="requests are served all the same",
        )
        self._due = True
        self._wake()
