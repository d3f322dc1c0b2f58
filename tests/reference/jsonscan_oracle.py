"""A naive reader of one strict JSON object, on the standard library, to compare `jsonscan` with.

`json` alone is too lenient: it takes NaN, a byte order mark, UTF-16, and a key written twice.
"""

import json
import re
from typing import Any, NoReturn

SPACE = re.compile(r"[ \t\n\r]*")


class Pairs(list[tuple[str, Any]]):
    """An object, with its keys in order and each as often as it was written."""


def refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


DECODER = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_constant=refuse, parse_int=str, parse_float=str, strict=True
)


def document(body: bytes) -> Pairs:
    """Raises ValueError for anything but one strict JSON object in UTF-8 without a repeated top-level key."""
    value = DECODER.decode(body.decode("utf-8"))
    if not isinstance(value, Pairs):
        raise ValueError("no object")
    if len({key for key, _ in value}) != len(value):
        raise ValueError("a key twice")
    return value


def spans(body: bytes) -> dict[str, tuple[int, int]]:
    """Byte spans of the top-level values, found by walking the text with the standard library's decoder."""
    document(body)
    text = body.decode("utf-8")
    found: dict[str, tuple[int, int]] = {}
    at = skip(text, text.index("{") + 1)
    while text[at] != "}":
        key, at = DECODER.raw_decode(text, at)
        start = skip(text, skip(text, at) + 1)
        _, at = DECODER.raw_decode(text, start)
        found[key] = (len(text[:start].encode()), len(text[:at].encode()))
        at = skip(text, at)
        if text[at] == ",":
            at = skip(text, at + 1)
    return found


def skip(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    assert match is not None
    return match.end()
