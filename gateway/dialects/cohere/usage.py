"""From Cohere's usage object to the house's `Usage`, and back.

Cohere counts twice: `billed_units` are the tokens that it asks money for, `tokens` also those of its own preamble and
prompt template. The house counts what is billed, as the price table does.
"""

from typing import Any

import msgspec

from gateway.dialects.leaves import UNREADABLE, as_count, said
from gateway.schemas.usage import Usage
from gateway.schemas.wire import cohere as wire


class _Tokens(msgspec.Struct, gc=False):
    input_tokens: Any = None
    output_tokens: Any = None


class _Usage(msgspec.Struct, gc=False):
    billed_units: _Tokens | None = None
    tokens: _Tokens | None = None
    cached_tokens: Any = None


_decode = msgspec.json.Decoder(_Usage).decode
_NOTHING = _Tokens()


def cohere_usage(raw: msgspec.Raw) -> Usage | None:
    """None for null, for an absent or unreadable object, and for one without any count."""
    if not said(raw):
        return None
    try:
        counts = _decode(raw)
    except UNREADABLE:
        return None
    billed, whole = counts.billed_units or _NOTHING, counts.tokens or _NOTHING
    asked = as_count(whole.input_tokens if billed.input_tokens is None else billed.input_tokens)
    given = as_count(whole.output_tokens if billed.output_tokens is None else billed.output_tokens)
    if not (asked or given):
        return None
    return Usage(asked, given, min(as_count(counts.cached_tokens), asked))


def usage_out(usage: Usage) -> wire.UsageOut:
    tokens = wire.TokensOut(usage.input, usage.output)
    return wire.UsageOut(tokens, tokens, usage.cached)
