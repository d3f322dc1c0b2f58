"""Reads a request of OpenAI Chat Completions into the neutral form."""

from typing import Literal

from msgspec import Raw

from gateway.dialects.decode import RequestDecoder
from gateway.dialects.openai_chat.messages_in import read_messages
from gateway.errors import BadRequest
from gateway.schemas.chat import (
    BuiltinTool,
    CacheMark,
    ChatRequest,
    Extra,
    OutputFormat,
    Thinking,
    Tool,
    ToolChoice,
)
from gateway.schemas.wire import openai_chat as wire
from gateway.schemas.wire.common import ABSENT, given

NAME = "openai_chat"

_REQUEST = RequestDecoder(wire.Request)
_TOOL = RequestDecoder(wire.Tool)
_EXTRAS = (
    "store",
    "verbosity",
    "modalities",
    "audio",
    "prediction",
    "web_search_options",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
)


def read_request(body: bytes) -> ChatRequest:
    """Raises BadRequest with the path of the field that is wrong."""
    decoded = _REQUEST.decode(body)
    request = decoded.value
    unknown = list(decoded.unknown)
    return ChatRequest(
        dialect=NAME,
        model=request.model,
        messages=read_messages(request.messages),
        stream=bool(request.stream),
        stream_usage=bool(request.stream_options and request.stream_options.include_usage),
        max_output=_max_output(request),
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        min_p=request.min_p,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        seed=request.seed,
        stop=_stop(request.stop),
        n=request.n,
        logprobs=request.logprobs,
        top_logprobs=request.top_logprobs,
        logit_bias=bytes(request.logit_bias) if given(request.logit_bias) else b"",
        tools=_tools(request, unknown),
        tool_choice=_tool_choice(request),
        parallel_tools=request.parallel_tool_calls,
        output=_output(request.response_format),
        thinking=_thinking(request),
        user=request.user or "",
        safety_id=request.safety_identifier or "",
        metadata=bytes(request.metadata) if given(request.metadata) else b"",
        service_tier=request.service_tier or "",
        cache=None if request.cache_control is None else CacheMark(request.cache_control.ttl or ""),
        extras=_extras(request) + decoded.extras,
        unknown=tuple(unknown),
    )


def _max_output(request: wire.Request) -> int | None:
    if request.max_completion_tokens is not None:
        return request.max_completion_tokens
    return request.max_tokens


def _stop(stop: str | list[str] | None) -> tuple[str, ...]:
    if stop is None:
        return ()
    return (stop,) if isinstance(stop, str) else tuple(stop)


def _extras(request: wire.Request) -> tuple[Extra, ...]:
    said = [(name, value) for name in _EXTRAS if (value := getattr(request, name)) is not ABSENT]
    return tuple([Extra(name, bytes(value)) for name, value in said if given(value)])


# --- tools ---


def _tools(request: wire.Request, unknown: list[str]) -> tuple[Tool | BuiltinTool, ...]:
    if request.tools:
        return tuple([_tool(raw, f"tools[{index}]", unknown) for index, raw in enumerate(request.tools)])
    return tuple([_function(function) for function in request.functions or ()])


def _tool(raw: Raw, path: str, unknown: list[str]) -> Tool | BuiltinTool:
    decoded = _TOOL.decode(raw, path)
    tool = decoded.value
    cache = None if tool.cache_control is None else CacheMark(tool.cache_control.ttl or "")
    if tool.custom is not None:
        grammar = bytes(tool.custom.format) if given(tool.custom.format) else b""
        description = tool.custom.description
        return Tool(
            tool.custom.name, description, kind="custom", format=grammar, cache=cache, extras=decoded.extras
        )
    if tool.type not in (None, "function"):
        return BuiltinTool(NAME, tool.type, bytes(raw))
    unknown += [name for name in decoded.unknown if name not in unknown]
    # Some clients send a function's fields beside its type, as the Responses API has them.
    function = tool.function if tool.function is not None else tool
    if function.name is None:
        raise BadRequest(
            f"Invalid request: a function needs a name at `{path}`", param=f"{path}.function.name"
        )
    parameters = bytes(function.parameters) if given(function.parameters) else b""
    return Tool(
        function.name, function.description, parameters, function.strict, cache=cache, extras=decoded.extras
    )


def _function(function: wire.FunctionTool) -> Tool:
    parameters = bytes(function.parameters) if given(function.parameters) else b""
    return Tool(function.name, function.description, parameters, function.strict)


def _tool_choice(request: wire.Request) -> ToolChoice | None:
    choice = request.tool_choice if request.tool_choice is not None else request.function_call
    if choice is None:
        return None
    if isinstance(choice, str):
        mode = _MODES.get(choice)
        if mode is None:
            raise BadRequest(
                f"Invalid request: `{choice[:40]}` is no tool choice; use none, auto or required",
                param="tool_choice",
            )
        return mode
    if choice.allowed_tools is not None:
        allowed = tuple([_allowed_name(tool) for tool in choice.allowed_tools.tools])
        return ToolChoice("required" if choice.allowed_tools.mode == "required" else "auto", allowed=allowed)
    named = choice.function or choice.custom
    name = named.name if named is not None else choice.name
    if not name:
        raise BadRequest("Invalid request: a tool choice needs a function's name", param="tool_choice")
    return ToolChoice("named", name)


def _allowed_name(tool: wire.AllowedTool) -> str:
    named = tool.function or tool.custom
    return (named.name if named is not None else tool.name) or ""


_MODES = {
    "auto": ToolChoice("auto"),
    "none": ToolChoice("none"),
    "required": ToolChoice("required"),
    "any": ToolChoice("required"),  # Mistral's word
}


# --- output and thinking ---


def _output(given_format: wire.ResponseFormat | None) -> OutputFormat | None:
    if given_format is None or given_format.type == "text":
        return None
    if given_format.type == "json_object":
        return OutputFormat("json_object")
    shape = given_format.json_schema
    if given_format.type != "json_schema" or shape is None:
        raise BadRequest(
            "Invalid request: the type must be text, json_object or json_schema", param="response_format"
        )
    return OutputFormat(
        "json_schema",
        bytes(shape.schema) if given(shape.schema) else b"",
        shape.name or "",
        shape.description or "",
        shape.strict,
    )


def _thinking(request: wire.Request) -> Thinking | None:
    """`thinking` (LiteLLM, DeepSeek) says most, then `reasoning` (OpenRouter), then OpenAI's own `reasoning_effort`."""
    effort = request.reasoning_effort or ""
    if request.thinking is not None:
        config = request.thinking
        mode = _THINKING.get(config.type or "enabled", "")
        return Thinking(effort, config.budget_tokens, mode, config.display or "", "thinking")
    if request.reasoning is not None:
        return _reasoning(request.reasoning, effort)
    if not effort:
        return None
    return Thinking(effort, mode="off" if effort == "none" else "")


def _reasoning(config: wire.ReasoningConfig, effort: str) -> Thinking:
    effort = effort or config.effort or ""
    display = "omitted" if config.exclude else ""
    if config.enabled is False or effort == "none":
        return Thinking("none", mode="off", display=display, spelling="reasoning")
    if config.max_tokens:
        return Thinking(effort, config.max_tokens, "on", display, "reasoning")
    return Thinking(effort, mode="" if effort else "adaptive", display=display, spelling="reasoning")


_THINKING: dict[str, Literal["", "off", "on", "adaptive", "between_tools"]] = {
    "enabled": "on",
    "disabled": "off",
    "adaptive": "adaptive",
    "auto": "adaptive",
    "between_tools": "between_tools",
}
