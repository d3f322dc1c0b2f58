"""Questions about usage: sums by any dimension and period, and the dearest of them.

What is unknown is told apart: `nano_usd` adds up the known costs, `unpriced` counts the requests whose cost is unknown.
`saved_nano_usd` is what the cache's answers cost when they were made, as far as that is known.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    desc,
    func,
    literal,
    literal_column,
    select,
)

from gateway.store.records import WHO, WHOLE, asked_by, callers, record_tags, records, with_callers

HOUR = 3_600_000_000_000
DAY = 24 * HOUR

_r = records.c
COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "org": callers.c.org,
    "team": callers.c.team,
    "user": callers.c.user,
    "key": callers.c.key,
    "model": _r.model,
    "requested_model": _r.requested_model,
    "provider": _r.provider,
    "endpoint": _r.endpoint,
    "dialect": _r.dialect,
    "status": _r.status,
    "error": _r.error,
    "cause": _r.cause,
    "cache": _r.cache,
    "finish": _r.finish,
    "rule": _r.rule,
    "client": _r.client,
    "stream": _r.stream,
    "tag": record_tags.c.tag,
    "hour": _r.time_ns - _r.time_ns % literal_column(str(HOUR)),
    "day": _r.time_ns - _r.time_ns % literal_column(str(DAY)),
}
"""What can be asked by. A request counts once for each of its tags; hours and days are Unix nanoseconds, UTC."""

SUMS = (
    *("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("input_nano_usd", "cached_nano_usd", "cache_write_nano_usd", "output_nano_usd", "reasoning_nano_usd"),
    "request_nano_usd",
)
ORDERS = ("nano_usd", "requests", "errors", "input_tokens", "output_tokens")

_STEPS = (1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750)
BOUNDS_MS = (*_STEPS, *(1000 * step for step in (1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300, 600)))
"""Between two of these a percentile is interpolated."""


class Question(msgspec.Struct, frozen=True):
    """The requests from `since_ns` up to, not including, `until_ns`, by the dimensions `by`; each of `where` is a
    dimension with the values that are asked for. Copies for shadows are left out unless `shadows`.

    `order` is one of ORDERS, the largest first, or empty for that of the dimensions. Without `latency` no percentiles
    are told, which is quicker.
    """

    since_ns: int = 0
    until_ns: int = 2**63 - 1
    by: tuple[str, ...] = ()
    where: tuple[tuple[str, tuple[str | int | bool, ...]], ...] = ()
    order: str = ""
    most: int = 1000
    shadows: bool = False
    latency: bool = True


class Answer(msgspec.Struct):
    """One group. `p50_ms` and its like are approximate; None where nothing was answered."""

    by: dict[str, str | int | bool]
    requests: int
    errors: int
    nano_usd: int
    unpriced: int
    tokens: dict[str, int]
    costs: dict[str, int]
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    saved_nano_usd: int = 0


def nothing(by: tuple[str, ...]) -> Answer:
    """A group without a request, which has what every group has."""
    kinds = [name.removesuffix("_tokens") for name in SUMS if name.endswith("_tokens")]
    costs = [name.removesuffix("_nano_usd") for name in SUMS if name.endswith("_nano_usd")]
    whom: dict[str, str | int | bool] = dict.fromkeys(by, "")
    return Answer(whom, 0, 0, 0, 0, dict.fromkeys(kinds, 0), dict.fromkeys(costs, 0), None, None, None)


def ask(connection: Connection, question: Question) -> list[Answer]:
    """The groups. Raises ValueError for a dimension or an order that there is not."""
    groups = [_column(name).label(f"by_{name}") for name in question.by]
    sums = [*_sums(), *(_latencies() if question.latency else ())]
    query = select(*groups, *sums).where(_chosen(question)).limit(question.most)
    query = _joined(query, question, whole=False)
    if groups:
        query = query.group_by(*groups)
    if question.order:
        if question.order not in ORDERS:
            raise ValueError(f"no order {question.order!r}; there are {', '.join(ORDERS)}")
        query = query.order_by(desc(question.order), *groups)
    elif groups:
        query = query.order_by(*groups)
    return [
        _answer(question.by, row) for row in connection.execute(query).mappings() if row["requests"] or groups
    ]


def dearest(connection: Connection, question: Question) -> list[dict[str, Any]]:
    """The single requests that cost most, with what is kept of their prompts left out."""
    query = select(*WHOLE).where(_chosen(question), _r.cost_nano_usd.is_not(None))
    query = _joined(query, question).order_by(_r.cost_nano_usd.desc(), _r.id).limit(question.most)
    return [dict(row) for row in connection.execute(query).mappings()]


def found(connection: Connection, question: Question, piece: int = 1000) -> Iterator[dict[str, Any]]:
    """Single records, the oldest first, read a piece at a time: at most `most` of them."""
    last, left = 0, question.most
    while left > 0:
        query = _joined(select(*WHOLE).where(_chosen(question), _r.id > last), question)
        rows = connection.execute(query.order_by(_r.id).limit(min(piece, left))).mappings().all()
        yield from (dict(row) for row in rows)
        if len(rows) < piece:
            return
        last, left = rows[-1]["id"], left - len(rows)


def _column(name: str) -> ColumnElement[Any]:
    try:
        return COLUMNS[name]
    except KeyError:
        raise ValueError(f"no dimension {name!r}; there are {', '.join(COLUMNS)}") from None


def _chosen(question: Question) -> ColumnElement[bool]:
    wanted = [_r.time_ns >= question.since_ns, _r.time_ns < question.until_ns]
    wanted += [
        asked_by(name, values) if name in WHO else _column(name).in_(values)
        for name, values in question.where
    ]
    if not question.shadows:
        wanted.append(_r.shadow.is_(False))
    return and_(*wanted)


def _joined(query: Select[Any], question: Question, *, whole: bool = True) -> Select[Any]:
    """From the tables that the question is about; a `whole` record says who asked."""
    among: FromClause = with_callers if whole or not set(WHO).isdisjoint(question.by) else records
    if "tag" in question.by or any(name == "tag" for name, _ in question.where):
        among = among.join(record_tags, record_tags.c.request_id == _r.request_id)
    return query.select_from(among)


def _sums() -> list[ColumnElement[Any]]:
    return [
        func.count().label("requests"),
        func.sum(case((_r.error != "", 1), else_=0)).label("errors"),
        func.coalesce(func.sum(_r.cost_nano_usd), 0).label("nano_usd"),
        func.sum(case((_r.cost_unknown, 1), else_=0)).label("unpriced"),
        func.coalesce(func.sum(_r.saved_nano_usd), 0).label("saved_nano_usd"),
        *(func.coalesce(func.sum(_r[name]), 0).label(name) for name in SUMS),
    ]


def _latencies() -> list[ColumnElement[Any]]:
    """How many requests took how long, between bounds."""
    found: list[ColumnElement[Any]] = []
    edges = [-1, *(int(bound * 1_000_000) for bound in BOUNDS_MS), 2**63 - 1]
    for number, (low, high) in enumerate(pairwise(edges)):
        within = and_(_r.total_ns > low, _r.total_ns <= high)
        found.append(func.sum(case((within, 1), else_=literal(0))).label(f"ms_{number}"))
    return found


def _answer(by: Sequence[str], row: Mapping[Any, Any]) -> Answer:
    counts = [int(row.get(f"ms_{number}") or 0) for number in range(len(BOUNDS_MS) + 1)]
    return Answer(
        by={name: row[f"by_{name}"] for name in by},
        requests=int(row["requests"]),
        errors=int(row["errors"] or 0),
        nano_usd=int(row["nano_usd"]),
        unpriced=int(row["unpriced"] or 0),
        tokens={name.removesuffix("_tokens"): int(row[name]) for name in SUMS if name.endswith("_tokens")},
        costs={name.removesuffix("_nano_usd"): int(row[name]) for name in SUMS if name.endswith("_nano_usd")},
        p50_ms=percentile(counts, 0.5),
        p95_ms=percentile(counts, 0.95),
        p99_ms=percentile(counts, 0.99),
        saved_nano_usd=int(row["saved_nano_usd"]),
    )


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
