"""From a provider's usage object to the house's `Usage`, in all the spellings that providers have.

OpenAI: `CompletionUsage` of the chat completions reference. Anthropic: `usage` of the messages reference.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Protocol

import msgspec

from gateway.dialects.leaves import ABSENT, MAX_COUNT, UNREADABLE, as_count, said
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


Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]


class ExactPrompt(msgspec.Struct, frozen=True, gc=False):
    cached_tokens: Count = 0
    cache_write_tokens: Count = 0
    audio_tokens: Count = 0


class ExactCompletion(msgspec.Struct, frozen=True, gc=False):
    reasoning_tokens: Count = 0
    audio_tokens: Count = 0


_NO_PROMPT = ExactPrompt()
_NO_COMPLETION = ExactCompletion()


class ExactUsage(msgspec.Struct, gc=False):
    """The same where every count is one: the usual case, read without looking at each leaf."""

    prompt_tokens: Count | None = None
    completion_tokens: Count = 0
    total_tokens: Count = 0
    prompt_tokens_details: ExactPrompt = _NO_PROMPT
    completion_tokens_details: ExactCompletion = _NO_COMPLETION
    prompt_cache_hit_tokens: Count = 0
    cached_tokens: Count = 0
    reasoning_tokens: Count = 0


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
    service_tier: Any = None
    server_tool_use: msgspec.Raw = ABSENT


_NO_PROMPT_DETAILS = PromptDetails()
_NO_COMPLETION_DETAILS = CompletionDetails()
_exact = msgspec.json.Decoder(ExactUsage)
_openai = msgspec.json.Decoder(OpenAIUsage)
_anthropic = msgspec.json.Decoder(AnthropicUsage)


def openai_usage(raw: msgspec.Raw) -> Usage | None:
    """None for null, for an absent or unreadable object, and for one without any count."""
    if not said(raw):
        return None
    try:
        return openai_total(_exact.decode(raw))
    except msgspec.ValidationError:
        pass  # a vendor's own spelling of numbers: read leaf by leaf
    except UNREADABLE:
        return None
    try:
        return openai_total(_counted(_openai.decode(raw)))
    except UNREADABLE:
        return None


class Said(Protocol):
    """What says its usage."""

    @property
    def usage(self) -> msgspec.Raw: ...


class SaidInStream(Said, Protocol):
    """A chunk of a stream: at the top, in `x_groq` (Groq), or in a choice (Moonshot)."""

    @property
    def x_groq(self) -> Said | None: ...
    @property
    def choices(self) -> Sequence[Said] | None: ...


def openai_stream_usage(chunk: SaidInStream) -> Usage | None:
    """The usage that a chunk carries, wherever it stands."""
    if said(chunk.usage):
        return openai_usage(chunk.usage)
    if chunk.x_groq is not None:
        return openai_usage(chunk.x_groq.usage)
    for choice in chunk.choices or ():
        if said(choice.usage):
            return openai_usage(choice.usage)
    return None


def _counted(wire: OpenAIUsage) -> ExactUsage:
    prompt = wire.prompt_tokens_details or _NO_PROMPT_DETAILS
    completion = wire.completion_tokens_details or _NO_COMPLETION_DETAILS
    return ExactUsage(
        prompt_tokens=None if wire.prompt_tokens is None else as_count(wire.prompt_tokens),
        completion_tokens=as_count(wire.completion_tokens),
        total_tokens=as_count(wire.total_tokens),
        prompt_tokens_details=ExactPrompt(
            as_count(prompt.cached_tokens), as_count(prompt.cache_write_tokens), as_count(prompt.audio_tokens)
        ),
        completion_tokens_details=ExactCompletion(
            as_count(completion.reasoning_tokens), as_count(completion.audio_tokens)
        ),
        prompt_cache_hit_tokens=as_count(wire.prompt_cache_hit_tokens),
        cached_tokens=as_count(wire.cached_tokens),
        reasoning_tokens=as_count(wire.reasoning_tokens),
    )


def openai_total(wire: ExactUsage) -> Usage | None:
    """None without any count."""
    prompt, completion = wire.prompt_tokens_details, wire.completion_tokens_details
    output, total = wire.completion_tokens, wire.total_tokens
    # Embedding servers may give the total alone.
    asked = max(total - output, 0) if wire.prompt_tokens is None else wire.prompt_tokens
    reasoning = completion.reasoning_tokens or wire.reasoning_tokens
    if reasoning and total == asked + output + reasoning:
        output += reasoning  # xAI counts it beside completion_tokens, OpenAI within; the total tells which
    if not (asked or output):
        return None
    return Usage(
        asked,
        output,
        prompt.cached_tokens or wire.prompt_cache_hit_tokens or wire.cached_tokens,
        prompt.cache_write_tokens,
        reasoning,
        prompt.audio_tokens,
        completion.audio_tokens,
    )


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
