"""The importer reads LiteLLM's format exactly, and skips what it cannot read."""

import pytest

from gateway.providers.litellm_prices import BadPriceFile, parse
from gateway.providers.prices import cost_nano_usd
from gateway.schemas.usage import Usage

FILE = """{
  "sample_spec": {"litellm_provider": "one of …", "input_cost_per_token": 0.0, "max_tokens": "LEGACY parameter"},
  "gpt-new": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 128000, "max_output_tokens": 16384,
              "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07,
              "cache_read_input_token_cost": 7.5e-08, "supports_vision": true},
  "xai/grok-new": {"litellm_provider": "xai", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
              "input_cost_per_token_above_128k_tokens": 6e-06,
              "input_cost_per_token_above_200k_tokens": 9e-06, "output_cost_per_token_above_200k_tokens": 3e-05},
  "claude-new": {"litellm_provider": "anthropic", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
              "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
              "cache_read_input_token_cost": 3e-07},
  "fireworks_ai/accounts/fireworks/models/X": {"litellm_provider": "fireworks_ai", "input_cost_per_token": 2e-07,
              "output_cost_per_token": 2e-07, "max_input_tokens": 131072.0},
  "dall-e": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_pixel": 1.9e-08,
              "max_input_tokens": "many"},
  "negative": {"litellm_provider": "openai", "input_cost_per_token": -1e-06},
  "textual": {"litellm_provider": "openai", "input_cost_per_token": "1e-06"},
  "nobody": {"input_cost_per_token": 1e-06},
  "list": []
}"""
IMPORTED = parse(FILE)


def _cost(vendor: str, model: str, usage: Usage) -> int | None:
    facts = IMPORTED.find(vendor, model)
    assert facts is not None
    return cost_nano_usd(facts, usage, 0)


def test_floats_are_read_as_the_decimals_they_are_written_as() -> None:
    assert (
        _cost("openai", "GPT-new", Usage(input=10**9, output=1, cached=10)) == (10**9 - 10) * 150 + 750 + 600
    )


def test_limits_come_along() -> None:
    facts = IMPORTED.find("openai", "gpt-new")
    assert facts is not None
    assert (facts.model, facts.context_window, facts.max_output) == ("gpt-new", 128_000, 16_384)


def test_vendors_and_names_are_ours() -> None:
    facts = IMPORTED.find("fireworks", "accounts/fireworks/models/x")
    assert facts is not None
    assert facts.context_window == 131_072
    assert IMPORTED.find("xai", "grok-new") is not None


def test_a_threshold_changes_only_the_costs_it_names() -> None:
    assert _cost("xai", "grok-new", Usage(input=128_000, output=1)) == 128_000 * 3000 + 15_000
    assert _cost("xai", "grok-new", Usage(input=128_001, output=1)) == 128_001 * 6000 + 15_000
    assert _cost("xai", "grok-new", Usage(input=200_001, output=1)) == 200_001 * 9000 + 30_000


def test_cache_writes_for_an_hour_have_their_cost() -> None:
    usage = Usage(input=100, cached=50, cache_write=40, cache_write_1h=30)
    assert _cost("anthropic", "claude-new", usage) == 10 * 3000 + 50 * 300 + 10 * 3750 + 30 * 6000


def test_a_model_without_a_price_per_token_is_known_but_not_priced() -> None:
    assert _cost("openai", "dall-e", Usage(input=1)) is None


def test_what_cannot_be_read_is_skipped_with_a_reason() -> None:
    assert [reason.partition(":")[0] for reason in IMPORTED.skipped] == [
        "negative",
        "textual",
        "nobody",
        "list",
    ]
    assert IMPORTED.find("openai", "negative") is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": {"input_cost_per_token": NaN}}', "[" * 100_000])
def test_a_file_of_another_format_is_refused(text: str) -> None:
    with pytest.raises(BadPriceFile):
        parse(text)
