"""The catalog of a snapshot: who serves a name, what is known of it, and bounds on what callers can make it hold."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.model import Config, PriceOverride, ProviderConfig
from gateway.providers import catalog as catalog_module
from gateway.providers.catalog import Catalog, Configured, catalog_of
from gateway.providers.litellm_prices import parse
from gateway.providers.max_output import DEFAULT, NEWER_CLAUDE, claude_max_output
from gateway.providers.prices import cost_nano_usd
from gateway.providers.registry import PROVIDERS, vendor_of
from gateway.schemas.usage import Usage

NOW = 1_793_500_000
LONG_TAIL = parse(
    """{"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 1.0, "output_cost_per_token": 1.0},
        "tail": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06,
                 "max_output_tokens": 777},
        "hosted_vllm/mine": {"litellm_provider": "vllm-eu", "input_cost_per_token": 2e-06}}"""
)


def _catalog(
    *names: str, prices: Mapping[str, PriceOverride] | None = None, **models: tuple[str, ...]
) -> Catalog:
    configured = {name: Configured(PROVIDERS[name], models.get(name, ())) for name in names}
    return Catalog(configured, overrides=prices, imported=[LONG_TAIL])


def _cost(catalog: Catalog, provider: str, model: str, usage: Usage) -> int | None:
    facts = catalog.facts(provider, model)
    return cost_nano_usd(facts, usage, NOW) if facts else None


ONE = Usage(input=1000, output=1000)


def test_what_the_operator_writes_goes_before_the_table_and_the_table_before_files() -> None:
    override = {"openai/GPT-4o": PriceOverride(input=Decimal("0.5"), output=Decimal("1.5"))}
    assert _cost(_catalog("openai", prices=override), "openai", "gpt-4o", ONE) == 500_000 + 1_500_000
    assert _cost(_catalog("openai"), "openai", "gpt-4o", ONE) == 2_500_000 + 10_000_000
    assert _cost(_catalog("openai"), "openai", "tail", ONE) == 2_000_000


def test_an_override_keeps_the_other_facts() -> None:
    override = {"openai/gpt-4o": PriceOverride(input=Decimal(1), output=Decimal(1))}
    facts = _catalog("openai", prices=override).facts("openai", "gpt-4o")
    assert facts is not None
    assert facts.context_window == 128_000


def test_an_override_prices_a_model_that_nobody_knows() -> None:
    override = {"vllm/mine": PriceOverride(input=Decimal("0.1"), output=Decimal("0.2"))}
    assert _cost(_catalog("vllm", prices=override), "vllm", "mine", ONE) == 100_000 + 200_000
    assert _catalog("vllm", prices=override).facts("vllm", "other") is None


def test_a_server_of_ones_own_has_no_vendors_prices() -> None:
    mine = vendor_of("my-vllm", "openai", "http://127.0.0.1:8000/v1")
    assert mine is not None
    catalog = Catalog({"my-vllm": Configured(mine)}, imported=[LONG_TAIL])
    assert catalog.facts("my-vllm", "gpt-4o") is None
    assert catalog.facts("my-vllm", "tail") is None


def test_a_file_can_price_a_server_of_ones_own_by_its_name() -> None:
    mine = vendor_of("vllm-eu", "vllm", "http://10.0.0.1:8000/v1")
    assert mine is not None
    catalog = Catalog({"vllm-eu": Configured(mine)}, imported=[LONG_TAIL])
    assert catalog.facts("vllm-eu", "hosted_vllm/mine") is not None


def test_dated_names_have_the_price_of_their_model() -> None:
    catalog = _catalog("openai", "azure")
    assert _cost(catalog, "openai", "gpt-4o-2024-08-06", ONE) is not None
    assert _cost(catalog, "azure", "gpt-4o", ONE) is not None


def test_a_bare_name_goes_to_those_who_serve_it() -> None:
    catalog = _catalog("openai", "anthropic", "groq", "azure", "openrouter")
    assert catalog.providers_for("gpt-4o") == ("openai",)
    assert catalog.providers_for("claude-sonnet-4-5-20250929") == ("anthropic",)
    assert catalog.providers_for("anthropic/claude-sonnet-4.5") == ("openrouter",)
    assert catalog.providers_for("no-such-model") == ()
    assert catalog.providers_for("") == ()


def test_the_operators_list_of_models_is_the_whole_list() -> None:
    catalog = _catalog(
        "openai", "azure", "vllm", azure=("gpt-4o", "mine"), openai=("gpt-4o-mini",), vllm=("llama",)
    )
    assert catalog.providers_for("gpt-4o") == ("azure",)
    assert catalog.providers_for("gpt-4o-mini") == ("openai",)
    assert catalog.providers_for("llama") == ("vllm",)
    assert catalog.list_models("azure") == ("gpt-4o", "mine")


def test_a_name_served_twice_is_said_to_be() -> None:
    assert _catalog("openai", "azure", azure=("gpt-4o",)).providers_for("gpt-4o") == ("openai", "azure")


def test_a_model_newer_than_the_table_goes_to_its_maker() -> None:
    catalog = _catalog("openai", "anthropic", "groq")
    assert catalog.providers_for("claude-opus-99") == ("anthropic",)
    assert catalog.providers_for("gpt-99-turbo") == ("openai",)


def test_models_are_listed_under_their_own_names() -> None:
    catalog = _catalog("openai", "azure", "ollama")
    assert "gpt-4o" in catalog.list_models("openai")
    assert catalog.list_models("azure") == ()
    assert catalog.list_models("ollama") == ()


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-opus-5-5", 128_000),
        ("claude-haiku-5-5-20261007", 128_000),
        ("claude-sonnet-4-6", 128_000),
        ("claude-sonnet-4-5-20250929", 64_000),
        ("anthropic/claude-sonnet-4.5", 64_000),
        ("us.anthropic.claude-opus-4-1-20250805-v1:0", 32_000),
        ("claude-opus-4-20250514", 32_000),
        ("Claude-Sonnet-4-0", 64_000),
        ("claude-3-7-sonnet-latest", 64_000),
        ("claude-3-5-haiku@20241022", 8_192),
        ("claude-3-opus-20240229", 4_096),
        ("claude-2.1", 4_096),
        ("claude-opus-7", NEWER_CLAUDE),
        ("claude-sonnet-45", NEWER_CLAUDE),
        ("gpt-4o", None),
        ("not-claude-like", None),
    ],
)
def test_a_claudes_longest_answer(model: str, tokens: int | None) -> None:
    assert claude_max_output(model) == tokens


def test_the_bound_on_an_answer_is_the_models_or_a_safe_one() -> None:
    catalog = _catalog("anthropic", "openai", "deepseek")
    assert catalog.max_output("anthropic", "claude-sonnet-4-5") == 64_000
    assert catalog.max_output("anthropic", "claude-nobody-knows") == NEWER_CLAUDE
    assert catalog.max_output("openai", "tail") == 777
    assert catalog.max_output("deepseek", "deepseek-chat") == DEFAULT


def test_callers_cannot_fill_the_memory_with_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_module, "MEMO", 64)
    catalog = _catalog("openai", "openrouter")
    for number in range(500):
        catalog.facts("openrouter", f"name-{number}")
        catalog.providers_for(f"name-{number}")
        catalog.facts("openai", "x" * (1000 + number))
    assert catalog.memoised() <= 2 * 64
    before = catalog.memoised()
    assert catalog.facts("openai", "gpt-4o" + "x" * 10_000) is None
    assert catalog.providers_for("gpt-4o" + "x" * 10_000) == ()
    assert catalog.memoised() == before


HOSTILE = _catalog("openai", "anthropic", "azure", "openrouter", "mistral")


@given(st.text(max_size=300))
def test_any_name_is_answered_without_an_error(model: str) -> None:
    for provider in ("openai", "anthropic", "azure", "nobody"):
        HOSTILE.facts(provider, model)
        assert HOSTILE.max_output(provider, model) > 0
    assert set(HOSTILE.providers_for(model)) <= {"openai", "anthropic", "openrouter", "mistral"}


def test_a_catalog_is_made_of_a_configuration(tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"tail": {"litellm_provider": "openai", "input_cost_per_token": 1e-06}}', "utf-8")
    config = Config(
        providers={
            "openai": ProviderConfig("openai", "openai"),
            "mine": ProviderConfig("mine", "openai", base_url="http://127.0.0.1:8000/v1", models=("llama",)),
        },
        prices={"mine/llama": PriceOverride(input=Decimal(1), output=Decimal(1))},
        price_files=(str(prices),),
    )
    catalog = catalog_of(config)
    assert catalog.providers_for("llama") == ("mine",)
    assert _cost(catalog, "mine", "llama", ONE) == 2_000_000
    assert catalog.facts("openai", "tail") is not None
