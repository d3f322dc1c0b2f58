"""The slow way to embed by a static table: whole texts merged pair by pair, rows added up in plain Python."""

import math
import re
import struct
from itertools import pairwise
from typing import NamedTuple

MARK = "\u2581"


class Parts(NamedTuple):
    """What a table is made of; `rows` holds floats."""

    vocabulary: dict[str, int]
    merges: list[tuple[str, str]]
    named: dict[str, int]
    rows: list[list[float]]


def tokens(parts: Parts, text: str) -> list[int]:
    """The tokens of a text."""
    if not parts.named:
        return stretch(parts, text)
    longest_first = sorted(parts.named, key=len, reverse=True)
    found: list[int] = []
    for piece in re.split("(" + "|".join(map(re.escape, longest_first)) + ")", text):
        found += [parts.named[piece]] if piece in parts.named else stretch(parts, piece)
    return found


def stretch(parts: Parts, text: str) -> list[int]:
    if not text:
        return []
    ranks = {pair: rank for rank, pair in enumerate(parts.merges)}
    symbols: list[str] = []
    for character in (MARK + text).replace(" ", MARK):
        if character in parts.vocabulary:
            symbols.append(character)
        else:
            symbols += [f"<0x{byte:02X}>" for byte in character.encode()]
    while True:
        pairs = [(ranks[pair], at) for at, pair in enumerate(pairwise(symbols)) if pair in ranks]
        if not pairs:
            return [parts.vocabulary[symbol] for symbol in symbols]
        _, at = min(pairs)
        symbols[at : at + 2] = [symbols[at] + symbols[at + 1]]


def embed(parts: Parts, text: str) -> list[float] | None:
    """The direction of the sum of the rows; None for no direction."""
    found = tokens(parts, text)
    if not found:
        return None
    total = [math.fsum(column) for column in zip(*(parts.rows[token] for token in found), strict=True)]
    length = math.sqrt(math.fsum(value * value for value in total))
    return [value / length for value in total] if length > 1e-6 else None


def floats(vector: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))
