"""Finding an answer by the meaning of its question: embed, look for what is near, and let no look-alike pass.

Entries come only from the log that all workers share: what one of them writes, `follow` brings to every one, itself
too.
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple, Protocol

from gateway.cache.embedding.base import FLOAT, Embedder
from gateway.cache.learned import Learned, pack, unpack
from gateway.cache.spaces import KEY, Candidate, Question
from gateway.cache.vectors import Vectors

VECTOR = 2
PURGE = 3
"""Kinds of frames in the shared log."""

CANDIDATES = 8
"""Neighbours that are looked at, at the most."""

CHECKED = 2
"""Candidates that a verifier is asked about, at the most."""

MOST_TEXT = 8192
"""Characters of a question that is looked for by its meaning."""

SLICE = 0.00025
"""Seconds that one call to `follow` works, about."""


class Near(NamedTuple):
    """What was found: the entry's key, the cosine of both questions, and the question that it answered."""

    key: bytes
    similarity: float
    text: str


class Frame(Protocol):
    """One frame of the shared log. A PURGE is about what `scope` wrote until `written`."""

    @property
    def kind(self) -> int: ...
    @property
    def key(self) -> bytes: ...
    @property
    def scope(self) -> int: ...
    @property
    def written(self) -> float: ...
    @property
    def expires(self) -> float: ...
    @property
    def payload(self) -> bytes: ...


class Log(Protocol):
    """What all workers append to and read; the store stands behind it. Neither raises, neither waits."""

    def put(self, key: bytes, scope: int, expires: float, payload: bytes, kind: int) -> bool: ...
    def tail(self) -> Sequence[Frame]: ...


class Guards(Protocol):
    """Who refuses look-alikes; see agreement.py. Neither raises."""

    def note(self, text: str) -> bytes: ...
    def agree(self, asked: str, kept: str, note: bytes) -> bool: ...


class Verifier(Protocol):
    """A slower judge of few candidates; never raises but for cancellation. None: it could not say."""

    async def agrees(self, asked: str, kept: str) -> bool | None: ...


class Semantic:
    """Questions of one worker, found by their meaning. The guards only ever refuse.

    What is asked twice in other spacing is the same question.
    """

    def __init__(
        self,
        embedder: Embedder,
        log: Log,
        guards: Guards,
        vectors: Vectors,
        *,
        verifier: Verifier | None = None,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._embedder = embedder
        self._log = log
        self._guards = guards
        self._vectors = vectors
        self._verifier = verifier
        self._clock = clock
        self._unread: list[Frame] = []
        self.refused = 0
        """Candidates near enough that guards or the verifier refused."""
        self.damaged = 0
        """Frames that were passed over."""

    @property
    def vectors(self) -> Vectors:
        return self._vectors

    async def find(self, namespace: bytes, text: str, threshold: float, now: float) -> Near | None:
        """The nearest question of the namespace that is near enough and means the same, as far as can be told.

        With an embedder that need not wait, neither does this. None is a miss, for whatever reason.
        """
        asked = plain(text)
        if asked is None:
            return None
        vector = self._embedder.now(asked)
        if vector is None:
            vector = None if self._embedder.cheap else await self._embedder.embed(asked)
            if vector is None:
                return None
        found = self._vectors.nearest(namespace, vector, CANDIDATES, threshold, now)
        return await self._judged(asked, found) if found else None

    def add(self, namespace: bytes, text: str, key: bytes, expires: float, scope: int) -> bool:
        """Writes a question into the log, for `follow` of all workers; False where it could not.

        The embedder still has the vector of what `find` was asked lately; if not, this question is not learned.
        """
        asked = plain(text)
        if asked is None or len(key) != KEY:
            return False
        vector = b""
        if not self._embedder.cheap:
            vector = self._embedder.now(asked) or b""
            if not vector:
                return False
        try:
            note = self._guards.note(asked)
            payload = pack(Learned(self._embedder.fingerprint, namespace, asked.encode(), note, vector))
        except UnicodeEncodeError:
            return False
        return self._log.put(key, scope, expires, payload, VECTOR)

    def follow(self, now: float) -> bool:
        """Learns what any worker wrote since the last call, for about SLICE seconds; whether there is more to do.

        It learns no faster than indexes are filled. Frames that are damaged, of another embedder or at their end are
        passed over.
        """
        end = self._clock() + SLICE
        self._vectors.tend(now)
        if self._vectors.crowded:
            return True
        while self._unread or self._read():
            self._learn(self._unread.pop(), now)
            if self._clock() > end:
                return True
        return False

    def forget(self, namespace: bytes, key: bytes) -> None:
        """The entry behind a question is gone: it is not told again."""
        self._vectors.forget(namespace, key)

    async def _judged(self, asked: str, found: list[Candidate]) -> Near | None:
        checks = 0
        for candidate in found:
            if asked != candidate.text and not self._agrees(asked, candidate):
                self.refused += 1
                continue
            if self._verifier is not None and asked != candidate.text:
                checks += 1
                if checks > CHECKED:
                    return None
                if not await self._verifier.agrees(asked, candidate.text):
                    self.refused += 1
                    continue
            return Near(candidate.key, candidate.similarity, candidate.text)
        return None

    def _agrees(self, asked: str, candidate: Candidate) -> bool:
        return self._guards.agree(asked, candidate.text, candidate.note)

    def _read(self) -> bool:
        """Gets what the log has next, the newest first; False where that is nothing."""
        self._unread = list(self._log.tail())
        self._unread.reverse()
        return bool(self._unread)

    def _learn(self, frame: Frame, now: float) -> None:
        if frame.kind == PURGE:
            self._vectors.purge(frame.scope, frame.written)
            return
        if frame.kind != VECTOR or frame.expires <= now:
            return
        learned = unpack(frame.payload)
        if learned is None or len(frame.key) != KEY:
            self.damaged += 1
            return
        if learned.fingerprint != self._embedder.fingerprint:
            return
        vector = learned.vector or self._embedder.now(learned.text.decode())
        if vector is None or len(vector) != FLOAT * (self._embedder.dimensions or len(vector) // FLOAT):
            self.damaged += 1
            return
        question = Question(frame.key, learned.text, learned.note, vector, frame.written, frame.expires)
        try:
            self._vectors.add(learned.namespace, frame.scope, question, now)
        except ValueError:  # an embedder whose vectors have changed their length
            self.damaged += 1


def plain(text: str) -> str | None:
    """A question without what its spacing adds; None for nothing, or for more than a question has."""
    if len(text) > MOST_TEXT:
        return None
    return " ".join(text.split()) or None
