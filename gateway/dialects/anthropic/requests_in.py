"""Reads a request of Anthropic Messages into the neutral form."""

from typing import Literal

import msgspec
from msgspec import Raw

from gateway.dialects.anthropic.messages_in import NAME, mark, read_messages, read_system
from gateway.dialects.decode import RequestDecoder
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
from gateway.schemas.wire import anthropic as wire
from gateway.schemas.wire.common import given

_REQUEST = RequestDecoder(wire.Request)
_TOOL = RequestDecoder(wire.Tool)
_METADATA = msgspec.json.Decoder(wire.Metadata)
_EXTRAS = (
    "container",
    "context_management",
    "mcp_servers",
    "diagnostics",
    "inference_geo",
    "speed",
    "user_profile_id",
    "workspace_id",
)
_TOOL_EXTRAS = ("allowed_callers", "defer_loading", "eager_input_streaming", "input_examples")


def read_request(body: bytes) -> ChatRequest:
    """Raises BadRequest with the path of the field that is wrong."""
    decoded = _REQUEST.decode(body)
    request = decoded.value
    unknown = list(decoded.unknown)
    choice, parallel = _tool_choice(request.tool_choice)
    return ChatRequest(
        dialect=NAME,
        model=request.model,
        messages=read_system(request.system) + read_messages(request.messages),
        stream=bool(request.stream),
        stream_usage=True,
        max_output=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop=tuple(request.stop_sequences or ()),
        tools=tuple(
            [_tool(raw, f"tools[{index}]", unknown) for index, raw in enumerate(request.tools or ())]
        ),
        tool_choice=choice,
        parallel_tools=parallel,
        output=_output(request),
        thinking=_thinking(request),
        user=_user(request.metadata),
        service_tier=request.service_tier or "",
        cache=mark(request.cache_control),
        extras=_extras(request) + decoded.extras,
        unknown=tuple(unknown),
    )


def _extras(request: wire.Request) -> tuple[Extra, ...]:
    return tuple([Extra(name, bytes(value)) for name in _EXTRAS if given(value := getattr(request, name))])


def _user(metadata: Raw) -> str:
    """`metadata` has one field, `user_id`."""
    if not given(metadata):
        return ""
    try:
        return _METADATA.decode(metadata).user_id or ""
    except msgspec.ValidationError as error:
        raise BadRequest(f"Invalid request: {error}", param="metadata.user_id") from error


# --- tools ---


def _tool(raw: Raw, path: str, unknown: list[str]) -> Tool | BuiltinTool:
    decoded = _TOOL.decode(raw, path)
    tool = decoded.value
    if tool.type not in (None, "custom"):
        return BuiltinTool(NAME, tool.type, bytes(raw))
    unknown += [name for name in decoded.unknown if name not in unknown]
    if not tool.name:
        raise BadRequest(f"Invalid request: a tool needs a name at `{path}`", param=f"{path}.name")
    extras = [Extra(name, bytes(value)) for name in _TOOL_EXTRAS if given(value := getattr(tool, name))]
    return Tool(
        tool.name,
        tool.description,
        bytes(tool.input_schema) if given(tool.input_schema) else b"",
        tool.strict,
        cache=mark(tool.cache_control),
        extras=tuple(extras) + decoded.extras,
    )


def _tool_choice(choice: wire.ToolChoice | None) -> tuple[ToolChoice | None, bool | None]:
    if choice is None:
        return None, None
    parallel = None if choice.disable_parallel_tool_use is None else not choice.disable_parallel_tool_use
    if choice.type == "tool":
        if not choice.name:
            raise BadRequest("Invalid request: a tool choice needs a tool's name", param="tool_choice.name")
        return ToolChoice("named", choice.name), parallel
    return ToolChoice("required" if choice.type == "any" else choice.type), parallel


# --- output and thinking ---


def _output(request: wire.Request) -> OutputFormat | None:
    config = request.output_config
    chosen = (config.format if config is not None else None) or request.output_format
    if chosen is None:
        return None
    if chosen.type != "json_schema" or not given(chosen.schema):
        raise BadRequest("Invalid request: the format must be a json_schema", param="output_config.format")
    return OutputFormat("json_schema", bytes(chosen.schema), strict=True)


def _thinking(request: wire.Request) -> Thinking | None:
    effort = (request.output_config.effort if request.output_config is not None else None) or ""
    config = request.thinking
    if config is None:
        return Thinking(effort) if effort else None
    mode = _MODES.get(config.type)
    if mode is None:
        raise BadRequest(
            f"Invalid request: `{config.type[:40]}` is no kind of thinking", param="thinking.type"
        )
    return Thinking(effort, config.budget_tokens, mode, config.display or "", "thinking")


_MODES: dict[str, Literal["off", "on", "adaptive", "between_tools"]] = {
    "enabled": "on",
    "disabled": "off",
    "adaptive": "adaptive",
    "between_tools": "between_tools",
}
