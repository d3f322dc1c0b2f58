"""The table means by every name the model that the library it was made from means."""

from pathlib import Path

import msgspec
import pytest
from genai_prices.data import providers
from genai_prices.types import Provider as PriceProvider
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers import _build_facts, table

BY_ID = {provider.id: provider for provider in providers}
NAMES = {
    provider.id: sorted({*(model.id for model in provider.models), *_build_names})
    for provider in providers
    for _build_names in [
        {name for model in provider.models for name in _build_facts._exact_names(model.match)}
    ]
}
MUTATIONS = [
    "{}",
    "{}-20251211",
    "{}-2025-12-11",
    "{}-latest",
    "{}:free",
    "anthropic/{}",
    "x{}",
    "{}-20259999",
    "{}:batch",
]


def _expected(provider: PriceProvider, name: str) -> str | None:
    model = provider.find_model(name, all_providers=providers)
    return model.id if model else None


def _found(price_id: str, name: str) -> str | None:
    facts = table.facts(price_id, name)
    return facts.model if facts else None


@pytest.mark.parametrize("price_id", BY_ID)
def test_every_name_and_its_dated_forms_mean_the_same_model(price_id: str) -> None:
    for name in NAMES[price_id]:
        for mutation in MUTATIONS:
            spelled = mutation.format(name)
            assert _found(price_id, spelled) == _expected(BY_ID[price_id], spelled), spelled


def test_names_of_one_vendor_mean_the_same_at_another() -> None:
    for price_id in ("azure", "google", "openai", "anthropic", "openrouter"):
        for name in [*NAMES["openai"], *NAMES["anthropic"], *NAMES["deepseek"]]:
            assert _found(price_id, name) == _expected(BY_ID[price_id], name), (price_id, name)


@given(
    st.sampled_from(sorted(BY_ID)),
    st.one_of(st.text(max_size=40), st.from_regex(r"[a-z]{1,5}-[a-z0-9.]{1,9}(-20\d{6})?")),
)
def test_differential_any_name_means_the_same_model(price_id: str, name: str) -> None:
    assert _found(price_id, name) == _expected(BY_ID[price_id], name)


@pytest.mark.parametrize("price_id", BY_ID)
def test_the_context_window_is_the_catalogues(price_id: str) -> None:
    for model in BY_ID[price_id].models:
        facts = table.facts(price_id, model.id)
        if facts is not None and facts.model == model.id:
            assert facts.context_window == model.context_window


@pytest.mark.parametrize("price_id", BY_ID)
def test_every_listed_name_can_be_called(price_id: str) -> None:
    names = table.known_models(price_id)
    assert len(names) == len(set(names))
    assert all(table.facts(price_id, name) is not None for name in names)


def test_a_model_whose_usual_name_is_a_groups_is_listed_by_its_full_names() -> None:
    assert "accounts/fireworks/models/deepseek-v3p2" in table.known_models("fireworks")
    assert "deepseek-v3p2" not in table.known_models("fireworks")


def test_a_vendor_that_is_not_in_the_table_knows_nothing() -> None:
    assert table.facts("", "gpt-4o") is None
    assert table.facts("no-such-vendor", "gpt-4o") is None
    assert table.known_models("no-such-vendor") == ()
    assert not table.makes("no-such-vendor", "gpt-4o")


def test_newer_models_belong_to_those_who_make_their_family() -> None:
    assert table.makes("anthropic", "Claude-Opus-99")
    assert not table.makes("openai", "claude-opus-99")
    assert not table.makes("groq", "claude-opus-99")


def test_a_missing_table_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(table.TableMissing, match="make build"):
        table.load(tmp_path / "_facts.msgpack")


@pytest.mark.parametrize("content", [b"", b"\xc1", msgspec.msgpack.encode([table.FORMAT + 1, "other", {}])])
def test_a_damaged_or_foreign_table_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "_facts.msgpack"
    path.write_bytes(content)
    with pytest.raises(table.TableMissing, match="make build"):
        table.load(path)


def test_the_table_is_made_once_and_again_for_other_data(tmp_path: Path) -> None:
    path = tmp_path / "_facts.msgpack"
    _build_facts.ensure_table(path)
    first = path.stat()
    _build_facts.ensure_table(path)
    assert path.stat().st_mtime_ns == first.st_mtime_ns
    path.write_bytes(msgspec.msgpack.encode([table.FORMAT, "genai-prices 0.0.0", {}]))
    _build_facts.ensure_table(path)
    assert path.read_bytes() == table.PATH.read_bytes()
