"""A record as rows of the store: safe for every database, whatever callers and providers wrote into it.

Nearly every record is plain: short texts, whole numbers, one try. Such a one is told from the others by two looks, at
all of its texts and at all of its numbers, and goes through unchanged.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from operator import attrgetter
from typing import Any

import msgspec

from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage
from gateway.store.hours import LONGEST_MODEL, LONGEST_PROVIDER
from gateway.store.records import COST_KINDS, Batch, Row

LONGEST_TEXT = 1024
"""Characters of a text; bodies have bounds of their own."""
MOST_ITEMS = 100
_LARGEST = 2**63 - 1
_MOST = 1 << 45
"""Tokens or nano-dollars of one request: more is a provider's lie, and thousands of lies must have a sum of 64 bits."""
_SHAPES = 1000
"""So many kinds of tries are remembered as text."""

MOST_CALLERS = 100_000
"""So many callers are remembered, each of 200 bytes."""

Who = tuple[str, str, str, str]
"""Key, user, team and organisation."""
_callers: dict[Who, int] = {}

Kinds = Callable[[Record], Sequence[int] | None]
"""The cost of a record by kind, in the order of COST_KINDS; None where that is not known."""

_TEXTS = (
    *("request_id", "endpoint", "dialect", "requested_model", "provider", "model"),
    *("answered_model", "finish", "client", "error", "cache", "rule"),
)
_texts = attrgetter(*_TEXTS)
_PLACES = {"provider": LONGEST_PROVIDER, "model": LONGEST_MODEL}
LONGEST = tuple(_PLACES.get(name, LONGEST_TEXT) for name in _TEXTS)
"""Characters of each of these texts: by provider and model there are indices, which take no more."""
_who = attrgetter("key", "user", "team", "org")
_flags = attrgetter("fallback", "estimated", "shadow")
_tokens = attrgetter(
    *("input", "output", "cached", "reasoning", "cache_write", "cache_write_1h", "input_audio"),
    *("output_audio", "audio_ms", "searches"),
)
_times = attrgetter("wall_ns", "waited_ns", "first_token_ns", "total_ns", "queued_ns", "resumed", "skipped")
_NO_USAGE = _tokens(Usage())
_NO_KINDS = (None,) * len(COST_KINDS)


def add(batch: Batch, record: Record, kinds: Kinds, unknown: Callable[[Record], bool]) -> None:
    """Adds the rows of one record."""
    who = _who(record)
    caller = _callers.get(who) or _remembered(who)
    if caller not in batch.known and caller not in batch.callers:
        batch.callers[caller] = (caller, *map(_text, who))
    row = _row(record, caller, kinds(record) or _NO_KINDS, unknown(record))
    batch.records.append(row)
    if record.tags:
        batch.tags += ((row[0], tag) for tag in dict.fromkeys(map(_text, record.tags[:MOST_ITEMS])))
    if record.prompt or record.answer:
        batch.bodies.append((row[0], _whole(record.wall_ns), _clean(record.prompt), _clean(record.answer)))


def caller_id(who: Who) -> int:
    """What a caller is called in the store: 63 bits of a hash of its key, user, team and organisation."""
    return int.from_bytes(blake2b(msgspec.msgpack.encode(who), digest_size=8).digest()) >> 1


def _remembered(who: Who) -> int:
    if len(_callers) >= MOST_CALLERS:
        _callers.clear()
    found = _callers[who] = caller_id(who)
    return found


def _row(record: Record, caller: int, kinds: Sequence[int | None], unknown: bool) -> Row:
    """The values of ROW."""
    texts = _texts(record)
    joined = "".join(texts)
    if len(joined) > LONGEST_MODEL or "\0" in joined:
        texts = tuple(map(_text, texts, LONGEST))
    times = _times(record)
    tokens = _NO_USAGE if record.usage is None else _tokens(record.usage)
    overhead = times[3] - times[1] - times[4]
    cost, saved = record.cost_nano_usd, record.saved_nano_usd
    if max(times) > _LARGEST or max(max(tokens), overhead, cost or 0, saved or 0) > _MOST:
        times, tokens = tuple(map(_whole, times)), tuple(map(_bounded, tokens))
        overhead, cost = _bounded(overhead), None if cost is None else _bounded(cost)
        saved = None if saved is None else _bounded(saved)
        kinds = [None if one is None else _bounded(one) for one in kinds]
    status = record.status
    cause, attempts = _tries(record.attempts)
    return (
        texts[0],
        caller,
        *texts[1:9],
        record.stream,
        *tokens[:4],
        *times[:4],
        status if 0 <= status <= 999 else max(0, min(status, 999)),
        len(record.attempts),
        overhead if overhead > 0 else 0,
        cost,
        attempts,
        *kinds,
        *texts[9:],
        *_flags(record),
        *times[4:],
        *tokens[4:],
        cause,
        unknown,
        _json(map(_text, record.dropped)) if record.dropped else "[]",
        _json(map(_text, record.tags)) if record.tags else "[]",
        saved,
    )


_shapes: dict[tuple[str, str, str, int, str], tuple[str, str]] = {}
"""Of a try: its cause, and all of its text before its duration."""


def _tries(attempts: list[Attempt]) -> tuple[str, str]:
    """The last cause, and all tries as JSON."""
    if len(attempts) != 1 or attempts[0].usage is not None:
        cause = next((one.cause for one in reversed(attempts) if one.cause), "")
        return _text(cause), _json(map(_attempt, attempts))
    one = attempts[0]
    shape = (one.provider, one.model, one.outcome, one.status, one.cause)
    known = _shapes.get(shape)
    if known is None:
        if len(_shapes) >= _SHAPES:
            _shapes.clear()
        whole = _attempt(one)
        del whole["duration_ns"]
        known = _shapes[shape] = (_text(one.cause), _json([whole])[:-2])
    return known[0], f'{known[1]},"duration_ns":{one.duration_ns}}}]'


def _attempt(one: Attempt) -> dict[str, Any]:
    found: dict[str, Any] = {
        "provider": _text(one.provider),
        "model": _text(one.model),
        "outcome": _text(one.outcome),
        "status": one.status,
        "cause": _text(one.cause),
        "duration_ns": one.duration_ns,
    }
    if one.usage is not None:
        found |= {"usage": msgspec.to_builtins(one.usage), "cost_nano_usd": one.cost_nano_usd}
    return found


def _json(items: Iterable[Any]) -> str:
    return json.dumps(list(items)[:MOST_ITEMS], ensure_ascii=False, separators=(",", ":"))


def _text(text: str, longest: int = LONGEST_TEXT) -> str:
    return _clean(text if len(text) <= longest else text[: longest - 1] + "…")


def _clean(text: str) -> str:
    """PostgreSQL's texts hold no NUL."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _bounded(number: int) -> int:
    return max(0, min(number, _MOST))


def _whole(number: int) -> int:
    return max(-_LARGEST, min(number, _LARGEST))
