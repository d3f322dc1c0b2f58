"""Requests of OpenAI Chat Completions as JSON, typed; with the fields that compatible servers and routers add.

Source of the shapes: the types of OpenAI's own SDK (`openai.types.chat`); `reasoning_content` is DeepSeek's,
`reasoning` and `reasoning_details` OpenRouter's, `thinking_blocks` LiteLLM's, `cache_control` as both of these take it.

A request refuses unknown fields so that `gateway.dialects.decode` can name them. A field of type `Raw` is JSON that is
carried and not understood; `ABSENT` says that it was not there. Answers are in `openai_chat_answers`.
"""

from typing import Literal

from msgspec import Raw

from gateway.schemas.wire.common import ABSENT, OpaquePart, Strict, Wire


class CacheControl(Strict):
    type: str
    ttl: str | None = None


class Breakpoint(Strict):
    mode: str
    ttl: str | None = None


class TextPart(Strict, tag="text", tag_field="type"):
    text: str | None = None
    cache_control: CacheControl | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class ImageUrl(Strict):
    url: str
    detail: str | None = None


class ImagePart(Strict, tag="image_url", tag_field="type"):
    image_url: ImageUrl | str
    cache_control: CacheControl | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class InputAudio(Strict):
    data: str
    format: str


class AudioPart(Strict, tag="input_audio", tag_field="type"):
    input_audio: InputAudio
    cache_control: CacheControl | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class FileData(Strict):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class FilePart(Strict, tag="file", tag_field="type"):
    file: FileData
    cache_control: CacheControl | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class RefusalPart(Strict, tag="refusal", tag_field="type"):
    refusal: str | None = None


class FunctionCall(Strict):
    """`arguments` is a string; some clients send the object itself."""

    name: str | None = None
    arguments: Raw = ABSENT


class CustomCall(Strict):
    name: str | None = None
    input: str | None = None


class GoogleContent(Wire):
    thought_signature: str | None = None


class ExtraContent(Wire):
    """What Google's OpenAI compatibility puts beside a call."""

    google: GoogleContent | None = None


class ToolCall(Strict):
    id: str | None = None
    type: str | None = None
    function: FunctionCall | None = None
    custom: CustomCall | None = None
    index: int | None = None
    extra_content: ExtraContent | None = None


class ReasoningDetail(Wire):
    """One entry of `reasoning_details`: `type` is reasoning.text, reasoning.summary or reasoning.encrypted."""

    type: str = ""
    text: str | None = None
    summary: str | None = None
    data: str | None = None
    signature: str | None = None
    id: str | None = None
    format: str | None = None
    index: int | None = None


class ThinkingBlock(Wire):
    """One entry of `thinking_blocks`: an Anthropic thinking or redacted_thinking block."""

    type: str = ""
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None


class ProviderFields(Wire):
    """`provider_specific_fields`: where LiteLLM keeps what an answer had, and sends it back."""

    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[ReasoningDetail] | None = None
    thinking_blocks: list[ThinkingBlock] | None = None


class AudioRef(Wire):
    id: str | None = None


RequestPart = TextPart | ImagePart | AudioPart | FilePart | RefusalPart | OpaquePart


class Message(Strict):
    """A message of a request. `is_error` is not OpenAI's: it lets a caller say what Anthropic's results can say."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[RequestPart] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: FunctionCall | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[ReasoningDetail] | None = None
    thinking_blocks: list[ThinkingBlock] | None = None
    provider_specific_fields: ProviderFields | None = None
    annotations: Raw = ABSENT
    audio: AudioRef | None = None
    cache_control: CacheControl | None = None
    is_error: bool | None = None


class FunctionTool(Strict):
    name: str
    description: str | None = None
    parameters: Raw = ABSENT
    strict: bool | None = None


class CustomTool(Strict):
    name: str
    description: str | None = None
    format: Raw = ABSENT


class Tool(Strict):
    """A function or custom tool; other types belong to a provider and stay raw."""

    type: str | None = None
    function: FunctionTool | None = None
    custom: CustomTool | None = None
    cache_control: CacheControl | None = None
    name: str | None = None
    description: str | None = None
    parameters: Raw = ABSENT
    strict: bool | None = None


class ToolName(Wire):
    name: str = ""


class AllowedTool(Wire):
    type: str | None = None
    function: ToolName | None = None
    custom: ToolName | None = None
    name: str | None = None


class AllowedTools(Wire):
    mode: str
    tools: list[AllowedTool]


class ToolChoice(Strict):
    """The object form; `name` at the top is the spelling of `function_call`."""

    type: str | None = None
    function: ToolName | None = None
    custom: ToolName | None = None
    allowed_tools: AllowedTools | None = None
    name: str | None = None


class JsonSchema(Strict):
    name: str | None = None
    description: str | None = None
    schema: Raw = ABSENT
    strict: bool | None = None


class ResponseFormat(Strict):
    type: str
    json_schema: JsonSchema | None = None


class StreamOptions(Wire):
    include_usage: bool | None = None


class ReasoningConfig(Wire):
    """OpenRouter's `reasoning`."""

    effort: str | None = None
    max_tokens: int | None = None
    exclude: bool | None = None
    enabled: bool | None = None


class ThinkingConfig(Wire):
    """Anthropic's `thinking`, as LiteLLM and DeepSeek take it."""

    type: str | None = None
    budget_tokens: int | None = None
    display: str | None = None


class Request(Strict):
    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: Raw = ABSENT
    tools: list[Raw] | None = None
    tool_choice: str | ToolChoice | None = None
    functions: list[FunctionTool] | None = None
    function_call: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    reasoning: ReasoningConfig | None = None
    thinking: ThinkingConfig | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: Raw = ABSENT
    service_tier: str | None = None
    cache_control: CacheControl | None = None
    # Known to OpenAI alone: carried as extras.
    store: Raw = ABSENT
    verbosity: Raw = ABSENT
    modalities: Raw = ABSENT
    audio: Raw = ABSENT
    prediction: Raw = ABSENT
    web_search_options: Raw = ABSENT
    moderation: Raw = ABSENT
    prompt_cache_key: Raw = ABSENT
    prompt_cache_options: Raw = ABSENT
    prompt_cache_retention: Raw = ABSENT
