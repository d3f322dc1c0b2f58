"""Writes a request of OpenAI's Responses API from the neutral form."""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.codec import TargetFacts, Written
from gateway.dialects.dropped import Dropped
from gateway.dialects.ids import shortened
from gateway.dialects.members import name_absent
from gateway.dialects.openai_chat.requests_out import service_tier_out
from gateway.dialects.openai_responses.items_in import NAME
from gateway.dialects.openai_responses.items_out import ItemWriter
from gateway.dialects.openai_responses.requests_in import INSTRUCTIONS, LOGPROBS, SEALED
from gateway.schemas.chat import ChatRequest, Message, OutputFormat, Text, Thinking, Tool, ToolChoice

LONGEST_USER = 64
"""OpenAI refuses a longer `user`."""

LEAST_OUTPUT = 16
"""OpenAI refuses a smaller `max_output_tokens`."""

_CHAT = "openai_chat"
_encode = msgspec.json.Encoder().encode


def write_request(request: ChatRequest, facts: TargetFacts) -> Written:
    """The request for `facts.model`; what does not fit is left out and named.

    A request of another dialect is made stateless: nothing is stored, and thought comes back sealed.
    """
    own = request.dialect == NAME
    dropped = Dropped(_unknown(request))
    body: dict[str, Any] = {"model": facts.model}
    _messages(body, request, dropped)
    _put(body, "stream", request.stream or None)
    _put(body, "max_output_tokens", _max_output(request, dropped))
    _put(body, "temperature", request.temperature)
    _put(body, "top_p", request.top_p)
    _put(body, "top_logprobs", request.top_logprobs)
    _tools(body, request, dropped)
    _text(body, request)
    _reasoning(body, request.thinking, request, dropped)
    _put(body, "user", request.user if own else shortened(request.user, LONGEST_USER))
    _put(body, "safety_identifier", request.safety_id)
    _put(body, "metadata", Raw(request.metadata) if request.metadata else None)
    _put(body, "service_tier", service_tier_out(request, dropped))
    _put(body, "include", _include(request))
    if not own or request.store is False:
        body["store"] = False
    if not own:
        _name_absent(request, dropped)
    _extras(body, request, dropped)
    for name in facts.drops:
        if name not in ("model", "input") and body.pop(name, None) is not None:
            dropped.add(name)
    return Written(_encode(body), dropped.names())


def _max_output(request: ChatRequest, dropped: Dropped) -> int | None:
    asked = request.max_output
    if asked is None or asked >= LEAST_OUTPUT or request.dialect == NAME:
        return asked
    dropped.add(f"max_tokens<{LEAST_OUTPUT}")
    return LEAST_OUTPUT


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    if value is not None and value != "" and value != []:
        body[name] = value


def _unknown(request: ChatRequest) -> tuple[str, ...]:
    """In this dialect an item keeps even the fields that nobody knows; those of its parts are left out."""
    if request.dialect != NAME:
        return request.unknown
    return tuple([name for name in request.unknown if not name.startswith("input.")])


def _messages(body: dict[str, Any], request: ChatRequest, dropped: Dropped) -> None:
    messages = request.messages
    first = messages[0] if messages else None
    if first is not None and _instructs(first, request):
        body["instructions"] = "\n\n".join([part.text for part in first.parts if isinstance(part, Text)])
        messages = messages[1:]
    lone = messages[0] if len(messages) == 1 else None
    if lone is not None and lone.role == "user" and not lone.rest and not lone.name and _is_text(lone):
        body["input"] = "".join([part.text for part in lone.parts if isinstance(part, Text)])
    else:
        body["input"] = ItemWriter(request, dropped).write(messages)


def _instructs(message: Message, request: ChatRequest) -> bool:
    """A system prompt of another dialect's, when it is text alone, stands where OpenAI's examples have it."""
    if request.dialect == NAME:
        return message.rest == INSTRUCTIONS
    plain = all(isinstance(part, Text) and part.cache is None for part in message.parts)
    return message.role == "system" and plain and not message.name and bool(message.parts)


def _is_text(message: Message) -> bool:
    part = message.parts[0] if len(message.parts) == 1 else None
    return isinstance(part, Text) and part.cache is None


# --- tools ---


def _tools(body: dict[str, Any], request: ChatRequest, dropped: Dropped) -> None:
    written: list[Any] = []
    for tool in request.tools:
        if isinstance(tool, Tool):
            written.append(tool_out(tool, request.dialect == NAME, dropped))
        elif tool.dialect == NAME:
            written.append(Raw(tool.raw))
        else:
            dropped.add(f"tools.{tool.kind}")
    choice = request.tool_choice
    if written:
        body["tools"] = written
        _put(body, "parallel_tool_calls", request.parallel_tools)
    elif request.dialect == NAME:
        _put(body, "parallel_tool_calls", request.parallel_tools)
    if choice is None:
        return
    if written or request.dialect == NAME:
        body["tool_choice"] = tool_choice_out(choice, request)
    elif request.tools:
        dropped.add("tool_choice")


def tool_out(tool: Tool, own: bool, dropped: Dropped) -> dict[str, Any]:
    """Without a word on `strict` OpenAI is strict here and not so in Chat Completions, whose callers meant that."""
    out: dict[str, Any] = {"type": tool.kind, "name": tool.name}
    _put(out, "description", tool.description)
    if tool.kind == "custom":
        _put(out, "format", _grammar(tool.format))
    else:
        if tool.parameters:
            out["parameters"] = Raw(tool.parameters)
        elif not own:
            out["parameters"] = {"type": "object", "properties": {}}
        strict = tool.strict if own else bool(tool.strict)
        if strict is not None:
            out["strict"] = strict
    if tool.cache is not None:
        dropped.add("tools.cache_control")
    for extra in tool.extras:
        if own:
            out[extra.name] = Raw(extra.value)
        else:
            dropped.add(f"tools.{extra.name}")
    return out


class _Grammar(msgspec.Struct):
    type: str = ""
    grammar: dict[str, Raw] | None = None


def _grammar(form: bytes) -> dict[str, Any] | Raw | None:
    """The inverse of `requests_in._grammar`."""
    if not form:
        return None
    try:
        grammar = msgspec.json.decode(form, type=_Grammar)
    except msgspec.ValidationError:
        return Raw(form)
    return Raw(form) if grammar.grammar is None else {"type": "grammar", **grammar.grammar}


def tool_choice_out(choice: ToolChoice, request: ChatRequest) -> str | dict[str, Any]:
    kinds = {tool.name: tool.kind for tool in request.tools if isinstance(tool, Tool)}
    if choice.mode == "named":
        return {"type": kinds.get(choice.name, "function"), "name": choice.name}
    if not choice.allowed:
        return choice.mode
    allowed = [{"type": kinds.get(name, "function"), "name": name} for name in choice.allowed]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": allowed}


# --- output and thinking ---


def _text(body: dict[str, Any], request: ChatRequest) -> None:
    text: dict[str, Any] = {}
    if request.output is not None:
        text["format"] = format_out(request.output)
    verbosity = next(
        (extra.value for extra in request.extras if extra.name == _VERBOSITY.get(request.dialect)), b""
    )
    if verbosity:
        text["verbosity"] = Raw(verbosity)
    _put(body, "text", text or None)


_VERBOSITY = {NAME: "text.verbosity", _CHAT: "verbosity"}


def format_out(output: OutputFormat) -> dict[str, Any]:
    if output.kind == "json_object":
        return {"type": "json_object"}
    shape: dict[str, Any] = {"type": "json_schema", "name": output.name or "response"}
    _put(shape, "description", output.description)
    shape["schema"] = Raw(output.schema or b"{}")
    _put(shape, "strict", output.strict)
    return shape


def _reasoning(
    body: dict[str, Any], thinking: Thinking | None, request: ChatRequest, dropped: Dropped
) -> None:
    config: dict[str, Any] = {}
    own = request.dialect == NAME
    if thinking is not None and (own or thinking.mode != "off"):
        _put(config, "effort", thinking.effort or effort_of(thinking.budget))
        if own:
            _put(config, "summary", thinking.spelling)
        elif thinking.display != "omitted" and thinking.spelling:
            # Who asks for thought by more than an effort wants to see it.
            config["summary"] = "auto"
        if thinking.budget is not None:
            dropped.add("thinking.budget_tokens")
    for extra in request.extras if own else ():
        if extra.name.startswith("reasoning."):
            config[extra.name[len("reasoning.") :]] = Raw(extra.value)
    _put(body, "reasoning", config or None)


def effort_of(budget: int | None) -> str:
    """The effort that a budget of tokens amounts to; "" for none."""
    if budget is None:
        return ""
    return "low" if budget < 4096 else "medium" if budget < 16384 else "high"


def _include(request: ChatRequest) -> list[str]:
    """Models that do not think refuse to be asked for sealed thought."""
    include = [SEALED] if request.sealed or (request.dialect != NAME and request.thinking) else []
    if request.logprobs:
        include.append(LOGPROBS)
    return include


# --- what only one dialect knows ---


_SHARED = frozenset(
    {"moderation", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "store"}
)
"""Extras of Chat Completions that mean the same here."""


def _extras(body: dict[str, Any], request: ChatRequest, dropped: Dropped) -> None:
    own = request.dialect == NAME
    for extra in request.extras:
        name = extra.name
        if own and name == "include":
            body["include"] = body.get("include", []) + msgspec.json.decode(extra.value, type=list[str])
        elif name == _VERBOSITY.get(request.dialect) or (own and name.startswith("reasoning.")):
            continue
        elif own or (request.dialect == _CHAT and name in _SHARED):
            body[name] = Raw(extra.value)
        elif not (name == "modalities" and extra.value == b'["text"]'):
            dropped.add(name)


def _name_absent(request: ChatRequest, dropped: Dropped) -> None:
    name_absent(request, dropped, ("presence_penalty", "frequency_penalty", "top_k", "min_p", "stop"))
    if request.cache is not None:
        dropped.add("cache_control")
