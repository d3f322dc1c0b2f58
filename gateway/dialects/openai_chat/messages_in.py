"""Reads messages of OpenAI Chat Completions, as agents and SDKs really send them, into the neutral form."""

from typing import Protocol

import msgspec
from msgspec import Raw

from gateway._speedups.translate import plain_message
from gateway.dialects.media import read_url, type_of
from gateway.dialects.openai_chat.citations import with_sources
from gateway.schemas.chat import (
    Audio,
    CacheMark,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    SealedReasoning,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.schemas.wire import openai_chat as wire
from gateway.schemas.wire.common import ABSENT

NAME = "openai_chat"


def read_messages(messages: list[wire.Message]) -> tuple[Message, ...]:
    """One neutral message per message; calls without an id get one that their results are matched by."""
    read: list[Message] = []
    last_function = ""
    for index, message in enumerate(messages):
        plain = plain_message(message)
        if plain is not None:
            read.append(plain if message.annotations is ABSENT else with_sources(plain, message.annotations))
            continue
        role = message.role
        if role == "user" or role == "system" or role == "developer":
            read.append(Message(role, _content(message.content, message.cache_control), message.name or ""))
        elif role == "assistant":
            if message.function_call is not None:
                last_function = f"call_{index}"
            answer = Message(role, _answer(message, index), message.name or "")
            read.append(with_sources(answer, message.annotations))
        else:
            call_id = message.tool_call_id or last_function
            read.append(Message("tool", (_result(message, call_id),)))
    return tuple(read)


def _content(
    content: str | list[wire.RequestPart] | None, control: wire.CacheControl | None = None
) -> tuple[Part, ...]:
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content, None if control is None else CacheMark(control.ttl or "")),)
    parts = [_part(part) for part in content]
    if control is not None and parts and isinstance(parts[-1], Text):
        parts[-1] = Text(parts[-1].text, CacheMark(control.ttl or ""))
    return tuple(parts)


def _part(part: wire.RequestPart) -> Text | Image | Audio | File | Refusal | Opaque:
    if isinstance(part, wire.TextPart):
        return Text(part.text or "", _mark(part))
    if isinstance(part, wire.ImagePart):
        url = part.image_url
        if isinstance(url, str):
            return Image(read_url(url), cache=_mark(part))
        return Image(read_url(url.url), url.detail or "", _mark(part))
    if isinstance(part, wire.FilePart):
        return File(_file_source(part.file), part.file.filename or "", cache=_mark(part))
    if isinstance(part, wire.AudioPart):
        audio = part.input_audio
        return Audio(Source(f"audio/{audio.format}", audio.data), audio.format, cache=_mark(part))
    if isinstance(part, wire.RefusalPart):
        return Refusal(part.refusal or "")
    return Opaque(NAME, part.kind, bytes(part.raw))


def _mark(part: wire.TextPart | wire.ImagePart | wire.AudioPart | wire.FilePart) -> CacheMark | None:
    if part.cache_control is not None:
        return CacheMark(part.cache_control.ttl or "")
    if part.prompt_cache_breakpoint is not None:
        return CacheMark(part.prompt_cache_breakpoint.ttl or "", "prompt_cache_breakpoint")
    return None


def _file_source(file: wire.FileData) -> Source:
    if file.file_id:
        return Source(file_id=file.file_id, dialect=NAME)
    data = file.file_data or ""
    if ":" in data[:8]:
        return read_url(data)
    return Source(type_of(file.filename or "") or "application/pdf", data)


def _result(message: wire.Message, call_id: str) -> ToolResult:
    parts = tuple(
        [part for part in _content(message.content) if isinstance(part, Text | Image | File | Audio | Opaque)]
    )
    cache = None if message.cache_control is None else CacheMark(message.cache_control.ttl or "")
    return ToolResult(call_id, parts, bool(message.is_error), message.name or "", cache)


# --- what the model said ---


def _answer(message: wire.Message, index: int) -> tuple[Part, ...]:
    parts: list[Part] = []
    if message.reasoning_details or message.thinking_blocks or message.reasoning_content or message.reasoning:
        parts += _kept_reasoning(message) or read_reasoning(message)
    if message.content:
        parts += _content(message.content, message.cache_control)
    if message.refusal:
        parts.append(Refusal(message.refusal))
    if message.audio is not None and message.audio.id:
        parts.append(Audio(Source(file_id=message.audio.id, dialect=NAME)))
    if message.tool_calls:
        parts += [read_call(call, f"call_{index}_{place}") for place, call in enumerate(message.tool_calls)]
    if message.function_call is not None:
        function = message.function_call
        parts.append(ToolCall(f"call_{index}", function.name or "", read_arguments(function.arguments)))
    return tuple(parts)


def read_call(call: wire.ToolCall, fallback_id: str) -> ToolCall:
    """`fallback_id` names a call that came without an id."""
    identity, signature = call.id or fallback_id, read_signature(call.extra_content)
    if call.custom is not None:
        return ToolCall(identity, call.custom.name or "", call.custom.input or "", "custom", signature)
    if call.function is None:
        return ToolCall(identity, "")
    arguments = read_arguments(call.function.arguments)
    return ToolCall(identity, call.function.name or "", arguments, signature=signature)


def read_signature(extra: wire.ExtraContent | None) -> str:
    """A call's thought signature, where Google's OpenAI compatibility has it."""
    return (extra.google.thought_signature or "") if extra is not None and extra.google is not None else ""


def read_arguments(raw: Raw) -> str:
    """Arguments as JSON text. OpenAI has them as a string; an object sent in its place is taken as it is."""
    text = bytes(raw)
    if text[:1] == b'"':
        return msgspec.json.decode(text, type=str)
    return "" if text == b"null" else text.decode()


class ReasoningFields(Protocol):
    """The spellings of reasoning that a message, an answer and a delta have in common."""

    reasoning_content: str | None
    reasoning: str | None
    reasoning_details: list[wire.ReasoningDetail] | None
    thinking_blocks: list[wire.ThinkingBlock] | None


def read_reasoning(message: ReasoningFields) -> list[Reasoning | SealedReasoning]:
    """The most telling of the spellings: entries with signatures before bare text."""
    if message.reasoning_details:
        return [part for entry in message.reasoning_details if (part := read_detail(entry)) is not None]
    if message.thinking_blocks:
        return [_thinking_block(block) for block in message.thinking_blocks]
    text = message.reasoning_content or message.reasoning
    return [Reasoning(text)] if text else []


def _kept_reasoning(message: wire.Message) -> list[Reasoning | SealedReasoning]:
    """LiteLLM sends a thought's text back in its place, and what is signed of it among a provider's own fields."""
    kept = message.provider_specific_fields
    if kept is None or message.reasoning_details or message.thinking_blocks:
        return []
    return read_reasoning(kept)


def read_detail(entry: wire.ReasoningDetail) -> Reasoning | SealedReasoning | None:
    if entry.data is not None:
        return SealedReasoning(entry.data, entry.id or "", entry.format or "")
    text = entry.text if entry.text is not None else entry.summary
    if text is None and not entry.signature:
        return None
    is_summary = entry.type == "reasoning.summary"
    return Reasoning(text or "", entry.signature or "", entry.id or "", entry.format or "", is_summary)


def _thinking_block(block: wire.ThinkingBlock) -> Reasoning | SealedReasoning:
    if block.data is not None:
        return SealedReasoning(block.data, format=ANTHROPIC_FORMAT)
    return Reasoning(block.thinking or "", block.signature or "", format=ANTHROPIC_FORMAT)


ANTHROPIC_FORMAT = "anthropic-claude-v1"
"""How OpenRouter marks reasoning whose signatures Anthropic checks."""
