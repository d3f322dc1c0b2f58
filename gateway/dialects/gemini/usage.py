"""From Gemini's `usageMetadata` to the house's `Usage` and back.

`promptTokenCount` includes the cached tokens; what the model's own tools put before it is counted apart, and so are the
thoughts.
"""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.leaves import UNREADABLE, as_count, as_text, said
from gateway.schemas.usage import Usage
from gateway.schemas.wire import gemini as wire


class Modality(msgspec.Struct, gc=False, rename="camel"):
    modality: Any = None
    token_count: Any = None


class UsageMetadata(msgspec.Struct, gc=False, rename="camel"):
    prompt_token_count: Any = None
    candidates_token_count: Any = None
    thoughts_token_count: Any = None
    tool_use_prompt_token_count: Any = None
    cached_content_token_count: Any = None
    prompt_tokens_details: list[Modality] | None = None
    candidates_tokens_details: list[Modality] | None = None


_decode = msgspec.json.Decoder(UsageMetadata).decode


def read_usage(raw: Raw) -> Usage | None:
    """None for null, for an absent or unreadable object, and for one without any count."""
    if not said(raw):
        return None
    try:
        counts = _decode(raw)
    except UNREADABLE:
        return None
    thoughts = as_count(counts.thoughts_token_count)
    asked = as_count(counts.prompt_token_count) + as_count(counts.tool_use_prompt_token_count)
    output = as_count(counts.candidates_token_count) + thoughts
    if not (asked or output):
        return None
    return Usage(
        input=asked,
        output=output,
        cached=as_count(counts.cached_content_token_count),
        reasoning=thoughts,
        input_audio=_audio(counts.prompt_tokens_details),
        output_audio=_audio(counts.candidates_tokens_details),
    )


COUNTS = {
    "promptTokenCount": "number",
    "candidatesTokenCount": "number",
    "thoughtsTokenCount": "number",
    "toolUsePromptTokenCount": "number",
    "cachedContentTokenCount": "number",
    "promptTokensDetails": "raw",
    "candidatesTokensDetails": "raw",
}
"""The shape of the usage in most events of a stream; `plain_usage` takes what it captures."""


def plain_usage(
    asked: int | None,
    said: int | None,
    thoughts: int | None,
    tools: int | None,
    cached: int | None,
) -> Usage | None:
    """The usage where nothing was heard or spoken."""
    before, output = (asked or 0) + (tools or 0), (said or 0) + (thoughts or 0)
    return Usage(before, output, cached or 0, 0, thoughts or 0) if before or output else None


def spoken(details: bytes) -> bool:
    """Whether audio may be counted in the JSON of such details."""
    return b"AUDIO" in details or b"\\" in details


def _audio(details: list[Modality] | None) -> int:
    return sum([as_count(each.token_count) for each in details or () if as_text(each.modality) == "AUDIO"])


def write_usage(usage: Usage) -> wire.UsageOut:
    spoken = max(usage.output - usage.reasoning, 0)
    return wire.UsageOut(
        prompt_token_count=usage.input,
        candidates_token_count=spoken,
        total_token_count=usage.input + usage.output,
        cached_content_token_count=usage.cached,
        thoughts_token_count=usage.reasoning,
        prompt_tokens_details=_details(usage.input, usage.input_audio),
        candidates_tokens_details=_details(spoken, usage.output_audio),
    )


def _details(total: int, audio: int) -> list[wire.ModalityCount] | None:
    if not audio:
        return None
    return [wire.ModalityCount("TEXT", max(total - audio, 0)), wire.ModalityCount("AUDIO", audio)]
