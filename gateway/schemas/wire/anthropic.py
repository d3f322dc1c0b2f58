"""Anthropic Messages as JSON, typed. Source of the shapes: the types of Anthropic's own SDK (`anthropic.types`).

Requests refuse unknown fields so that `gateway.dialects.decode` can name them; replies accept any. A field of type
`Raw` is JSON that is carried and not understood; `ABSENT` says that it was not there.
"""

from typing import Literal

import msgspec
from msgspec import Raw

from gateway.schemas.wire.common import ABSENT, OpaquePart, Strict, Wire


class CacheControl(Strict):
    type: str
    ttl: str | None = None


class SourceObject(Strict):
    """The source of an image or document; which fields belong together depends on `type`."""

    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    content: Raw = ABSENT


class CitationsConfig(Strict):
    enabled: bool | None = None


class TextBlock(Strict, tag="text", tag_field="type"):
    text: str
    cache_control: CacheControl | None = None
    citations: list[Raw] | None = None


class ImageBlock(Strict, tag="image", tag_field="type"):
    source: SourceObject
    cache_control: CacheControl | None = None
    transformations: Raw = ABSENT


class DocumentBlock(Strict, tag="document", tag_field="type"):
    source: SourceObject
    title: str | None = None
    context: str | None = None
    citations: CitationsConfig | None = None
    cache_control: CacheControl | None = None


class ThinkingBlock(Strict, tag="thinking", tag_field="type"):
    """A thought whose maker signs none comes back without `signature` from clients that put streams together."""

    thinking: str
    signature: str | None = None


class RedactedThinkingBlock(Strict, tag="redacted_thinking", tag_field="type"):
    data: str


class ToolUseBlock(Strict, tag="tool_use", tag_field="type"):
    id: str
    name: str
    input: Raw
    cache_control: CacheControl | None = None
    caller: Raw = ABSENT


ResultBlock = TextBlock | ImageBlock | DocumentBlock | OpaquePart


class ToolResultBlock(Strict, tag="tool_result", tag_field="type"):
    tool_use_id: str
    content: str | list[ResultBlock] | None = None
    is_error: bool | None = None
    cache_control: CacheControl | None = None


Block = (
    TextBlock
    | ImageBlock
    | DocumentBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ToolUseBlock
    | ToolResultBlock
    | OpaquePart
)


class Message(Strict):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class Tool(Strict):
    """A tool that the caller runs: `type` is absent or "custom". Other types belong to Anthropic and stay raw."""

    name: str | None = None
    type: str | None = None
    description: str | None = None
    input_schema: Raw = ABSENT
    strict: bool | None = None
    cache_control: CacheControl | None = None
    allowed_callers: Raw = ABSENT
    defer_loading: Raw = ABSENT
    eager_input_streaming: Raw = ABSENT
    input_examples: Raw = ABSENT


class ToolChoice(Strict):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingConfig(Strict):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class OutputFormat(Strict):
    type: str
    schema: Raw = ABSENT


class OutputConfig(Strict):
    effort: str | None = None
    format: OutputFormat | None = None


class Metadata(Wire):
    user_id: str | None = None


class Request(Strict):
    """`output_format` is the earlier, beta spelling of `output_config.format`."""

    model: str
    messages: list[Message]
    max_tokens: int | None = None
    system: str | list[TextBlock | OpaquePart] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    tools: list[Raw] | None = None
    tool_choice: ToolChoice | None = None
    thinking: ThinkingConfig | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None
    metadata: Raw = ABSENT
    service_tier: str | None = None
    cache_control: CacheControl | None = None
    # Known to Anthropic alone: carried as extras.
    container: Raw = ABSENT
    context_management: Raw = ABSENT
    mcp_servers: Raw = ABSENT
    diagnostics: Raw = ABSENT
    inference_geo: Raw = ABSENT
    speed: Raw = ABSENT
    user_profile_id: Raw = ABSENT
    workspace_id: Raw = ABSENT


# --- replies ---------------------------------------------------------------------------------------------------------


class OutputDetails(Wire):
    thinking_tokens: int | None = None


class ReplyBlock(Wire):
    """A block of an answer of any type; `type` says which fields count."""

    type: str
    text: str | None = None
    citations: list[Raw] | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = ABSENT
    caller: Raw = ABSENT


class Reply(Wire):
    type: str
    content: list[Raw]
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw = ABSENT
    usage: Raw = ABSENT
    container: Raw = ABSENT


class Citation(Wire):
    """The fields that the citations of Anthropic share; the location has its own."""

    type: str | None = None
    cited_text: str | None = None
    url: str | None = None
    title: str | None = None
    document_title: str | None = None
    source: str | None = None


class Delta(Wire):
    """The delta of a block (`type` set) or of the message."""

    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: Raw = ABSENT
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw = ABSENT
    container: Raw = ABSENT


class StreamMessage(Wire):
    id: str | None = None
    model: str | None = None
    usage: Raw = ABSENT


class StreamEvent(Wire):
    """Any event of a stream; `type` says which fields count."""

    type: str = ""
    index: int = 0
    delta: Delta | None = None
    content_block: Raw = ABSENT
    message: StreamMessage | None = None
    usage: Raw = ABSENT
    error: Raw = ABSENT


class ErrorBody(Wire):
    type: str | None = None
    message: str | None = None


class StopDetails(Wire):
    explanation: str | None = None


class CacheCreationOut(msgspec.Struct, gc=False):
    ephemeral_5m_input_tokens: int
    ephemeral_1h_input_tokens: int


class UsageOut(msgspec.Struct, gc=False, omit_defaults=True):
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int | None
    cache_read_input_tokens: int | None
    output_tokens_details: OutputDetails | None = None
    service_tier: str | None = None
    cache_creation: CacheCreationOut | None = None
    server_tool_use: Raw = ABSENT


class TextOut(msgspec.Struct, gc=False, omit_defaults=True, tag="text", tag_field="type"):
    text: str
    citations: list[Raw] | None = None


class ReplyOut(msgspec.Struct, gc=False):
    """An answer as the gateway writes it: every field present, as Anthropic has it."""

    id: str
    type: str
    role: str
    model: str
    content: list[TextOut | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock | Raw]
    stop_reason: str | None
    stop_sequence: str | None
    usage: UsageOut
