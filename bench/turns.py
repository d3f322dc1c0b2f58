"""Two states of one system, measured by turns, so that what else the machine does falls on both; and how surely one is
slower than the other."""

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
from hdrh.histogram import HdrHistogram

STEP = math.log(1.005)
"""Latencies within half a percent are taken for the same."""
DRAWS = 1000
SURE = 0.95
FEWEST = 5
"""Turns that tell anything of others."""

Bins = Counter[int]
Turn = tuple[Bins, Bins]
"""What was measured in one state, and right before or after in the other."""


class Ratio(msgspec.Struct, frozen=True):
    """A percentile in the second state by that in the first, µs; the true ratio lies between `low` and `high` with a
    certainty of SURE, as far as the turns stand for all others."""

    first: float
    second: float
    low: float
    high: float

    @property
    def value(self) -> float:
        """The ratio as it was measured."""
        return self.second / self.first

    def judged(self, goal: float) -> str:
        """In a word, whether it is at most so much."""
        if self.high <= goal:
            return "met"
        return "missed" if self.low > goal else "not told apart"


def binned(encoded: str) -> Bins:
    """An encoded histogram as counts in logarithmic bins."""
    found: Bins = Counter()
    for one in HdrHistogram.decode(encoded).get_recorded_iterator():
        found[round(math.log(one.value_iterated_to) / STEP)] += one.count_added_in_this_iter_step
    return found


def percentile(bins: Bins, share: float) -> float:
    """In µs. Raises ValueError where nothing was measured."""
    wanted, seen = share * bins.total(), 0
    for place in sorted(bins):
        seen += bins[place]
        if seen >= wanted:
            return math.exp(place * STEP) / 1000
    raise ValueError("nothing was measured")


def pooled(bins: Iterable[Bins]) -> Bins:
    """All of them as one."""
    found: Bins = Counter()
    for one in bins:
        found.update(one)
    return found


def compared(turns: Sequence[Turn], share: float, seed: int = 1) -> Ratio:
    """A percentile of all that was measured in each state. The bounds come from drawing whole turns anew, since what is
    measured within one has the same disturbances."""
    there, away = (percentile(pooled(turn[state] for turn in turns), share) for state in (0, 1))
    if len(turns) < FEWEST:
        return Ratio(there, away, 0.0, math.inf)
    draw, found = random.Random(seed), list[float]()
    for _ in range(DRAWS):
        some = draw.choices(turns, k=len(turns))
        first, second = (pooled(turn[state] for turn in some) for state in (0, 1))
        found.append(percentile(second, share) / percentile(first, share))
    found.sort()
    out = int(DRAWS * (1 - SURE) / 2)
    return Ratio(there, away, found[out], found[-1 - out])
