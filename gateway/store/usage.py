"""Questions about usage: sums by any dimension and period, and the dearest of them.

What is unknown is told apart: `nano_usd` adds up the known costs, `unpriced` counts the requests whose cost is unknown.
`saved_nano_usd` is what the cache's answers cost when they were made, as far as that is known.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    and_,
    desc,
    literal_column,
    select,
    union_all,
)

from gateway.store import hours as summed
from gateway.store.levels import days, hours, team_days
from gateway.store.measures import DAY, HOUR, SUMS, TIMED, begin_of, of_records, of_sums, percentile
from gateway.store.records import WHO, WHOLE, asked_by, callers, record_tags, records, with_callers

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
    "hour": begin_of(_r.time_ns, HOUR),
    "day": begin_of(_r.time_ns, DAY),
}
"""What can be asked by. A request counts once for each of its tags; hours and days are Unix nanoseconds, UTC."""

SUMMED = (*WHO, "model", "provider", "endpoint", "status", "cache", "hour", "day")
"""What sums of hours tell apart: they answer questions by nothing else, whatever the period. Sums of days know no
hours, those by teams no keys and users."""

ORDERS = ("nano_usd", "requests", "errors", "input_tokens", "output_tokens")

REST = 500_000
"""Records that are not in the sums yet, at most, for the sums to be of use: these are read one by one."""
_TRIES = 5


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
    """The groups, by the sums of whole days and hours as far as these tell them apart. Raises ValueError for a
    dimension or an order that there is not."""
    begin, end = -(-question.since_ns // HOUR) * HOUR, question.until_ns // HOUR * HOUR
    if begin < end and _asked(question) <= set(SUMMED):
        for _ in range(_TRIES):
            known = summed.upto(connection)
            if summed.last(connection) - known[0] > REST:
                break
            found = _answered(connection, question, _parts(question, (begin, end), known))
            if summed.upto(connection) == known:  # else what was added up meanwhile may be told twice
                return found
    return ask_records(connection, question)


def ask_records(connection: Connection, question: Question) -> list[Answer]:
    """The same, by single records alone: only those that are still there."""
    return _answered(connection, question, [_of_records(question, _chosen(question))])


def _asked(question: Question) -> set[str]:
    return {*question.by, *(name for name, _ in question.where)}


def _parts(question: Question, whole: tuple[int, int], known: tuple[int, int]) -> list[Select[Any]]:
    """What to add up: whole days and hours, the records before and behind them, and those that are in no sum yet."""
    (begin, end), (record, day) = whole, known
    added, late = _r.id <= record, _r.id > record
    found = [_of_records(question, and_(late, _chosen(question, by_id=True)))]
    if question.since_ns < begin:
        found.append(_of_records(question, and_(added, _chosen(question, until_ns=begin))))
    if end < question.until_ns < 2**63 - 1:
        found.append(_of_records(question, and_(added, _chosen(question, since_ns=end))))
    first, last = -(-begin // DAY) * DAY, min(end // DAY * DAY, day)
    if first >= last or "hour" in _asked(question):
        return [*found, _of_level(hours, question, begin, end)]
    level = days if _asked(question) & {"key", "user"} else team_days
    parts = (level, first, last), (hours, begin, first), (hours, last, end)
    return [*found, *(_of_level(table, question, *times) for table, *times in parts if times[0] < times[1])]


def _of_level(level: Table, question: Question, begin: int, end: int) -> Select[Any]:
    s = level.c
    columns: dict[str, ColumnElement[Any]] = {
        name: callers.c[name] if name in WHO else s[name] for name in SUMMED[:-2]
    }
    columns |= {"hour": s.starts_ns, "day": begin_of(s.starts_ns, DAY)}
    wanted = [s.starts_ns >= begin, s.starts_ns < end]
    for name, values in question.where:
        wanted.append(asked_by(name, values, s.caller) if name in WHO else columns[name].in_(values))
    if not question.shadows:
        wanted.append(s.shadow.is_(False))
    among: FromClause = level
    if not set(WHO).isdisjoint(question.by):
        among = level.outerjoin(callers, callers.c.id == s.caller)
    groups = [columns[name].label(f"by_{name}") for name in question.by]
    query = select(*groups, *of_sums(level, latency=question.latency)).select_from(among).where(*wanted)
    return query.group_by(*groups)


def _of_records(question: Question, chosen: ColumnElement[bool]) -> Select[Any]:
    groups = [_column(name).label(f"by_{name}") for name in question.by]
    query = select(*groups, *of_records(records, latency=question.latency)).where(chosen)
    return _joined(query, question, whole=False).group_by(*groups)


def _answered(connection: Connection, question: Question, parts: list[Select[Any]]) -> list[Answer]:
    if question.order and question.order not in ORDERS:
        raise ValueError(f"no order {question.order!r}; there are {', '.join(ORDERS)}")
    together = union_all(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
    groups = [together.c[f"by_{name}"] for name in question.by]
    query = select(*groups, *of_sums(together, latency=question.latency)).group_by(*groups)
    order = [desc(question.order), *groups] if question.order else groups
    query = query.order_by(*order).limit(question.most)
    return [_answer(question.by, row) for row in connection.execute(query).mappings() if row["requests"]]


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


def _chosen(
    question: Question, *, since_ns: int = 0, until_ns: int = 2**63 - 1, by_id: bool = False
) -> ColumnElement[bool]:
    """The records that are asked for, within narrower bounds. `by_id` are found by their ids: said so that no other
    index is thought better, which looks at all of a period for them."""
    time: ColumnElement[int] = _r.time_ns
    caller: ColumnElement[int] = _r.caller
    if by_id:
        zero = literal_column("0", BigInteger)
        time, caller = time + zero, caller + zero
    wanted = [time >= max(since_ns, question.since_ns), time < min(until_ns, question.until_ns)]
    for name, values in question.where:
        if name in WHO:
            wanted.append(asked_by(name, values, caller))
        elif name == "model" and by_id:
            wanted.append(_r.model.concat(literal_column("''")).in_(values))
        else:
            wanted.append(_column(name).in_(values))
    if not question.shadows:
        wanted.append(_r.shadow.is_(False))
    return and_(*wanted)


def _joined(query: Select[Any], question: Question, *, whole: bool = True) -> Select[Any]:
    """From the tables that the question is about; a `whole` record says who asked."""
    among: FromClause = with_callers if whole or not set(WHO).isdisjoint(question.by) else records
    if "tag" in question.by or any(name == "tag" for name, _ in question.where):
        among = among.join(record_tags, record_tags.c.request_id == _r.request_id)
    return query.select_from(among)


def _answer(by: Sequence[str], row: Mapping[Any, Any]) -> Answer:
    counts = [int(row.get(name) or 0) for name in TIMED]
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
