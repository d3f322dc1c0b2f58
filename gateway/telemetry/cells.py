"""What the metric tables of the ledger hold: the histograms' bounds and every cell's place in a block.

Bounds are inclusive and in seconds. They follow what is measured: a gateway's own time is tens of
microseconds, an answer of a model takes from a fraction of a second to ten minutes.
"""

from typing import NamedTuple
from zlib import crc32

from gateway._speedups.ledger import Section, table_sections

SERIES = 4096
EVENTS = 1024
VERDICTS = 1024

_SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0),
)
_OVERHEAD = (
    *(0.00005, 0.000075, 0.0001, 0.00015, 0.0002, 0.0003, 0.0005, 0.00075),
    *(0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 1.0),
)
_FIRST_TOKEN = (
    *(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 60.0),
)


class Histogram(NamedTuple):
    """A sum in nanoseconds, and a run of cells: one for each bound, one for what is beyond."""

    name: str
    help: str
    bounds: tuple[float, ...]
    total: int
    start: int

    @property
    def end(self) -> int:
        """One past the last bucket."""
        return self.start + len(self.bounds) + 1


# Cells 0 to 3 are the histograms' sums, in their order.
TOKENS = (("input", 4), ("output", 5), ("cached", 6), ("reasoning", 7))
COST = 8
COST_UNKNOWN = 9

DURATION = Histogram(
    "gateway_request_duration_seconds",
    "From a request's arrival to the end of its answer.",
    _SECONDS,
    total=0,
    start=COST_UNKNOWN + 1,
)
OVERHEAD = Histogram(
    "gateway_overhead_seconds",
    "The part of a request's duration that was not spent waiting for the provider or for a place there.",
    _OVERHEAD,
    total=1,
    start=DURATION.end,
)
FIRST_TOKEN = Histogram(
    "gateway_time_to_first_token_seconds",
    "From a request's arrival to the first content of its streamed answer.",
    _FIRST_TOKEN,
    total=2,
    start=OVERHEAD.end,
)
UPSTREAM = Histogram(
    "gateway_upstream_duration_seconds",
    "The part of a request's duration that was spent waiting for the provider.",
    _SECONDS,
    total=3,
    start=FIRST_TOKEN.end,
)
HISTOGRAMS = (DURATION, OVERHEAD, FIRST_TOKEN, UPSTREAM)
WIDTH = UPSTREAM.end

# Part of a section's identity: a file written with other bounds is not this table.
_LAYOUT = crc32(repr((TOKENS, COST, COST_UNKNOWN, [histogram[2:] for histogram in HISTOGRAMS])).encode())


def sections(*, series: int = SERIES, events: int = EVENTS) -> tuple[Section, ...]:
    """The ledger's sections for metrics: requests by their labels, single counters, and what became of checked hits of
    the cache; 5 MB by default."""
    return (
        *table_sections("requests", slots=series, cells=WIDTH, layout=_LAYOUT),
        *table_sections("events", slots=events, cells=1),
        *table_sections("verdicts", slots=VERDICTS, cells=5),
    )


def nanoseconds(bounds: tuple[float, ...]) -> list[int]:
    return [round(bound * 1e9) for bound in bounds]
