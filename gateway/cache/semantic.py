"""Finding an answer by the meaning of its question: what says the same in other words, and lets no look-alike pass.

The guards agree only on texts that come down to the same words, so what they may agree on is found by those words, at
once; the vectors then tell how near it is. What only is near, in words of its own, is looked for where a verifier
judges it. Entries come only from the log that all workers share: what one of them writes, `follow` brings to every one,
itself too.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter, time
from typing import NamedTuple, Protocol

from gateway._speedups.nearest import inner
from gateway.cache.embedding.base import FLOAT, Embedder
from gateway.cache.learned import Learned, is_direction, pack, unpack
from gateway.cache.spaces import KEY, UNKNOWN, Candidate, Question

VECTOR = 2
PURGE = 3
"""Kinds of frames in the shared log."""

CANDIDATES = 8
"""Neighbours that are looked at, at the most."""

CHECKED = 2
"""Candidates that a verifier is asked about, at the most."""

MOST_TEXT = 8192
"""Characters of a question that is looked for by its meaning."""

MOST_LATER = 64
"""Questions that wait for their vectors to be written; more are not learned."""

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

    def put(
        self, key: bytes, scope: int, expires: float, payload: bytes, kind: int, now: float, /
    ) -> bool: ...
    def tail(self) -> Sequence[Frame]: ...


class Questions(Protocol):
    """Where questions are: worded.py, or vectors.py, where those that only are near are looked for too."""

    @property
    def entries(self) -> int: ...
    @property
    def weight(self) -> int: ...
    @property
    def pending(self) -> int: ...
    @property
    def crowded(self) -> bool: ...
    def add(self, namespace: bytes, scope: int, question: Question, now: float) -> None: ...
    def same(self, namespace: bytes, mark: int, vector: bytes, now: float) -> list[Candidate]: ...
    def forget(self, namespace: bytes, key: bytes) -> None: ...
    def purge(self, scope: int, before: float) -> None: ...
    def tend(self, now: float) -> None: ...


class Searched(Questions, Protocol):
    """Questions whose vectors are searched."""

    def nearest(
        self, namespace: bytes, vector: bytes, most: int, floor: float, now: float
    ) -> list[Candidate]: ...


class Guards(Protocol):
    """Who refuses look-alikes; see agreement.py. Texts that agree have one mark. None of it raises."""

    def note(self, text: str) -> bytes: ...
    def mark(self, text: str, note: bytes) -> int: ...
    def agree(self, asked: str, kept: str, note: bytes) -> bool: ...
    def rewords(self, asked: str, kept: str, note: bytes) -> bool: ...


class Verifier(Protocol):
    """A slower judge of few candidates; never raises but for cancellation. None: it could not say."""

    async def agrees(self, asked: str, kept: str) -> bool | None: ...


class Bounds(NamedTuple):
    """How alike questions must be: `same_words`, where the guards take them for one.

    Whoever asks for more than the `usual` threshold gets it for those, too.
    """

    usual: float = 1.0
    same_words: float = 1.0

    def of_same_words(self, threshold: float) -> float:
        return min(threshold, self.same_words) if threshold <= self.usual else threshold


STRICT = Bounds()


class Semantic:
    """Questions of one worker, found by what they mean. The guards only ever refuse, but for words: of `reworded`
    questions (the same as `questions`, with vectors that are searched) the verifier decides.

    What is asked twice in other spacing is the same question.
    """

    def __init__(
        self,
        embedder: Embedder,
        log: Log,
        guards: Guards,
        questions: Questions,
        *,
        bounds: Bounds = STRICT,
        verifier: Verifier | None = None,
        reworded: Searched | None = None,
        clock: Callable[[], float] = perf_counter,
        wall: Callable[[], float] = time,
    ) -> None:
        self._embedder = embedder
        self._log = log
        self._guards = guards
        self._questions = questions
        self._bounds = bounds
        self._verifier = verifier
        self._reworded = reworded if verifier is not None else None
        self._keeps = self._reworded is not None or not embedder.cheap
        """Whether vectors are kept."""
        self._clock = clock
        self._wall = wall
        self._unread: list[Frame] = []
        self._later: set[asyncio.Task[None]] = set()
        self.refused = 0
        """Candidates near enough that guards or the verifier refused."""
        self.damaged = 0
        """Frames that were passed over."""

    @property
    def questions(self) -> Questions:
        return self._questions

    async def find(self, namespace: bytes, text: str, threshold: float, now: float) -> Near | None:
        """The nearest question of the namespace that is near enough and means the same, as far as can be told.

        With an embedder that need not wait, neither does this; with any other it waits where there is something to
        compare. None is a miss, for whatever reason.
        """
        asked = plain(text)
        if asked is None:
            return None
        mark = self._guards.mark(asked, b"")
        found = self._questions.same(namespace, mark, b"", now)
        if not found and self._reworded is None:
            self._embedder.prepare(asked)
            return None
        vector = self._embedder.now(asked) or await self._embedder.embed(asked)
        if vector is None or not self._is_its(vector):
            return None
        if self._keeps:
            found = self._questions.same(namespace, mark, vector, now)
        near = await self._judged(asked, self._ranked(found, vector, self._bounds.of_same_words(threshold)))
        if near is None and self._reworded is not None:
            near = await self._judged(
                asked, self._reworded.nearest(namespace, vector, CANDIDATES, threshold, now)
            )
        return near

    def add(self, namespace: bytes, text: str, key: bytes, expires: float, scope: int) -> bool:
        """Writes a question into the log, for `follow` of all workers; False where it could not, or not yet.

        Where its vector takes time, it is written once that is there; never, where it is not in time. It is as old as
        this call: what is purged meanwhile is not written.
        """
        asked = plain(text)
        if asked is None or len(key) != KEY:
            return False
        written = self._wall()
        vector = b"" if self._embedder.cheap else self._embedder.now(asked)
        if vector is not None:
            return self._write(namespace, asked, vector, key, expires, scope, written)
        if len(self._later) < MOST_LATER:
            task = asyncio.ensure_future(self._write_later(namespace, asked, key, expires, scope, written))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
        return False

    async def _write_later(
        self, namespace: bytes, asked: str, key: bytes, expires: float, scope: int, written: float
    ) -> None:
        vector = await self._embedder.embed(asked)
        if vector:
            self._write(namespace, asked, vector, key, expires, scope, written)

    def _write(
        self,
        namespace: bytes,
        asked: str,
        vector: bytes,
        key: bytes,
        expires: float,
        scope: int,
        written: float,
    ) -> bool:
        try:
            note = self._guards.note(asked)
            payload = pack(Learned(self._embedder.fingerprint, namespace, asked.encode(), note, vector))
        except UnicodeEncodeError:
            return False
        return self._log.put(key, scope, expires, payload, VECTOR, written)

    def stop(self) -> None:
        """Gives up what is to be written later."""
        for task in self._later:
            task.cancel()

    def follow(self, now: float) -> bool:
        """Learns what any worker wrote since the last call, for about SLICE seconds; whether there is more to do.

        It learns no faster than indexes are filled. Frames that are damaged, of another embedder or at their end are
        passed over.
        """
        end = self._clock() + SLICE
        self._questions.tend(now)
        if self._questions.crowded:
            return True
        while self._unread or self._read():
            self._learn(self._unread.pop(), now)
            if self._clock() > end:
                return True
        return False

    def forget(self, namespace: bytes, key: bytes) -> None:
        """The entry behind a question is gone: it is not told again."""
        self._questions.forget(namespace, key)

    def _ranked(self, found: list[Candidate], vector: bytes, floor: float) -> list[Candidate]:
        """Those that are near enough, the nearest first."""
        near = []
        for one in found:
            likeness = one.similarity
            if likeness == UNKNOWN:
                kept = self._embedder.now(one.text)
                likeness = inner(vector, kept) if kept is not None and len(kept) == len(vector) else UNKNOWN
            if floor <= likeness < 1.1:  # what is more is no cosine: the embedder has changed its mind
                near.append(one._replace(similarity=likeness))
        near.sort(reverse=True)
        return near[:CANDIDATES]

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
        text, note = candidate.text, candidate.note
        if self._guards.agree(asked, text, note):
            return True
        return self._reworded is not None and self._guards.rewords(asked, text, note)

    def _read(self) -> bool:
        """Gets what the log has next, the newest first; False where that is nothing."""
        self._unread = list(self._log.tail())
        self._unread.reverse()
        return bool(self._unread)

    def _learn(self, frame: Frame, now: float) -> None:
        if frame.kind == PURGE:
            self._questions.purge(frame.scope, frame.written)
            return
        if frame.kind != VECTOR or frame.expires <= now:
            return
        learned = unpack(frame.payload)
        if learned is None or len(frame.key) != KEY:
            self.damaged += 1
            return
        if learned.fingerprint != self._embedder.fingerprint:
            return
        text = learned.text.decode()
        vector = (learned.vector or self._embedder.now(text)) if self._keeps else b""
        if vector is None or not (self._is_its(vector) if self._keeps else self._fits(learned.vector)):
            self.damaged += 1
            return
        mark = self._guards.mark(text, learned.note)
        question = Question(frame.key, learned.text, learned.note, mark, vector, frame.written, frame.expires)
        try:
            self._questions.add(learned.namespace, frame.scope, question, now)
        except ValueError:  # an embedder whose vectors have changed their length
            self.damaged += 1

    def _is_its(self, vector: bytes) -> bool:
        """Whether this is a direction such as the embedder gives."""
        return self._fits(vector) and is_direction(vector)

    def _fits(self, vector: bytes) -> bool:
        """Whether a vector has the embedder's dimensions, where it says how many."""
        expected = FLOAT * self._embedder.dimensions
        return not vector or not expected or len(vector) == expected


def plain(text: str) -> str | None:
    """A question without what its spacing adds; None for nothing, or for more than a question has."""
    if len(text) > MOST_TEXT:
        return None
    return " ".join(text.split()) or None
