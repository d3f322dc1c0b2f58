"""Two states measured by turns: a difference is told where there is one, and not where the machine made it."""

import random
from collections import Counter

import pytest

from bench.load.histogram import fold
from bench.turns import FEWEST, Turn, binned, compared, percentile


def measured(draw: random.Random, disturbance: float, slower: float) -> Counter[int]:
    return binned(fold(int(draw.lognormvariate(13, 0.5) * disturbance * slower) for _ in range(2000)))


def turns(slower: float, seed: int = 3, unrest: float = 0.3) -> list[Turn]:
    """Ten, each on a machine that is more or less busy for both states."""
    draw = random.Random(seed)
    busy = [draw.lognormvariate(0, unrest) for _ in range(10)]
    return [(measured(draw, one, 1.0), measured(draw, one, slower)) for one in busy]


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_equal_states_are_equal_on_a_busy_machine(share: float) -> None:
    found = compared(turns(1.0), share)
    assert found.low < 1 < found.high < 1.2
    assert found.judged(1.2) == "met"


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_slower_state_is_told(share: float) -> None:
    found = compared(turns(1.5), share)
    assert found.low < 1.5 < found.high
    assert found.low > 1.1
    assert found.judged(1.1) == "missed"
    assert found.judged(found.value) == "not told apart"


def test_few_turns_tell_nothing() -> None:
    assert compared(turns(3.0)[: FEWEST - 1], 0.5).judged(1.1) == "not told apart"


def test_bins_keep_what_a_histogram_says() -> None:
    bins = binned(fold([1_000_000] * 99 + [50_000_000]))
    assert bins.total() == 100
    assert percentile(bins, 0.5) == pytest.approx(1000, rel=0.01)
    assert percentile(bins, 1.0) == pytest.approx(50_000, rel=0.01)
    with pytest.raises(ValueError, match="nothing"):
        percentile(Counter(), 0.5)
