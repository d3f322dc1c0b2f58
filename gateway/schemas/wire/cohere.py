"""Cohere's v2 chat as JSON, typed. Source of the shapes: the types of Cohere's own SDK (`cohere.types`, `cohere.v2`).

Requests refuse unknown fields so that `gateway.dialects.decode` can name them; replies accept any. A field of type
`Raw` is JSON that is carried and not understood; `ABSENT` says that it was not there.
"""

from typing import Literal

from msgspec import Raw

from gateway.schemas.wire.common import ABSENT, OpaquePart, Strict, Wire


class ImageUrl(Strict):
    url: str
    detail: str | None = None


class TextPart(Strict, tag="text", tag_field="type"):
    text: str


class ImagePart(Strict, tag="image_url", tag_field="type"):
    image_url: ImageUrl | str


class ThinkingPart(Strict, tag="thinking", tag_field="type"):
    """Cohere has `thinking` alone. The other fields keep another provider's thought whole for the next turn: its
    signature or sealed `data`, and the `format` that says whose they are. They are never sent to Cohere."""

    thinking: str
    signature: str | None = None
    data: str | None = None
    format: str | None = None


class DocumentPart(Strict, tag="document", tag_field="type"):
    document: Raw


RequestPart = TextPart | ImagePart | ThinkingPart | DocumentPart | OpaquePart


class FunctionCall(Strict):
    name: str | None = None
    arguments: Raw = ABSENT


class ToolCall(Strict):
    id: str | None = None
    type: str | None = None
    function: FunctionCall | None = None


class Message(Strict):
    role: Literal["system", "user", "assistant", "tool"]
    content: str | list[RequestPart] | None = None
    tool_plan: str | None = None
    tool_calls: list[ToolCall] | None = None
    citations: list[Raw] | None = None
    tool_call_id: str | None = None


class Function(Strict):
    name: str
    description: str | None = None
    parameters: Raw = ABSENT


class Tool(Strict):
    """A tool that the caller runs: `type` is "function"."""

    type: str | None = None
    function: Function | None = None


class ResponseFormat(Strict):
    type: str
    json_schema: Raw = ABSENT


class ThinkingConfig(Strict):
    type: str
    token_budget: int | None = None


class Request(Strict):
    model: str
    messages: list[Message]
    stream: bool | None = None
    tools: list[Raw] | None = None
    strict_tools: bool | None = None
    tool_choice: Literal["REQUIRED", "NONE"] | None = None
    documents: Raw = ABSENT
    response_format: ResponseFormat | None = None
    max_tokens: int | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    k: int | None = None
    p: float | None = None
    logprobs: bool | None = None
    thinking: ThinkingConfig | None = None
    # Known to Cohere alone: carried as extras.
    citation_options: Raw = ABSENT
    safety_mode: Raw = ABSENT
    priority: Raw = ABSENT


# --- replies ---------------------------------------------------------------------------------------------------------


class ReplyPart(Wire):
    """A block of an answer's content of any type; in a stream without its type."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    format: str | None = None


class ReplyFunction(Wire):
    name: str | None = None
    arguments: Raw = ABSENT


class ReplyCall(Wire):
    id: str | None = None
    function: ReplyFunction | None = None


class ReplyMessage(Wire):
    content: list[ReplyPart] | str | None = None
    tool_plan: str | None = None
    tool_calls: list[ReplyCall] | None = None
    citations: list[Raw] | None = None


class Logprob(Wire):
    """The tokens of a piece of text and their log probabilities."""

    text: str | None = None
    token_ids: list[int] | None = None
    logprobs: list[float] | None = None


class Reply(Wire):
    message: ReplyMessage
    id: str | None = None
    finish_reason: str | None = None
    usage: Raw = ABSENT
    logprobs: list[Logprob] | None = None


class Citation(Wire):
    start: int | None = None
    end: int | None = None
    text: str | None = None
    sources: list[Raw] | None = None
    content_index: int | None = None
    type: str | None = None


class CitedFields(Wire):
    """The members by which documents usually say what they are; Cohere leaves the names to the caller."""

    url: Raw = ABSENT
    title: Raw = ABSENT
    snippet: Raw = ABSENT
    text: Raw = ABSENT


class CitedSource(Wire):
    type: str | None = None
    id: str | None = None
    document: Raw = ABSENT
    tool_output: Raw = ABSENT


class StreamMessage(Wire):
    """The `message` of a delta. Cohere writes one object where a whole answer has a list; some servers the list."""

    content: ReplyPart | list[Raw] | str | None = None
    tool_plan: str | None = None
    tool_calls: ReplyCall | list[ReplyCall] | None = None
    citations: Raw = ABSENT


class StreamDelta(Wire):
    message: StreamMessage | None = None
    finish_reason: str | None = None
    usage: Raw = ABSENT
    error: str | None = None


class StreamEvent(Wire):
    """Any event of a stream; `type` says which fields count."""

    type: str = ""
    id: str | None = None
    index: int | None = None
    delta: StreamDelta | None = None
    logprobs: Logprob | None = None
    message: str | None = None


# --- writing ---------------------------------------------------------------------------------------------------------


class TokensOut(Wire, omit_defaults=False):
    input_tokens: int
    output_tokens: int


class UsageOut(Wire):
    billed_units: TokensOut
    tokens: TokensOut
    cached_tokens: int


class LogprobOut(Wire, omit_defaults=False):
    text: str
    token_ids: list[int]
    logprobs: list[float]


class FunctionOut(Wire, omit_defaults=False):
    name: str
    arguments: str


class ToolCallOut(Wire, omit_defaults=False):
    id: str
    type: str
    function: FunctionOut


ContentOut = TextPart | ThinkingPart


class MessageOut(Wire):
    role: str
    tool_plan: str | None = None
    tool_calls: list[ToolCallOut] | None = None
    content: list[ContentOut] | None = None
    citations: list[Raw] | None = None


class ReplyOut(Wire):
    id: str
    finish_reason: str
    message: MessageOut
    usage: UsageOut | None = None
    logprobs: list[LogprobOut] | None = None
