"""Writes `toolConfig` of Bedrock Converse from the neutral form."""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.anthropic.models import Traits
from gateway.dialects.bedrock.blocks_in import NAME
from gateway.dialects.bedrock.blocks_out import Block, cache_point
from gateway.dialects.bedrock.families import Family
from gateway.dialects.decode import UNREADABLE
from gateway.dialects.dropped import Dropped
from gateway.schemas.chat import ChatRequest, Tool, ToolCall
from gateway.schemas.wire.common import ABSENT

_EMPTY_SCHEMA = b'{"type":"object","properties":{}}'
_TEXT_SCHEMA = b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}'
"""A custom tool of OpenAI's takes free text; here that is the one field `input`."""


class _Typed(msgspec.Struct):
    type: Raw = ABSENT


_TYPED = msgspec.json.Decoder(_Typed)


def tool_config(
    request: ChatRequest, family: Family, traits: Traits, dropped: Dropped
) -> dict[str, Any] | None:
    """None without tools. Bedrock has no word for "no tool": the tools are left out instead, unless the conversation
    has calls in it, which Bedrock refuses without them. For the same reason called tools that nobody offers any more
    are offered by name."""
    choice = request.tool_choice
    called = _called(request)
    if choice is not None and choice.mode == "none":
        if not called:
            return None
        dropped.add("tool_choice")
        choice = None
    tools = _tools(request, family, dropped)
    if not tools and request.dialect != NAME:
        tools = [_spec(name, None, _EMPTY_SCHEMA, None) for name in called]
        choice = None
    if request.parallel_tools is False:
        dropped.add("parallel_tool_calls")
    if not tools:
        return None
    config: dict[str, Any] = {"tools": tools}
    if choice is None:
        return config
    mode = choice.mode
    if mode != "auto" and family.claude and not traits.forced and request.dialect != NAME:
        dropped.add("tool_choice")
        mode = "auto"
    config["toolChoice"] = {
        "auto": {"auto": {}},
        "required": {"any": {}},
        "named": {"tool": {"name": choice.name}},
    }[mode]
    return config


def _called(request: ChatRequest) -> list[str]:
    """The names of the tools that were called, each once."""
    parts = [part for message in request.messages for part in message.parts]
    return list(dict.fromkeys([part.name for part in parts if isinstance(part, ToolCall)]))


def _tools(request: ChatRequest, family: Family, dropped: Dropped) -> list[Block]:
    native = request.dialect == NAME
    allowed = request.tool_choice.allowed if request.tool_choice is not None else ()
    written: list[Block] = []
    for tool in request.tools:
        if not isinstance(tool, Tool):
            if tool.dialect == NAME:
                written.append(Raw(tool.raw))
            else:
                dropped.add(f"tools.{tool.kind}")
        elif not allowed or tool.name in allowed:  # narrowing the choice is the same as offering only these
            written.append(_tool(tool, native, dropped))
            if tool.cache is not None:
                if native or family.marks:
                    written.append(cache_point(tool.cache))
                else:
                    dropped.add("cache_control")
    return written


def _tool(tool: Tool, native: bool, dropped: Dropped) -> Block:
    if tool.format:
        dropped.add("tools.custom.format")
    schema = (
        _TEXT_SCHEMA if tool.kind == "custom" else tool.parameters if native else _schema(tool.parameters)
    )
    written = _spec(tool.name, tool.description, schema, tool.strict if native or tool.strict else None)
    for extra in tool.extras:
        if native:
            written["toolSpec"][extra.name] = Raw(extra.value)
        else:
            dropped.add(f"tools.{extra.name}")
    return written


def _spec(name: str, description: str | None, schema: bytes, strict: bool | None) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": name, "inputSchema": {"json": Raw(schema)} if schema else {}}
    if description:
        spec["description"] = description
    if strict is not None:
        spec["strict"] = strict
    return {"toolSpec": spec}


def _schema(parameters: bytes) -> bytes:
    """Bedrock wants every schema to say that it is an object's; OpenAI's callers leave it out."""
    if not parameters or parameters.strip() in (b"{}", b"null"):
        return _EMPTY_SCHEMA
    try:
        typed = _TYPED.decode(parameters)
    except UNREADABLE:
        return _EMPTY_SCHEMA
    return parameters if typed.type is not ABSENT else b'{"type":"object",' + parameters.lstrip()[1:]
