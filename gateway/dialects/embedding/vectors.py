"""Vectors as providers write them: numbers, or base64 of little-endian 32-bit floats. Every one is checked."""

import binascii
import sys
from array import array
from base64 import b64encode
from collections.abc import Sequence
from math import isfinite

from msgspec.structs import replace

from gateway.errors import UpstreamProtocolError
from gateway.schemas.embedding import EmbedReply, EmbedRequest, Vector
from gateway.schemas.usage import Usage

_SWAPPED = sys.byteorder == "big"


def packed(vector: Vector) -> str:
    """Base64 of the vector's 32-bit floats."""
    floats = array("f", vector)
    if not isfinite(sum(floats)) and not all(map(isfinite, floats)):
        raise UpstreamProtocolError("the provider's vector has a number beyond 32-bit floats")
    if _SWAPPED:
        floats.byteswap()
    return b64encode(floats.tobytes()).decode()


def unpacked(text: str) -> list[float]:
    """The numbers of `packed`. Raises UpstreamProtocolError."""
    floats = array("f")
    try:
        floats.frombytes(binascii.a2b_base64(text, strict_mode=True))
    except ValueError as error:
        raise UpstreamProtocolError(f"the provider's vector is no base64 of floats: {error}") from error
    if _SWAPPED:
        floats.byteswap()
    return floats.tolist()


def checked(vectors: Sequence[Vector], count: int) -> list[Vector]:
    """`vectors`, when there are `count` of them, equally long and finite. Raises UpstreamProtocolError."""
    if len(vectors) != count:
        raise UpstreamProtocolError(f"the provider gave {len(vectors)} vectors for {count} inputs")
    length = len(vectors[0]) if vectors else 0
    for vector in vectors:
        if not vector or len(vector) != length:
            raise UpstreamProtocolError("the provider's vectors are empty or of different lengths")
        if not isfinite(sum(vector)) and not all(map(isfinite, vector)):
            raise UpstreamProtocolError("the provider's vector has a number that is not finite")
    return list(vectors)


def in_order(indices: Sequence[int], vectors: Sequence[Vector]) -> list[Vector]:
    """The vectors by their index. Raises UpstreamProtocolError unless the indices are 0, 1, 2 …, in any order."""
    places: list[Vector | None] = [None] * len(vectors)
    for index, vector in zip(indices, vectors, strict=True):
        if not 0 <= index < len(places) or places[index] is not None:
            raise UpstreamProtocolError("the provider's indices are not those of the inputs")
        places[index] = vector
    return [vector for vector in places if vector is not None]


def floats_of(reply: EmbedReply) -> list[Vector]:
    """The vectors as floats. Raises UpstreamProtocolError where there are none."""
    found = reply.vectors.get("float")
    if found is None:
        raise UpstreamProtocolError("the provider gave no vectors of floats")
    return found


def joined(replies: list[EmbedReply]) -> EmbedReply:
    """One answer of several: vectors one after the other, tokens added up. Tokens that one left out are unknown."""
    first = replies[0]
    if len(replies) == 1:
        return first
    vectors = {
        name: [vector for one in replies for vector in one.vectors.get(name, [])] for name in first.vectors
    }
    for found in vectors.values():
        checked(found, sum(len(next(iter(one.vectors.values()))) for one in replies))
    usages = [one.usage for one in replies if one.usage is not None]
    usage = Usage(input=sum(one.input for one in usages)) if len(usages) == len(replies) else None
    return EmbedReply(vectors=vectors, id=first.id, model=first.model, usage=usage)


def chunks(request: EmbedRequest, size: int) -> tuple[EmbedRequest, ...]:
    """The request in pieces of at most `size` items."""
    items = request.items
    if len(items) <= size:
        return (request,)
    return tuple(replace(request, items=items[at : at + size]) for at in range(0, len(items), size))
