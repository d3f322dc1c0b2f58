"""`gateway usage`: what was used, by any dimension, as a table for people or as CSV or JSON for programs."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from gateway.commands.reading import Trouble, WrongCall, reading, since, tell
from gateway.commands.screens import dollars, moment, shown, table, width
from gateway.commands.settings import read_beside
from gateway.config.problems import nearest
from gateway.store.export import as_csv, flat
from gateway.store.usage import COLUMNS, Answer, Question, ask, nothing

TIMES = {"day": "%Y-%m-%d", "hour": "%Y-%m-%d %H:00"}
MOST = 10_000
"""Groups that are shown of any question."""
NAMES = ("REQUESTS", "ERRORS", "INPUT", "OUTPUT", "CACHED", "COST USD")


def usage_command(args: argparse.Namespace) -> int:
    config = read_beside(args)
    if config is None:
        return 1
    try:
        question = _question(args)
        with reading(config) as connection:
            if args.csv:
                names = tuple(flat(nothing(question.by)))
                _written(as_csv(_flat(ask(connection, question)), names))
            elif args.json:
                _written(lines_of_json(_flat(ask(connection, question))))
            else:
                _shown(connection, question, args.since)
    except Trouble as trouble:
        return tell(trouble)
    return 0


def _question(args: argparse.Namespace) -> Question:
    """Raises WrongCall."""
    by = tuple(dict.fromkeys(args.by.split(",")))
    for name in by:
        if name not in COLUMNS:
            near = nearest(name, COLUMNS)
            meant = f"; did you mean {near}?" if near else ""
            raise WrongCall(
                f"nothing is counted by {shown(name)!r}{meant}", f"there are {', '.join(COLUMNS)}"
            )
    timed = any(name in TIMES for name in by) and args.top is None
    return Question(
        since_ns=int(since(args.since) * 1e9),
        by=by,
        order="" if timed else "nano_usd",
        most=args.top or MOST,
        latency=bool(args.csv or args.json),
    )


def _flat(answers: Iterable[Answer]) -> Iterator[dict[str, Any]]:
    for one in answers:
        row = flat(one)
        yield row | {name: _said(name, row[name]) for name in one.by if name in TIMES}


def lines_of_json(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """One line for each row."""
    return (msgspec.json.encode(row) + b"\n" for row in rows)


def _written(lines: Iterable[bytes]) -> None:
    for line in lines:
        sys.stdout.write(line.decode().replace("\r\n", "\n"))


def _shown(connection: Connection, question: Question, said: str) -> None:
    answers = ask(connection, question)
    if not answers:
        print(f"No request is stored since {moment(question.since_ns / 1e9)} UTC (--since {shown(said)}).")
        return
    whole = ask(connection, msgspec.structs.replace(question, by=(), order="", most=1))
    print("\n".join(_screen(question.by, answers, whole, width())))


def _screen(by: tuple[str, ...], answers: list[Answer], whole: list[Answer], room: int) -> Iterator[str]:
    """The groups; below them the sum of all, which also counts what is not shown."""
    listed = [*answers, *whole]
    labels = [[_said(name, one.by[name]) for name in by] for one in answers]
    labels += [["all", *("" for _ in by[1:])] for _ in whole]
    costs = dollars([None if one.unpriced and not one.nano_usd else one.nano_usd for one in listed])
    more: dict[str, list[str]] = {}
    if any(one.saved_nano_usd for one in listed):
        more["SAVED USD"] = dollars([one.saved_nano_usd for one in listed])
    if any(one.unpriced for one in listed):
        more["UNPRICED"] = [f"{one.unpriced:,}" for one in listed]
    names = (*(name.upper() for name in by), *NAMES, *more)
    rows = [
        (*label, *_counts(one), *money)
        for label, one, *money in zip(labels, listed, costs, *more.values(), strict=True)
    ]
    yield from table(names, rows, range(len(by), len(names)), room=room)


def _counts(one: Answer) -> tuple[str, ...]:
    tokens = (one.tokens[kind] for kind in ("input", "output", "cached"))
    return tuple(f"{number:,}" for number in (one.requests, one.errors, *tokens))


def _said(name: str, value: str | int | bool) -> str:
    if name in TIMES:
        return moment(int(value) / 1e9, TIMES[name])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown(str(value)) or "(none)"
