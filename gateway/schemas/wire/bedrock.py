"""Bedrock Converse as JSON, typed. Source of the shapes: the service model `bedrock-runtime` that botocore carries.

Bytes stand in JSON as base64 text. A content block is a union: an object with one member, whose name says what it is.
Requests refuse unknown fields so that they can be named; answers accept any. `Raw` is JSON that is carried and not
understood; `ABSENT` says that it was not there.
"""

from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import Raw

from gateway.schemas.wire.common import ABSENT, Strict, Wire


class Location(Wire):
    uri: str = ""
    bucketOwner: str | None = None


class Source(Wire, omit_defaults=True):
    """One of its members is set."""

    bytes: str | None = None
    s3Location: Location | None = None
    text: str | None = None
    content: Raw = ABSENT


class Media(Wire):
    """An image or a sound."""

    format: str
    source: Source


class CitationsConfig(Wire):
    enabled: bool = False


class Document(Wire):
    source: Source
    name: str = ""
    format: str | None = None
    context: str | None = None
    citations: CitationsConfig | None = None


class ToolUse(Wire):
    """`type` is set for a tool that the provider runs."""

    toolUseId: str
    name: str
    input: Raw = ABSENT
    type: str | None = None


class ToolResult(Wire):
    toolUseId: str
    content: list[Raw] = msgspec.field(default_factory=list)
    status: str | None = None
    type: str | None = None


class ReasoningText(Wire):
    text: str = ""
    signature: str | None = None


class ReasoningContent(Wire):
    reasoningText: ReasoningText | None = None
    redactedContent: str | None = None


class CachePoint(Wire):
    type: str = "default"
    ttl: str | None = None


class Words(Wire):
    text: str = ""


class Cited(Wire):
    """`citationsContent`: text and where it is from."""

    content: list[Words] | None = None
    citations: list[Raw] | None = None


class Web(Wire):
    url: str | None = None
    domain: str | None = None


class Place(Wire):
    web: Web | None = None


class Citation(Wire):
    title: str | None = None
    source: str | None = None
    sourceContent: list[Words] | None = None
    location: Place | None = None


class Block(Wire):
    """A content block that the neutral form has a place for; none of the members is set for any other."""

    text: str | None = None
    image: Media | None = None
    document: Document | None = None
    audio: Media | None = None
    toolUse: ToolUse | None = None
    toolResult: ToolResult | None = None
    reasoningContent: ReasoningContent | None = None
    cachePoint: CachePoint | None = None
    citationsContent: Cited | None = None
    json: Raw = ABSENT


class KnownResult(Wire):
    toolUseId: str
    content: list["KnownBlock"] = msgspec.field(default_factory=list)
    status: str | None = None
    type: str | None = None


class KnownBlock(Strict):
    """A block with no other members, so that one pass decodes it with its request."""

    text: str | None = None
    image: Media | None = None
    document: Document | None = None
    audio: Media | None = None
    toolUse: ToolUse | None = None
    toolResult: KnownResult | None = None
    reasoningContent: ReasoningContent | None = None
    cachePoint: CachePoint | None = None
    citationsContent: Cited | None = None
    json: Raw = ABSENT


# --- requests --------------------------------------------------------------------------------------------------------


Content = TypeVar("Content")


class Message(Strict, Generic[Content]):
    role: Literal["user", "assistant", "system"]
    content: list[Content]


class InferenceConfig(Strict):
    maxTokens: int | None = None
    temperature: float | None = None
    topP: float | None = None
    stopSequences: list[str] | None = None


class InputSchema(Strict):
    json: Raw = ABSENT


class ToolSpec(Strict):
    name: str
    inputSchema: InputSchema
    description: str | None = None
    strict: bool | None = None


class ToolName(Strict):
    name: str


class ToolChoice(Strict):
    """One of its members is set."""

    auto: Raw = ABSENT
    any: Raw = ABSENT
    tool: ToolName | None = None


class ToolConfig(Strict):
    tools: list[Raw]
    toolChoice: ToolChoice | None = None


class JsonSchema(Strict):
    """`schema` is JSON in a string."""

    schema: str
    name: str | None = None
    description: str | None = None


class Structure(Strict):
    jsonSchema: JsonSchema


class TextFormat(Strict):
    type: str
    structure: Structure


class OutputConfig(Strict):
    textFormat: TextFormat | None = None
    effort: str | None = None


class ServiceTier(Strict):
    type: str


class Request(Strict, Generic[Content]):
    messages: list[Message[Content]] = msgspec.field(default_factory=list)
    system: list[Content] | None = None
    inferenceConfig: InferenceConfig | None = None
    toolConfig: ToolConfig | None = None
    additionalModelRequestFields: Raw = ABSENT
    outputConfig: OutputConfig | None = None
    requestMetadata: Raw = ABSENT
    serviceTier: ServiceTier | None = None
    # Known to Bedrock alone: carried as extras.
    guardrailConfig: Raw = ABSENT
    promptVariables: Raw = ABSENT
    additionalModelResponseFieldPaths: Raw = ABSENT
    performanceConfig: Raw = ABSENT


# --- answers ---------------------------------------------------------------------------------------------------------


class ReplyMessage(Wire):
    content: list[Raw] = msgspec.field(default_factory=list)


class Output(Wire):
    message: ReplyMessage | None = None


class StopSequence(Wire):
    stop_sequence: str | None = None


class Tier(Wire):
    type: str | None = None


class Reply(Wire):
    output: Output
    stopReason: str | None = None
    usage: Raw = ABSENT
    serviceTier: Tier | None = None
    metrics: Raw = ABSENT
    additionalModelResponseFields: Raw = ABSENT
    trace: Raw = ABSENT
    performanceConfig: Raw = ABSENT


class StartedTool(Wire):
    toolUseId: str = ""
    name: str = ""
    type: str | None = None


class Start(Wire):
    toolUse: StartedTool | None = None


class Piece(Wire):
    input: str = ""


class ReasoningPiece(Wire):
    text: str | None = None
    signature: str | None = None
    redactedContent: str | None = None


class Delta(Wire):
    text: str | None = None
    toolUse: Piece | None = None
    reasoningContent: ReasoningPiece | None = None
    citation: Raw = ABSENT


class BlockEvent(Wire):
    """The start, a delta or the stop of a block."""

    contentBlockIndex: int = 0
    start: Raw = ABSENT
    delta: Raw = ABSENT


class StopEvent(Wire):
    stopReason: str | None = None
    additionalModelResponseFields: Raw = ABSENT


class MetadataEvent(Wire):
    usage: Raw = ABSENT
    serviceTier: Tier | None = None
    trace: Raw = ABSENT
    metrics: Raw = ABSENT
    performanceConfig: Raw = ABSENT


class CacheDetailOut(msgspec.Struct, gc=False):
    ttl: str
    inputTokens: int


class UsageOut(msgspec.Struct, gc=False, omit_defaults=True):
    inputTokens: int
    outputTokens: int
    totalTokens: int
    cacheReadInputTokens: int
    cacheWriteInputTokens: int
    cacheDetails: list[CacheDetailOut] | None = None
