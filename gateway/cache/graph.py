"""Graphs of many vectors, filled by a thread of their own while the loop goes on searching.

The compiled graph needs no lock, and lets Python's other threads run while it takes a lot: the loop only ever waits for
its turn of the processor, and where the system can tell threads apart it goes first there too.
"""

import os
import queue
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from gateway._speedups.graph import Graph as Web

NICE = 10
"""How far the filling thread steps back. Further, and it might keep the interpreter waiting on a busy machine."""

FIXED = 2 << 20
"""Bytes that an empty graph takes: the system gives memory in pieces of this size, if it can."""

PER_VECTOR = 128 + 8
"""Bytes for each vector beside its own: links, length, those of upper levels."""


class Graph:
    """Vectors under the labels 0, 1, …: at most `most`."""

    __slots__ = ("_lots", "_web", "dropped")

    def __init__(self, dimensions: int, most: int, lots: "Lots") -> None:
        self.dropped = False
        self._lots = lots
        self._web = Web(dimensions, most)

    @property
    def filled(self) -> int:
        """How many can be found."""
        return self._web.filled

    def take(self, rows: bytes) -> None:
        """Has vectors added behind the others, some time."""
        self._lots.put((self, rows))

    def drop(self) -> None:
        """Takes nothing more. Its memory is given back once nobody holds it, by the filling thread if it can be."""
        self.dropped = True
        self._web.end()
        self._lots.put((self, b""))

    def nearest(self, vector: bytes, most: int, floor: float) -> list[tuple[int, float]]:
        """Labels and cosines, the nearest first, none below `floor`."""
        return self._web.nearest(vector, most, floor)

    def product(self, number: int, vector: bytes) -> float:
        """The cosine with one of them."""
        return self._web.product(number, vector)

    def fill(self, rows: bytes) -> None:
        """Adds vectors under the labels that follow; back early once it is dropped. For the filling thread."""
        self._web.add(rows, pausing=True)


class Lots(queue.SimpleQueue[tuple[Graph, bytes] | None]):
    """What there is to be added; None ends the thread."""

    filling: Graph | None = None
    over = False


class Graphs:
    """Makes graphs, and fills them in one thread, one lot after the other. The thread starts with the first graph."""

    fixed = FIXED

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._lots: Lots = Lots()
        self._thread: threading.Thread | None = None

    def weigh(self, dimensions: int) -> int:
        """Bytes that one vector takes."""
        return dimensions + PER_VECTOR

    def graph(self, dimensions: int, most: int) -> Graph:
        """An empty one, for `most` vectors at the most; MemoryError where there is no place for it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="cache-vectors", daemon=True)
            self._thread.start()
        return Graph(dimensions, most, self._lots)

    def stop(self) -> None:
        """Returns once the thread has ended, soon: after the vector that it is at."""
        if self._thread is None:
            return
        self._lots.over = True
        if self._lots.filling is not None:
            self._lots.filling.drop()
        self._lots.put(None)
        self._thread.join()
        self._thread = None

    def _run(self) -> None:
        step_back()
        while (lot := self._lots.get()) is not None:
            graph, rows = lot
            self._lots.filling = graph
            if self._lots.over or graph.dropped:
                graph.dropped = True
            else:
                self._fill(graph, rows)
            self._lots.filling = None
            del lot, graph

    def _fill(self, graph: Graph, rows: bytes) -> None:
        try:
            graph.fill(rows)
        except (ValueError, MemoryError) as error:
            graph.dropped = True
            self._warn(f"an index of vectors could not grow: {error!r}")


def step_back() -> None:
    """Lets other threads go before this one, where threads have a priority of their own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
