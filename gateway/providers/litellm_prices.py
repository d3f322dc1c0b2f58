"""Imports prices and limits from a file in the format of LiteLLM's `model_prices_and_context_window.json`.

Format: an object of model name → entry; costs are US dollars per token. Numbers are read from the file's text
as decimals, so that 1.5e-07 is exactly 15 cents per million. Source of the format: `sample_spec` in that
file, and https://docs.litellm.ai/docs/provider_registration/add_model_pricing.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

import msgspec

from gateway.providers.facts import Abilities, ModelFacts, Period, Rates, Tier, complete, rate

# Theirs → ours, where the names differ.
_VENDORS = {
    "text-completion-openai": "openai",
    "azure_text": "azure",
    "azure_ai": "azure",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "fireworks_ai-embedding-models": "fireworks",
    "nvidia_nim": "nvidia",
    "hosted_vllm": "vllm",
    "ollama_chat": "ollama",
}
_RATES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "input_audio",
    "cache_read_input_audio_token_cost": "cached_audio",
    "output_cost_per_audio_token": "output_audio",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_request": "request",
}
_ABILITIES = {
    "supports_vision": "vision",
    "supports_audio_input": "audio",
    "supports_pdf_input": "pdf",
    "supports_function_calling": "tools",
    "supports_response_schema": "json_schema",
    "supports_reasoning": "reasoning",
}
_TIERED = re.compile(r"(.+)_above_(\d+)k_tokens")


class BadPriceFile(ValueError):
    """The file is not of this format, and why."""


class Imported(msgspec.Struct, frozen=True):
    """Facts by vendor (our name) and model (lower case), and the entries left out, each with a reason."""

    models: Mapping[tuple[str, str], ModelFacts]
    skipped: tuple[str, ...] = ()

    def find(self, vendor: str, model: str) -> ModelFacts | None:
        """What the file knows of `model` at `vendor`."""
        return self.models.get((vendor, model.lower()))


def parse(text: str) -> Imported:
    """Read a whole file. Raises BadPriceFile; an entry that is not understood is skipped, never guessed."""
    try:
        entries = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadPriceFile(f"not JSON: {error}") from None
    if not isinstance(entries, dict):
        raise BadPriceFile("not an object of model names")
    models: dict[tuple[str, str], ModelFacts] = {}
    skipped: list[str] = []
    for name, entry in entries.items():
        if name == "sample_spec":
            continue
        try:
            vendor = _vendor(entry)
            model = name.removeprefix(f"{entry['litellm_provider']}/")
            models[vendor, model.lower()] = _facts(model, entry)
        except ValueError as error:
            skipped.append(f"{name}: {error}")
    return Imported(models, tuple(skipped))


def _refuse_constant(word: str) -> NoReturn:
    raise BadPriceFile(f"{word} is not a JSON number")


def _vendor(entry: Any) -> str:
    vendor = entry.get("litellm_provider") if isinstance(entry, dict) else None
    if not isinstance(vendor, str):
        raise ValueError("no litellm_provider")
    return _VENDORS.get(vendor, vendor)


def _facts(model: str, entry: dict[str, Any]) -> ModelFacts:
    plain, tiered = _costs(entry)
    tiers = [
        Tier(above, complete(**{**plain, **costs})) for above, costs in sorted(_cumulative(tiered).items())
    ]
    rates = complete(**plain)
    return ModelFacts(
        model=model,
        context_window=_count(entry, "max_input_tokens"),
        max_output=_count(entry, "max_output_tokens"),
        periods=(Period(rates, tuple(tiers)),) if rates != Rates() else (),
        abilities=Abilities(
            **{ours: entry[key] for key, ours in _ABILITIES.items() if isinstance(entry.get(key), bool)}
        ),
    )


def _costs(entry: dict[str, Any]) -> tuple[dict[str, int], dict[int, dict[str, int]]]:
    """Rates that always hold, and by threshold (input tokens) those that replace them above it."""
    plain: dict[str, int] = {}
    tiered: dict[int, dict[str, int]] = {}
    for key, value in entry.items():
        found = _TIERED.fullmatch(key)
        name = _RATES.get(found[1] if found else key)
        if name is None or value is None:
            continue
        cost = _cost(key, value)
        if found:
            tiered.setdefault(int(found[2]) * 1000, {})[name] = cost
        else:
            plain[name] = cost
    return plain, tiered


def _cumulative(tiered: dict[int, dict[str, int]]) -> dict[int, dict[str, int]]:
    """A cost that a higher threshold does not mention stays as the lower one left it."""
    so_far: dict[str, int] = {}
    return {above: (so_far := {**so_far, **tiered[above]}) for above in sorted(tiered)}


def _cost(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{key} is not a number")
    return rate(Decimal(value), per=1)


def _count(entry: dict[str, Any], key: str) -> int | None:
    """A number of tokens; what is none (some entries have text there) is as good as absent."""
    value = entry.get(key)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else None
