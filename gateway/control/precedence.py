"""Answers go before work that can wait, within one process: threads share one interpreter, whatever their priority."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST = 2.0
"""Seconds for which a piece of work gives way in all; somebody may always be answered."""


class Precedence:
    """Who answers says so; who works asks now and then whether to give way."""

    def __init__(self) -> None:
        self._answering = 0
        self._free = threading.Event()
        self._free.set()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Somebody waits for what is done inside. For one thread alone: that of the event loop."""
        self._answering += 1
        self._free.clear()
        try:
            yield
        finally:
            self._answering -= 1
            if not self._answering:
                self._free.set()

    def work(self) -> "Work":
        """A piece of work that begins now, in a thread."""
        return Work(self._free)


class Work:
    """A piece of work as the thread sees it that does it."""

    def __init__(self, free: threading.Event) -> None:
        self._free = free
        self._left = LONGEST

    @property
    def would_wait(self) -> bool:
        """Whether somebody is answered now."""
        return not self._free.is_set()

    def give_way(self) -> None:
        """Returns when nobody is being answered, or the patience is over."""
        if self._left > 0 and self.would_wait:
            began = time.monotonic()
            self._free.wait(self._left)
            self._left -= time.monotonic() - began
