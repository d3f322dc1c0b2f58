"""Records and sums as files: JSON lines, or CSV that a spreadsheet takes for nothing but text and numbers."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from gateway.store.usage import Answer

_LISTS = ("attempts", "dropped", "tags")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Texts that begin so are formulas to a spreadsheet, and may be a caller's words."""


def flat(answer: Answer) -> dict[str, Any]:
    """A group of sums as one line of a table; a cost that is unknown for all of its requests is None."""
    found: dict[str, Any] = {**answer.by, "requests": answer.requests, "errors": answer.errors}
    found |= {f"{kind}_tokens": number for kind, number in answer.tokens.items()}
    unknown = answer.unpriced > 0 and answer.nano_usd == 0
    found |= {"nano_usd": None if unknown else answer.nano_usd, "unpriced": answer.unpriced}
    found |= {"saved_nano_usd": answer.saved_nano_usd}
    found |= {f"{kind}_nano_usd": cost for kind, cost in answer.costs.items()}
    times = {"p50_ms": answer.p50_ms, "p95_ms": answer.p95_ms, "p99_ms": answer.p99_ms}
    return found | {name: None if one is None else round(one, 3) for name, one in times.items()}


def as_json(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """One line for each row."""
    for row in rows:
        opened = {name: json.loads(value) if name in _LISTS else value for name, value in row.items()}
        yield msgspec.json.encode(opened) + b"\n"


def as_csv(rows: Iterable[Mapping[str, Any]], names: Iterable[str] = ()) -> Iterator[bytes]:
    """A line of names, then one for each row (RFC 4180). What is unknown is empty. Without rows there are the
    `names`."""
    named = False
    for row in rows:
        if not named:
            named = True
            yield _line(row.keys())
        yield _line(map(_cell, row.values()))
    if not named and (missing := tuple(names)):
        yield _line(missing)


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def _line(cells: Iterable[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
