"""Reads a request of Cohere's v2 chat into the neutral form."""

from msgspec import Raw
from msgspec.structs import replace

from gateway.dialects.cohere.citations import NAME
from gateway.dialects.cohere.documents import words_of
from gateway.dialects.cohere.messages_in import read_messages
from gateway.dialects.decode import RequestDecoder
from gateway.errors import BadRequest
from gateway.schemas.chat import (
    BuiltinTool,
    ChatRequest,
    Extra,
    Message,
    Opaque,
    OutputFormat,
    Thinking,
    Tool,
    ToolChoice,
)
from gateway.schemas.wire import cohere as wire
from gateway.schemas.wire.common import given

_REQUEST = RequestDecoder(wire.Request)
_TOOL = RequestDecoder(wire.Tool)
_EXTRAS = ("citation_options", "safety_mode", "priority")
_CHOICES = {"REQUIRED": ToolChoice("required"), "NONE": ToolChoice("none")}


def read_request(body: bytes) -> ChatRequest:
    """Raises BadRequest with the path of the field that is wrong."""
    decoded = _REQUEST.decode(body)
    request = decoded.value
    unknown = list(decoded.unknown)
    extras = [Extra(name, bytes(value)) for name in _EXTRAS if given(value := getattr(request, name))]
    if request.strict_tools is not None and not request.tools:
        extras.append(Extra("strict_tools", b"true" if request.strict_tools else b"false"))
    return ChatRequest(
        dialect=NAME,
        model=request.model,
        messages=_with_documents(read_messages(request.messages), request.documents, extras),
        stream=bool(request.stream),
        stream_usage=True,
        max_output=request.max_tokens,
        temperature=request.temperature,
        top_p=request.p,
        top_k=request.k,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        seed=request.seed,
        stop=tuple(request.stop_sequences or ()),
        logprobs=request.logprobs,
        tools=tuple(
            [
                _tool(raw, f"tools[{index}]", request.strict_tools, unknown)
                for index, raw in enumerate(request.tools or ())
            ]
        ),
        tool_choice=None if request.tool_choice is None else _CHOICES[request.tool_choice],
        output=_output(request.response_format),
        thinking=_thinking(request.thinking),
        extras=tuple(extras) + decoded.extras,
        unknown=tuple(unknown),
    )


def _with_documents(
    messages: tuple[Message, ...], documents: Raw, extras: list[Extra]
) -> tuple[Message, ...]:
    """The request's documents as the first part of the last user message, where other dialects can have them."""
    if not given(documents):
        return messages
    raw = bytes(documents)
    for place in range(len(messages) - 1, -1, -1):
        message = messages[place]
        if message.role == "user":
            part = Opaque(NAME, "documents", raw, words_of(raw))
            cited = replace(message, parts=(part, *message.parts))
            return (*messages[:place], cited, *messages[place + 1 :])
    extras.append(Extra("documents", raw))
    return messages


def _tool(raw: Raw, path: str, strict: bool | None, unknown: list[str]) -> Tool | BuiltinTool:
    decoded = _TOOL.decode(raw, path)
    tool = decoded.value
    if tool.type not in (None, "function"):
        return BuiltinTool(NAME, tool.type, bytes(raw))
    unknown += [name for name in decoded.unknown if name not in unknown]
    function = tool.function
    if function is None:
        raise BadRequest(f"Invalid request: a tool needs a function at `{path}`", param=f"{path}.function")
    parameters = bytes(function.parameters) if given(function.parameters) else b""
    return Tool(function.name, function.description, parameters, strict, extras=decoded.extras)


def _output(chosen: wire.ResponseFormat | None) -> OutputFormat | None:
    if chosen is None or chosen.type == "text":
        return None
    if chosen.type != "json_object":
        raise BadRequest(
            "Invalid request: the format must be `text` or `json_object`", param="response_format.type"
        )
    if not given(chosen.json_schema):
        return OutputFormat("json_object")
    return OutputFormat("json_schema", bytes(chosen.json_schema))


def _thinking(config: wire.ThinkingConfig | None) -> Thinking | None:
    if config is None:
        return None
    if config.type not in ("enabled", "disabled"):
        raise BadRequest(
            f"Invalid request: `{config.type[:40]}` is no kind of thinking", param="thinking.type"
        )
    return Thinking(budget=config.token_budget, mode="on" if config.type == "enabled" else "off")
