"""Requests of OpenAI's Responses API as JSON, typed.

Source of the shapes: the types of OpenAI's own SDK (`openai.types.responses`). Items of `input` are many and grow in
number, so they stay raw here; `gateway.dialects.openai_responses.items_in` reads those that have a neutral form.
"""

from typing import Generic, TypeVar

from msgspec import Raw

from gateway.schemas.wire.common import ABSENT, OpaquePart, Strict


class Breakpoint(Strict):
    mode: str
    ttl: str | None = None


class InputText(Strict, tag="input_text", tag_field="type"):
    text: str
    prompt_cache_breakpoint: Breakpoint | None = None


class OutputText(Strict, tag="output_text", tag_field="type"):
    """`annotations` and `logprobs` are always there in an answer, and may be left out of a request."""

    text: str
    annotations: list[Raw] | None = None
    logprobs: Raw = ABSENT


class PlainText(Strict, tag="text", tag_field="type"):
    """Some clients' spelling."""

    text: str


class RefusalPart(Strict, tag="refusal", tag_field="type"):
    refusal: str


class InputImage(Strict, tag="input_image", tag_field="type"):
    detail: str | None = None
    file_id: str | None = None
    image_url: str | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class InputFile(Strict, tag="input_file", tag_field="type"):
    file_data: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None
    detail: str | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class Sound(Strict):
    data: str
    format: str


class InputAudio(Strict, tag="input_audio", tag_field="type"):
    input_audio: Sound


ContentPart = (
    InputText | OutputText | PlainText | RefusalPart | InputImage | InputFile | InputAudio | OpaquePart
)


class MessageItem(Strict):
    """A message of any role; `type` may be left out. What is `Raw` is carried and not understood."""

    role: str
    content: str | list[ContentPart]
    type: str | None = None
    id: Raw = ABSENT
    status: Raw = ABSENT
    phase: Raw = ABSENT


class CallItem(Strict):
    """A `function_call` with its `arguments` or a `custom_tool_call` with its `input`."""

    type: str
    call_id: str
    name: str
    arguments: str | None = None
    input: str | None = None
    id: Raw = ABSENT
    status: Raw = ABSENT
    caller: Raw = ABSENT
    namespace: Raw = ABSENT


class OutputItem(Strict):
    """A `function_call_output` or a `custom_tool_call_output`."""

    type: str
    call_id: str
    output: str | list[ContentPart]
    id: Raw = ABSENT
    status: Raw = ABSENT
    caller: Raw = ABSENT
    namespace: Raw = ABSENT
    name: Raw = ABSENT


class ThoughtText(Strict):
    """An entry of a reasoning item: summary_text or reasoning_text."""

    text: str
    type: str | None = None


class ReasoningItem(Strict):
    type: str
    id: str | None = None
    summary: list[ThoughtText] | None = None
    content: list[ThoughtText] | None = None
    encrypted_content: str | None = None
    status: str | None = None


class AnyItem(Strict):
    """An item of any of the kinds above that are common, so that one pass decodes a whole request."""

    type: str | None = None
    role: str | None = None
    content: str | list[ContentPart] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | list[ContentPart] | None = None
    summary: list[ThoughtText] | None = None
    encrypted_content: str | None = None
    id: Raw = ABSENT
    status: Raw = ABSENT
    phase: Raw = ABSENT
    caller: Raw = ABSENT
    namespace: Raw = ABSENT


class Tool(Strict):
    """A function or custom tool; other types belong to the provider and stay raw."""

    type: str
    name: str
    description: str | None = None
    parameters: Raw = ABSENT
    strict: bool | None = None
    format: Raw = ABSENT


class Grammar(Strict):
    type: str
    syntax: str | None = None
    definition: str | None = None


class Format(Strict):
    type: str
    name: str | None = None
    schema: Raw = ABSENT
    description: str | None = None
    strict: bool | None = None


class TextConfig(Strict):
    format: Format | None = None
    verbosity: Raw = ABSENT


class ReasoningConfig(Strict):
    effort: str | None = None
    summary: str | None = None
    generate_summary: Raw = ABSENT
    context: Raw = ABSENT
    mode: Raw = ABSENT


Item = TypeVar("Item")


class Request(Strict, Generic[Item]):
    model: str
    input: str | list[Item] | None = None
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    tools: list[Raw] | None = None
    tool_choice: Raw = ABSENT
    parallel_tool_calls: bool | None = None
    text: TextConfig | None = None
    reasoning: ReasoningConfig | None = None
    include: list[str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: Raw = ABSENT
    service_tier: str | None = None
    store: bool | None = None
    truncation: str | None = None
    stream_options: Raw = ABSENT
    # What the provider would have to remember.
    previous_response_id: str | None = None
    conversation: Raw = ABSENT
    background: bool | None = None
    prompt: Raw = ABSENT
    # Known to OpenAI alone: carried as extras.
    max_tool_calls: Raw = ABSENT
    context_management: Raw = ABSENT
    moderation: Raw = ABSENT
    prompt_cache_key: Raw = ABSENT
    prompt_cache_options: Raw = ABSENT
    prompt_cache_retention: Raw = ABSENT
