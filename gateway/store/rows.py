"""A record as rows of the store: safe for every database, whatever callers and providers wrote into it."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage
from gateway.store.records import COST_KINDS, Batch

LONGEST_TEXT = 1024
"""Characters of a text; bodies have bounds of their own."""
MOST_ITEMS = 100
_LARGEST = 2**63 - 1

Kinds = Callable[[Record], dict[str, int] | None]
"""The cost of a record by kind (the names of COST_KINDS), None where that is not known."""


def add(batch: Batch, record: Record, kinds: Kinds, unknown: Callable[[Record], bool]) -> None:
    """Adds the rows of one record."""
    row = row_of(record)
    row["cost_unknown"] = unknown(record)
    row.update(dict.fromkeys(COST_KINDS), **(kinds(record) or {}))
    batch.records.append(row)
    request_id = row["request_id"]
    batch.tags += ({"request_id": request_id, "tag": tag} for tag in dict.fromkeys(json.loads(row["tags"])))
    if record.prompt or record.answer:
        bodies = {"prompt": _clean(record.prompt), "answer": _clean(record.answer)}
        batch.bodies.append({"request_id": request_id, "time_ns": row["time_ns"], **bodies})


def row_of(record: Record) -> dict[str, Any]:
    """The columns of `records` but those that need prices."""
    usage = record.usage or Usage()
    return {
        "request_id": _text(record.request_id),
        "time_ns": _whole(record.wall_ns),
        "key": _text(record.key),
        "user": _text(record.user),
        "team": _text(record.team),
        "org": _text(record.org),
        "endpoint": _text(record.endpoint),
        "dialect": _text(record.dialect),
        "requested_model": _text(record.requested_model),
        "provider": _text(record.provider),
        "model": _text(record.model),
        "answered_model": _text(record.answered_model),
        "error": _text(record.error),
        "cause": _text(next((one.cause for one in reversed(record.attempts) if one.cause), "")),
        "finish": _text(record.finish),
        "cache": _text(record.cache),
        "client": _text(record.client),
        "rule": _text(record.rule),
        "status": max(0, min(record.status, 999)),
        "stream": record.stream,
        "fallback": record.fallback,
        "estimated": record.estimated,
        "shadow": record.shadow,
        "input_tokens": _whole(usage.input),
        "output_tokens": _whole(usage.output),
        "cached_tokens": _whole(usage.cached),
        "cache_write_tokens": _whole(usage.cache_write),
        "cache_write_1h_tokens": _whole(usage.cache_write_1h),
        "reasoning_tokens": _whole(usage.reasoning),
        "input_audio_tokens": _whole(usage.input_audio),
        "output_audio_tokens": _whole(usage.output_audio),
        "audio_ms": _whole(usage.audio_ms),
        "searches": _whole(usage.searches),
        "tries": len(record.attempts),
        "queued_ns": _whole(record.queued_ns),
        "waited_ns": _whole(record.waited_ns),
        "overhead_ns": _whole(max(0, record.total_ns - record.waited_ns - record.queued_ns)),
        "first_token_ns": _whole(record.first_token_ns),
        "total_ns": _whole(record.total_ns),
        "resumed": _whole(record.resumed),
        "skipped": _whole(record.skipped),
        "cost_nano_usd": None if record.cost_nano_usd is None else _whole(record.cost_nano_usd),
        "attempts": _json(map(_attempt, record.attempts)),
        "dropped": _json(map(_text, record.dropped)),
        "tags": _json(map(_text, record.tags)),
    }


def _attempt(one: Attempt) -> dict[str, Any]:
    found: dict[str, Any] = {
        "provider": _text(one.provider),
        "model": _text(one.model),
        "outcome": _text(one.outcome),
        "status": one.status,
        "duration_ns": one.duration_ns,
        "cause": _text(one.cause),
    }
    if one.usage is not None:
        found |= {"usage": msgspec.to_builtins(one.usage), "cost_nano_usd": one.cost_nano_usd}
    return found


def _json(items: Iterable[Any]) -> str:
    return json.dumps(list(items)[:MOST_ITEMS], ensure_ascii=False, separators=(",", ":"))


def _text(text: str) -> str:
    return _clean(text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…")


def _clean(text: str) -> str:
    """PostgreSQL's texts hold no NUL."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _whole(number: int) -> int:
    return max(-_LARGEST, min(number, _LARGEST))
