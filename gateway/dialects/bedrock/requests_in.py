"""Reads a request of Bedrock Converse into the neutral form."""

from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from gateway.dialects.bedrock.additional import read_additional
from gateway.dialects.bedrock.blocks_in import NAME, CarriedBlock, read_parts
from gateway.dialects.bedrock.families import reasoning_format
from gateway.dialects.decode import UNREADABLE, Decoded, RequestDecoder, mistake
from gateway.errors import BadRequest
from gateway.schemas.chat import (
    BuiltinTool,
    CacheMark,
    ChatRequest,
    Extra,
    Message,
    OutputFormat,
    Tool,
    ToolChoice,
)
from gateway.schemas.wire import bedrock as wire
from gateway.schemas.wire.common import ABSENT, given

_QUICK = msgspec.json.Decoder(wire.Request[wire.KnownBlock])
"""The common request in one pass: a block may hold an image of megabytes."""
_REQUEST = RequestDecoder(wire.Request[Raw])
_SPEC = RequestDecoder(wire.ToolSpec)
_EXTRAS = ("guardrailConfig", "promptVariables", "additionalModelResponseFieldPaths", "performanceConfig")


class _Tool(msgspec.Struct):
    toolSpec: Raw = ABSENT
    cachePoint: wire.CachePoint | None = None


_TOOL = msgspec.json.Decoder(_Tool)
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_ANY = msgspec.json.Decoder()
T = TypeVar("T")


def read_request(body: bytes, model: str = "", stream: bool = False) -> ChatRequest:
    """`model` and `stream` are what the path says. Raises BadRequest with the path of the field that is wrong."""
    form = reasoning_format(model)
    try:
        quick = _QUICK.decode(body or b"{}")
        return _read(Decoded(quick), _messages(quick, form), model, stream)
    except (*UNREADABLE, CarriedBlock):
        decoded = _decoded(_REQUEST, body or b"{}")
    return _read(decoded, _messages(decoded.value, form), model, stream)


def _read(
    decoded: Decoded[wire.Request[Any]], messages: tuple[Message, ...], model: str, stream: bool
) -> ChatRequest:
    request = decoded.value
    unknown = list(decoded.unknown)
    settings = request.inferenceConfig or wire.InferenceConfig()
    output = request.outputConfig or wire.OutputConfig()
    more = read_additional(request.additionalModelRequestFields, output.effort or "")
    config = request.toolConfig
    return ChatRequest(
        dialect=NAME,
        model=model,
        messages=messages,
        stream=stream,
        stream_usage=True,
        max_output=settings.maxTokens,
        temperature=settings.temperature,
        top_p=settings.topP,
        top_k=more.top_k,
        stop=tuple(settings.stopSequences or ()),
        tools=() if config is None else _tools(config.tools, unknown),
        tool_choice=None if config is None else _tool_choice(config.toolChoice),
        output=_output(output.textFormat),
        thinking=more.thinking,
        metadata=bytes(request.requestMetadata) if given(request.requestMetadata) else b"",
        service_tier=request.serviceTier.type if request.serviceTier is not None else "",
        extras=_extras(request) + more.extras + decoded.extras,
        unknown=tuple(unknown),
    )


def _decoded(decoder: RequestDecoder[T], body: bytes | Raw, under: str = "") -> Decoded[T]:
    """What stands behind the first field of a wrong type is read by the decoder too, and may be no JSON at all."""
    try:
        return decoder.decode(body, under)
    except UNREADABLE as error:
        raise BadRequest("the body is not valid JSON", param=under or None) from error


def _extras(request: wire.Request[Any]) -> tuple[Extra, ...]:
    return tuple([Extra(name, bytes(value)) for name in _EXTRAS if given(value := getattr(request, name))])


def _messages(request: wire.Request[Any], form: str) -> tuple[Message, ...]:
    """The top-level system prompt is the first message."""
    read: list[Message] = []
    try:
        where = "system"
        if request.system:
            read.append(Message("system", read_parts(request.system, form)))
        for index, message in enumerate(request.messages):
            where = f"messages[{index}].content"
            read.append(Message(message.role, read_parts(message.content, form)))
    except msgspec.ValidationError as error:
        raise mistake(error, where) from error
    except UNREADABLE as error:
        raise BadRequest(f"Invalid request: unreadable content at `{where}`", param=where) from error
    return tuple(read)


# --- tools ---


def _tools(tools: list[Raw], unknown: list[str]) -> tuple[Tool | BuiltinTool, ...]:
    read: list[Tool | BuiltinTool] = []
    for index, raw in enumerate(tools):
        path = f"toolConfig.tools[{index}]"
        try:
            entry = _TOOL.decode(raw)
            kind = next(iter(_MEMBERS.decode(raw)), "")
        except msgspec.ValidationError as error:
            raise mistake(error, path) from error
        except UNREADABLE as error:
            raise BadRequest(f"Invalid request: an unreadable tool at `{path}`", param=path) from error
        last = read[-1] if read else None
        if given(entry.toolSpec):
            read.append(_tool(entry.toolSpec, f"{path}.toolSpec", unknown))
        elif entry.cachePoint is not None and isinstance(last, Tool) and last.cache is None:
            read[-1] = msgspec.structs.replace(last, cache=CacheMark(entry.cachePoint.ttl or ""))
        else:
            read.append(BuiltinTool(NAME, kind, bytes(raw)))
    return tuple(read)


def _tool(raw: Raw, path: str, unknown: list[str]) -> Tool:
    decoded = _decoded(_SPEC, raw, path)
    spec = decoded.value
    unknown += [name for name in decoded.unknown if name not in unknown]
    schema = bytes(spec.inputSchema.json) if given(spec.inputSchema.json) else b""
    return Tool(spec.name, spec.description, schema, spec.strict, extras=decoded.extras)


def _tool_choice(choice: wire.ToolChoice | None) -> ToolChoice | None:
    if choice is None:
        return None
    if choice.tool is not None:
        return ToolChoice("named", choice.tool.name)
    if given(choice.any):
        return ToolChoice("required")
    return ToolChoice("auto") if given(choice.auto) else None


# --- output ---


def _output(chosen: wire.TextFormat | None) -> OutputFormat | None:
    if chosen is None:
        return None
    shape = chosen.structure.jsonSchema
    where = "outputConfig.textFormat.structure.jsonSchema.schema"
    try:
        _ANY.decode(shape.schema)
        schema = shape.schema.encode()
    except (*UNREADABLE, UnicodeEncodeError) as error:
        raise BadRequest(f"Invalid request: the schema is not JSON at `{where}`", param=where) from error
    return OutputFormat("json_schema", schema, shape.name or "", shape.description or "", True)
