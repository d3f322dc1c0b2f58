"""What a worker no longer needs goes a little at a time: to free ten thousand callers at once takes 20 ms, in which no
request moves."""

import asyncio
from collections import deque
from collections.abc import Iterator
from time import perf_counter

SLICE = 0.0002
"""Seconds of freeing at once."""
PAUSE = 0.002
"""Seconds between two such."""


class Fading:
    """Takes steps until none is left; each frees a little."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._left: deque[Iterator[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, steps: Iterator[None]) -> None:
        """Takes these steps too, soon."""
        self._left.append(steps)
        if self._timer is None:
            self._timer = self._loop.call_later(PAUSE, self._slice)

    def close(self) -> None:
        """Takes no further step."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _slice(self) -> None:
        until = perf_counter() + SLICE
        while self._left and perf_counter() < until:
            for _ in self._left[0]:
                if perf_counter() >= until:
                    break
            else:
                self._left.popleft()
        self._timer = self._loop.call_later(PAUSE, self._slice) if self._left else None
