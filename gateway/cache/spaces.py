"""One namespace's questions in two generations, found by what they say, and by their vectors.

New ones go into the young generation. Once it is half full, or half a time to live old, the old one is dropped and the
young one becomes the old: nothing is ever deleted from an index, and what was added lately always is found. Vectors lie
in a plain array while they are few, and in a graph beyond.
"""

from array import array
from typing import NamedTuple, Protocol

from gateway._speedups.chains import Chains
from gateway._speedups.nearest import Rows
from gateway.cache.embedding.base import FLOAT

KEY = 32
"""Bytes of an entry's key."""

MANY = 2048
"""Vectors up to which looking at all of them is quicker than a graph."""

WAITING = 64
"""Vectors beside a graph that wait for company before they go into it."""

LOT = 1024
"""The most vectors that go into a graph at once."""

NEWEST = 2048
"""How many of those beside a graph are looked at: while it is being filled after a start, not all of them."""

LOOKED_AT = 32
"""Questions that say the same, of which so many of the newest are looked at."""

PER_ENTRY = 200
"""Bytes of an entry beside its vector and text: key, times, objects and the slack of what holds them."""

PER_SPACE = 1400
"""Bytes of a namespace with nothing in it."""

UNKNOWN = -2.0
"""No cosine: it has not been computed."""


class Question(NamedTuple):
    """What is learned: a text, what guards know of it, its vector (perhaps empty), its answer's key.

    `mark` is the same for all texts that guards may take for one. Times are in Unix seconds.
    """

    key: bytes
    text: bytes
    note: bytes
    mark: int
    vector: bytes
    written: float
    expires: float


class Candidate(NamedTuple):
    """A text near to what was asked, or of its mark. `similarity` is the cosine, or UNKNOWN."""

    similarity: float
    key: bytes
    text: str
    note: bytes


class Index(Protocol):
    """Many vectors under the labels 0, 1, …; somebody else's thread adds them. See graph.py."""

    dropped: bool

    @property
    def filled(self) -> int: ...
    def nearest(self, vector: bytes, most: int, floor: float) -> list[tuple[int, float]]: ...
    def product(self, number: int, vector: bytes) -> float: ...
    def take(self, rows: bytes) -> None: ...
    def drop(self) -> None: ...


class Indexing(Protocol):
    """Makes an index for `most` vectors at the most; what it takes in bytes, empty and for each vector."""

    fixed: int

    def weigh(self, dimensions: int) -> int: ...
    def graph(self, dimensions: int, most: int) -> Index: ...


class Generation:
    """Entries in the order in which they came: number n has the nth key, end and text.

    The vectors of the first `base` lie in the graph, the others in `rows`, of which the `lot` oldest are on their way.
    """

    __slots__ = (
        "_base",
        "_ends",
        "_graph",
        "_indexing",
        "_keys",
        "_lot",
        "_marks",
        "_most",
        "_named",
        "_notes",
        "_rows",
        "_texts",
        "_written",
        "began",
        "until",
        "weight",
    )

    def __init__(self, dimensions: int, most: int, now: float, indexing: Indexing | None) -> None:
        self.began = now
        self.until = 0.0
        self.weight = 0
        self._most = most
        self._indexing = indexing
        self._rows = Rows(dimensions)
        self._keys = bytearray()
        self._texts: list[bytes] = []
        self._notes: list[bytes] = []
        self._ends = array("d")
        self._written = array("d")
        self._named = Chains()  # by what keys begin with: told twice, an entry is kept once
        self._marks = Chains()
        self._graph: Index | None = None
        self._base = self._lot = 0

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def pending(self) -> int:
        """How many are on their way into the graph, or should be."""
        if self._graph is None or self._graph.dropped or len(self._rows) < WAITING:
            return 0
        return len(self._rows)

    def tend(self) -> bool:
        """Takes over what the graph has taken, and gives it more; whether there is a graph."""
        if self._graph is None:
            return False
        self._move()
        return True

    def add(self, question: Question) -> None:
        """Raises ValueError for a vector of other dimensions."""
        self.until = max(self.until, question.expires)
        if self._renew(question):
            return
        self._rows.add(question.vector)
        self._named.add(_beginning(question.key))
        self._marks.add(question.mark)
        self._keys += question.key
        self._texts.append(question.text)
        self._notes.append(question.note)
        self._ends.append(question.expires)
        self._written.append(question.written)
        self.weight += len(question.vector) + len(question.text) + len(question.note) + PER_ENTRY
        if self._graph is not None or len(self._rows) > MANY:
            self._move()

    def same(self, mark: int, vector: bytes, now: float) -> list[Candidate]:
        """Those of one mark. Without `vector` nothing is known of how near they are."""
        return [
            self._candidate(number, self._likeness(number, vector))
            for number in self._marks.find(mark, LOOKED_AT)
            if self._ends[number] > now
        ]

    def nearest(self, vector: bytes, most: int, floor: float, now: float) -> list[Candidate]:
        """Candidates in no order."""
        found = dict(self._graph.nearest(vector, most, floor)) if self._graph is not None else {}
        for row, product in self._rows.nearest(vector, most, floor, NEWEST):
            found[self._base + row] = product
        return [self._candidate(number, near) for number, near in found.items() if self._ends[number] > now]

    def forget(self, key: bytes) -> None:
        """Never tells this entry again."""
        for number in self._numbers(key):
            self._ends[number] = 0.0

    def purge(self, before: float) -> None:
        """Forgets, and erases, what was written until `before`."""
        for number, written in enumerate(self._written):
            if written <= before:
                self._ends[number] = 0.0
                self._texts[number] = self._notes[number] = b""

    def drop(self) -> None:
        """Lets its graph go."""
        if self._graph is not None:
            self._graph.drop()

    def _likeness(self, number: int, vector: bytes) -> float:
        if not vector:
            return UNKNOWN
        if number >= self._base:
            return self._rows.product(number - self._base, vector)
        assert self._graph is not None  # it has the first ones
        return self._graph.product(number, vector)

    def _candidate(self, number: int, similarity: float) -> Candidate:
        key = bytes(self._keys[number * KEY : number * KEY + KEY])
        return Candidate(similarity, key, self._texts[number].decode(), self._notes[number])

    def _renew(self, question: Question) -> bool:
        """Whether the same text is here already: it has the later end from now on."""
        for number in self._numbers(question.key):
            if self._texts[number] == question.text:
                self._ends[number] = max(self._ends[number], question.expires)
                self._written[number] = question.written
                return True
        return False

    def _numbers(self, key: bytes) -> list[int]:
        return [
            number
            for number in self._named.find(_beginning(key), LOOKED_AT)
            if self._keys[number * KEY : number * KEY + KEY] == key
        ]

    def _move(self) -> None:
        """Takes away what has arrived in the graph, and sends the next lot."""
        if self._indexing is None:
            return
        if self._graph is None:
            try:
                self._graph = self._indexing.graph(self._rows.dimensions, self._most)
            except MemoryError:
                self._indexing = None
                return
            self.weight += self._indexing.fixed
        if self._lot and self._graph.filled == self._base + self._lot:
            self._rows.drop(self._lot)
            dimensions = self._rows.dimensions
            self.weight += (self._indexing.weigh(dimensions) - FLOAT * dimensions) * self._lot
            self._base += self._lot
            self._lot = 0
        if not self._lot and len(self._rows) >= WAITING and not self._graph.dropped:
            self._lot = min(len(self._rows), LOT)
            self._graph.take(self._rows.oldest(self._lot))


def _beginning(key: bytes) -> int:
    return int.from_bytes(key[:8], "little")


class Space:
    """One namespace: what shares everything but the last question."""

    __slots__ = ("_half", "_half_life", "_indexing", "_old", "_young", "dimensions", "scope")

    def __init__(
        self, scope: int, dimensions: int, most: int, life: float, now: float, indexing: Indexing | None
    ) -> None:
        self.scope = scope
        self.dimensions = dimensions
        self._half = max(1, most // 2)
        self._half_life = life / 2
        self._indexing = indexing
        self._old: Generation | None = None
        self._young = Generation(dimensions, self._half, now, indexing)

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return PER_SPACE + self._young.weight + (self._old.weight if self._old is not None else 0)

    @property
    def until(self) -> float:
        """When its last entry ends."""
        return max(self._young.until, self._old.until if self._old is not None else 0.0)

    @property
    def pending(self) -> int:
        """How many are on their way into graphs."""
        return self._young.pending + (self._old.pending if self._old is not None else 0)

    def tend(self) -> bool:
        """To be called after `add`, and now and then: moves vectors into graphs; whether there are any."""
        young = self._young.tend()
        return (self._old is not None and self._old.tend()) or young

    def __len__(self) -> int:
        return len(self._young) + (len(self._old) if self._old is not None else 0)

    def add(self, question: Question, now: float) -> None:
        self._keep_young(now)
        self._young.add(question)

    def same(self, mark: int, vector: bytes, now: float) -> list[Candidate]:
        """What has not ended under one mark, the newest first."""
        found = self._young.same(mark, vector, now)
        return found if self._old is None else found + self._old.same(mark, vector, now)

    def nearest(self, vector: bytes, most: int, floor: float, now: float) -> list[Candidate]:
        """At most `most` candidates that have not ended, the nearest first."""
        found = self._young.nearest(vector, most, floor, now)
        if self._old is not None:
            found += self._old.nearest(vector, most, floor, now)
        found.sort(reverse=True)
        return found[:most]

    def forget(self, key: bytes) -> None:
        self._young.forget(key)
        if self._old is not None:
            self._old.forget(key)

    def purge(self, before: float) -> None:
        self._young.purge(before)
        if self._old is not None:
            self._old.purge(before)

    def drop(self) -> None:
        """Lets its graphs go."""
        self._young.drop()
        if self._old is not None:
            self._old.drop()

    def turn(self, now: float) -> None:
        """Drops the old generation; the young one becomes the old, and a new one begins."""
        if self._old is not None:
            self._old.drop()
        self._old = self._young
        self._young = Generation(self.dimensions, self._half, now, self._indexing)

    def _keep_young(self, now: float) -> None:
        young = self._young
        if len(young) >= self._half:
            self.turn(now)
        elif now - young.began >= self._half_life:
            if len(young) or self._old is not None:
                self.turn(now)
            else:
                young.began = now
