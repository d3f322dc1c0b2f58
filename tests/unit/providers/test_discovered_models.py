"""Discovered models in the catalogue, and the file that keeps them."""

import os
from pathlib import Path

import pytest

from gateway.providers.catalog import Catalog, Configured
from gateway.providers.discovered import Listing, listing, read, write
from gateway.providers.facts import Abilities
from gateway.providers.litellm_prices import parse
from gateway.providers.offers import Offer
from gateway.providers.registry import PROVIDERS, vendor_of
from gateway.providers.sealed import DamagedFile

HERE = "http://127.0.0.1:8000/v1"


def _catalog(*names: str) -> Catalog:
    mine = vendor_of("mine", "openai", HERE)
    assert mine is not None
    return Catalog(
        {**{name: Configured(PROVIDERS[name]) for name in names}, "mine": Configured(mine, base_url=HERE)}
    )


def _mine(**offers: Offer) -> dict[str, Listing]:
    return {"mine": listing(HERE, {name.replace("_", "-"): one for name, one in offers.items()})}


def test_a_listed_model_is_known_with_what_its_provider_says() -> None:
    catalog = _catalog("openai")
    assert not catalog.is_known("mine", "zeta")
    catalog.adopt(_mine(zeta=Offer(9000, 500, 7, Abilities(tools=True))))
    facts = catalog.facts("mine", "zeta")
    assert facts is not None
    assert (facts.context_window, facts.max_output, facts.abilities) == (9000, 500, Abilities(tools=True))
    assert catalog.providers_for("zeta") == ("mine",)
    assert (catalog.list_models("mine"), catalog.created("mine", "zeta")) == (("zeta",), 7)
    assert catalog.is_known("mine", "zeta")


def test_a_new_list_replaces_all_that_was_remembered() -> None:
    catalog = _catalog("openai")
    catalog.adopt(_mine(zeta=Offer()))
    assert catalog.providers_for("zeta") == ("mine",)
    catalog.adopt(_mine(eta=Offer()))
    assert catalog.providers_for("zeta") == ()
    assert catalog.facts("mine", "zeta") is None
    assert not catalog.is_known("mine", "zeta")


def test_lists_of_another_address_or_of_strangers_are_not_believed() -> None:
    catalog = _catalog("openai")
    catalog.adopt(
        {"mine": listing("http://elsewhere", {"a": Offer()}), "stranger": listing(HERE, {"b": Offer()})}
    )
    assert catalog.list_models("mine") == ()
    assert catalog.providers_for("b") == ()


def test_no_list_takes_a_name_away_from_its_maker() -> None:
    catalog = _catalog("openai", "anthropic")
    catalog.adopt(_mine(gpt_4o=Offer(), claude_opus_99=Offer(), own=Offer()))
    assert catalog.providers_for("gpt-4o") == ("openai",)
    assert catalog.providers_for("claude-opus-99") == ("anthropic",)
    assert catalog.providers_for("own") == ("mine",)


def test_a_maker_that_does_not_list_it_leaves_it_to_those_who_do() -> None:
    catalog = _catalog("anthropic")
    usual = PROVIDERS["anthropic"].base_url
    catalog.adopt(_mine(claude_opus_99=Offer()) | {"anthropic": listing(usual, {"claude-opus-5": Offer()})})
    assert catalog.providers_for("claude-opus-99") == ("mine",)


def test_a_family_of_names_tells_abilities_but_makes_no_name_known() -> None:
    catalog = _catalog("openai", "anthropic")
    facts = catalog.facts("anthropic", "claude-sonnet-4-5")
    assert facts is not None
    assert facts.abilities.vision
    assert not catalog.is_known("mine", "claude-made-up-by-a-caller")


def test_price_files_tell_abilities() -> None:
    text = '{"tail": {"litellm_provider": "openai", "supports_vision": true, "supports_reasoning": "yes"}}'
    found = parse(text).find("openai", "tail")
    assert found is not None
    assert found.abilities == Abilities(vision=True)


def test_the_file_comes_back_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "models.msgpack"
    write(path, _mine(zeta=Offer(9000, None, 0, Abilities(vision=False))))
    assert path.stat().st_mode & 0o777 == 0o600
    found = read(path)["mine"].find("zeta")
    assert found == Offer(9000, None, 0, Abilities(vision=False))
    assert read(path) == _mine(zeta=Offer(9000, None, 0, Abilities(vision=False)))
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert read(tmp_path / "none") == {}


def test_every_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "models.msgpack"
    write(path, _mine(zeta=Offer(9000)))
    sound = path.read_bytes()
    for at in range(len(sound)):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :])
        with pytest.raises(DamagedFile):
            read(path)
        path.write_bytes(sound[:at])
        with pytest.raises(DamagedFile):
            read(path)


def test_no_link_and_no_pipe_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "real", _mine(zeta=Offer()))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(OSError, match="link"):
        read(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DamagedFile):
        read(tmp_path / "pipe")
