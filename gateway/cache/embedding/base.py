"""The one interface of all embedders, and what is told when one cannot be had."""

import array
import sys
from collections.abc import Sequence
from math import fsum, isfinite, sqrt
from typing import Protocol

FLOAT = 4
"""Bytes of one dimension."""

MOST_DIMENSIONS = 4096
"""Of a vector, at the most: as many as an index takes."""


class ModelMissing(Exception):
    """A model's files are not here, or cannot be read. The text tells what to do."""


class EmbedderMissing(Exception):
    """The embedder that was asked for is not here, or not as it should be. The text tells what to do."""


class Embedder(Protocol):
    """Turns texts into vectors of length 1: little-endian float32, `dimensions` of them (0: not known beforehand).

    Vectors of two embedders say nothing about each other: `fingerprint` (8 bytes) tells them apart, and changes with
    the model behind an embedder. `cheap` says that a text is embedded anew as fast as its vector could be read.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> bytes: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def cheap(self) -> bool: ...

    def now(self, text: str) -> bytes | None:
        """The vector, where it can be had without waiting for anything; never raises."""

    def prepare(self, text: str) -> None:
        """Has it there before long for `now`, where that takes time: nobody waits for it."""

    async def embed(self, text: str) -> bytes | None:
        """The vector, or None where there is none to be had in time; never raises but for cancellation."""


def direction(values: Sequence[float]) -> bytes | None:
    """These numbers as a vector of length 1; None for what has no direction, is no numbers or too many."""
    try:
        if len(values) > MOST_DIMENSIONS:
            return None
        length = sqrt(fsum(value * value for value in values))
        if not isfinite(length) or length < 1e-9:
            return None
        vector = array.array("f", [value / length for value in values])
    except (TypeError, ValueError, OverflowError):
        return None
    if sys.byteorder == "big":
        vector.byteswap()
    found = vector.tobytes()
    return found if len(found) == FLOAT * len(values) else None
