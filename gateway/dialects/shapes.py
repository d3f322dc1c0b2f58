"""Shapes of the events that a stream is mostly made of, said by the wire structs that read all the others."""

from collections.abc import Mapping
from typing import Any

import msgspec

Keys = dict[str, Any]


def keys(wire: type[msgspec.Struct], kinds: Mapping[str, Any]) -> Keys:
    """The keys of one object, for `gateway._speedups.translate.Shape`: those of `kinds`, and the struct's other ones,
    which must say nothing. What the struct does not know may say anything, as it may to the struct."""
    known = {field.encode_name for field in msgspec.structs.fields(wire)}
    unknown = set(kinds) - known - {"*"}
    if unknown:
        raise ValueError(f"{wire.__name__} has no {', '.join(sorted(unknown))}")
    return {**kinds, **dict.fromkeys(sorted(known - set(kinds)), "nothing")}
