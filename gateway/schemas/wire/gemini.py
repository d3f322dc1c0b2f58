"""Gemini's generateContent as JSON, typed. Source of the shapes: the types of Google's own SDK (`google.genai.types`)
and the REST reference of the Gemini API.

Requests refuse unknown fields so that `gateway.dialects.decode` can name them; replies accept any. A field of type
`Raw` is JSON that is carried and not understood; `ABSENT` says that it was not there.
"""

from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw

from gateway.schemas.wire.common import ABSENT, Strict, Wire


class Blob(Strict, rename="camel"):
    mime_type: str = ""
    data: str = ""
    display_name: str | None = None


class FileData(Strict, rename="camel"):
    file_uri: str = ""
    mime_type: str | None = None
    display_name: str | None = None


class FunctionCall(Strict, rename="camel"):
    """`args` is an object."""

    name: str = ""
    id: str | None = None
    args: Raw = ABSENT


class FunctionResponse(Strict, rename="camel"):
    """`response` is an object; `parts` holds media, where the model takes them in results."""

    name: str = ""
    id: str | None = None
    response: Raw = ABSENT
    parts: list[Raw] | None = None


class Part(Strict, rename="camel"):
    """One part: which of its fields is there says what kind it is."""

    text: str | None = None
    thought: bool | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    media_resolution: Raw = ABSENT
    thought_signature: str | None = None


class Content(Strict, rename="camel"):
    role: str | None = None
    parts: list[Raw] | None = None


class KnownContent(Strict, rename="camel"):
    """Content whose parts are all known, so that one pass decodes them with the request."""

    role: str | None = None
    parts: list[Part] | None = None


class ContentOut(Strict, rename="camel"):
    parts: list[Part | Raw]
    role: str | None = None


class FunctionDeclaration(Strict, rename="camel"):
    """`parameters` is in Google's own words for schemas, `parameters_json_schema` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: Raw = ABSENT
    parameters_json_schema: Raw = ABSENT


class ToolDeclarations(Strict, rename="camel"):
    function_declarations: list[Raw]


class CallingConfig(Strict, rename="camel"):
    mode: str | None = None
    allowed_function_names: list[str] | None = None


class ToolConfig(Strict, rename="camel"):
    function_calling_config: CallingConfig | None = None


class ThinkingConfig(Strict, rename="camel"):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class GenerationConfig(Strict, rename="camel"):
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    max_output_tokens: int | None = None
    candidate_count: int | None = None
    stop_sequences: list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    response_mime_type: str | None = None
    response_schema: Raw = ABSENT
    response_json_schema: Raw = ABSENT
    thinking_config: ThinkingConfig | None = None


Turn = TypeVar("Turn")


class Request(Strict, Generic[Turn], rename="camel"):
    """`model` belongs into the path; some clients repeat it here."""

    contents: list[Turn]
    model: str | None = None
    system_instruction: Turn | None = None
    tools: list[Raw] | None = None
    tool_config: Raw = ABSENT
    generation_config: Raw = ABSENT
    service_tier: str | None = None


class RequestOut(Strict, rename="camel"):
    contents: list[ContentOut]
    system_instruction: ContentOut | None = None
    tools: list[Raw] | None = None
    tool_config: ToolConfig | None = None
    generation_config: Raw = ABSENT
    service_tier: str | None = None


# --- replies ---------------------------------------------------------------------------------------------------------


class ReplyCall(Wire, rename="camel"):
    name: str | None = None
    id: str | None = None
    args: Raw = ABSENT


class ReplyPart(Wire, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: ReplyCall | None = None


class ReplyContent(Wire, rename="camel"):
    parts: list[Raw] | None = None


class Candidate(Wire, rename="camel"):
    content: ReplyContent | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    index: int | None = None


class PromptFeedback(Wire, rename="camel"):
    block_reason: str | None = None
    block_reason_message: str | None = None


class Reply(Wire, rename="camel"):
    """A whole answer, and every event of a streamed one."""

    candidates: list[Raw] | None = None
    prompt_feedback: Raw = ABSENT
    usage_metadata: Raw = ABSENT
    model_version: str | None = None
    response_id: str | None = None
    error: Raw = ABSENT


class ModalityCount(msgspec.Struct, gc=False, rename="camel"):
    modality: str
    token_count: int


class UsageOut(msgspec.Struct, gc=False, omit_defaults=True, rename="camel"):
    prompt_token_count: int
    candidates_token_count: int
    total_token_count: int
    cached_content_token_count: int = 0
    thoughts_token_count: int = 0
    prompt_tokens_details: list[ModalityCount] | None = None
    candidates_tokens_details: list[ModalityCount] | None = None


class CandidateOut(msgspec.Struct, gc=False, omit_defaults=True, rename="camel"):
    content: ContentOut
    finish_reason: str | None = None
    finish_message: str | None = None
    index: int = 0
    logprobs_result: Any = None
    grounding_metadata: Any = None


class ReplyOut(msgspec.Struct, gc=False, omit_defaults=True, rename="camel"):
    candidates: list[CandidateOut | Raw] | None = None
    prompt_feedback: Raw = ABSENT
    usage_metadata: UsageOut | None = None
    model_version: str | None = None
    response_id: str | None = None
