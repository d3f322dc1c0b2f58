"""Checking on hits: a share of them is answered upstream too, and where too many were wrong, the threshold rises.

A namespace's own record counts, and that of all together: most namespaces see too few hits to tell anything by
themselves. Where the counts are is handed in: see verdicts.py for those that all workers share.
"""

import random
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from math import sqrt
from typing import Protocol

import msgspec

from gateway._speedups.nearest import inner
from gateway.cache.embedding.base import Embedder
from gateway.cache.learned import is_direction
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


ALL = b""
"""The name under which all checks are counted."""

_ROUTE = b"route"
_DIGEST = 8


def of_route(route: str) -> bytes:
    """The name under which the checks of a route are counted, beside those of their namespaces."""
    return _ROUTE + blake2b(route.encode(), digest_size=_DIGEST).digest()


def is_route(name: bytes) -> bool:
    """Whether it is the name of a route's checks."""
    return len(name) == len(_ROUTE) + _DIGEST and name.startswith(_ROUTE)


class Tally(msgspec.Struct):
    """Checks and wrong answers, and how many of them came before the threshold last rose. `rises` counts how often it
    did. All of it only grows."""

    checked: int = 0
    wrong: int = 0
    before: int = 0
    before_wrong: int = 0
    rises: int = 0

    @property
    def lately(self) -> int:
        """Checks since the threshold rose."""
        return max(0, self.checked - self.before)

    @property
    def lately_wrong(self) -> int:
        """Wrong answers since the threshold rose."""
        return min(self.lately, max(0, self.wrong - self.before_wrong))

    @property
    def error(self) -> float:
        """The observed share of wrong answers."""
        return self.wrong / self.checked if self.checked else 0.0

    def grow(self, change: "Tally") -> None:
        """Adds up."""
        self.checked += change.checked
        self.wrong += change.wrong
        self.before += change.before
        self.before_wrong += change.before_wrong
        self.rises += change.rises


class Tallies(Protocol):
    """Where checks are counted, by name."""

    def name(self, namespace: bytes) -> bytes:
        """Under which name a namespace is counted: perhaps with others."""

    def get(self, name: bytes) -> Tally | None: ...

    def add(self, name: bytes, change: Tally) -> Tally:
        """Adds to it; what it is now."""

    def all(self) -> list[tuple[bytes, Tally]]:
        """Of the namespaces, not of routes."""


class Own:
    """What this process alone counts, each namespace by itself, of which the longest unheard of are forgotten, and each
    route."""

    def __init__(self) -> None:
        self._total = Tally()
        self._routes: dict[bytes, Tally] = {}
        self._tallies: OrderedDict[bytes, Tally] = OrderedDict()

    def name(self, namespace: bytes) -> bytes:
        return namespace

    def get(self, name: bytes) -> Tally | None:
        if is_route(name):
            return self._routes.get(name)
        return self._tallies.get(name) if name else self._total

    def add(self, name: bytes, change: Tally) -> Tally:
        tally = self.get(name)
        if tally is None:
            tally = (self._routes if is_route(name) else self._tallies).setdefault(name, Tally())
        tally.grow(change)
        if name in self._tallies:
            self._tallies.move_to_end(name)
        while len(self._tallies) > REMEMBERED:
            self._tallies.popitem(last=False)
        return tally

    def all(self) -> list[tuple[bytes, Tally]]:
        return list(self._tallies.items())


class Verification:
    """What became of the hits that were checked. `share` of them are to be; `bound` is how many may be wrong."""

    def __init__(
        self,
        share: float,
        bound: float,
        *,
        draw: Callable[[], float] = random.random,
        tallies: Tallies | None = None,
    ) -> None:
        self._share = share
        self._bound = bound
        self._draw = draw
        self._tallies: Tallies = Own() if tallies is None else tallies

    @property
    def total(self) -> Tally:
        """All checks."""
        return self._tallies.get(ALL) or Tally()

    def wanted(self) -> bool:
        """Whether this hit is to be asked upstream too."""
        return self._draw() < self._share

    def threshold(self, namespace: bytes, configured: float, route: str = "") -> float:
        """How alike questions of a namespace must be now; NEVER, once even the most alike were answered wrongly."""
        names = (ALL, self._tallies.name(namespace), of_route(route))
        found = [tally.rises for name in names if (tally := self._tallies.get(name)) is not None]
        return risen(configured, max(found, default=0))

    def judged(self, namespace: bytes, same: bool, route: str = "") -> bool:
        """Counts a check; whether a threshold rose by it."""
        names = (self._tallies.name(namespace), of_route(route), ALL)
        rose = [self._count(name, same) for name in names]
        return any(rose)

    def worst(self, count: int) -> list[tuple[bytes, Tally]]:
        """What has the most wrong answers."""
        wrong = [(name, tally) for name, tally in self._tallies.all() if tally.wrong]
        return sorted(wrong, key=_by_wrong, reverse=True)[:count]

    def _count(self, name: bytes, same: bool) -> bool:
        """Two workers that find out the same at the same time let it rise twice: a little too careful, and seldom."""
        tally = self._tallies.add(name, Tally(checked=1, wrong=int(not same)))
        if same or not tally.lately or at_least(tally.lately_wrong, tally.lately) <= self._bound:
            return False
        self._tallies.add(name, Tally(before=tally.lately, before_wrong=tally.lately_wrong, rises=1))
        return True


def risen(configured: float, rises: int) -> float:
    """A threshold that has risen so often."""
    if not rises:
        return configured
    now = configured + rises * STEP
    return min(now, max(configured, HIGHEST)) if now < HIGHEST + STEP else NEVER


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
    if not left or not right or len(left) != len(right) or not (is_direction(left) and is_direction(right)):
        return None
    if inner(left, right) < ALIKE:
        return False
    if max(len(one), len(other)) > SHORT:
        return True
    return guards.agree(one, other, guards.note(other))


def _by_wrong(named: tuple[bytes, Tally]) -> int:
    return named[1].wrong
