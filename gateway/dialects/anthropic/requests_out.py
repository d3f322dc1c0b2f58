"""Writes a request of Anthropic Messages from the neutral form."""

from typing import cast

import msgspec
from msgspec import Raw

from gateway.dialects.anthropic.content import NAME, control
from gateway.dialects.anthropic.models import Traits, traits_of
from gateway.dialects.anthropic.thinking import Plan, plan_thinking
from gateway.dialects.anthropic.turns import Turn, Turns, write_turns
from gateway.dialects.codec import TargetFacts, Written
from gateway.dialects.dropped import Dropped
from gateway.dialects.members import OPENAI_DEFAULTS, append, defaults_of, name_absent, refuse, with_extras
from gateway.schemas.chat import ChatRequest, OutputFormat, Tool
from gateway.schemas.wire import anthropic as wire
from gateway.schemas.wire.common import ABSENT, OpaquePart

_encode = msgspec.json.Encoder().encode

DEFAULT_MAX_TOKENS = 4096
"""Anthropic insists on a maximum; this one every model has."""

_EMPTY_SCHEMA = b'{"type":"object","properties":{}}'


def write_request(request: ChatRequest, facts: TargetFacts) -> Written:
    """The request for `facts.model`; what does not fit is left out and named."""
    traits = traits_of(facts.model)
    dropped = Dropped(request.unknown)
    max_tokens = request.max_output or facts.max_output or DEFAULT_MAX_TOKENS
    turns = write_turns(request, traits.system_turns, dropped)
    thinking = plan_thinking(request, traits, max_tokens, dropped)
    body = wire.Request(
        model=facts.model,
        max_tokens=max_tokens,
        system=_system(turns),
        messages=[_message(turn) for turn in turns.messages],
        stream=True if request.stream else None,
        stop_sequences=_stop(request, dropped),
        thinking=thinking.config,
        output_config=_output_config(request.output, thinking, dropped),
        metadata=_metadata(request, dropped),
        service_tier=_service_tier(request, dropped),
        cache_control=control(request.cache),
    )
    _sampling(body, request, traits, thinking, dropped)
    _tools(body, request, traits, dropped)
    name_absent(request, dropped)
    for name in facts.drops:
        refuse(body, name, _DEFAULTS, dropped)
    return Written(
        with_extras(_encode(body), request, NAME, facts, dropped, OPENAI_DEFAULTS), dropped.names()
    )


# --- messages ---


def _system(turns: Turns) -> str | list[wire.TextBlock | OpaquePart] | None:
    content = _simplest(turns.system)
    return cast("str | list[wire.TextBlock | OpaquePart] | None", content or None)


def _message(turn: Turn) -> wire.Message:
    return wire.Message(role=turn.role, content=cast("str | list[wire.Block]", _simplest(turn.blocks)))  # type: ignore[arg-type]


def _simplest(blocks: list[wire.Block | Raw]) -> str | list[wire.Block | Raw]:
    """A lone plain text is said as a string."""
    first = blocks[0] if len(blocks) == 1 else None
    if isinstance(first, wire.TextBlock) and first.cache_control is None and first.citations is None:
        return first.text
    return blocks


# --- parameters ---


def _sampling(
    body: wire.Request, request: ChatRequest, traits: Traits, thinking: Plan, dropped: Dropped
) -> None:
    """Newer models refuse sampling parameters, thinking with a budget forbids them, and some models take only one of
    temperature and top_p. A value that is the default may go unnamed. A caller in Anthropic's own words is repeated."""
    temperature, top_p, top_k = request.temperature, request.top_p, request.top_k
    if request.dialect == NAME:
        body.temperature, body.top_p, body.top_k = temperature, top_p, top_k
        return
    if not traits.sampling or thinking.budgeted:
        named = {
            "temperature": temperature not in (None, 1),
            "top_p": top_p not in (None, 1),
            "top_k": bool(top_k),
        }
        for name in [name for name, told in named.items() if told]:
            dropped.add(name)
        return
    if temperature is not None and temperature > 1:
        # OpenAI's scale ends at 2, Anthropic's at 1: the most random it has.
        dropped.add("temperature>1")
        temperature = 1.0
    if temperature is not None and top_p is not None and not traits.both:
        if top_p != 1:
            dropped.add("top_p")
        top_p = None
    body.temperature, body.top_p, body.top_k = temperature, top_p, top_k


def _stop(request: ChatRequest, dropped: Dropped) -> list[str] | None:
    """Anthropic refuses a stop sequence of white space alone."""
    kept = [stop for stop in request.stop if stop.strip() or request.dialect == NAME]
    if len(kept) < len(request.stop):
        dropped.add("stop")
    return kept or None


def _output_config(output: OutputFormat | None, thinking: Plan, dropped: Dropped) -> wire.OutputConfig | None:
    chosen = None
    if output is not None:
        if output.kind == "json_schema" and output.schema:
            chosen = wire.OutputFormat(type="json_schema", schema=Raw(output.schema))
            if output.description:
                dropped.add("response_format.json_schema.description")
        else:
            dropped.add("response_format")
    if chosen is None and thinking.effort is None:
        return None
    return wire.OutputConfig(effort=thinking.effort, format=chosen)


def _metadata(request: ChatRequest, dropped: Dropped) -> Raw:
    user = request.user or request.safety_id
    if request.metadata:
        found = _user_id(request.metadata)
        user = user or found
        if not found:
            dropped.add("metadata")
    if request.user and request.safety_id and request.user != request.safety_id:
        dropped.add("safety_identifier")
    return Raw(_encode({"user_id": user})) if user else ABSENT


def _user_id(metadata: bytes) -> str:
    try:
        return msgspec.json.decode(metadata, type=wire.Metadata).user_id or ""
    except msgspec.ValidationError:
        return ""


def _service_tier(request: ChatRequest, dropped: Dropped) -> str | None:
    """OpenAI's `default` is Anthropic's `standard_only`; the cheaper and dearer tiers have no counterpart."""
    tier = request.service_tier
    if request.dialect == NAME:
        return tier or None
    if tier and tier not in _TIERS:
        dropped.add("service_tier")
    return _TIERS.get(tier)


_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}


# --- tools ---


def _tools(body: wire.Request, request: ChatRequest, traits: Traits, dropped: Dropped) -> None:
    allowed = request.tool_choice.allowed if request.tool_choice is not None else ()
    written = []
    for tool in request.tools:
        if isinstance(tool, Tool):
            # Narrowing the choice to some tools is the same as offering only these.
            if not allowed or tool.name in allowed:
                written.append(_tool(tool, request.dialect == NAME, dropped))
        elif tool.dialect == NAME:
            written.append(Raw(tool.raw))
        else:
            dropped.add(f"tools.{tool.kind}")
    if written:
        body.tools = written
        body.tool_choice = _tool_choice(request, traits, dropped)
    elif request.tools and request.tool_choice is not None:
        dropped.add("tool_choice")


def _tool(tool: Tool, native: bool, dropped: Dropped) -> Raw:
    if tool.format:
        dropped.add("tools.custom.format")
    schema = _TEXT_SCHEMA if tool.kind == "custom" else _schema(tool.parameters)
    out = wire.Tool(
        name=tool.name,
        description=tool.description or None,
        input_schema=Raw(schema),
        strict=tool.strict if native or tool.strict else None,
        cache_control=control(tool.cache),
    )
    body = _encode(out)
    for extra in tool.extras:
        if native:
            body = append(body, extra.name, extra.value)
        else:
            dropped.add(f"tools.{extra.name}")
    return Raw(body)


_TEXT_SCHEMA = b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}'
"""A custom tool of OpenAI's takes free text; here that is the one field `input`."""


class _Typed(msgspec.Struct):
    type: Raw = ABSENT


def _schema(parameters: bytes) -> bytes:
    """Anthropic wants every schema to say that it is an object's; OpenAI's callers leave it out."""
    if not parameters or parameters.strip() in (b"{}", b"null"):
        return _EMPTY_SCHEMA
    try:
        typed = msgspec.json.decode(parameters, type=_Typed)
    except msgspec.ValidationError:
        return _EMPTY_SCHEMA
    if typed.type is not ABSENT:
        return parameters
    return b'{"type":"object",' + parameters.lstrip()[1:]


def _tool_choice(request: ChatRequest, traits: Traits, dropped: Dropped) -> wire.ToolChoice | None:
    choice = request.tool_choice
    serial = True if request.parallel_tools is False else None
    if request.dialect == NAME and request.parallel_tools is True:
        serial = False
    if choice is None:
        return None if serial is None else wire.ToolChoice(type="auto", disable_parallel_tool_use=serial)
    if choice.mode == "none":
        return wire.ToolChoice(type="none")
    mode = choice.mode
    if mode != "auto" and not traits.forced and request.dialect != NAME:
        dropped.add("tool_choice")
        mode = "auto"
    if mode == "named":
        return wire.ToolChoice(type="tool", name=choice.name, disable_parallel_tool_use=serial)
    return wire.ToolChoice(type="any" if mode == "required" else "auto", disable_parallel_tool_use=serial)


_DEFAULTS = defaults_of(wire.Request)
