"""How much a Claude model is told to think, from what the caller said in any dialect."""

import msgspec

from gateway.dialects.anthropic.models import Traits
from gateway.dialects.dropped import Dropped
from gateway.schemas.chat import ChatRequest, Message, Reasoning, SealedReasoning, Thinking, ToolCall
from gateway.schemas.wire import anthropic as wire

NAME = "anthropic"

LEAST = 1024
"""Anthropic's smallest thinking budget, in tokens."""

_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 32768}


class Plan(msgspec.Struct):
    """What to write: the thinking config, the effort, and whether the model will think with a budget, which forbids
    sampling parameters and forced tools."""

    config: wire.ThinkingConfig | None = None
    effort: str | None = None

    @property
    def budgeted(self) -> bool:
        return self.config is not None and self.config.type == "enabled"


def plan_thinking(request: ChatRequest, traits: Traits, max_tokens: int, dropped: Dropped) -> Plan:
    """A caller in Anthropic's own words is repeated; others are put into the words that this model knows."""
    thinking = request.thinking
    if thinking is None:
        return Plan()
    if request.dialect == NAME:
        return _repeat(thinking)
    if thinking.mode == "off" or thinking.effort == "none":
        return _off(traits, dropped)
    if thinking.mode == "between_tools":
        return Plan(_config("between_tools"), _effort(thinking, traits))
    if traits.adaptive and not (traits.budget and thinking.budget is not None):
        return Plan(_config("adaptive", display=thinking.display), _effort(thinking, traits, dropped))
    if traits.budget:
        return _budget(request, thinking, max_tokens, dropped)
    dropped.add("reasoning_effort")
    return Plan()


def _config(kind: str, budget: int | None = None, display: str = "") -> wire.ThinkingConfig:
    return wire.ThinkingConfig(type=kind, budget_tokens=budget, display=display or None)


def _repeat(thinking: Thinking) -> Plan:
    if not thinking.spelling:
        return Plan(effort=thinking.effort or None)
    kind = {"on": "enabled", "off": "disabled"}.get(thinking.mode, thinking.mode)
    return Plan(_config(kind, thinking.budget, thinking.display), thinking.effort or None)


def _off(traits: Traits, dropped: Dropped) -> Plan:
    """A model that always thinks is told to think little."""
    if traits.off:
        return Plan(_config(traits.off))
    if not traits.adaptive:
        return Plan()
    dropped.add("reasoning_effort")
    return Plan(effort=traits.efforts[0] if traits.efforts else None)


def _effort(thinking: Thinking, traits: Traits, dropped: Dropped | None = None) -> str | None:
    """The nearest level that the model knows; a budget becomes the level that it amounts to."""
    effort = thinking.effort
    if not effort and thinking.budget is not None:
        effort = "low" if thinking.budget < 4096 else "medium" if thinking.budget < 16384 else "high"
        if dropped is not None:
            dropped.add("thinking.budget_tokens")
    if not effort or not traits.efforts:
        return None
    if effort in traits.efforts:
        return effort
    return "low" if effort == "minimal" else traits.efforts[-1] if effort in ("xhigh", "max") else None


def _budget(request: ChatRequest, thinking: Thinking, max_tokens: int, dropped: Dropped) -> Plan:
    """Budgets count into max_tokens, so one that leaves no room for an answer is cut, and one below the least is not
    asked for. Nor can Anthropic think with a budget while a tool is forced, or go on in the middle of tool calls whose
    thinking the caller did not send back."""
    wanted = thinking.budget if thinking.budget is not None else _BUDGETS.get(thinking.effort, 8192)
    budget = min(wanted, max_tokens * 4 // 5)
    if thinking.budget is None:
        budget = max(budget, LEAST)
    choice = request.tool_choice
    forced = choice is not None and choice.mode in ("required", "named")
    if budget < LEAST or budget >= max_tokens or forced or _thoughtless(request.messages):
        dropped.add("reasoning_effort")
        return Plan()
    return Plan(_config("enabled", budget, thinking.display))


def _thoughtless(messages: tuple[Message, ...]) -> bool:
    """Whether the conversation stands in the middle of tool calls that no signed thought precedes."""
    for message in reversed(messages):
        if message.role == "assistant":
            calls = any(isinstance(part, ToolCall) for part in message.parts)
            thought = any(
                isinstance(part, SealedReasoning) or (isinstance(part, Reasoning) and part.signature)
                for part in message.parts
            )
            return calls and not thought
    return False
