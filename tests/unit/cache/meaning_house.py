"""For tests of the semantic half: vectors, an embedder that knows words, guards that note what they are asked."""

import hashlib
import math
import random
import struct
from collections.abc import Sequence

from gateway.cache.semantic import PURGE, VECTOR
from gateway.cache.spaces import Question

DIMENSIONS = 16
NOW = 3_000_000_000.0
LATER = NOW + 100_000


def direction(seed: object, dimensions: int = DIMENSIONS) -> bytes:
    """A vector of length 1 that depends on `seed` alone."""
    rng = random.Random(repr(seed))
    values = [rng.uniform(-1, 1) for _ in range(dimensions)]
    length = math.sqrt(sum(value * value for value in values))
    return struct.pack(f"<{dimensions}f", *(value / length for value in values))


def beside(vector: bytes, seed: object, distance: float) -> bytes:
    """A vector of length 1 near to another: the cosine is about 1 - distance² / 2."""
    count = len(vector) // 4
    there = struct.unpack(f"<{count}f", vector)
    away = struct.unpack(f"<{count}f", direction(seed, count))
    values = [one + distance * other for one, other in zip(there, away, strict=True)]
    length = math.sqrt(sum(value * value for value in values))
    return struct.pack(f"<{count}f", *(value / length for value in values))


def key_of(number: object) -> bytes:
    return hashlib.blake2b(repr(number).encode(), digest_size=32).digest()


def question(
    number: object,
    vector: bytes | None = None,
    *,
    written: float = NOW,
    expires: float = LATER,
    text: str = "",
    mark: int | None = None,
) -> Question:
    """Under the mark of its text, if no other is said; with a vector of its own, if not with none."""
    asked = text or f"question {number}"
    found = mark_of(asked) if mark is None else mark
    there = direction(number) if vector is None else vector
    return Question(key_of(number), asked.encode(), b"", found, there, written, expires)


def mark_of(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


class Words:
    """An embedder: a text lies where its first word points, a little away for each further one."""

    name = "words"
    fingerprint = b"words---"
    dimensions = DIMENSIONS
    cheap = True

    def now(self, text: str) -> bytes | None:
        first, *others = text.split()
        vector = direction(first)
        for other in others:
            vector = beside(vector, other, 0.1)
        return vector

    def prepare(self, text: str) -> None:
        """Nothing takes time here."""

    async def embed(self, text: str) -> bytes | None:
        return self.now(text)


class Strict:
    """Guards that refuse every question with the word `other` on one side only; `worded` differently is what has the
    word `else` on one side only. What agrees has one mark, and what has `twin` on one side only has it, too."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def note(self, text: str) -> bytes:
        words = text.split()
        return b"".join(word.encode() for word in ("other", "else", "twin") if word in words) or b"same"

    def mark(self, text: str, note: bytes) -> int:
        return mark_of((note or self.note(text)).decode().replace("twin", "").replace("same", ""))

    def agree(self, asked: str, kept: str, note: bytes) -> bool:
        self.asked.append((asked, kept))
        return self.note(asked) == note

    def rewords(self, asked: str, kept: str, note: bytes) -> bool:
        return (b"other" in self.note(asked)) == (b"other" in note)


class Told:
    """One frame of a log."""

    def __init__(
        self, kind: int, key: bytes, scope: int, expires: float, payload: bytes, written: float = NOW
    ) -> None:
        self.kind = kind
        self.key = key
        self.scope = scope
        self.written = written
        self.expires = expires
        self.payload = payload


class Logged:
    """A log in memory that several read, each from its own place."""

    def __init__(self) -> None:
        self.frames: list[Told] = []
        self.broken = False

    def put(
        self,
        key: bytes,
        scope: int,
        expires: float,
        payload: bytes,
        kind: int = VECTOR,
        now: float = NOW,
    ) -> bool:
        if not self.broken:
            self.frames.append(Told(kind, key, scope, expires, payload, now))
        return not self.broken

    def purge(self, scope: int, before: float) -> None:
        self.frames.append(Told(PURGE, bytes(32), scope, LATER, b"", before))

    def reader(self) -> "Reading":
        return Reading(self)


class Reading:
    """One worker's hand on a log."""

    def __init__(self, log: Logged, most: int = 3) -> None:
        self._log = log
        self._at = 0
        self._most = most
        self.put = log.put

    def tail(self) -> Sequence[Told]:
        told = self._log.frames[self._at : self._at + self._most]
        self._at += len(told)
        return told
