"""What is told of many requests: counts, sums and times, added up of single records or of hours of them."""

from collections.abc import Sequence
from itertools import pairwise

from sqlalchemy import BigInteger, ColumnElement, FromClause, case, func, literal_column
from sqlalchemy.sql.elements import Label

HOUR = 3_600_000_000_000
DAY = 24 * HOUR

SUMS = (
    *("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("input_nano_usd", "cached_nano_usd", "cache_write_nano_usd", "output_nano_usd", "reasoning_nano_usd"),
    "request_nano_usd",
)
COUNTED = ("requests", "errors", "unpriced")
ADDED = ("nano_usd", "saved_nano_usd", *SUMS)

_STEPS = (1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750)
BOUNDS_MS = (*_STEPS, *(1000 * step for step in (1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300, 600)))
"""Between two of these a percentile is interpolated. Hours that are stored go by them: other ones need a migration."""
TIMED = tuple(f"ms_{number}" for number in range(len(BOUNDS_MS) + 1))
"""How many requests took how long: up to the bound of the same number, the last ones longer than all."""


def begin_of(time_ns: ColumnElement[int], unit: int) -> ColumnElement[int]:
    """The hour's or the day's first moment."""
    return time_ns - time_ns % literal_column(str(unit))


def of_records(records: FromClause, *, latency: bool) -> list[Label[int]]:
    """Of single records."""
    r = records.c
    return [
        func.count().label("requests"),
        func.coalesce(func.sum(case((r.error != "", 1), else_=0)), 0).label("errors"),
        func.coalesce(func.sum(case((r.cost_unknown, 1), else_=0)), 0).label("unpriced"),
        func.coalesce(func.sum(r.cost_nano_usd), 0).label("nano_usd"),
        func.coalesce(func.sum(r.saved_nano_usd), 0).label("saved_nano_usd"),
        *(func.coalesce(func.sum(r[name]), 0).label(name) for name in SUMS),
        *(_times(r.total_ns) if latency else ()),
    ]


def _times(total_ns: ColumnElement[int]) -> list[Label[int]]:
    """Each as the difference of two counts, which the database finds once: half of the comparisons."""
    bounds = (literal_column(str(int(bound * 1_000_000)), BigInteger) for bound in BOUNDS_MS)
    below = [func.count(case((total_ns <= bound, 1))) for bound in bounds]
    first: ColumnElement[int] = below[0]
    between = [high - low for low, high in pairwise(below)]
    found = [first, *between, func.count() - below[-1]]
    return [one.label(name) for one, name in zip(found, TIMED, strict=True)]


def of_sums(sums: FromClause, *, latency: bool) -> list[Label[int]]:
    """Of what was added up before, under the same names."""
    names = (*COUNTED, *ADDED, *(TIMED if latency else ()))
    return [func.coalesce(func.sum(sums.c[name]), 0).label(name) for name in names]


def percentile(counts: Sequence[int], share: float) -> float | None:
    """About the time, in milliseconds, that a `share` of requests did not exceed; `counts` are those between bounds."""
    wanted = share * sum(counts)
    if not wanted:
        return None
    below = 0
    for number, count in enumerate(counts):
        if count and below + count >= wanted:
            low = BOUNDS_MS[number - 1] if number else 0.0
            high = BOUNDS_MS[number] if number < len(BOUNDS_MS) else BOUNDS_MS[-1]
            return low + (high - low) * (wanted - below) / count
        below += count
    return float(BOUNDS_MS[-1])
