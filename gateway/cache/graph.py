"""An index of many vectors (hnswlib), filled by a thread of its own while the loop goes on searching.

hnswlib allows no search beside an insertion: a lock keeps them apart, held for one insertion (0.2 ms) at a time, and
who searches goes first. Both let other threads of Python run. Built from source, hnswlib is compiled for the processor
of the building machine, unless HNSWLIB_NO_NATIVE=1 says otherwise (docs/caching.md).
"""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import hnswlib
import numpy

NEIGHBOURS = 14
"""Edges of a node, the double at the bottom."""

CARE_FILLING = 64
CARE_SEARCHING = 12
"""hnswlib's ef: how many nodes are kept in view. Of questions that have one as near as .93, .996 find it among 50,000;
with 32 it would be .998, in 1.7 times the time (`python -m bench.semantic`)."""

FIRST_ROOM = 4096
PATIENCE = 0.002
"""Seconds that a search waits while the graph moves to a larger place; then it answers that nothing is near."""

FIXED = 4 << 20
"""Bytes that an empty graph takes: hnswlib's locks, mostly."""

PER_VECTOR = 4 * 2 * NEIGHBOURS + 40
"""Bytes for each vector beside its own: edges, label, lock, level."""


class Graph:
    """Vectors of length 1 under the labels 0, 1, …; `filled` counts those that were added."""

    __slots__ = ("_dimensions", "_index", "_lock", "_lots", "_most", "_room", "_wanted", "dropped", "filled")

    def __init__(self, dimensions: int, most: int, lots: "Lots") -> None:
        self.filled = 0
        self.dropped = False
        self._lots = lots
        self._dimensions = dimensions
        self._most = most
        self._room = min(FIRST_ROOM, most)
        self._wanted = False
        self._lock = threading.Lock()
        self._index: Any = hnswlib.Index("ip", dimensions)
        self._index.init_index(self._room, M=NEIGHBOURS, ef_construction=CARE_FILLING)
        self._index.set_ef(CARE_SEARCHING)
        self._index.set_num_threads(1)

    def take(self, rows: bytes) -> None:
        """Has vectors added behind the others, some time."""
        self._lots.put((self, rows))

    def drop(self) -> None:
        """Takes nothing more. Its memory is given back by the filling thread, which takes a while."""
        self.dropped = True
        self._lots.put((self, b""))

    def nearest(self, vector: bytes, most: int) -> list[tuple[int, float]]:
        """Labels and inner products, the nearest first; nothing if the graph could not be had for PATIENCE."""
        count = min(most, self.filled)
        if count == 0:
            return []
        self._wanted = True
        try:
            if not self._lock.acquire(timeout=PATIENCE):
                return []
            try:
                labels, distances = self._index.knn_query(
                    numpy.frombuffer(vector, numpy.float32), k=count, num_threads=1
                )
            finally:
                self._lock.release()
        except RuntimeError:  # hnswlib found fewer than it was asked for
            return []
        finally:
            self._wanted = False
        return [
            (label, 1.0 - distance)
            for label, distance in zip(labels[0].tolist(), distances[0].tolist(), strict=True)
        ]

    def fill(self, rows: bytes) -> None:
        """Adds vectors under the labels that follow; returns early once `dropped` is set. For the filling thread."""
        vectors = numpy.frombuffer(rows, numpy.float32).reshape(-1, self._dimensions)
        for number in range(len(vectors)):
            while self._wanted and not self._over:
                time.sleep(0.00005)
            if self._over:
                return
            with self._lock:
                self._grow()
                self._index.add_items(vectors[number], self.filled, num_threads=1)
            self.filled += 1

    @property
    def _over(self) -> bool:
        return self.dropped or self._lots.over

    def _grow(self) -> None:
        if self.filled == self._room:
            self._room = min(2 * self._room, max(self._most, self._room + FIRST_ROOM))
            self._index.resize_index(self._room)


class Lots(queue.SimpleQueue[tuple[Graph, bytes] | None]):
    """What there is to be added; None ends the thread, `over` at once."""

    over = False


class Graphs:
    """Makes graphs, and fills them in one thread, one lot after the other. The thread starts with the first graph."""

    fixed = FIXED
    per_vector = PER_VECTOR

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._lots: Lots = Lots()
        self._thread: threading.Thread | None = None

    def graph(self, dimensions: int, most: int) -> Graph:
        """An empty one, for `most` vectors at the most."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="cache-vectors", daemon=True)
            self._thread.start()
        return Graph(dimensions, most, self._lots)

    def stop(self) -> None:
        """Returns once the thread has ended, soon: after the vector that it is at."""
        if self._thread is None:
            return
        self._lots.over = True
        self._lots.put(None)
        self._thread.join()
        self._thread = None

    def _run(self) -> None:
        while (lot := self._lots.get()) is not None:
            graph, rows = lot
            try:
                graph.fill(rows)
            except (RuntimeError, ValueError, MemoryError) as error:
                graph.dropped = True
                self._warn(f"an index of vectors could not grow: {error}")
            del lot, graph
