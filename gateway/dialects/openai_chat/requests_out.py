"""Writes a request of OpenAI Chat Completions from the neutral form."""

import msgspec
from msgspec import Raw

from gateway.dialects.codec import TargetFacts, Written
from gateway.dialects.dropped import Dropped
from gateway.dialects.ids import shortened
from gateway.dialects.members import append, defaults_of, refuse, with_extras
from gateway.dialects.openai_chat.messages_out import NAME, MessageWriter
from gateway.schemas.chat import BuiltinTool, ChatRequest, Extra, OutputFormat, Thinking, Tool, ToolChoice
from gateway.schemas.wire import openai_chat as wire
from gateway.schemas.wire.common import ABSENT

LONGEST_USER = 64
"""OpenAI refuses a longer `user`; Claude Code's identities are some 150 characters."""

_encode = msgspec.json.Encoder().encode


def write_request(request: ChatRequest, facts: TargetFacts) -> Written:
    """The request for `facts.model`; what does not fit is left out and named."""
    native = request.dialect == NAME
    dropped = Dropped(request.unknown)
    body = wire.Request(
        model=facts.model,
        messages=MessageWriter(request, facts, dropped).write(request.messages),
        stream=True if request.stream else None,
        temperature=request.temperature,
        top_p=request.top_p,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        seed=request.seed,
        stop=list(request.stop) or None,
        n=request.n,
        logprobs=request.logprobs,
        top_logprobs=request.top_logprobs if native or request.logprobs else None,
        logit_bias=_raw(request.logit_bias),
        parallel_tool_calls=request.parallel_tools if request.tools else None,
        user=(request.user if native else shortened(request.user, LONGEST_USER)) or None,
        safety_identifier=request.safety_id or None,
        service_tier=service_tier_out(request, dropped),
        metadata=_metadata(request, dropped),
    )
    _limits(body, request, facts, dropped)
    _tools(body, request, facts, dropped)
    _thinking(body, request, dropped)
    if request.output is not None:
        body.response_format = _output(request.output)
    if request.cache is not None:
        if native or "cache_control" in facts.accepts:
            body.cache_control = wire.CacheControl(type="ephemeral", ttl=request.cache.ttl or None)
        else:
            dropped.add("cache_control")
    for name in facts.drops:
        refuse(body, name, _DEFAULTS, dropped)
    shared = _SHARED if request.dialect == _RESPONSES else None
    return Written(with_extras(_encode(body), request, NAME, facts, dropped, shared=shared), dropped.names())


def _limits(body: wire.Request, request: ChatRequest, facts: TargetFacts, dropped: Dropped) -> None:
    if request.max_output is not None:
        setattr(body, facts.max_tokens_field, request.max_output)
    if request.stream and (request.stream_usage or facts.stream_usage):
        body.stream_options = wire.StreamOptions(include_usage=True)
    for name in ("top_k", "min_p"):
        value = getattr(request, name)
        if value is None:
            continue
        if request.dialect == NAME or name in facts.accepts:
            setattr(body, name, value)
        else:
            dropped.add(name)


def service_tier_out(request: ChatRequest, dropped: Dropped) -> str | None:
    """What Anthropic calls `standard_only`, and Gemini `standard`, is OpenAI's `default`."""
    tier = request.service_tier
    if not tier or request.dialect in (NAME, _RESPONSES):
        return tier or None
    if tier not in _TIERS:
        dropped.add("service_tier")
    return _TIERS.get(tier)


_TIERS = {
    "standard_only": "default",
    "standard": "default",
    "auto": "auto",
    "default": "default",
    "flex": "flex",
    "priority": "priority",
}
"""Others' tiers in OpenAI's words."""


def _metadata(request: ChatRequest, dropped: Dropped) -> Raw:
    """OpenAI refuses metadata here for an answer that is not stored, and stores none unless it is asked to."""
    stored = request.dialect == _RESPONSES and _STORED in request.extras
    if request.metadata and request.dialect != NAME and not stored:
        dropped.add("metadata")
        return ABSENT
    return _raw(request.metadata)


_RESPONSES = "openai_responses"
_STORED = Extra("store", b"true")
_SHARED = {
    "store": "store",
    "text.verbosity": "verbosity",
    "moderation": "moderation",
    "prompt_cache_key": "prompt_cache_key",
    "prompt_cache_options": "prompt_cache_options",
    "prompt_cache_retention": "prompt_cache_retention",
}
"""Extras of the Responses API that mean the same here, and their names here."""


def _raw(value: bytes) -> Raw:
    return Raw(value) if value else ABSENT


# --- tools and output ---


def _tools(body: wire.Request, request: ChatRequest, facts: TargetFacts, dropped: Dropped) -> None:
    marks = request.dialect == NAME or "cache_control" in facts.accepts
    written = []
    for tool in request.tools:
        if isinstance(tool, Tool):
            written.append(_tool(tool, request.dialect == NAME, marks, dropped))
        elif tool.dialect == NAME:
            written.append(Raw(tool.raw))
        else:
            dropped.add(_builtin(tool))
    if written:
        body.tools = written
        if request.tool_choice is not None:
            body.tool_choice = _tool_choice(request.tool_choice, request.tools)
    elif request.tool_choice is not None and request.tools:
        dropped.add("tool_choice")
    if not written:
        body.parallel_tool_calls = None


def _builtin(tool: BuiltinTool) -> str:
    return f"tools.{tool.kind}"


def _tool(tool: Tool, native: bool, marks: bool, dropped: Dropped) -> Raw:
    out = wire.Tool(type=tool.kind)
    if tool.kind == "custom":
        out.custom = wire.CustomTool(name=tool.name, description=tool.description, format=_raw(tool.format))
    else:
        out.function = wire.FunctionTool(
            name=tool.name, description=tool.description, parameters=_raw(tool.parameters), strict=tool.strict
        )
    if tool.cache is not None and marks:
        out.cache_control = wire.CacheControl(type="ephemeral", ttl=tool.cache.ttl or None)
    elif tool.cache is not None:
        dropped.add("tools.cache_control")
    body = _encode(out)
    for extra in tool.extras:
        if native:
            body = append(body, extra.name, extra.value)
        else:
            dropped.add(f"tools.{extra.name}")
    return Raw(body)


def _tool_choice(choice: ToolChoice, tools: tuple[Tool | BuiltinTool, ...]) -> str | wire.ToolChoice:
    kinds = {tool.name: tool.kind for tool in tools if isinstance(tool, Tool)}
    if choice.mode == "named":
        named = wire.ToolName(choice.name)
        if kinds.get(choice.name) == "custom":
            return wire.ToolChoice(type="custom", custom=named)
        return wire.ToolChoice(type="function", function=named)
    if not choice.allowed:
        return choice.mode
    allowed = [wire.AllowedTool(kinds.get(name, "function"), wire.ToolName(name)) for name in choice.allowed]
    return wire.ToolChoice(type="allowed_tools", allowed_tools=wire.AllowedTools(choice.mode, allowed))


def _output(output: OutputFormat) -> wire.ResponseFormat:
    if output.kind == "json_object":
        return wire.ResponseFormat(type="json_object")
    shape = wire.JsonSchema(
        name=output.name or "response",
        description=output.description or None,
        schema=_raw(output.schema),
        strict=output.strict,
    )
    return wire.ResponseFormat(type="json_schema", json_schema=shape)


# --- thinking ---


def _thinking(body: wire.Request, request: ChatRequest, dropped: Dropped) -> None:
    thinking = request.thinking
    if thinking is None:
        return
    if request.dialect == NAME:
        _repeat_thinking(body, thinking)
        return
    effort = thinking.effort or effort_of(thinking.budget)
    if thinking.mode == "off":
        # Models that do not think refuse the field, and those that do have no common word for "not at all".
        return
    if effort:
        body.reasoning_effort = effort
    if thinking.budget is not None:
        dropped.add("thinking.budget_tokens")
    if thinking.display:
        dropped.add("thinking.display")


def effort_of(budget: int | None) -> str:
    """The effort that a budget of tokens amounts to; "" for none."""
    if budget is None:
        return ""
    return "low" if budget < 4096 else "medium" if budget < 16384 else "high"


def _repeat_thinking(body: wire.Request, thinking: Thinking) -> None:
    if thinking.spelling == "reasoning":
        body.reasoning = wire.ReasoningConfig(
            effort=thinking.effort or None,
            max_tokens=thinking.budget,
            exclude=True if thinking.display == "omitted" else None,
            enabled=None if thinking.effort or thinking.budget else True,
        )
        return
    body.reasoning_effort = thinking.effort or None
    if thinking.spelling == "thinking":
        kind = _MODES.get(thinking.mode, thinking.mode)
        body.thinking = wire.ThinkingConfig(kind, thinking.budget, thinking.display or None)


_MODES = {"on": "enabled", "off": "disabled", "": "enabled"}


_DEFAULTS = defaults_of(wire.Request)
