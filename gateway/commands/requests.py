"""`gateway logs`: stored requests as lines, the newest ones, and on from there as they are stored."""

import argparse
import sys
from collections.abc import Callable, Iterator
from time import sleep
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, or_, select
from sqlalchemy.exc import DBAPIError, OperationalError

from gateway.commands.reading import Trouble, read_only, tell, trouble_of
from gateway.commands.screens import UNKNOWN, dollar, moment, shown, width
from gateway.commands.settings import read_beside
from gateway.schemas.record import SERVED
from gateway.store.export import as_json
from gateway.store.records import WHOLE, asked_by, records, with_callers

POLL = 0.5
"""Seconds between two looks for new records."""
PIECE = 500
_r = records.c
Row = dict[str, Any]


def logs_command(args: argparse.Namespace) -> int:
    config = read_beside(args)
    if config is None:
        return 1
    try:
        engine = read_only(config)
        for row in stored(engine, _wanted(args), args.lines, args.follow):
            sys.stdout.write(next(as_json([row])).decode() if args.json else f"{line(row, width())}\n")
            if args.follow:
                sys.stdout.flush()
    except DBAPIError as error:
        return tell(trouble_of(error))
    except Trouble as trouble:
        return tell(trouble)
    except KeyboardInterrupt:
        return 0
    return 0


def stored(
    engine: Engine,
    wanted: ColumnElement[bool],
    most: int,
    follow: bool = False,
    wait: Callable[[float], None] = sleep,
) -> Iterator[Row]:
    """The newest `most` records, the oldest of them first; with `follow`, whatever is stored from then on.

    A store that goes away while it is followed is waited for. Raises DBAPIError when it is away at the beginning.
    """
    with engine.connect() as connection:
        last = connection.execute(select(_r.id).order_by(_r.id.desc()).limit(1)).scalar() or 0
        newest = _whole().where(wanted, _r.id <= last).order_by(_r.id.desc()).limit(most)
        rows = connection.execute(newest).mappings().all()
    yield from (_plain(row) for row in reversed(rows))
    away = False
    while follow:
        wait(POLL)
        newer = _behind(engine, wanted, last)
        if away != (newer is None):
            away = not away
            print(f"gateway: the store is {'away; it is waited for' if away else 'back'}", file=sys.stderr)
        for row in newer or ():
            last = row["id"]
            yield row


def _behind(engine: Engine, wanted: ColumnElement[bool], last: int) -> list[Row] | None:
    """What was stored since; None while the store is away."""
    query = _whole().where(wanted, _r.id > last).order_by(_r.id).limit(PIECE)
    try:
        with engine.connect() as connection:
            return [_plain(row) for row in connection.execute(query).mappings()]
    except OperationalError:
        return None


def _whole() -> Select[Any]:
    return select(*WHOLE).select_from(with_callers)


def _plain(row: Any) -> Row:
    return {str(name): value for name, value in row.items()}


def _wanted(args: argparse.Namespace) -> ColumnElement[bool]:
    clauses: list[ColumnElement[bool]] = []
    if args.model:
        provider, _, rest = args.model.partition("/")
        answered = and_(_r.provider == provider, _r.model == rest)
        clauses.append(or_(_r.requested_model == args.model, _r.model == args.model, answered))
    if args.key:
        clauses.append(asked_by("key", (args.key,)))
    if args.errors:
        clauses.append(_r.error != "")
    return and_(True, *clauses)


def line(row: Row, room: int = 0) -> str:
    """A request in one line; in two where that is wider than `room`, each cut off there."""
    key = shown(row["key"]) or "-"
    figures = [
        f"{row['status']:>3}",
        f"{row['total_ns'] / 1e6:>7,.0f} ms",
        f"{row['input_tokens']:>6}→{row['output_tokens']:<5}",
        f"{_cost(row):>12}",
    ]
    kept = (f"({row['cache']})",) if row["cache"] in SERVED else ()
    words = [_models(row), *kept, *((_fault(row),) if row["error"] else ()), shown(row["request_id"])]
    when = row["time_ns"] / 1e9
    whole = "  ".join([moment(when), *figures, f"{key:<12}", *words])
    if not room or len(whole) <= room:
        return whole
    lines = (
        "  ".join([moment(when, "%H:%M:%S"), *figures]),
        " " * 10 + "  ".join([*words[:-1], key, words[-1]]),
    )
    return "\n".join(one if len(one) <= room else f"{one[: room - 1]}…" for one in lines)


def _cost(row: Row) -> str:
    if row["cost_nano_usd"] is not None:
        return f"${dollar(row['cost_nano_usd'])}"
    return UNKNOWN if row["cost_unknown"] else "-"


def _models(row: Row) -> str:
    """What was asked for, and what answered where that is called otherwise."""
    asked, model = shown(row["requested_model"]), shown(row["model"])
    answered = f"{shown(row['provider'])}/{model}" if row["provider"] and model else model
    if not answered or answered == asked:
        return asked or "-"
    return f"{asked} → {answered}" if asked else answered


def _fault(row: Row) -> str:
    error, cause = shown(row["error"]), shown(row["cause"])
    return f"{error} ({cause})" if cause and cause != error else error
