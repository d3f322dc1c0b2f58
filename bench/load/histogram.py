"""Latencies in HDR histograms: recorded as plain numbers while it matters, folded afterwards."""

from array import array
from collections import Counter
from collections.abc import Iterable

import msgspec
from hdrh.histogram import HdrHistogram

_LOWEST = 100  # ns
_HIGHEST = 600_000_000_000
_DIGITS = 3
PERCENTILES = (50.0, 90.0, 99.0, 99.9)


class Spread(msgspec.Struct, frozen=True):
    """Percentiles of a latency, in microseconds."""

    count: int
    p50: float
    p90: float
    p99: float
    p999: float
    max: float
    mean: float

    def minus(self, other: "Spread") -> "Spread":
        """Percentile by percentile; `count` stays this one's."""
        fields = ("p50", "p90", "p99", "p999", "max", "mean")
        return Spread(
            count=self.count,
            **{name: round(getattr(self, name) - getattr(other, name), 1) for name in fields},
        )


def fold(samples: Iterable[int]) -> str:
    """Nanosecond samples as an encoded histogram. Below and above the range they count at its ends."""
    histogram = HdrHistogram(_LOWEST, _HIGHEST, _DIGITS)
    rounded = Counter(sample // _LOWEST for sample in samples)
    for value, count in rounded.items():
        histogram.record_value(min(max(value * _LOWEST, _LOWEST), _HIGHEST), count)
    return str(histogram.encode().decode("ascii"))


def merge(encoded: Iterable[str]) -> str:
    """Several encoded histograms as one; empty texts are skipped, and of nothing comes nothing."""
    given = [text for text in encoded if text]
    if not given:
        return ""
    histogram = HdrHistogram(_LOWEST, _HIGHEST, _DIGITS)
    for text in given:
        histogram.decode_and_add(text)
    return str(histogram.encode().decode("ascii"))


def spread(encoded: str, worst: int = 0) -> Spread | None:
    """The percentiles of an encoded histogram, None when nothing was recorded. `worst` (ns) is the exact
    maximum."""
    if not encoded:
        return None
    histogram = HdrHistogram.decode(encoded)
    if not histogram.get_total_count():
        return None
    p50, p90, p99, p999 = (
        round(histogram.get_value_at_percentile(percentile) / 1000, 1) for percentile in PERCENTILES
    )
    return Spread(
        count=histogram.get_total_count(),
        p50=p50,
        p90=p90,
        p99=p99,
        p999=p999,
        max=round((worst or histogram.get_max_value()) / 1000, 1),
        mean=round(histogram.get_mean_value() / 1000, 1),
    )


def samples() -> "array[int]":
    """An empty series of nanoseconds, 8 bytes each."""
    return array("q")
