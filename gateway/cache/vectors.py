"""All namespaces of a worker, within one bound of memory: the one that was used longest ago goes first."""

from collections import OrderedDict

from gateway._speedups.shelf import EVERYBODY
from gateway.cache.embedding.base import FLOAT
from gateway.cache.spaces import NEWEST, Candidate, Indexing, Question, Space

SWEPT = 64
"""Namespaces that are dropped at once because they ended, at the most."""


class Vectors:
    """Entries by namespace: `most` in one, about `memory` bytes in all. For one thread.

    Vectors have `dimensions`; with 0, those of a namespace have as many as its first one.

    `life` is how long entries live, in seconds. Without `indexing` only the newest of a namespace are looked at, once
    it has many (spaces.NEWEST).
    """

    def __init__(
        self, dimensions: int, *, memory: int, most: int, life: float, indexing: Indexing | None = None
    ) -> None:
        self.dimensions = dimensions
        self.weight = 0
        self._memory = memory
        self._most = most
        self._life = life
        self._indexing = indexing
        self._spaces: OrderedDict[bytes, Space] = OrderedDict()
        self._large: set[bytes] = set()

    def __len__(self) -> int:
        """How many namespaces there are."""
        return len(self._spaces)

    @property
    def entries(self) -> int:
        """How many entries there are; counts them."""
        return sum(len(space) for space in self._spaces.values())

    @property
    def pending(self) -> int:
        """How many vectors are on their way into indexes; looks at all namespaces."""
        return sum(space.pending for space in self._spaces.values())

    @property
    def crowded(self) -> bool:
        """Whether so many wait for an index that not all of them are looked at: more should be added later."""
        spaces = [space for namespace in self._large if (space := self._spaces.get(namespace)) is not None]
        return any(space.pending > NEWEST for space in spaces)

    def add(self, namespace: bytes, scope: int, question: Question, now: float) -> None:
        """Adds an entry; raises ValueError for a vector of other dimensions. What is too much elsewhere goes."""
        space = self._spaces.get(namespace)
        if space is None:
            dimensions = self.dimensions or len(question.vector) // FLOAT
            space = Space(scope, dimensions, self._most, self._life, now, self._indexing)
            self._spaces[namespace] = space
            before = 0
        else:
            self._spaces.move_to_end(namespace)
            before = space.weight
        space.add(question, now)
        if namespace not in self._large and space.tend():
            self._large.add(namespace)
        self.weight += space.weight - before
        self._lighten(now)

    def same(self, namespace: bytes, mark: int, vector: bytes, now: float) -> list[Candidate]:
        """Entries of one namespace under one mark that have not ended; how near to `vector`, where both are known."""
        space = self._spaces.get(namespace)
        if space is None or len(vector) not in (0, FLOAT * space.dimensions):
            return []
        self._spaces.move_to_end(namespace)
        return space.same(mark, vector, now)

    def nearest(
        self, namespace: bytes, vector: bytes, most: int, floor: float, now: float
    ) -> list[Candidate]:
        """At most `most` entries of one namespace, the nearest first, none below `floor` and none that has ended."""
        space = self._spaces.get(namespace)
        if space is None or len(vector) != FLOAT * space.dimensions:
            return []
        self._spaces.move_to_end(namespace)
        return space.nearest(vector, most, floor, now)

    def forget(self, namespace: bytes, key: bytes) -> None:
        """Never tells this entry again."""
        space = self._spaces.get(namespace)
        if space is not None:
            space.forget(key)

    def purge(self, scope: int, before: float) -> None:
        """Forgets what a scope wrote until `before` (Unix seconds)."""
        for space in self._spaces.values():
            if scope in (EVERYBODY, space.scope):
                space.purge(before)

    def tend(self, now: float) -> None:
        """To be called now and then: has vectors moved into indexes, and drops namespaces whose entries all have ended,
        from those that were used longest ago on."""
        for namespace in tuple(self._large):
            space = self._spaces.get(namespace)
            before = space.weight if space is not None else 0
            if space is None or not space.tend():
                self._large.discard(namespace)
            else:
                self.weight += space.weight - before
        for _ in range(min(SWEPT, len(self._spaces))):
            namespace, space = next(iter(self._spaces.items()))
            if space.until > now:
                return
            self._drop(namespace)

    def _lighten(self, now: float) -> None:
        """Drops namespaces until the others fit; the last one loses its older half instead, then the rest."""
        while self.weight > self._memory:
            namespace, space = next(iter(self._spaces.items()))
            if len(self._spaces) > 1 or not len(space):
                self._drop(namespace)
                continue
            before = space.weight
            space.turn(now)
            self.weight += space.weight - before

    def _drop(self, namespace: bytes) -> None:
        space = self._spaces.pop(namespace)
        self.weight -= space.weight
        space.drop()
