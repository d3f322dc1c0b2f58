"""Reads a request of Gemini's generateContent into the neutral form."""

from typing import Literal

import msgspec
from msgspec import Raw

from gateway.dialects.decode import UNREADABLE, Decoded
from gateway.dialects.gemini.contents_in import ContentReader
from gateway.dialects.gemini.errors import NAME
from gateway.dialects.gemini.schemas import json_schema
from gateway.dialects.gemini.spelling import SpelledDecoder, camel
from gateway.errors import BadRequest
from gateway.schemas.chat import (
    BuiltinTool,
    ChatRequest,
    Extra,
    OutputFormat,
    Thinking,
    Tool,
    ToolChoice,
)
from gateway.schemas.wire import gemini as wire
from gateway.schemas.wire.common import given

_QUICK = msgspec.json.Decoder(wire.Request[wire.KnownContent])
"""The common request in one pass: a part may hold an image of megabytes."""
_REQUEST = SpelledDecoder(wire.Request[wire.Content])
_CONFIG = SpelledDecoder(wire.GenerationConfig)
_FUNCTION = SpelledDecoder(wire.FunctionDeclaration)
_CHOICE = SpelledDecoder(wire.ToolConfig)
_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_LIST = msgspec.json.Decoder(list[Raw])

CONFIG = "generationConfig"


def read_request(body: bytes, model: str = "", stream: bool = False) -> ChatRequest:
    """`model` and `stream` come from the path. Raises BadRequest with the path of the field that is wrong."""
    decoded: Decoded[wire.Request[wire.KnownContent]] | Decoded[wire.Request[wire.Content]]
    try:
        decoded = Decoded(_QUICK.decode(body))
    except UNREADABLE:
        decoded = _REQUEST.decode(body)
    request = decoded.value
    reader = ContentReader()
    settings: Decoded[wire.GenerationConfig] = Decoded(wire.GenerationConfig())
    if given(request.generation_config):
        settings = _CONFIG.decode(request.generation_config, CONFIG)
    config = settings.value
    messages = reader.system(request.system_instruction) + reader.messages(request.contents)
    unknown = [*decoded.unknown, *settings.unknown, *reader.unknown]
    choice, rest = _tool_choice(request.tool_config)
    output, more = _output(config)
    extras = (
        decoded.extras + rest + more + tuple([Extra(f"{CONFIG}.{e.name}", e.value) for e in settings.extras])
    )
    return ChatRequest(
        dialect=NAME,
        model=model or (request.model or "").removeprefix("models/"),
        messages=messages,
        stream=stream,
        stream_usage=True,
        max_output=config.max_output_tokens,
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=None if config.top_k is None else int(config.top_k),
        presence_penalty=config.presence_penalty,
        frequency_penalty=config.frequency_penalty,
        seed=config.seed,
        stop=tuple(config.stop_sequences or ()),
        n=config.candidate_count,
        logprobs=config.response_logprobs,
        top_logprobs=config.logprobs,
        tools=tuple([tool for raw in request.tools or () for tool in _tools(raw, unknown)]),
        tool_choice=choice,
        output=output,
        thinking=_thinking(config.thinking_config),
        service_tier=(request.service_tier or "").lower(),
        extras=extras,
        unknown=tuple(unknown),
    )


# --- tools ---


def _tools(raw: Raw, unknown: list[str]) -> list[Tool | BuiltinTool]:
    """One entry holds a list of functions, tools that Google runs, or both."""
    try:
        fields = _FIELDS.decode(raw)
    except UNREADABLE as error:
        raise BadRequest(f"Invalid request: a tool must be an object: {error}", param="tools") from error
    tools: list[Tool | BuiltinTool] = []
    for name, value in fields.items():
        kind = camel(name)
        if not given(value):
            continue
        if kind == "functionDeclarations":
            tools += _functions(value, unknown)
        else:
            tools.append(BuiltinTool(NAME, kind, msgspec.json.encode({name: value})))
    return tools


def _functions(raw: Raw, unknown: list[str]) -> list[Tool]:
    path = "tools.functionDeclarations"
    try:
        declared = _LIST.decode(raw)
    except UNREADABLE as error:
        raise BadRequest(f"Invalid request: {error} at `{path}`", param=path) from error
    return [_function(each, f"{path}[{place}]", unknown) for place, each in enumerate(declared)]


def _function(raw: Raw, path: str, unknown: list[str]) -> Tool:
    decoded = _FUNCTION.decode(raw, path)
    function = decoded.value
    unknown += [name for name in decoded.unknown if name not in unknown]
    parameters = native = b""
    if given(function.parameters_json_schema):
        parameters = bytes(function.parameters_json_schema)
    elif given(function.parameters):
        native = bytes(function.parameters)
        parameters = json_schema(native)
    return Tool(function.name, function.description, parameters, extras=decoded.extras, native=native)


def _tool_choice(raw: Raw) -> tuple[ToolChoice | None, tuple[Extra, ...]]:
    """What the neutral form cannot say keeps the whole config beside it."""
    if not given(raw):
        return None, ()
    decoded = _CHOICE.decode(raw, "toolConfig")
    config = decoded.value.function_calling_config
    rest = (Extra("toolConfig", bytes(raw)),) if decoded.extras or decoded.unknown else ()
    if config is None:
        return None, rest
    mode, names = (config.mode or "AUTO").upper(), tuple(config.allowed_function_names or ())
    if mode == "NONE":
        return ToolChoice("none"), rest
    if mode == "ANY":
        return (
            ToolChoice("named", names[0]) if len(names) == 1 else ToolChoice("required", allowed=names)
        ), rest
    if mode not in ("AUTO", "VALIDATED", "MODE_UNSPECIFIED"):
        raise BadRequest(
            f"Invalid request: `{mode[:40]}` is no mode; use AUTO, ANY or NONE",
            param="toolConfig.functionCallingConfig.mode",
        )
    if mode == "VALIDATED" and not names:
        rest = rest or (Extra("toolConfig", bytes(raw)),)
    return ToolChoice("auto", allowed=names), rest


# --- output and thinking ---


def _output(config: wire.GenerationConfig) -> tuple[OutputFormat | None, tuple[Extra, ...]]:
    kind = config.response_mime_type
    if kind != "application/json":
        said = () if kind in (None, "text/plain") else (("responseMimeType", msgspec.json.encode(kind)),)
        schemas = (
            ("responseSchema", config.response_schema),
            ("responseJsonSchema", config.response_json_schema),
        )
        return None, tuple(
            [Extra(f"{CONFIG}.{name}", bytes(value)) for name, value in (*said, *schemas) if given(value)]
        )
    if given(config.response_json_schema):
        return OutputFormat("json_schema", bytes(config.response_json_schema)), ()
    if given(config.response_schema):
        native = bytes(config.response_schema)
        return OutputFormat("json_schema", json_schema(native), native=native), ()
    return OutputFormat("json_object"), ()


def _thinking(config: wire.ThinkingConfig | None) -> Thinking | None:
    """A budget of 0 is no thinking, one of -1 leaves it to the model."""
    if config is None:
        return None
    budget = config.thinking_budget
    mode: Literal["", "off", "on", "adaptive"] = ""
    if budget is not None:
        mode = "off" if budget == 0 else "on" if budget > 0 else "adaptive"
    level = (config.thinking_level or "").lower()
    shown = "" if config.include_thoughts is None else "summarized" if config.include_thoughts else "omitted"
    spelled = budget if budget is not None and budget > 0 else None
    return Thinking("" if level == "thinking_level_unspecified" else level, spelled, mode, shown)
