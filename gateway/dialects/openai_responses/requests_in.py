"""Reads a request of OpenAI's Responses API into the neutral form."""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.decode import UNREADABLE, RequestDecoder
from gateway.dialects.openai_responses.items_in import NAME, ItemReader
from gateway.errors import BadRequest
from gateway.schemas.chat import (
    BuiltinTool,
    ChatRequest,
    Extra,
    Message,
    OutputFormat,
    Text,
    Thinking,
    Tool,
    ToolChoice,
)
from gateway.schemas.wire import openai_responses as wire
from gateway.schemas.wire.common import Wire, given

INSTRUCTIONS = b'"instructions"'
"""Marks the message that stood in the field of this name."""

SEALED, LOGPROBS = "reasoning.encrypted_content", "message.output_text.logprobs"
"""What `include` can ask for and any dialect may have."""

_QUICK = msgspec.json.Decoder(wire.Request[wire.AnyItem])
"""The common request in one pass: an item may hold an image of megabytes."""
_REQUEST = RequestDecoder(wire.Request[Raw])
_TOOL = RequestDecoder(wire.Tool)
_encode = msgspec.json.Encoder().encode

_EXTRAS = (
    "max_tool_calls",
    "context_management",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
)
_REASONING_EXTRAS = ("generate_summary", "context", "mode")


class _Kind(Wire):
    type: str = ""


class _Choice(Wire):
    type: str = ""
    name: str | None = None
    mode: str | None = None
    tools: list["_Allowed"] | None = None


class _Allowed(Wire):
    type: str | None = None
    name: str | None = None


_KIND = RequestDecoder(_Kind)
_CHOICE = RequestDecoder(_Choice)


def read_request(body: bytes) -> ChatRequest:
    """Raises BadRequest with the path of the field that is wrong, and for what only OpenAI's own store can answer.

    `stream_options` (which only pads events) and what says no more than the default are not kept.
    """
    try:
        quick = _QUICK.decode(body)
    except UNREADABLE:
        return _read_patiently(body)
    messages = _quick_messages(quick)
    return _read_patiently(body) if messages is None else _read(quick, messages, (), [])


def _read_patiently(body: bytes) -> ChatRequest:
    """Item by item: what has unknown fields or kinds, or is wrong."""
    decoded = _REQUEST.decode(body)
    request = decoded.value
    _refuse_state(request)
    unknown = list(decoded.unknown)
    return _read(request, _messages(request, unknown), decoded.extras, unknown)


def _read(
    request: wire.Request[Any], messages: tuple[Message, ...], extras: tuple[Extra, ...], unknown: list[str]
) -> ChatRequest:
    include = request.include or []
    choice = _tool_choice(request.tool_choice)
    return ChatRequest(
        dialect=NAME,
        model=request.model,
        messages=messages,
        stream=bool(request.stream),
        stream_usage=True,
        max_output=request.max_output_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        logprobs=True if LOGPROBS in include else None,
        top_logprobs=request.top_logprobs,
        tools=tuple(
            [_tool(raw, f"tools[{index}]", unknown) for index, raw in enumerate(request.tools or ())]
        ),
        tool_choice=choice,
        parallel_tools=request.parallel_tool_calls,
        output=_output(request.text),
        thinking=_thinking(request.reasoning),
        user=request.user or "",
        safety_id=request.safety_identifier or "",
        metadata=bytes(request.metadata) if given(request.metadata) else b"",
        service_tier=request.service_tier or "",
        sealed=SEALED in include,
        store=request.store,
        extras=_extras(request, choice) + extras,
        unknown=tuple(unknown),
    )


def _refuse_state(request: wire.Request[Any]) -> None:
    """Nobody but OpenAI has what these name."""
    told = {
        "previous_response_id": bool(request.previous_response_id),
        "conversation": given(request.conversation),
        "background": bool(request.background),
        "prompt": given(request.prompt),
    }
    for name, asked in told.items():
        if asked:
            raise BadRequest(
                f"Invalid request: `{name}` needs what the provider stores, and the chosen model's provider does not"
                " serve the Responses API itself; send the whole conversation in `input`",
                param=name,
            )


def _messages(request: wire.Request[Raw], unknown: list[str]) -> tuple[Message, ...]:
    if isinstance(request.input, str):
        return (*_instructions(request), Message("user", (Text(request.input),)))
    return _instructions(request) + ItemReader(unknown).read(request.input or [])


def _quick_messages(request: wire.Request[wire.AnyItem]) -> tuple[Message, ...] | None:
    """None when the items have to be read one by one."""
    _refuse_state(request)
    if isinstance(request.input, str):
        return (*_instructions(request), Message("user", (Text(request.input),)))
    read = ItemReader([]).read_quick(request.input or [])
    return None if read is None else _instructions(request) + read


def _instructions(request: wire.Request[Any]) -> tuple[Message, ...]:
    if not request.instructions:
        return ()
    return (Message("system", (Text(request.instructions),), rest=INSTRUCTIONS),)


def _extras(request: wire.Request[Any], choice: ToolChoice | None) -> tuple[Extra, ...]:
    found = [Extra(name, bytes(value)) for name in _EXTRAS if given(value := getattr(request, name))]
    if request.store:
        found.append(Extra("store", b"true"))  # elsewhere nothing is stored, which has to be named
    others = [name for name in request.include or () if name not in (SEALED, LOGPROBS)]
    if others:
        found.append(Extra("include", _encode(others)))
    if request.truncation not in (None, "disabled"):
        found.append(Extra("truncation", _encode(request.truncation)))
    if request.text is not None and given(request.text.verbosity):
        found.append(Extra("text.verbosity", bytes(request.text.verbosity)))
    if request.reasoning is not None:
        found += [
            Extra(f"reasoning.{name}", bytes(value))
            for name in _REASONING_EXTRAS
            if given(value := getattr(request.reasoning, name))
        ]
    if choice is None and given(request.tool_choice):
        found.append(Extra("tool_choice", bytes(request.tool_choice)))
    return tuple(found)


# --- tools ---


def _tool(raw: Raw, path: str, unknown: list[str]) -> Tool | BuiltinTool:
    kind = _KIND.decode(raw, path).value.type
    if kind not in ("function", "custom"):
        if not kind:
            raise BadRequest(f"Invalid request: a tool needs a `type` at `{path}`", param=f"{path}.type")
        return BuiltinTool(NAME, kind, bytes(raw))
    decoded = _TOOL.decode(raw, path)
    tool = decoded.value
    unknown += [name for name in decoded.unknown if name not in unknown]
    if kind == "custom":
        grammar = _grammar(tool.format) if given(tool.format) else b""
        return Tool(tool.name, tool.description, kind="custom", format=grammar, extras=decoded.extras)
    parameters = bytes(tool.parameters) if given(tool.parameters) else b""
    return Tool(tool.name, tool.description, parameters, tool.strict, extras=decoded.extras)


_GRAMMAR = RequestDecoder(wire.Grammar)


def _grammar(raw: Raw) -> bytes:
    """In the neutral form as Chat Completions has it, which nests what stands at the top here."""
    grammar = _GRAMMAR.decode(raw, "tools.format").value
    if grammar.type != "grammar":
        return bytes(raw)
    inner = {"definition": grammar.definition or "", "syntax": grammar.syntax or "lark"}
    return _encode({"type": "grammar", "grammar": inner})


def _tool_choice(raw: Raw) -> ToolChoice | None:
    """None for what was not said, and for the tools of OpenAI's own, which stay an extra."""
    if not given(raw):
        return None
    if bytes(raw)[:1] == b'"':
        word = msgspec.json.decode(raw, type=str)
        mode = _MODES.get(word)
        if mode is None:
            raise BadRequest(
                f"Invalid request: `{word[:40]}` is no tool choice; use none, auto or required",
                param="tool_choice",
            )
        return mode
    choice = _CHOICE.decode(raw, "tool_choice").value
    if choice.type in ("function", "custom"):
        if not choice.name:
            raise BadRequest("Invalid request: a tool choice needs a tool's name", param="tool_choice.name")
        return ToolChoice("named", choice.name)
    if choice.type == "allowed_tools" and all(tool.name for tool in choice.tools or ()):
        allowed = tuple([tool.name or "" for tool in choice.tools or ()])
        return ToolChoice("required" if choice.mode == "required" else "auto", allowed=allowed)
    return None


_MODES = {"auto": ToolChoice("auto"), "none": ToolChoice("none"), "required": ToolChoice("required")}


# --- output and thinking ---


def _output(text: wire.TextConfig | None) -> OutputFormat | None:
    shape = None if text is None else text.format
    if shape is None or shape.type == "text":
        return None
    if shape.type == "json_object":
        return OutputFormat("json_object")
    if shape.type != "json_schema":
        raise BadRequest(
            "Invalid request: the type must be text, json_object or json_schema", param="text.format.type"
        )
    schema = bytes(shape.schema) if given(shape.schema) else b""
    return OutputFormat("json_schema", schema, shape.name or "", shape.description or "", shape.strict)


def _thinking(config: wire.ReasoningConfig | None) -> Thinking | None:
    """`spelling` is the kind of summary, which the same dialect repeats."""
    if config is None or not (config.effort or config.summary):
        return None
    effort, summary = config.effort or "", config.summary or ""
    display = "summarized" if summary else ""
    return Thinking(effort, None, "off" if effort == "none" else "", display, summary)
