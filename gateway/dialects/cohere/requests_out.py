"""Writes a request of Cohere's v2 chat from the neutral form."""

from typing import Literal

import msgspec
from msgspec import Raw

from gateway.dialects.codec import TargetFacts, Written
from gateway.dialects.cohere.citations import NAME
from gateway.dialects.cohere.messages_out import MessageWriter
from gateway.dialects.dropped import Dropped
from gateway.dialects.members import OPENAI_DEFAULTS, append, defaults_of, refuse, with_extras
from gateway.schemas.chat import ChatRequest, OutputFormat, Thinking, Tool
from gateway.schemas.wire import cohere as wire
from gateway.schemas.wire.common import ABSENT

_encode = msgspec.json.Encoder().encode

MOST_STOPS = 5
LEAST_P, MOST_P = 0.01, 0.99
MOST_K = 500
"""Bounds of Cohere's chat reference."""

_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192}
"""Tokens of thought for an effort; more than medium is thought without a bound, as Cohere recommends it."""


def write_request(request: ChatRequest, facts: TargetFacts) -> Written:
    """The request for `facts.model`; what does not fit is left out and named."""
    native = request.dialect == NAME
    dropped = Dropped(request.unknown)
    messages = MessageWriter(request, dropped)
    body = wire.Request(
        model=facts.model,
        messages=messages.write(request.messages),
        stream=True if request.stream else None,
        max_tokens=request.max_output,
        stop_sequences=_stop(request, dropped),
        temperature=request.temperature,
        seed=request.seed,
        frequency_penalty=_penalty(request, "frequency_penalty", dropped),
        presence_penalty=_penalty(request, "presence_penalty", dropped),
        k=request.top_k if native else _top_k(request.top_k, dropped),
        p=request.top_p if native else _top_p(request.top_p, dropped),
        logprobs=request.logprobs,
        response_format=_output(request.output, dropped),
        thinking=_thinking(request.thinking, dropped),
    )
    if messages.documents:
        body.documents = Raw(messages.documents)
    _tools(body, request, dropped)
    _name_absent(request, dropped)
    for name in facts.drops:
        refuse(body, name, _DEFAULTS, dropped)
    return Written(
        with_extras(_encode(body), request, NAME, facts, dropped, OPENAI_DEFAULTS), dropped.names()
    )


# --- parameters ---


def _stop(request: ChatRequest, dropped: Dropped) -> list[str] | None:
    stops = list(request.stop)
    if len(stops) > MOST_STOPS and request.dialect != NAME:
        dropped.add(f"stop[{MOST_STOPS}:]")
        stops = stops[:MOST_STOPS]
    return stops or None


def _penalty(request: ChatRequest, name: str, dropped: Dropped) -> float | None:
    """OpenAI's scale is from -2 to 2, Cohere's from 0 to 1: the nearest that it has."""
    value: float | None = getattr(request, name)
    if value is None or request.dialect == NAME or 0 <= value <= 1:
        return value
    dropped.add(f"{name}>1" if value > 1 else f"{name}<0")
    return 1.0 if value > 1 else 0.0


def _top_k(value: int | None, dropped: Dropped) -> int | None:
    if value is None or 0 <= value <= MOST_K:
        return value
    dropped.add("top_k")
    return MOST_K if value > MOST_K else None


def _top_p(value: float | None, dropped: Dropped) -> float | None:
    """1 is what other dialects say for "all of it"; Cohere refuses it."""
    if value is None or LEAST_P <= value <= MOST_P:
        return value
    dropped.add("top_p>0.99" if value > MOST_P else "top_p<0.01")
    return min(max(value, LEAST_P), MOST_P)


def _output(output: OutputFormat | None, dropped: Dropped) -> wire.ResponseFormat | None:
    if output is None:
        return None
    if output.description:
        dropped.add("response_format.json_schema.description")
    return wire.ResponseFormat(
        type="json_object", json_schema=Raw(output.schema) if output.schema else ABSENT
    )


def _thinking(thinking: Thinking | None, dropped: Dropped) -> wire.ThinkingConfig | None:
    """Cohere knows on, off and a budget."""
    if thinking is None:
        return None
    if thinking.display:
        dropped.add("thinking.display")
    if thinking.mode == "off":
        return wire.ThinkingConfig(type="disabled", token_budget=thinking.budget)
    if thinking.effort == "none":
        return wire.ThinkingConfig(type="disabled")
    if thinking.mode == "between_tools":
        dropped.add("thinking.type")
    budget = thinking.budget if thinking.budget is not None else _BUDGETS.get(thinking.effort)
    return wire.ThinkingConfig(type="enabled", token_budget=budget)


# --- tools ---


def _tools(body: wire.Request, request: ChatRequest, dropped: Dropped) -> None:
    choice = request.tool_choice
    # Cohere cannot name a tool that it must call, nor narrow the choice: only these are offered instead.
    only = () if choice is None else (choice.name,) if choice.mode == "named" else choice.allowed
    tools: list[Tool] = []
    written: list[Raw] = []
    for tool in request.tools:
        if isinstance(tool, Tool):
            if not only or tool.name in only:
                tools.append(tool)
                written.append(_tool(tool, request.dialect == NAME, dropped))
        elif tool.dialect == NAME:
            written.append(Raw(tool.raw))
        else:
            dropped.add(f"tools.{tool.kind}")
    if written:
        body.tools = written
        body.strict_tools = _strict(tools, request.dialect == NAME, dropped)
    elif choice is not None and (choice.mode != "none" or request.dialect != NAME):
        dropped.add("tool_choice")
        return
    if choice is not None:
        body.tool_choice = _CHOICES.get(choice.mode)


_CHOICES: dict[str, Literal["REQUIRED", "NONE"]] = {
    "required": "REQUIRED",
    "named": "REQUIRED",
    "none": "NONE",
}


def _strict(tools: list[Tool], native: bool, dropped: Dropped) -> bool | None:
    """Cohere has one word for all tools."""
    said = {tool.strict for tool in tools}
    if said == {True}:
        return True
    if True in said:
        dropped.add("tools.strict")
    return False if native and said == {False} else None


_TEXT_SCHEMA = b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}'
"""A custom tool of OpenAI's takes free text; here that is the one field `input`."""

_EMPTY_SCHEMA = b'{"type":"object","properties":{}}'


def _tool(tool: Tool, native: bool, dropped: Dropped) -> Raw:
    if tool.format:
        dropped.add("tools.custom.format")
    if tool.cache is not None:
        dropped.add("tools.cache_control")
    schema = _TEXT_SCHEMA if tool.kind == "custom" else tool.parameters or _EMPTY_SCHEMA
    function = wire.Function(name=tool.name, description=tool.description, parameters=Raw(schema))
    body = _encode(wire.Tool(type="function", function=function))
    for extra in tool.extras:
        if native:
            body = append(body, extra.name, extra.value)
        else:
            dropped.add(f"tools.{extra.name}")
    return Raw(body)


# --- what has no place here ---


def _name_absent(request: ChatRequest, dropped: Dropped) -> None:
    """Names parameters that Cohere does not have, unless they ask for what it does anyway."""
    if request.n is not None and request.n != 1:
        dropped.add("n")
    if request.top_logprobs:
        dropped.add("top_logprobs")
    if request.min_p:
        dropped.add("min_p")
    if request.logit_bias not in (b"", b"{}"):
        dropped.add("logit_bias")
    for name, said in (
        ("parallel_tool_calls", request.parallel_tools is False),
        ("user", request.user),
        ("safety_identifier", request.safety_id),
        ("metadata", request.metadata),
        ("cache_control", request.cache is not None),
    ):
        if said:
            dropped.add(name)
    if request.service_tier not in ("", "auto", "default", "standard_only"):
        dropped.add("service_tier")


_DEFAULTS = defaults_of(wire.Request)
