"""One model as each SDK's list of models has it, with what is known of it beside what the SDK asks for.

Shapes: OpenAI's `model` (https://platform.openai.com/docs/api-reference/models/object), Anthropic's `ModelInfo`
(https://platform.claude.com/docs/en/api/models/list), Gemini's `Model` (https://ai.google.dev/api/models), Cohere's
`GetModelResponse` (https://docs.cohere.com/reference/list-models). In OpenAI's shape the further fields are
`context_window`, `max_output_tokens`, `capabilities`, and `pricing` as OpenRouter has it: US dollars per token, as
text. What is not known is left out.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from gateway.providers.facts import ModelFacts
from gateway.providers.prices import rates_at

Shape = dict[str, Any]


class Listed(msgspec.Struct, frozen=True):
    """A name that can be asked for, who serves it, when it was made (Unix time, 0 unknown), and what is known of it."""

    name: str
    owner: str
    created: int = 0
    facts: ModelFacts | None = None


def openai_model(one: Listed, now: int) -> Shape:
    """OpenAI's `model` object; `created` is 0 where it is unknown."""
    shape: Shape = {"id": one.name, "object": "model", "created": one.created, "owned_by": one.owner}
    if one.facts is not None:
        shape |= _given(
            context_window=one.facts.context_window,
            max_output_tokens=one.facts.max_output,
            pricing=pricing(one.facts, now),
            capabilities=list(one.facts.abilities.names()),
        )
    return shape


def anthropic_model(one: Listed, _: int) -> Shape:
    """Anthropic's `model` object; an unknown release date is the epoch, as their reference asks."""
    shape: Shape = {
        "type": "model",
        "id": one.name,
        "display_name": one.name,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
    }
    if one.facts is not None:
        shape |= _given(max_input_tokens=one.facts.context_window, max_tokens=one.facts.max_output)
    return shape


def gemini_model(one: Listed, _: int) -> Shape:
    """Gemini's `Model`; every model answers its methods here."""
    shape: Shape = {
        "name": f"models/{one.name}",
        "displayName": one.name,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }
    if one.facts is not None:
        shape |= _given(inputTokenLimit=one.facts.context_window, outputTokenLimit=one.facts.max_output)
        if one.facts.abilities.reasoning is not None:
            shape["thinking"] = one.facts.abilities.reasoning
    return shape


def cohere_model(one: Listed, _: int) -> Shape:
    """Cohere's model; `features` are the capabilities."""
    shape: Shape = {"name": one.name, "endpoints": ["chat"], "finetuned": False}
    if one.facts is not None:
        shape |= _given(context_length=one.facts.context_window, features=list(one.facts.abilities.names()))
    return shape


SHAPES: dict[str, Callable[[Listed, int], Shape]] = {
    "openai": openai_model,
    "anthropic": anthropic_model,
    "gemini": gemini_model,
    "cohere": cohere_model,
}
"""By the caller's dialect."""


def whole_list(dialect: str, models: list[bytes], names: list[str]) -> bytes:
    """The encoded list of encoded models, all on one page."""
    data = b"[" + b",".join(models) + b"]"
    match dialect:
        case "anthropic":
            ends = msgspec.json.encode(
                {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
            )
            return b'{"data":' + data + b',"has_more":false,' + ends[1:]
        case "gemini" | "cohere":
            return b'{"models":' + data + b"}"
        case _:
            return b'{"object":"list","data":' + data + b"}"


_PRICES = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cached",
    "input_cache_write": "cache_write",
    "internal_reasoning": "reasoning",
    "audio": "input_audio",
}
"""OpenRouter's names for kinds of tokens, and ours."""


def pricing(facts: ModelFacts, now: int) -> dict[str, str] | None:
    """What a token costs at Unix time `now`, in US dollars; a kind that costs what its whole does is left out."""
    rates = rates_at(facts, 0, now)
    if rates is None or (rates.input is None and rates.output is None):
        return None
    usual = {
        "cached": rates.input,
        "cache_write": rates.input,
        "input_audio": rates.input,
        "reasoning": rates.output,
    }
    found = {
        theirs: dollars(rate)
        for theirs, ours in _PRICES.items()
        if (rate := getattr(rates, ours)) is not None and rate != usual.get(ours, -1)
    }
    return found | ({"request": dollars(rates.request)} if rates.request else {})


def dollars(atto: int) -> str:
    """Atto-dollars as dollars, exactly and without an exponent: 2500000000000 is 0.0000025."""
    text = f"{Decimal(atto).scaleb(-18):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _given(**fields: Any) -> Shape:
    return {name: value for name, value in fields.items() if value}
