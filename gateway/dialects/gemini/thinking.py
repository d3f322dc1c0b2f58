"""How much a Gemini model is told to think, from what the caller said in any dialect.

Levels and budgets stand for each other as in Google's own OpenAI compatibility.
"""

from gateway.dialects.dropped import Dropped
from gateway.dialects.gemini.errors import NAME
from gateway.dialects.gemini.models import Traits
from gateway.schemas.chat import ChatRequest, Thinking
from gateway.schemas.wire import gemini as wire

_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 32768}
_ORDER = ("minimal", "low", "medium", "high")


def thinking_config(request: ChatRequest, traits: Traits, dropped: Dropped) -> wire.ThinkingConfig | None:
    """A caller in Google's own words is repeated; others are put into the words that this model knows."""
    thinking = request.thinking
    if thinking is None:
        return None
    if request.dialect == NAME:
        return _repeat(thinking)
    if not traits.thinks:
        if thinking.mode != "off":
            dropped.add("reasoning_effort")
        return None
    if thinking.mode == "off" or thinking.effort == "none":
        return _off(traits, dropped)
    shown = None if thinking.display == "omitted" else True
    if traits.thinks == "levels":
        return wire.ThinkingConfig(include_thoughts=shown, thinking_level=_level(thinking, traits, dropped))
    return wire.ThinkingConfig(include_thoughts=shown, thinking_budget=_budget(thinking, traits))


def _repeat(thinking: Thinking) -> wire.ThinkingConfig:
    budget = {"off": 0, "adaptive": -1}.get(thinking.mode, thinking.budget)
    shown = {"summarized": True, "omitted": False}.get(thinking.display)
    return wire.ThinkingConfig(
        include_thoughts=shown, thinking_budget=budget, thinking_level=thinking.effort.upper() or None
    )


def _off(traits: Traits, dropped: Dropped) -> wire.ThinkingConfig:
    """A model that always thinks is told to think little."""
    if traits.thinks == "budget" and traits.least == 0:
        return wire.ThinkingConfig(thinking_budget=0)
    if traits.thinks == "budget":
        dropped.add("reasoning_effort")
        return wire.ThinkingConfig(thinking_budget=traits.least)
    if traits.levels[0] != "minimal":
        dropped.add("reasoning_effort")
    return wire.ThinkingConfig(thinking_level=traits.levels[0].upper())


def _level(thinking: Thinking, traits: Traits, dropped: Dropped) -> str | None:
    """The nearest level that the model knows, the higher of two; a budget becomes the level that it amounts to."""
    effort = thinking.effort
    if not effort and thinking.budget is not None:
        effort = "low" if thinking.budget < 4096 else "medium" if thinking.budget < 16384 else "high"
        dropped.add("thinking.budget_tokens")
    if not effort:
        return None
    if effort not in _ORDER:
        return traits.levels[-1].upper() if effort in ("xhigh", "max") else None
    wanted = _ORDER.index(effort)
    return next(
        (level for level in traits.levels if _ORDER.index(level) >= wanted), traits.levels[-1]
    ).upper()


def _budget(thinking: Thinking, traits: Traits) -> int:
    wanted = thinking.budget if thinking.budget is not None else _BUDGETS.get(thinking.effort, -1)
    return wanted if wanted < 0 else min(max(wanted, traits.least), traits.most)
