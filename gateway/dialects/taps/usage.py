"""From a provider's usage object to the house's `Usage`, in all the spellings that providers have.

OpenAI: `CompletionUsage` of the chat completions reference. Anthropic: `usage` of the messages reference.
"""

from typing import Any

import msgspec

from gateway.dialects.taps.wire import UNREADABLE, as_count, said
from gateway.schemas.usage import Usage


class PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: Any = None
    cache_write_tokens: Any = None
    audio_tokens: Any = None


class CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: Any = None
    audio_tokens: Any = None


class OpenAIUsage(msgspec.Struct, gc=False):
    """`prompt_cache_hit_tokens` is DeepSeek's; the upper-level `cached_tokens` Moonshot's and Together's; the
    upper-level `reasoning_tokens` Perplexity's."""

    prompt_tokens: Any = None
    completion_tokens: Any = None
    total_tokens: Any = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    prompt_cache_hit_tokens: Any = None
    cached_tokens: Any = None
    reasoning_tokens: Any = None


class ThinkingDetails(msgspec.Struct, gc=False):
    thinking_tokens: Any = None


class CacheCreation(msgspec.Struct, gc=False):
    ephemeral_5m_input_tokens: Any = None
    ephemeral_1h_input_tokens: Any = None


class AnthropicUsage(msgspec.Struct, gc=False):
    input_tokens: Any = None
    output_tokens: Any = None
    cache_creation_input_tokens: Any = None
    cache_read_input_tokens: Any = None
    cache_creation: CacheCreation | None = None
    output_tokens_details: ThinkingDetails | None = None


_NO_PROMPT_DETAILS = PromptDetails()
_NO_COMPLETION_DETAILS = CompletionDetails()
_openai = msgspec.json.Decoder(OpenAIUsage)
_anthropic = msgspec.json.Decoder(AnthropicUsage)


def openai_usage(raw: msgspec.Raw) -> Usage | None:
    """None for null, for an absent or unreadable object, and for one without any count."""
    if not said(raw):
        return None
    try:
        return _from_openai(_openai.decode(raw))
    except UNREADABLE:
        return None


def _from_openai(wire: OpenAIUsage) -> Usage | None:
    prompt = wire.prompt_tokens_details or _NO_PROMPT_DETAILS
    completion = wire.completion_tokens_details or _NO_COMPLETION_DETAILS
    output = as_count(wire.completion_tokens)
    total = as_count(wire.total_tokens)
    # Embedding servers may give the total alone.
    asked = total - output if wire.prompt_tokens is None else as_count(wire.prompt_tokens)
    reasoning = as_count(completion.reasoning_tokens) or as_count(wire.reasoning_tokens)
    if reasoning and total == asked + output + reasoning:
        output += (
            reasoning  # xAI counts reasoning beside completion_tokens, OpenAI within; the total tells which
        )
    usage = Usage(
        input=max(asked, 0),
        output=output,
        cached=as_count(prompt.cached_tokens)
        or as_count(wire.prompt_cache_hit_tokens)
        or as_count(wire.cached_tokens),
        cache_write=as_count(prompt.cache_write_tokens),
        reasoning=reasoning,
        input_audio=as_count(prompt.audio_tokens),
        output_audio=as_count(completion.audio_tokens),
    )
    return usage if usage.input or usage.output else None


def anthropic_counts(raw: msgspec.Raw) -> AnthropicUsage | None:
    """None for null and for an absent or unreadable object."""
    if not said(raw):
        return None
    try:
        return _anthropic.decode(raw)
    except UNREADABLE:
        return None


def anthropic_usage(wire: AnthropicUsage, before: Usage | None = None) -> Usage:
    """Counts are cumulative over a stream: what `wire` says replaces what was known `before`, what it leaves out (or
    gives as 0, as some servers fill absent fields) stays. Anthropic's `input_tokens` lack the cached ones."""
    known = before or _NOTHING
    fresh = as_count(wire.input_tokens) or known.input - known.cached - known.cache_write
    written = _written(wire) or known.cache_write
    read = as_count(wire.cache_read_input_tokens) or known.cached
    details, lasting = wire.output_tokens_details, wire.cache_creation
    return Usage(
        input=fresh + written + read,
        output=as_count(wire.output_tokens) or known.output,
        cached=read,
        cache_write=written,
        reasoning=(as_count(details.thinking_tokens) if details else 0) or known.reasoning,
        cache_write_1h=(as_count(lasting.ephemeral_1h_input_tokens) if lasting else 0)
        or known.cache_write_1h,
    )


def _written(wire: AnthropicUsage) -> int:
    if wire.cache_creation_input_tokens is not None or wire.cache_creation is None:
        return as_count(wire.cache_creation_input_tokens)
    by_lifetime = wire.cache_creation
    return as_count(by_lifetime.ephemeral_5m_input_tokens) + as_count(by_lifetime.ephemeral_1h_input_tokens)


_NOTHING = Usage()
