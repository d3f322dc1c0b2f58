"""Questions of all namespaces, found by what they say: two generations, each some arrays, however many namespaces.

Every turn of every conversation is a namespace of its own, so that one must cost nothing beside its questions. New
questions go into the young generation, and so does one of the old that is asked for again. Once the young one has half
of the memory the old one is dropped, and the young one becomes the old: what is asked for stays. Where there is room
enough an old generation goes when all of it has ended.
"""

from array import array

from gateway._speedups.chains import Chains
from gateway._speedups.nearest import inner
from gateway._speedups.shelf import EVERYBODY
from gateway.cache.spaces import KEY, LOOKED_AT, UNKNOWN, Candidate, Question

SPACE = 16
"""Bytes of a namespace."""

PER_ENTRY = 240
"""Bytes of an entry beside its text, note and vector: key, namespace, times, objects, the slack of what holds them."""

ERASED = 2048
"""Entries that are looked through for what is to be erased, in one turn."""


class Generation:
    """Entries in the order in which they came: number n has the nth key, namespace, end and text."""

    __slots__ = (
        "_ends",
        "_erasing",
        "_keys",
        "_marks",
        "_named",
        "_notes",
        "_purged",
        "_scopes",
        "_spaces",
        "_texts",
        "_vectors",
        "_written",
        "began",
        "until",
        "weight",
    )

    def __init__(self, now: float) -> None:
        self.began = now
        self.until = 0.0
        self.weight = 0
        self._keys = bytearray()
        self._spaces = bytearray()
        self._texts: list[bytes] = []
        self._notes: list[bytes] = []
        self._vectors: list[bytes] = []
        self._ends = array("d")
        self._written = array("d")
        self._scopes = array("Q")
        self._named = Chains()  # by what keys begin with: told twice, an entry is kept once
        self._marks = Chains()  # by mark and namespace
        self._purged: dict[int, float] = {}
        self._erasing: list[tuple[int, float, int]] = []

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, namespace: bytes, scope: int, question: Question) -> None:
        self.until = max(self.until, question.expires)
        for number in self._numbers(namespace, question.key):
            if self._texts[number] == question.text:
                self._ends[number] = max(self._ends[number], question.expires)
                self._written[number] = question.written
                return
        self._named.add(_beginning(question.key))
        self._marks.add(_under(namespace, question.mark))
        self._keys += question.key
        self._spaces += namespace
        self._texts.append(question.text)
        self._notes.append(question.note)
        self._vectors.append(question.vector)
        self._ends.append(question.expires)
        self._written.append(question.written)
        self._scopes.append(scope)
        self.weight += len(question.text) + len(question.note) + len(question.vector) + PER_ENTRY

    def same(self, namespace: bytes, mark: int, vector: bytes, now: float) -> list[tuple[int, Candidate]]:
        """Numbers and candidates of one mark that may be told, the newest first."""
        return [
            (number, self._candidate(number, vector))
            for number in self._marks.find(_under(namespace, mark), LOOKED_AT)
            if self._space(number) == namespace and self._is_told(number, now)
        ]

    def question(self, number: int, mark: int) -> tuple[int, Question]:
        """An entry as it was added, and its scope."""
        text, note, vector = self._texts[number], self._notes[number], self._vectors[number]
        key, written, ends = self._key(number), self._written[number], self._ends[number]
        return self._scopes[number], Question(key, text, note, mark, vector, written, ends)

    def forget(self, namespace: bytes, key: bytes) -> None:
        """Never tells this entry again."""
        for number in self._numbers(namespace, key):
            self._ends[number] = 0.0

    def purge(self, scope: int, before: float) -> None:
        """Tells nothing any more that a scope wrote until `before`; `erase` takes it away."""
        self._purged[scope] = max(before, self._purged.get(scope, before))
        self._erasing.append((scope, before, 0))

    def erase(self) -> bool:
        """Takes away some of what was purged; whether there is more to do."""
        if not self._erasing:
            return False
        scope, before, start = self._erasing.pop()
        end = min(len(self), start + ERASED)
        for number in range(start, end):
            if scope in (EVERYBODY, self._scopes[number]) and self._written[number] <= before:
                self._ends[number] = 0.0
                self._texts[number] = self._notes[number] = self._vectors[number] = b""
        if end < len(self):
            self._erasing.append((scope, before, end))
        return bool(self._erasing)

    def _is_told(self, number: int, now: float) -> bool:
        if self._ends[number] <= now:
            return False
        purged, written = self._purged, self._written[number]
        if not purged:
            return True
        return written > purged.get(self._scopes[number], -1.0) and written > purged.get(EVERYBODY, -1.0)

    def _candidate(self, number: int, vector: bytes) -> Candidate:
        kept = self._vectors[number]
        likeness = inner(vector, kept) if vector and len(kept) == len(vector) else UNKNOWN
        return Candidate(likeness, self._key(number), self._texts[number].decode(), self._notes[number])

    def _numbers(self, namespace: bytes, key: bytes) -> list[int]:
        return [
            number
            for number in self._named.find(_beginning(key), LOOKED_AT)
            if self._key(number) == key and self._space(number) == namespace
        ]

    def _key(self, number: int) -> bytes:
        return bytes(self._keys[number * KEY : number * KEY + KEY])

    def _space(self, number: int) -> bytes:
        return bytes(self._spaces[number * SPACE : number * SPACE + SPACE])


class Worded:
    """Entries of all namespaces, within about `memory` bytes. For one thread. `life` is how long most live, in seconds.

    It tells what was kept under a mark, and nothing of what only is near.
    """

    pending = 0
    crowded = False

    def __init__(self, *, memory: int, life: float, now: float) -> None:
        self._half = memory // 2
        self._life = life
        self._young = Generation(now)
        self._old = Generation(now)

    @property
    def entries(self) -> int:
        """How many there are; one that was asked for again may count twice."""
        return len(self._young) + len(self._old)

    @property
    def weight(self) -> int:
        """About how many bytes they take."""
        return self._young.weight + self._old.weight

    def add(self, namespace: bytes, scope: int, question: Question, now: float) -> None:
        """Adds an entry; raises ValueError for a namespace of another length."""
        if len(namespace) != SPACE:
            raise ValueError("a namespace has another length")
        self._young.add(namespace, scope, question)
        self._turn(now)

    def same(self, namespace: bytes, mark: int, vector: bytes, now: float) -> list[Candidate]:
        """Entries of one namespace under one mark that may be told; how near to `vector`, where both are known."""
        found = [candidate for _, candidate in self._young.same(namespace, mark, vector, now)]
        known = {candidate.key for candidate in found}
        again = [one for one in self._old.same(namespace, mark, vector, now) if one[1].key not in known]
        for number, _ in reversed(again):
            self._young.add(namespace, *self._old.question(number, mark))
        if again:
            self._turn(now)
        return found + [candidate for _, candidate in again]

    def forget(self, namespace: bytes, key: bytes) -> None:
        """Never tells this entry again."""
        self._young.forget(namespace, key)
        self._old.forget(namespace, key)

    def purge(self, scope: int, before: float) -> None:
        """Forgets what a scope wrote until `before` (Unix seconds)."""
        self._young.purge(scope, before)
        self._old.purge(scope, before)

    def tend(self, now: float) -> None:
        """To be called now and then: takes away what was purged, and what has ended altogether."""
        if not self._young.erase():
            self._old.erase()
        if len(self._old) and self._old.until <= now:
            self._old = Generation(now)
        self._turn(now)

    def _turn(self, now: float) -> None:
        """Begins a new generation where the young one is heavy, or old and in nobody's way."""
        young = self._young
        is_old = now - young.began >= self._life and self._old.until <= now
        if young.weight > self._half or (is_old and len(young)):
            self._old, self._young = young, Generation(now)


def _beginning(key: bytes) -> int:
    return int.from_bytes(key[:8], "little")


def _under(namespace: bytes, mark: int) -> int:
    return mark ^ int.from_bytes(namespace[:8], "little")
