"""What a semantic cache would have served, by threshold: counted once for all thresholds."""

import asyncio
from typing import Any

import msgspec
import numpy

from bench.semantic_corpora import Lookups, Pair
from gateway.cache.embedding.base import Embedder
from gateway.cache.guards import Gist, gist_of, objection, signature

THRESHOLDS = tuple(round(0.90 + step / 100, 2) for step in range(10))
DEFAULT = 0.93
SAME_WORDS = 0.75
MANNERS = ((True, True), (True, False), (False, False))
"""With guards as they are served, with guards and the threshold, and by the threshold alone."""
_ROWS = 512


class Score(msgspec.Struct, frozen=True):
    """Counts at one threshold; of pairs, `right` are paraphrases served and `wrong` look-alikes served."""

    threshold: float
    right: int
    wrong: int
    rights: int
    wrongs: int

    @property
    def recall(self) -> float:
        """The share of what could have been served rightly, 0 to 1."""
        return self.right / self.rights if self.rights else 0.0

    @property
    def precision(self) -> float:
        """The share of what was served that was right, 0 to 1; 1 where nothing was served."""
        served = self.right + self.wrong
        return self.right / served if served else 1.0

    @property
    def wrongly(self) -> float:
        """The share of what must not be served that was, 0 to 1."""
        return self.wrong / self.wrongs if self.wrongs else 0.0


class Case(msgspec.Struct, frozen=True):
    """One corpus under one embedder, with or without guards. With `same_words` what the guards take for one may be less
    alike than the threshold, as the cache has it with `same_words: 0.75`."""

    corpus: str
    embedder: str
    guards: bool
    pairs: bool
    scores: list[Score]
    same_words: bool = False

    @property
    def manner(self) -> str:
        """How it was decided."""
        return "same words" if self.same_words else "guards" if self.guards else "likeness alone"

    def at(self, threshold: float) -> Score:
        """The counts at a threshold."""
        return next(score for score in self.scores if score.threshold == threshold)


def vectors(embedder: Embedder, texts: list[str]) -> Any:
    """One row of length 1 for each text, float32; of zeros where the embedder has none."""
    rows = numpy.zeros((len(texts), embedder.dimensions), dtype=numpy.float32)
    for place, vector in enumerate(asyncio.run(_embedded(embedder, texts))):
        if vector is not None:
            rows[place] = numpy.frombuffer(vector, dtype="<f4")
    return rows


async def _embedded(embedder: Embedder, texts: list[str]) -> list[bytes | None]:
    found = []
    for text in texts:
        found.append(embedder.now(text) or await embedder.embed(text))
    return found


def of_pairs(name: str, pairs: list[Pair], embedder: Embedder | None) -> list[Case]:
    """Pairs, with and without guards; without an embedder every pair is near enough (the guards alone)."""
    if embedder is None:
        likenesses = [1.0] * len(pairs)
    else:
        one = vectors(embedder, [pair.a for pair in pairs])
        other = vectors(embedder, [pair.b for pair in pairs])
        likenesses = (one * other).sum(axis=1).tolist()
    agreed = [not objection(gist_of(pair.a), gist_of(pair.b)) for pair in pairs]
    rights = sum(pair.label for pair in pairs)
    found = []
    for guards, same_words in MANNERS if embedder is not None else ((True, False),):
        scores = []
        for threshold in THRESHOLDS:
            floor = min(threshold, SAME_WORDS) if same_words else threshold
            served = [
                pair.label
                for pair, likeness, agrees in zip(pairs, likenesses, agreed, strict=True)
                if likeness >= floor and (agrees or not guards)
            ]
            right = sum(served)
            scores.append(Score(threshold, right, len(served) - right, rights, len(pairs) - rights))
        found.append(Case(name, _name(embedder), guards, True, scores, same_words))
    return found


def of_lookups(name: str, lookups: Lookups, embedder: Embedder) -> list[Case]:
    """Look-ups: the nearest candidate that the guards let pass is served, if it is near enough."""
    kept, asked = vectors(embedder, lookups.kept), vectors(embedder, lookups.asked)
    nearest, same = _nearest(kept, asked), _same(lookups)
    found = []
    for guards, same_words in MANNERS:
        hits: list[tuple[int, float] | None] = []
        for row, (near, alike) in enumerate(zip(nearest, same, strict=True)):
            by_words = [(place, float(asked[row] @ kept[place])) for place in alike]
            candidates = sorted(by_words, key=_farther) if guards else near
            hits.append(candidates[0] if candidates else None)
        scores = []
        for threshold in THRESHOLDS:
            floor = min(threshold, SAME_WORDS) if same_words else threshold
            served = [
                lookups.meanings[hit[0]] == sought
                for hit, sought in zip(hits, lookups.sought, strict=True)
                if hit is not None and hit[1] >= floor
            ]
            right, size = sum(served), len(lookups.asked)
            scores.append(Score(threshold, right, len(served) - right, size, size))
        found.append(Case(name, _name(embedder), guards, False, scores, same_words))
    return found


def of_guards(name: str, lookups: Lookups) -> Case:
    """Look-ups without vectors: the first that has the words of the asked one, and no objection."""
    right = wrong = 0
    for places, sought in zip(_same(lookups), lookups.sought, strict=True):
        right += bool(places) and lookups.meanings[places[0]] == sought
        wrong += bool(places) and lookups.meanings[places[0]] != sought
    size = len(lookups.asked)
    scores = [Score(threshold, right, wrong, size, size) for threshold in THRESHOLDS]
    return Case(name, _name(None), True, False, scores)


def _same(lookups: Lookups) -> list[list[int]]:
    """For each asked text the kept ones on which the guards agree with it: all of them have its signature."""
    kept: dict[bytes, list[tuple[int, Gist]]] = {}
    for place, text in enumerate(lookups.kept):
        gist = gist_of(text)
        kept.setdefault(signature(gist), []).append((place, gist))
    found = []
    for text in lookups.asked:
        asked = gist_of(text)
        known = kept.get(signature(asked), ())
        found.append([place for place, gist in known if not objection(asked, gist)])
    return found


def _nearest(kept: Any, asked: Any) -> list[list[tuple[int, float]]]:
    """For each asked row the nearest kept ones with their likeness, nearest first."""
    found: list[list[tuple[int, float]]] = []
    most = min(1, len(kept))
    for start in range(0, len(asked), _ROWS):
        likeness = asked[start : start + _ROWS] @ kept.T
        places = numpy.argpartition(-likeness, most - 1, axis=1)[:, :most]
        for row, columns in zip(likeness, places, strict=True):
            found.append(sorted(((int(column), float(row[column])) for column in columns), key=_farther))
    return found


def _farther(candidate: tuple[int, float]) -> float:
    return -candidate[1]


def _name(embedder: Embedder | None) -> str:
    return "guards alone" if embedder is None else embedder.name
