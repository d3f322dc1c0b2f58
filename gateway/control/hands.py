"""Who does the work that can wait: a thread that gives way to everything else, and one that does not starve.

The kernel takes the processor from an idle task (SCHED_IDLE) at once when any other wakes, so that no request waits
for work of this kind; on a machine without a free moment it gets next to nothing. Without rights of its own a thread
never comes back from there: so there are two of them, and work moves from one to the other.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds after which a patient piece that is not done is helped, where the system allows that."""


class Hands:
    """Two threads. What is done by `work` is one piece after another in either."""

    def __init__(self) -> None:
        self._patient = ThreadPoolExecutor(1, "patient")
        self._pressed = ThreadPoolExecutor(1, "pressed", initializer=_adopt, initargs=("SCHED_BATCH",))
        self._thread = 0

    async def work(self, piece: Callable[[], T], *, urgent: bool = False) -> T:
        """What the piece returns, or raises."""
        loop = asyncio.get_running_loop()
        if urgent:
            return await loop.run_in_executor(self._pressed, piece)
        done = loop.run_in_executor(self._patient, self._patiently, piece)
        helped = loop.call_later(PATIENCE, self._help)
        try:
            return await done
        finally:
            helped.cancel()

    def _patiently(self, piece: Callable[[], T]) -> T:
        self._thread = threading.get_native_id()
        _adopt("SCHED_IDLE")
        return piece()

    def _help(self) -> None:
        """What it does may be in others' way, as a transaction is."""
        if self._thread:
            _adopt("SCHED_BATCH", self._thread)


def _adopt(name: str, thread: int = 0) -> None:
    """For this thread, or another one. Other systems have no such thing, and a sandbox may forbid it."""
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(thread, getattr(os, name), os.sched_param(0))
