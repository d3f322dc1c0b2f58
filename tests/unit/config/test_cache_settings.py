"""The section `cache`, and what routes, teams and keys change of it."""

from pathlib import Path
from typing import cast

import pytest

from gateway.config import Config, ConfigError, load
from gateway.config.caching_model import CacheConfig, settings_for
from gateway.config.carried import decoded, encoded
from gateway.config.explanation import explain
from gateway.providers.registry import known
from gateway.schemas.caching import Changes, Mode, Semantic, Settings, Verifier

PROVIDERS = "providers: {openai: {keys: [sk-x]}}\n"


def read(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "gateway.yaml"
    file.write_text(PROVIDERS + text, encoding="utf-8")
    return load(file, {}, known=known())


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return [str(problem).partition("gateway.yaml:")[2] for problem in caught.value.problems]


def test_nothing_is_cached_without_the_section(tmp_path: Path) -> None:
    assert read(tmp_path, "").cache is None


@pytest.mark.parametrize("word", ["off", "asked", "exact"])
def test_a_mode_alone_is_a_section(tmp_path: Path, word: str) -> None:
    cache = read(tmp_path, f"cache: {word}\n").cache
    assert cache is not None
    assert cache.settings == Settings(mode=cast(Mode, word))


def test_the_semantic_mode_brings_its_settings(tmp_path: Path) -> None:
    for text in ("cache: semantic\n", "cache: {mode: semantic}\n"):
        cache = read(tmp_path, text).cache
        assert cache is not None
        assert cache.settings == Settings(mode="semantic", semantic=Semantic())


def test_everything_can_be_set_and_travels_to_the_workers(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "cache: {mode: semantic, ttl: 10m, scope: team, max_size: 64MiB, max_entry: 64KiB, replay: paced,"
        " coalesce: false, semantic: {threshold: 0.95, embedder: openai/text-embedding-3-small, max_tokens: 99,"
        " max_temperature: 0.5, allow: [code, tools], verify: 2%, error_bound: 5%,"
        " same_words: 0.8, verifier: {path: /m, score: 0.8, reworded: true}}}\n"
        "models: {fast: {targets: [openai/gpt-4o-mini], cache: {ttl: 5s, threshold: 0.99}}}\n"
        "teams: {red: {cache: {scope: org}}}\n"
        "keys: {alice: {value: abc, cache: off}}\n",
    )
    usual = (0.95, "openai/text-embedding-3-small", "", 99, 0.5, ("code", "tools"), 0.02, 0.05)
    semantic = Semantic(*usual, 0.8, Verifier("/m", 0.8, reworded=True))
    settings = Settings("semantic", 600.0, "team", 64 << 20, 64 << 10, "paced", False, semantic)
    accounts = {"team:red": Changes(scope="org"), "key:alice": Changes(mode="off")}
    assert config.cache == CacheConfig(settings, accounts)
    assert config.models["fast"].cache == Changes(ttl=5.0, threshold=0.99)
    carried = decoded(encoded(config))
    assert (carried.cache, carried.models) == (config.cache, config.models)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "cache: {semantic: {threshold: 0.89}}\n",
            "2: cache.semantic.threshold: is too low to tell questions apart; below 0.90 half of the look-alikes are "
            "answered wrongly; 0.93 is the default",
        ),
        (
            "cache: {semantic: {threshold: 1.1}}\n",
            "2: cache.semantic.threshold: must be a number from 0.9 to 1",
        ),
        (
            "cache: {semantic: {embedder: opnai/x}}\n",
            "2: cache.semantic.embedder: is no embedder and no model of a configured provider; "
            "did you mean openai/…?",
        ),
        (
            "cache: {semantic: {embedder: onnx}}\n",
            "2: cache.semantic: onnx needs the model's directory; path: /models/all-MiniLM-L6-v2",
        ),
        (
            "cache: {semantic: {same_words: 0.4}}\n",
            "2: cache.semantic.same_words: must be a number from 0.5 to 1",
        ),
        (
            "cache: {semantic: {verifier: {score: 0.9}}}\n",
            "2: cache.semantic.verifier: the verifier needs the model's directory; path: /models/quora-cross-encoder",
        ),
        (
            "cache: {semantic: {verifier: {path: /m, score: 0.3}}}\n",
            "2: cache.semantic.verifier.score: must be a number from 0.5 to 1",
        ),
        (
            "cache: {semantic: {}}\nteams: {red: {cache: {verifier: /m}}}\n",
            "3: teams.red.cache.verifier: is the same for all requests",
        ),
        ("cache: {semantic: {path: /x}}\n", "2: cache.semantic.path: belongs to embedder: onnx"),
        ("cache: {scope: everyone}\n", "2: cache.scope: must be key, user, team, org or all"),
        (
            "cache: {max_size: 1MiB, max_entry: 2MiB}\n",
            "2: cache.max_entry: is more than all entries may take together; raise max_size",
        ),
        (
            "cache: exact\nkeys: {alice: {value: abc, cache: {threshold: 0.95}}}\n",
            "3: keys.alice.cache.threshold: needs the semantic cache, which is not set up; "
            "write cache: {semantic: {}} at the top of the file",
        ),
        (
            "models: {fast: {targets: [openai/gpt-4o-mini], cache: exact}}\n",
            "2: models.fast.cache: changes a cache that there is not; write cache: {mode: exact} at the top of the "
            "file, or {mode: asked} for what else is not cached",
        ),
        (
            "cache: exact\nteams: {red: {cache: {max_size: 1MiB}}}\n",
            "3: teams.red.cache.max_size: is the same for all requests",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    [found] = mistakes(tmp_path, text)
    assert found.startswith(expected)


def test_what_is_narrower_comes_last_and_off_is_final() -> None:
    cache = CacheConfig(
        Settings(), {"team:red": Changes(ttl=60.0, mode="off"), "key:alice": Changes(ttl=5.0)}
    )
    assert settings_for(cache, None, "bob", "blue") == Settings()
    assert settings_for(cache, None, "alice", "blue") == Settings(ttl=5.0)
    assert settings_for(cache, Changes(ttl=9.0), "bob", "blue").ttl == 9.0
    assert settings_for(cache, Changes(mode="exact"), "alice", "red") == Settings(mode="off", ttl=5.0)
    opened = CacheConfig(Settings(mode="off"))
    assert settings_for(opened, Changes(mode="exact"), "alice", "red").mode == "exact"


def test_the_explanation_says_who_shares(tmp_path: Path) -> None:
    config = read(tmp_path, "cache: {scope: all, semantic: {}}\n")
    [line] = [line for line in explain(config, known()).splitlines() if line.strip().startswith("Cache")]
    assert line.split(maxsplit=1)[1] == (
        "exact, EVERYBODY SHARES, for 1h, up to 1GiB; likeness from 0.93 by static"
    )
    assert "Cache" not in explain(read(tmp_path, ""), known())


@pytest.mark.parametrize(
    "holder", ["models: {fast: {targets: [openai/gpt-4o-mini], ", "keys: {one: {value: abc, "]
)
@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("embedder: openai/text-embedding-3-small", "write it in cache.semantic at the top"),
        ("semantic: {threshold: 0.95}", "only mode and threshold"),
        ("verify: 5%", "write it in cache.semantic at the top"),
        ("replay: paced", "write it in cache at the top"),
    ],
)
def test_what_is_one_for_all_is_refused_elsewhere(
    tmp_path: Path, holder: str, setting: str, hint: str
) -> None:
    [mistake] = mistakes(tmp_path, f"cache: semantic\n{holder}cache: {{mode: semantic, {setting}}}}}}}\n")
    assert "is the same for all requests" in mistake
    assert hint in mistake
