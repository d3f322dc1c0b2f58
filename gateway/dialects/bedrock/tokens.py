"""Bedrock's `TokenUsage` and the house's `Usage`.

Source: `TokenUsage` of the Bedrock API reference and "Prompt caching" of its user guide: `inputTokens` lacks the tokens
that were read from the cache or written to it, `totalTokens` has them.
"""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.leaves import UNREADABLE, as_count, said
from gateway.schemas.usage import Usage
from gateway.schemas.wire.bedrock import CacheDetailOut, UsageOut


class CacheDetail(msgspec.Struct, gc=False):
    ttl: Any = None
    inputTokens: Any = None


class TokenUsage(msgspec.Struct, gc=False):
    inputTokens: Any = None
    outputTokens: Any = None
    cacheReadInputTokens: Any = None
    cacheWriteInputTokens: Any = None
    cacheDetails: list[CacheDetail] | None = None


_decode = msgspec.json.Decoder(TokenUsage).decode


def read_usage(raw: Raw) -> Usage | None:
    """None for null and for an absent or unreadable object."""
    if not said(raw):
        return None
    try:
        wire = _decode(raw)
    except UNREADABLE:
        return None
    read, written = as_count(wire.cacheReadInputTokens), as_count(wire.cacheWriteInputTokens)
    lasting = sum([as_count(each.inputTokens) for each in wire.cacheDetails or () if each.ttl == "1h"])
    return Usage(
        input=as_count(wire.inputTokens) + read + written,
        output=as_count(wire.outputTokens),
        cached=read,
        cache_write=written,
        cache_write_1h=min(lasting, written),
    )


def usage_out(usage: Usage) -> UsageOut:
    """The inverse."""
    fresh = max(usage.input - usage.cached - usage.cache_write, 0)
    total = fresh + usage.cached + usage.cache_write + usage.output
    lasting = usage.cache_write_1h
    details = None
    if lasting:
        details = [CacheDetailOut("1h", lasting), CacheDetailOut("5m", max(usage.cache_write - lasting, 0))]
    return UsageOut(fresh, usage.output, total, usage.cached, usage.cache_write, details)
