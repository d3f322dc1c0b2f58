"""Checking on hits: a share of them is answered upstream too, and where too many were wrong, the threshold rises.

A namespace's own record counts, and that of all together: most namespaces see too few hits to tell anything by
themselves. Each worker keeps its own; nothing of it survives a restart.
"""

import random
from collections import OrderedDict
from collections.abc import Callable
from math import sqrt

import msgspec

from gateway._speedups.nearest import inner
from gateway.cache.embedding.base import Embedder
from gateway.cache.semantic import Guards, plain

STEP = 0.01
HIGHEST = 0.99
NEVER = 2.0
"""A likeness that nothing has."""

SURE = 1.64
"""Standard deviations: one in twenty thresholds rises by bad luck."""

REMEMBERED = 4096
"""Namespaces whose checks are counted."""

ALIKE = 0.85
"""The cosine of two answers that say the same, about."""

SHORT = 240
"""Characters of answers in which every number and negation must agree."""


class Tally(msgspec.Struct):
    """Checks and wrong answers: all, and since the threshold last rose. `rises` counts how often it did."""

    checked: int = 0
    wrong: int = 0
    lately: int = 0
    lately_wrong: int = 0
    rises: int = 0

    @property
    def error(self) -> float:
        """The observed share of wrong answers."""
        return self.wrong / self.checked if self.checked else 0.0


class Verification:
    """What became of the hits that were checked. `share` of them are to be; `bound` is how many may be wrong."""

    def __init__(self, share: float, bound: float, *, draw: Callable[[], float] = random.random) -> None:
        self.total = Tally()
        self._share = share
        self._bound = bound
        self._draw = draw
        self._tallies: OrderedDict[bytes, Tally] = OrderedDict()

    def wanted(self) -> bool:
        """Whether this hit is to be asked upstream too."""
        return self._draw() < self._share

    def threshold(self, namespace: bytes, configured: float) -> float:
        """How alike questions of a namespace must be now; NEVER, once even the most alike were answered wrongly."""
        own = self._tallies.get(namespace)
        rises = max(self.total.rises, own.rises if own is not None else 0)
        if not rises:
            return configured
        risen = configured + rises * STEP
        if risen < HIGHEST + STEP:
            return min(risen, max(configured, HIGHEST))
        return NEVER

    def judged(self, namespace: bytes, same: bool) -> bool:
        """Counts a check; whether a threshold rose by it."""
        own = self._tallies.get(namespace)
        if own is None:
            own = self._tallies[namespace] = Tally()
        self._tallies.move_to_end(namespace)
        while len(self._tallies) > REMEMBERED:
            self._tallies.popitem(last=False)
        return self._count(own, same) | self._count(self.total, same)

    def worst(self, count: int) -> list[tuple[bytes, Tally]]:
        """The namespaces with the most wrong answers."""
        wrong = [(name, tally) for name, tally in self._tallies.items() if tally.wrong]
        return sorted(wrong, key=_by_wrong, reverse=True)[:count]

    def _count(self, tally: Tally, same: bool) -> bool:
        tally.checked += 1
        tally.lately += 1
        if same:
            return False
        tally.wrong += 1
        tally.lately_wrong += 1
        if at_least(tally.lately_wrong, tally.lately) <= self._bound:
            return False
        tally.lately = tally.lately_wrong = 0
        tally.rises += 1
        return True


def at_least(wrong: int, checked: int) -> float:
    """The share of wrong answers that these checks prove, about: the lower end of Wilson's interval."""
    share, weight = wrong / checked, SURE * SURE / checked
    middle = share + weight / 2
    return (middle - SURE * sqrt(share * (1 - share) / checked + weight / checked / 4)) / (1 + weight)


async def same_answer(kept: str, fresh: str, embedder: Embedder, guards: Guards) -> bool | None:
    """Whether two answers to one question say the same, as far as can be told; None where it cannot.

    Two right answers may be worded differently, two long ones about one thing are always alike: this finds the plainly
    wrong ones, no more.
    """
    one, other = plain(kept), plain(fresh)
    if one is None or other is None:
        return None
    if one == other:
        return True
    left = embedder.now(one) or await embedder.embed(one)
    right = embedder.now(other) or await embedder.embed(other)
    if left is None or right is None or len(left) != len(right):
        return None
    if inner(left, right) < ALIKE:
        return False
    if max(len(one), len(other)) > SHORT:
        return True
    return guards.agree(one, other, guards.note(other))


def _by_wrong(named: tuple[bytes, Tally]) -> int:
    return named[1].wrong
