"""What the store adds to the file: read as the file would be, and a mistake in one place costs nobody else anything."""

from pathlib import Path
from typing import Any

from gateway.config import Config, load
from gateway.config.secret import Secret
from gateway.control.additions import added
from gateway.providers.registry import known
from gateway.store.compiling import Opened, Stored

ROUTE = {"targets": ["second/m"]}


def config(tmp_path: Path) -> Config:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        "timeouts: {connect: 2s}\n"
        "providers: {openai: {keys: [sk-file]}}\nmodels: {fast: {targets: [openai/gpt-4o]}}\n"
    )
    return load(file, {}, known=known())


def second(*credentials: Opened, **more: Any) -> dict[str, Any]:
    found = {"second": {"type": "openai", "base_url": "https://x.test/v1", "discover": True, **more}}
    return {"providers": found, "credentials": credentials}


def test_providers_and_routes_join_the_files_and_inherit_its_settings(tmp_path: Path) -> None:
    base = config(tmp_path)
    given = (
        Opened("second", "key", Secret("sk-1"), 3, ("m*",)),
        Opened("second", "header:x-team", Secret("blue")),
    )
    whole, left_out = added(
        base, Stored(routes={"mine": ROUTE, "deep": {"targets": ["mine"]}}, **second(*given))
    )
    assert left_out == ()
    made = whole.providers["second"]
    assert [(one.value.reveal(), one.weight, one.models) for one in made.keys] == [("sk-1", 3, ("m*",))]
    assert made.headers["x-team"].reveal() == "blue"
    assert made.timeouts.connect == 2.0
    assert set(whole.models) == {"fast", "mine", "deep"}
    assert whole.providers["openai"] == base.providers["openai"]


def test_the_file_wins_and_the_stores_keys_stand_behind_its_own(tmp_path: Path) -> None:
    base = config(tmp_path)
    stored = Stored(
        providers={"openai": {"type": "openai", "base_url": "https://elsewhere.test", "discover": True}},
        credentials=(Opened("openai", "key", Secret("sk-2")),),
        routes={"fast": {"targets": ["openai/o3"]}},
    )
    whole, _ = added(base, stored)
    assert [one.value.reveal() for one in whole.providers["openai"].keys] == ["sk-file", "sk-2"]
    assert whole.providers["openai"].base_url == base.providers["openai"].base_url
    assert whole.models == base.models


def test_what_cannot_be_served_is_left_out_with_what_leads_to_it_and_named_without_secrets(
    tmp_path: Path,
) -> None:
    routes = {
        "good": {"targets": ["openai/o3"]},
        "lost": {"targets": ["gone/m"]},
        "above": {"targets": ["lost"]},
        "odd": {"targets": [], "nonsense": True},
    }
    stored = Stored(routes=routes, **second(Opened("second", "setting:nonsense", Secret("sk-canary"))))
    whole, left_out = added(config(tmp_path), stored)
    assert set(whole.models) == {"fast", "good"}
    assert set(whole.providers) == {"openai"}
    assert left_out
    assert "sk-canary" not in str(left_out)
