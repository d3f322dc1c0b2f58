"""JSON by what it means: the same digest for any order of keys, white space, escapes and spelling of numbers.

What two readers could take for different things (a key written twice, numbers out of bounds, half a surrogate pair) is
the same as nothing but itself, byte for byte.
"""

import json
from collections.abc import Container
from hashlib import sha256
from typing import Any

MEMO = 4096
"""Digests kept by the digest of the bytes: schemas and the calls of a conversation come again with each turn."""

_EXACT = 1 << 53
_memo: dict[bytes, bytes] = {}


def meaning(raw: bytes) -> bytes:
    """32 bytes that say what the JSON `raw` says."""
    if not raw:
        return b""
    as_written = sha256(raw).digest()
    found = _memo.get(as_written)
    if found is None:
        if len(_memo) >= MEMO:
            _memo.clear()
        found = _memo[as_written] = _digest(raw, as_written)
    return found


def meaning_without(raw: bytes, names: Container[str]) -> bytes:
    """The same of an object, some of its members left out."""
    try:
        found = _DECODER.decode(raw.decode())
        return _of_value({name: value for name, value in found.items() if name not in names})
    except (ValueError, AttributeError, RecursionError):
        return sha256(b"w" + sha256(raw).digest()).digest()


def _digest(raw: bytes, as_written: bytes) -> bytes:
    try:
        return _of_value(_DECODER.decode(raw.decode()))
    except (ValueError, RecursionError):  # no JSON, or none that is sure to be read in one way
        return sha256(b"w" + as_written).digest()


def _of_value(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return sha256(b"j" + text.encode()).digest()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is written twice")
    return found


def _number(text: str) -> int | float:
    """As far as a double holds it exactly, a whole number is one however it is spelled."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("no double")
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


def _no_number(text: str) -> Any:
    raise ValueError(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_constant=_no_number)
