"""Writes a request of Gemini's generateContent from the neutral form. The model and `stream` belong into its path."""

import msgspec
from msgspec import Raw

from gateway.dialects.codec import TargetFacts, Written
from gateway.dialects.dropped import Dropped
from gateway.dialects.gemini.contents_out import ContentWriter
from gateway.dialects.gemini.errors import NAME
from gateway.dialects.gemini.models import traits_of
from gateway.dialects.gemini.thinking import thinking_config
from gateway.dialects.members import OPENAI_DEFAULTS, append
from gateway.schemas.chat import ChatRequest, OutputFormat, Tool, ToolChoice
from gateway.schemas.wire import gemini as wire

_encode = msgspec.json.Encoder().encode

CONFIG = "generationConfig."
CALL_IDS = "functionCall.id"
"""In a provider's drops: it refuses the identities of calls."""


def write_request(request: ChatRequest, facts: TargetFacts) -> Written:
    """The request for `facts.model`; what does not fit is left out and named. `facts.drops` names fields of the body
    or of `generationConfig`."""
    traits = traits_of(facts.model)
    dropped = Dropped(request.unknown)
    content = ContentWriter(request, traits, CALL_IDS not in facts.drops, dropped)
    content.write(request.messages)
    body = wire.RequestOut(
        contents=content.contents,
        system_instruction=wire.ContentOut(parts=content.system) if content.system else None,
        service_tier=_service_tier(request, dropped),
    )
    config = _config(request, dropped)
    config.thinking_config = thinking_config(request, traits, dropped)
    _tools(body, request, dropped)
    _name_absent(request, dropped)
    for name in facts.drops:
        _refuse(body, config, name, dropped)
    settings = _encode(config)
    written = _encode(body)
    extras = request.extras if request.dialect == NAME else ()
    for extra in request.extras:
        if extra not in extras or extra.name in facts.drops:
            if OPENAI_DEFAULTS.get(extra.name) != extra.value:
                dropped.add(extra.name)
        elif extra.name.startswith(CONFIG):
            settings = append(settings, extra.name[len(CONFIG) :], extra.value)
        else:
            written = append(written, extra.name, extra.value)
    if settings != b"{}":
        written = append(written, CONFIG[:-1], settings)
    return Written(written, dropped.names())


# --- parameters ---


def _config(request: ChatRequest, dropped: Dropped) -> wire.GenerationConfig:
    config = wire.GenerationConfig(
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        max_output_tokens=request.max_output,
        candidate_count=request.n if request.n != 1 or request.dialect == NAME else None,
        stop_sequences=list(request.stop) or None,
        seed=request.seed,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        response_logprobs=request.logprobs,
        logprobs=request.top_logprobs,
    )
    if request.output is not None:
        _output(config, request.output, request.dialect == NAME, dropped)
    return config


def _output(config: wire.GenerationConfig, output: OutputFormat, native: bool, dropped: Dropped) -> None:
    config.response_mime_type = "application/json"
    if output.description:
        dropped.add("response_format.json_schema.description")
    if native and output.native:
        config.response_schema = Raw(output.native)
    elif output.schema:
        config.response_json_schema = Raw(output.schema)


def _service_tier(request: ChatRequest, dropped: Dropped) -> str | None:
    tier = request.service_tier
    if request.dialect == NAME:
        return tier or None
    if tier and tier not in _TIERS:
        dropped.add("service_tier")
    return _TIERS.get(tier)


_TIERS = {
    "auto": None,
    "default": "standard",
    "standard_only": "standard",
    "flex": "flex",
    "priority": "priority",
}


# --- tools ---


def _tools(body: wire.RequestOut, request: ChatRequest, dropped: Dropped) -> None:
    native = request.dialect == NAME
    declared: list[Raw] = []
    entries: list[Raw] = []
    for tool in request.tools:
        if isinstance(tool, Tool):
            declared.append(_tool(tool, native, dropped))
        elif tool.dialect == NAME:
            entries.append(Raw(tool.raw))
        else:
            dropped.add(f"tools.{tool.kind}")
    if declared:
        entries.insert(0, Raw(_encode(wire.ToolDeclarations(function_declarations=declared))))
    body.tools = entries or None
    if native and any(extra.name == "toolConfig" for extra in request.extras):
        return
    if request.tool_choice is not None and (entries or native):
        body.tool_config = wire.ToolConfig(function_calling_config=_calling(request.tool_choice))
    elif request.tool_choice is not None and request.tools:
        dropped.add("tool_choice")


def _tool(tool: Tool, native: bool, dropped: Dropped) -> Raw:
    if tool.format:
        dropped.add("tools.custom.format")
    if tool.strict:
        dropped.add("tools.strict")
    if tool.cache is not None:
        dropped.add("tools.cache_control")
    out = wire.FunctionDeclaration(name=tool.name, description=tool.description)
    if native and tool.native:
        out.parameters = Raw(tool.native)
    elif tool.kind == "custom":
        out.parameters_json_schema = Raw(_TEXT_SCHEMA)
    elif tool.parameters.strip() not in (b"", b"{}"):
        out.parameters_json_schema = Raw(tool.parameters)
    body = _encode(out)
    for extra in tool.extras:
        if native:
            body = append(body, extra.name, extra.value)
        else:
            dropped.add(f"tools.{extra.name}")
    return Raw(body)


_TEXT_SCHEMA = b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}'
"""A custom tool of OpenAI's takes free text; here that is the one field `input`."""


def _calling(choice: ToolChoice) -> wire.CallingConfig:
    """Narrowing `auto` to some functions is Google's VALIDATED."""
    if choice.mode == "none":
        return wire.CallingConfig(mode="NONE")
    if choice.mode == "named":
        return wire.CallingConfig(mode="ANY", allowed_function_names=[choice.name])
    names = list(choice.allowed) or None
    if choice.mode == "required":
        return wire.CallingConfig(mode="ANY", allowed_function_names=names)
    return wire.CallingConfig(mode="VALIDATED" if names else "AUTO", allowed_function_names=names)


# --- what has no place here ---


def _name_absent(request: ChatRequest, dropped: Dropped) -> None:
    """Names parameters that Gemini does not have, unless they ask for what it does anyway."""
    if request.min_p:
        dropped.add("min_p")
    if request.logit_bias not in (b"", b"{}"):
        dropped.add("logit_bias")
    if request.parallel_tools is False:
        dropped.add("parallel_tool_calls")
    if request.cache is not None:
        dropped.add("cache_control")
    if request.user:
        dropped.add("user")
    if request.safety_id:
        dropped.add("safety_identifier")
    if request.metadata not in (b"", b"{}"):
        dropped.add("metadata")


def _refuse(body: wire.RequestOut, config: wire.GenerationConfig, name: str, dropped: Dropped) -> None:
    """Leaves out a field that the provider refuses."""
    for place, fields in ((body, _BODY), (config, _CONFIG)):
        field = fields.get(name.removeprefix(CONFIG))
        if field is not None and getattr(place, field[0]) is not field[1]:
            setattr(place, *field)
            dropped.add(name)


_BODY, _CONFIG = (
    {
        field.encode_name: (field.name, field.default)
        for field in msgspec.structs.fields(struct)
        if not field.required
    }
    for struct in (wire.RequestOut, wire.GenerationConfig)
)
