"""Credentials appear nowhere: planted canaries are looked for in everything that can be printed."""

import copy
import json
import pickle
import traceback
from pathlib import Path

import msgspec
import orjson
import pytest
from vendors_for_tests import KNOWN

from gateway.config import Config, ConfigError, Secret, load
from gateway.config.explanation import explain

CANARIES = {
    "GATEWAY_KEY": "canary-caller-1",
    "OPENAI_API_KEY": "canary-openai-2",
    "TEAM": "canary-header-4",
}
VARIABLES = {"VALUE": "canary 0"}
FILE = """
auth: {keys: ["${GATEWAY_KEY}", canary-literal-5]}
providers:
  openai: {keys: ["${OPENAI_API_KEY}"], headers: {x-team: "${TEAM}"}}
  anthropic: {keys: [{value: canary-literal-6, weight: 2}]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "gateway.yaml"
    file.write_text(FILE)
    return load(file, CANARIES, known=KNOWN)


def test_the_canaries_are_really_there(config: Config) -> None:
    callers = [key.reveal() for key in config.auth.keys]
    keys = [key.value.reveal() for one in config.providers.values() for key in one.keys]
    assert callers + keys == ["canary-caller-1", "canary-literal-5", "canary-openai-2", "canary-literal-6"]
    assert config.providers["openai"].headers["x-team"].reveal() == "canary-header-4"


def test_a_config_prints_no_credential(config: Config) -> None:
    plain = msgspec.structs.asdict(config)
    for text in [
        repr(config),
        str(config),
        f"{config}",
        repr(plain),
        explain(config, KNOWN),
        msgspec.json.encode(config, enc_hook=str).decode(),
        orjson.dumps(plain, default=str).decode(),
        json.dumps(plain, default=str),
    ]:
        assert "canary" not in text
        assert "***" in text


def test_encoders_without_a_hook_refuse_a_credential(config: Config) -> None:
    with pytest.raises(TypeError):
        msgspec.json.encode(config)
    with pytest.raises(TypeError):
        msgspec.to_builtins(config)
    with pytest.raises(TypeError):
        json.dumps(config.auth.keys)


def test_a_credential_is_not_pickled() -> None:
    secret = Secret("canary")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not serialised"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        secret.__getstate__()
    assert copy.copy(secret) is copy.deepcopy(secret) is secret


def test_a_credential_formats_as_stars() -> None:
    secret = Secret("canary")
    assert [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret:>5}"] == ["***"] * 4 + ["  ***"]
    assert repr([secret]) == "[***]"
    assert not hasattr(secret, "__dict__")


def test_credentials_compare_by_value_and_with_nothing_else() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("é\udc80") == Secret("é\udc80")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


@pytest.mark.parametrize(
    "text",
    [
        "auth: {keys: canary-0}",
        "auth: {canary-0x: 1}",
        "auth: {keys: [{canary-0x: 1}]}",
        "auth: [canary-0]",
        "canary-0: 1",
        "providers: {openai: canary-0}",
        "providers: {openai: {sk-canary-0}}",
        "providers: {openai: {type: canary-0}}",
        "providers: {openai: {keys: canary-0}}",
        "providers: {openai: {keys: ['canary 0']}}",
        'providers: {openai: {keys: ["canary\\n0"]}}',
        "providers: {openai: {keys: [{value: [canary-0]}]}}",
        "providers: {openai: {keys: [a], base_url: 'http://u:canary-0@host/'}}",
        "providers: {openai: {keys: [a], base_url: 'http://host/?key=canary-0'}}",
        'providers: {openai: {keys: [a], headers: {x-a: "canary\\n0"}}}',
        "server: {port: canary-0, host: 'canary 0', workers: canary-0, drain: canary-0}",
        "server: {port: '${VALUE}', host: '${VALUE}', allow_insecure: '${VALUE}'}",
        "limits: {max_body: canary-0}",
        "log: {level: canary-0}",
        "models: {a: '${VALUE}'}",
        "models: {a: {targets: [{model: canary-0/x, weight: canary-0}]}}",
        "auth: {keys: ['canary-0]}",
        "auth: {keys: [*canary-0]}",
        "auth: {keys: [&canary-0 a, &canary-0 b]}",
        "auth: {keys: [!canary-0 a]}",
        "auth: {keys: [canary-0\x01]}",
        "auth: {keys: [canary-0, [}",
        'auth: {keys: ["canary-0\\q"]}',
        "auth: {keys: ['${VALUE-canary-0}']}",
        "auth: {keys: [canary-0é]}",
    ],
)
def test_a_mistake_repeats_no_credential(tmp_path: Path, text: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, VARIABLES, known=KNOWN)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems)
    assert "canary" not in shown.replace(str(tmp_path), "")
