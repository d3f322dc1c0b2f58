"""One kept vector as bytes: floats of 32 bits where they lose nothing by it, else of 64; whole numbers of 8.

What is read back is hostile: whatever is odd is no vector.
"""

import sys
from array import array
from math import isfinite

import msgspec

from gateway.schemas.embedding import Vector

VERSION = 1
"""Grows with every change of what is kept: older ones are no vectors."""

_HEAD = bytes((0xE0 | VERSION,))
"""Told apart from the first byte of an answer."""
_SWAPPED = sys.byteorder == "big"
_TYPES = {"f": 4, "d": 8, "b": 1, "B": 1}


class KeptVector(msgspec.Struct, frozen=True):
    """A vector in the formats that were asked for, whose it is, and how many tokens it took, about."""

    model: str
    tokens: int
    vectors: dict[str, Vector]

    def is_like(self, other: "KeptVector") -> bool:
        """Whether both can stand in one answer: of one model, in the same formats and lengths."""
        return self.model == other.model and {name: len(found) for name, found in self.vectors.items()} == {
            name: len(found) for name, found in other.vectors.items()
        }


class _Packed(msgspec.Struct, array_like=True):
    model: str
    tokens: int
    vectors: dict[str, tuple[str, bytes]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


def pack(kept: KeptVector) -> bytes:
    """The bytes of a vector."""
    vectors = {name: _packed(found) for name, found in kept.vectors.items()}
    return _HEAD + _encode(_Packed(kept.model, kept.tokens, vectors))


def unpack(payload: bytes) -> KeptVector | None:
    """None for what is no vector, or none of this version."""
    if payload[:1] != _HEAD:
        return None
    try:
        found = _decode(memoryview(payload)[1:])
        vectors = {name: _unpacked(*each) for name, each in found.vectors.items()}
    except (ValueError, KeyError, RecursionError, OverflowError):  # msgspec's errors are ValueErrors
        return None
    return KeptVector(found.model, max(found.tokens, 0), vectors) if vectors else None


def _packed(vector: Vector) -> tuple[str, bytes]:
    if all(type(each) is int for each in vector) and min(vector) >= -128 and max(vector) <= 255:
        kind = "b" if min(vector) < 0 else "B"
        if kind == "B" or max(vector) < 128:
            return kind, array(kind, vector).tobytes()
    floats = array("f", vector)
    kind = "f" if floats.tolist() == vector else "d"
    values = floats if kind == "f" else array("d", vector)
    if _SWAPPED:
        values.byteswap()
    return kind, values.tobytes()


def _unpacked(kind: str, data: bytes) -> Vector:
    if not data or len(data) % _TYPES[kind]:
        raise ValueError("a vector that was cut")
    if kind in "bB":
        return list(array(kind, data))
    values = array(kind, data)
    if _SWAPPED:
        values.byteswap()
    if not isfinite(sum(values)) and not all(map(isfinite, values)):
        raise ValueError("a vector with a number that is not finite")
    return values.tolist()
