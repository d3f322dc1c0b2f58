"""From the usage object of a response to the house's `Usage` (`ResponseUsage` of OpenAI's SDK)."""

from typing import Any

import msgspec

from gateway.dialects.leaves import UNREADABLE, as_count, said
from gateway.schemas.usage import Usage


class _InputDetails(msgspec.Struct, gc=False):
    cached_tokens: Any = None
    cache_write_tokens: Any = None


class _OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: Any = None


class _Usage(msgspec.Struct, gc=False):
    input_tokens: Any = None
    output_tokens: Any = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


_NO_INPUT, _NO_OUTPUT = _InputDetails(), _OutputDetails()
_decode = msgspec.json.Decoder(_Usage).decode


def responses_usage(raw: msgspec.Raw) -> Usage | None:
    """None for null, for an absent or unreadable object, and for one without any count."""
    if not said(raw):
        return None
    try:
        wire = _decode(raw)
    except UNREADABLE:
        return None
    asked, given = wire.input_tokens_details or _NO_INPUT, wire.output_tokens_details or _NO_OUTPUT
    usage = Usage(
        input=as_count(wire.input_tokens),
        output=as_count(wire.output_tokens),
        cached=as_count(asked.cached_tokens),
        cache_write=as_count(asked.cache_write_tokens),
        reasoning=as_count(given.reasoning_tokens),
    )
    return usage if usage.input or usage.output else None
