"""Writes a request of Bedrock Converse from the neutral form. The model stands in the path, not in the body."""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.anthropic.models import Traits, traits_of
from gateway.dialects.anthropic.thinking import Plan, plan_thinking
from gateway.dialects.bedrock.additional import FIELD, PREFIX, nova_reasoning, spelled
from gateway.dialects.bedrock.blocks_in import NAME
from gateway.dialects.bedrock.blocks_out import cache_point
from gateway.dialects.bedrock.families import Family, family_of
from gateway.dialects.bedrock.tools_out import tool_config
from gateway.dialects.bedrock.turns import write_turns
from gateway.dialects.codec import TargetFacts, Written
from gateway.dialects.decode import UNREADABLE
from gateway.dialects.dropped import Dropped
from gateway.dialects.members import OPENAI_DEFAULTS, name_absent
from gateway.schemas.chat import ChatRequest, OutputFormat

_encode = msgspec.json.Encoder().encode
_METADATA = msgspec.json.Decoder(dict[str, str])

DEFAULT_MAX_TOKENS = 4096
"""What a thinking budget is measured against when nobody gave a maximum."""

Body = dict[str, Any]


def write_request(request: ChatRequest, facts: TargetFacts) -> Written:
    """The request for `facts.model`; what does not fit is left out and named."""
    family = family_of(facts.model)
    traits = traits_of(facts.model)
    dropped = Dropped(request.unknown)
    native = request.dialect == NAME
    turns = write_turns(request, family.marks, family.claude and traits.system_turns, dropped)
    if request.cache is not None:
        if family.marks and turns.messages:
            turns.messages[-1].blocks.append(cache_point(request.cache))
        else:
            dropped.add("cache_control")
    body: Body = {"messages": [{"role": turn.role, "content": turn.blocks} for turn in turns.messages]}
    if turns.system:
        body["system"] = turns.system
    settings: Body = {}
    more: Body = {}
    if request.max_output is not None:
        settings["maxTokens"] = request.max_output
    plan = _thinking(request, facts, family, traits, settings, more, dropped)
    _sampling(request, family, traits, plan, settings, more, dropped)
    stop = [each for each in request.stop if each]
    if stop:
        settings["stopSequences"] = stop
    if settings:
        body["inferenceConfig"] = settings
    config = tool_config(request, family, traits, dropped)
    if config is not None:
        body["toolConfig"] = config
    output = _output(request.output, plan.effort, native, dropped)
    if output:
        body["outputConfig"] = output
    _account(request, body, dropped)
    name_absent(request, dropped)
    _extras(request, body, more, dropped)
    if more:
        body[FIELD] = more
    for name in facts.drops:
        if body.pop(name, None) is not None:
            dropped.add(name)
    return Written(_encode(body), dropped.names())


# --- thinking and sampling ---


def _thinking(
    request: ChatRequest,
    facts: TargetFacts,
    family: Family,
    traits: Traits,
    settings: Body,
    more: Body,
    dropped: Dropped,
) -> Plan:
    """Claude's words are Anthropic's; Nova has three levels, gpt-oss OpenAI's efforts; others cannot be told."""
    thinking = request.thinking
    if thinking is None:
        return Plan()
    if request.dialect == NAME:
        member = spelled(thinking)
        if member is not None:
            more[member[0]] = member[1]
        said = thinking.spelling in ("reasoningConfig", "reasoning_effort")
        return Plan(effort=None if said else thinking.effort or None)
    if family.claude:
        limit = request.max_output or facts.max_output or DEFAULT_MAX_TOKENS
        plan = plan_thinking(request, traits, limit, dropped)
        if plan.config is not None:
            more["thinking"] = plan.config
        if plan.budgeted:
            settings["maxTokens"] = (
                limit  # a budget has to fit below it, and each model's own default differs
            )
        return plan
    off = thinking.mode == "off" or thinking.effort == "none"
    if family.nova and "nova-2" in facts.model:
        more["reasoningConfig"] = nova_reasoning(
            not off, "" if off else _level(thinking.effort, thinking.budget)
        )
    elif family.gpt and not off:
        more["reasoning_effort"] = _level(thinking.effort, thinking.budget)
    elif not off or family.gpt:
        dropped.add("reasoning_effort")
    return Plan()


def _level(effort: str, budget: int | None) -> str:
    """The nearest of low, medium and high."""
    if not effort and budget is not None:
        return "low" if budget < 4096 else "medium" if budget < 16384 else "high"
    return {"minimal": "low", "low": "low", "high": "high", "xhigh": "high", "max": "high"}.get(
        effort, "medium"
    )


def _sampling(
    request: ChatRequest,
    family: Family,
    traits: Traits,
    plan: Plan,
    settings: Body,
    more: Body,
    dropped: Dropped,
) -> None:
    """Newer Claude models refuse sampling parameters, thinking with a budget forbids them, and some take only one of
    temperature and top_p. A value that is the default may go unnamed."""
    temperature, top_p, top_k = request.temperature, request.top_p, request.top_k
    if request.dialect != NAME:
        if family.claude and (not traits.sampling or plan.budgeted):
            named = {
                "temperature": temperature not in (None, 1),
                "top_p": top_p not in (None, 1),
                "top_k": bool(top_k),
            }
            for name in [name for name, told in named.items() if told]:
                dropped.add(name)
            return
        if temperature is not None and temperature > 1:
            dropped.add("temperature>1")  # OpenAI's scale ends at 2, Bedrock's at 1: the most random it has
            temperature = 1.0
        if temperature is not None and top_p is not None and family.claude and not traits.both:
            if top_p != 1:
                dropped.add("top_p")
            top_p = None
    if temperature is not None:
        settings["temperature"] = temperature
    if top_p is not None:
        settings["topP"] = top_p
    if top_k is not None:
        _top_k(request, family, top_k, more, dropped)


def _top_k(request: ChatRequest, family: Family, top_k: int, more: Body, dropped: Dropped) -> None:
    name = "top_k" if request.dialect == NAME else family.top_k
    outer, _, inner = name.partition(".")
    if not name:
        dropped.add("top_k")
    elif inner:
        more[outer] = {inner: top_k}
    else:
        more[outer] = top_k


# --- output ---


def _output(output: OutputFormat | None, effort: str | None, native: bool, dropped: Dropped) -> Body:
    config: Body = {}
    if effort is not None:
        config["effort"] = effort
    if output is None:
        return config
    if output.kind != "json_schema" or not output.schema:
        dropped.add("response_format")
        return config
    shape = {"schema": output.schema.decode("utf-8", "replace")}
    if output.name:
        shape["name"] = output.name
    if output.description:
        shape["description"] = output.description
    if output.strict is False and not native:
        dropped.add("response_format.json_schema.strict")
    config["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": shape}}
    return config


# --- who asks, and at which tier ---


def _account(request: ChatRequest, body: Body, dropped: Dropped) -> None:
    """OpenAI's `metadata` is `requestMetadata`; nobody's user is known to Bedrock."""
    native = request.dialect == NAME
    if request.metadata:
        fits = native or _is_metadata(request.metadata)
        if fits:
            body["requestMetadata"] = Raw(request.metadata)
        elif request.metadata != b"{}":
            dropped.add("metadata")
    if request.user:
        dropped.add("user")
    if request.safety_id:
        dropped.add("safety_identifier")
    tier = request.service_tier
    if native and tier:
        body["serviceTier"] = {"type": tier}
    elif tier in _TIERS:
        body["serviceTier"] = {"type": _TIERS[tier]}
    elif tier and tier != "auto":
        dropped.add("service_tier")


_TIERS = {"default": "default", "standard_only": "default", "flex": "flex", "priority": "priority"}


def _is_metadata(metadata: bytes) -> bool:
    """Whether these are names and texts, as many as Bedrock takes."""
    try:
        return 1 <= len(_METADATA.decode(metadata)) <= 16
    except UNREADABLE:
        return False


# --- what is Bedrock's alone ---


def _extras(request: ChatRequest, body: Body, more: Body, dropped: Dropped) -> None:
    for extra in request.extras:
        if request.dialect != NAME:
            if OPENAI_DEFAULTS.get(extra.name) != extra.value:
                dropped.add(extra.name)
        elif extra.name.startswith(PREFIX):
            more.setdefault(extra.name[len(PREFIX) :], Raw(extra.value))
        else:
            body.setdefault(extra.name, Raw(extra.value))
