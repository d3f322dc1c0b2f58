"""Providers that are called without a key: what must be given, and what the environment completes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.commands.settings import known_providers
from gateway.config import Config, ConfigError, load
from gateway.config.explanation import explain

AWS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "secret-canary"}
ENTRA = {
    "AZURE_OPENAI_ENDPOINT": "https://name.openai.azure.com",
    "AZURE_TENANT_ID": "tenant",
    "AZURE_CLIENT_ID": "client",
    "AZURE_CLIENT_SECRET": "secret-canary",
}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read(env: dict[str, str], **providers: Any) -> Config:
        file = tmp_path / "gateway.yaml"
        file.write_text(yaml.safe_dump({"providers": providers}))
        return load(file if providers else None, env, known=known_providers())

    return read


def problem(read: Any, env: dict[str, str], **providers: Any) -> str:
    with pytest.raises(ConfigError) as mistakes:
        read(env, **providers)
    (one,) = mistakes.value.problems
    return f"{one.place}: {one.message} ({one.hint})"


def test_the_environment_alone_starts_them(read: Any, tmp_path: Path) -> None:
    (tmp_path / "adc.json").write_text("{}")
    google = {
        "GOOGLE_CLOUD_PROJECT": "p",
        "GOOGLE_CLOUD_LOCATION": "global",
        "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "adc.json"),
    }
    found = read(AWS | ENTRA | google)
    assert set(found.providers) == {"azure", "bedrock", "vertex"}
    assert found.providers["bedrock"].base_url == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert found.providers["vertex"].base_url == "https://aiplatform.googleapis.com"
    assert found.providers["azure"].secrets["client_secret"].reveal() == "secret-canary"
    assert "canary" not in repr(found)
    shown = explain(found, known_providers())
    assert "canary" not in shown
    for words in ("AWS access key AKIDENV", "Entra ID application client", "Google credentials in "):
        assert words in shown


@pytest.mark.parametrize("missing", ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_half_of_it_starts_nothing(read: Any, missing: str) -> None:
    found = read({name: value for name, value in AWS.items() if name != missing})
    assert found.providers == {}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, "AWS access key AKIDENV"),
        ({"access_key": "AKIDFILE", "secret_key": "s"}, "AWS access key AKIDFILE"),
        ({"profile": "work"}, "AWS profile work"),
        ({"keys": ["k"]}, "1: ***"),
    ],
)
def test_a_credential_in_the_file_gets_nothing_of_the_environments(read: Any, entry: Any, words: str) -> None:
    env = AWS | {"AWS_SESSION_TOKEN": "env", "AWS_BEARER_TOKEN_BEDROCK": "bearer"}
    env = env if entry else AWS
    found = read(env, bedrock=entry or None)
    assert words in explain(found, known_providers())
    assert ("session_token" in found.providers["bedrock"].secrets) is False
    assert found.providers["bedrock"].settings["region"] == "eu-west-1"


def test_another_name_gets_the_region_but_no_key(read: Any) -> None:
    found = read(AWS, mine={"type": "bedrock"}).providers["mine"]
    assert found.settings == {"region": "eu-west-1"}
    assert found.secrets == {}


@pytest.mark.parametrize(
    ("providers", "said"),
    [
        ({"bedrock": {}}, "region is missing"),
        ({"bedrock": {"region": "eu-west-1/../x"}}, "is no usable region"),
        ({"bedrock": {"region": "eu west", "base_url": "https://h"}}, "is no usable region"),
        ({"bedrock": {"region": "eu-west-1", "access_key": "a"}}, "secret_key is missing"),
        ({"bedrock": {"base_url": "https://vpce.example.com"}}, "has no key"),
        ({"vertex": {"location": "global"}}, "project is missing"),
        ({"vertex": {"project": "p"}}, "location is missing"),
        ({"vertex": {"project": "p", "location": "global", "credentials": "none.json"}}, "no such file"),
        ({"azure": {"base_url": "https://n.example.com", "tenant_id": "t"}}, "client_id is missing"),
        ({"azure": {"base_url": "https://n.example.com"}}, "has no key"),
    ],
)
def test_what_is_missing_is_named(read: Any, providers: Any, said: str) -> None:
    assert said in problem(read, {}, **providers)


def test_a_place_of_its_own_address_needs_no_base_url(read: Any) -> None:
    us = read({}, vertex={"project": "p", "location": "us"}).providers["vertex"]
    assert us.base_url == "https://aiplatform.us.rep.googleapis.com"
    own = read({}, vertex={"project": "p", "location": "us", "base_url": "https://psc.example.com"})
    assert own.providers["vertex"].base_url == "https://psc.example.com"
