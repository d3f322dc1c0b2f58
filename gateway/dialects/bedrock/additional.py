"""`additionalModelRequestFields`: what a model takes beyond Converse, in its maker's own words.

What has a neutral form is read; every other member travels as an extra under its own name. Claude's words are
Anthropic's (`thinking`, `top_k`; `reasoning_config` is the earlier spelling), Nova's are `reasoningConfig` and
`inferenceConfig.topK`, gpt-oss has `reasoning_effort`.
"""

from typing import Any, Literal

import msgspec
from msgspec import Raw

from gateway.dialects.decode import UNREADABLE
from gateway.errors import BadRequest
from gateway.schemas.chat import Extra, Thinking
from gateway.schemas.wire.common import Strict, given

FIELD = "additionalModelRequestFields"
PREFIX = f"{FIELD}."

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_INTEGER = msgspec.json.Decoder(int)
_STRING = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode

Mode = Literal["", "off", "on", "adaptive", "between_tools"]


class ClaudeThinking(Strict):
    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: int | None = None
    display: str | None = None


class NovaReasoning(Strict):
    type: Literal["enabled", "disabled"]
    maxReasoningEffort: str | None = None


_CLAUDE = msgspec.json.Decoder(ClaudeThinking)
_NOVA = msgspec.json.Decoder(NovaReasoning)
_MODES: dict[str, Mode] = {"enabled": "on", "disabled": "off"}
_TYPES = {"on": "enabled", "off": "disabled"}


class Additional(msgspec.Struct):
    """What was read of the additional fields and of `outputConfig.effort`."""

    top_k: int | None = None
    thinking: Thinking | None = None
    extras: tuple[Extra, ...] = ()


def read_additional(raw: Raw, effort: str) -> Additional:
    """`effort` is `outputConfig.effort`. Raises BadRequest when the fields are no object."""
    found = Additional(thinking=Thinking(effort) if effort else None)
    if not given(raw):
        return found
    try:
        members = _MEMBERS.decode(raw)
    except UNREADABLE as error:
        raise BadRequest(f"Invalid request: expected an object at `{FIELD}`", param=FIELD) from error
    extras = []
    for name, value in members.items():
        reader = _READERS.get(name)
        if reader is None or not reader(found, name, value, effort):
            extras.append(Extra(PREFIX + name, bytes(value)))
    found.extras = tuple(extras)
    return found


def _claude(found: Additional, name: str, raw: Raw, effort: str) -> bool:
    if found.thinking is not None and found.thinking.spelling:
        return False
    try:
        config = _CLAUDE.decode(raw)
    except UNREADABLE:
        return False
    mode = _MODES.get(config.type) or ("adaptive" if config.type == "adaptive" else "between_tools")
    found.thinking = Thinking(effort, config.budget_tokens, mode, config.display or "", name)
    return True


def _nova(found: Additional, name: str, raw: Raw, effort: str) -> bool:
    if effort or found.thinking is not None:
        return False
    try:
        config = _NOVA.decode(raw)
    except UNREADABLE:
        return False
    found.thinking = Thinking(config.maxReasoningEffort or "", None, _MODES[config.type], "", name)
    return True


def _gpt(found: Additional, name: str, raw: Raw, effort: str) -> bool:
    if effort or found.thinking is not None:
        return False
    try:
        said = _STRING.decode(raw)
    except UNREADABLE:
        return False
    found.thinking = Thinking(said, spelling=name)
    return True


def _top_k(found: Additional, name: str, raw: Raw, effort: str) -> bool:  # noqa: ARG001 - the readers' shape
    try:
        found.top_k = _INTEGER.decode(raw)
    except UNREADABLE:
        return False
    return True


_READERS = {
    "thinking": _claude,
    "reasoning_config": _claude,
    "reasoningConfig": _nova,
    "reasoning_effort": _gpt,
    "top_k": _top_k,
}


def spelled(thinking: Thinking) -> tuple[str, Any] | None:
    """The member that says a caller's thinking again, in the spelling it came in; None when it had none of its own."""
    if thinking.spelling in ("thinking", "reasoning_config"):
        kind = _TYPES.get(thinking.mode, thinking.mode)
        config: dict[str, Any] = {"type": kind}
        if thinking.budget is not None:
            config["budget_tokens"] = thinking.budget
        if thinking.display:
            config["display"] = thinking.display
        return thinking.spelling, config
    if thinking.spelling == "reasoningConfig":
        return thinking.spelling, nova_reasoning(thinking.mode == "on", thinking.effort)
    if thinking.spelling == "reasoning_effort":
        return thinking.spelling, thinking.effort
    return None


def nova_reasoning(on: bool, effort: str) -> dict[str, str]:
    """Nova's `reasoningConfig`."""
    config = {"type": "enabled" if on else "disabled"}
    if effort:
        config["maxReasoningEffort"] = effort
    return config
