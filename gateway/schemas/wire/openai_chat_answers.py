"""Answers of OpenAI Chat Completions as JSON, typed, whole and streamed; with the fields that compatible servers add.

Source of the shapes: the types of OpenAI's own SDK (`ChatCompletion`, `ChatCompletionChunk`, `CompletionUsage`). What
is read accepts any further field; what is written (`...Out`) has the fields that OpenAI always sends.
"""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.schemas.wire.common import ABSENT, Wire
from gateway.schemas.wire.openai_chat import (
    ExtraContent,
    FunctionCall,
    ReasoningDetail,
    ThinkingBlock,
    ToolCall,
)


class UrlCitation(Wire):
    start_index: int | None = None
    end_index: int | None = None
    title: str | None = None
    url: str | None = None
    content: str | None = None


class Annotation(Wire):
    type: str | None = None
    url_citation: UrlCitation | None = None


class ReplyText(Wire):
    """Mistral answers with lists of parts: text, or thinking that is itself a list."""

    type: str | None = None
    text: str | None = None
    thinking: str | list["ReplyText"] | None = None


class ReplyMessage(Wire):
    role: str | None = None
    content: str | list[ReplyText] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: FunctionCall | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[ReasoningDetail] | None = None
    thinking_blocks: list[ThinkingBlock] | None = None
    annotations: list[Annotation] | None = None
    audio: Raw = ABSENT


class ReplyChoice(Wire):
    message: ReplyMessage
    index: int | None = None
    finish_reason: str | None = None
    logprobs: Raw = ABSENT


class Reply(Wire):
    choices: list[ReplyChoice]
    id: str | None = None
    model: str | None = None
    created: int | float | None = None
    usage: Raw = ABSENT
    service_tier: str | None = None
    system_fingerprint: str | None = None


class Said(Wire):
    """What some servers answer with status 200 when they failed."""

    error: Any = None


class CallDelta(Wire):
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class ToolDelta(Wire):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: CallDelta | None = None
    custom: CallDelta | None = None
    extra_content: ExtraContent | None = None


class Delta(Wire):
    content: str | list[ReplyText] | None = None
    refusal: str | None = None
    tool_calls: list[ToolDelta] | None = None
    function_call: CallDelta | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[ReasoningDetail] | None = None
    thinking_blocks: list[ThinkingBlock] | None = None
    annotations: list[Annotation] | None = None
    audio: Raw = ABSENT


class ChunkChoice(Wire):
    index: int | None = None
    delta: Delta | None = None
    finish_reason: str | None = None
    logprobs: Raw = ABSENT
    usage: Raw = ABSENT


class Groq(Wire):
    usage: Raw = ABSENT


class Chunk(Wire):
    """One event of a stream. `error` is how a server that already sent 200 says that it failed.

    Usage stands at the top, in `x_groq` (Groq), or in a choice (Moonshot).
    """

    choices: list[ChunkChoice] | None = None
    id: str | None = None
    model: str | None = None
    created: int | float | None = None
    usage: Raw = ABSENT
    service_tier: str | None = None
    system_fingerprint: str | None = None
    error: Raw = ABSENT
    x_groq: Groq | None = None


class ErrorBody(Wire):
    """`code` is a string, or at some servers the HTTP status."""

    message: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class ChoiceOut(msgspec.Struct, gc=False):
    """A choice as the gateway writes it: every field present, as OpenAI has it."""

    index: int
    message: "MessageOut"
    logprobs: Raw
    finish_reason: str


class MessageOut(msgspec.Struct, gc=False, omit_defaults=True):
    """`role`, `content` and `refusal` have no default, because OpenAI always sends them."""

    role: str
    content: str | None
    refusal: str | None
    reasoning_content: str | None = None
    reasoning_details: list[ReasoningDetail] | None = None
    tool_calls: list[ToolCall] | None = None
    annotations: list[Annotation] | None = None
    audio: Raw = ABSENT


class PromptDetailsOut(msgspec.Struct, gc=False, omit_defaults=True):
    cached_tokens: int
    audio_tokens: int
    cache_write_tokens: int = 0


class CompletionDetailsOut(msgspec.Struct, gc=False):
    reasoning_tokens: int
    audio_tokens: int


class UsageOut(msgspec.Struct, gc=False):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetailsOut
    completion_tokens_details: CompletionDetailsOut


class ReplyOut(msgspec.Struct, gc=False, omit_defaults=True):
    id: str
    object: str
    created: int
    model: str
    choices: list[ChoiceOut]
    usage: UsageOut | None
    service_tier: str | None = None
    system_fingerprint: str | None = None
