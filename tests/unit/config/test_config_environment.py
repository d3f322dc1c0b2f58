"""Starting without a file: the environment's usual variables are enough."""

import pytest
from vendors_for_tests import KNOWN

from gateway.config import Config, ConfigError, Secret, load
from gateway.config.environment import completed

pytestmark = pytest.mark.usefixtures("nothing_stored")


def start(**env: str) -> Config:
    return load(None, env, known=KNOWN)


def test_nothing_set_is_a_right_configuration_without_providers() -> None:
    config = start()
    assert config.providers == {}
    assert config.source == ""
    assert config.server.host == "127.0.0.1"


def test_every_vendor_with_a_key_is_started() -> None:
    config = start(OPENAI_API_KEY="o", ANTHROPIC_API_KEY="a", NVIDIA_NIM_API_KEY="n", UNRELATED_API_KEY="u")
    keys = {name: [key.value.reveal() for key in one.keys] for name, one in config.providers.items()}
    assert keys == {"openai": ["o"], "anthropic": ["a"], "nvidia": ["n"]}


def test_an_empty_variable_counts_as_unset() -> None:
    assert start(OPENAI_API_KEY="", GATEWAY_PORT="", GATEWAY_KEY="").providers == {}


def test_the_more_usual_variable_of_two_counts() -> None:
    config = start(NVIDIA_API_KEY="first", NVIDIA_NIM_API_KEY="second")
    assert [key.value.reveal() for key in config.providers["nvidia"].keys] == ["first"]


def test_a_vendor_of_many_addresses_needs_both_variables() -> None:
    assert start(AZURE_OPENAI_API_KEY="k").providers == {}
    config = start(AZURE_OPENAI_API_KEY="k", AZURE_OPENAI_ENDPOINT="https://me.openai.azure.com/")
    assert config.providers["azure"].base_url == "https://me.openai.azure.com"


def test_a_keyless_server_is_started_by_its_address() -> None:
    assert start(OLLAMA_API_KEY="k").providers == {}
    config = start(OLLAMA_BASE_URL="http://10.0.0.1:11434/v1")
    assert config.providers["ollama"].base_url == "http://10.0.0.1:11434/v1"
    assert config.providers["ollama"].keys == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("127.0.0.1:9999", "http://127.0.0.1:9999/v1"),
        (":9999", "http://127.0.0.1:9999/v1"),
        ("gpu-box", "http://gpu-box:11434/v1"),
        ("https://gpu-box", "https://gpu-box/v1"),
        ("http://gpu-box:1/", "http://gpu-box:1/v1"),
        ("http://gpu-box:1/prefix/v1", "http://gpu-box:1/prefix/v1"),
        ("[::1]:5", "http://[::1]:5/v1"),
        ("::", "http://[::1]:11434/v1"),
        ("fe80::1", "http://[fe80::1]:11434/v1"),
    ],
)
def test_a_servers_own_host_variable_is_completed(value: str, expected: str) -> None:
    assert completed("OLLAMA_HOST", value, "http://127.0.0.1:11434/v1") == expected
    assert start(OLLAMA_HOST=value).providers["ollama"].base_url == expected


def test_a_base_url_variable_is_taken_as_it_is() -> None:
    with pytest.raises(ConfigError, match="environment: OLLAMA_BASE_URL: must be an http:// or https:// URL"):
        start(OLLAMA_BASE_URL="127.0.0.1:11434")


def test_a_vendors_base_url_variable_counts_as_in_its_own_sdk() -> None:
    config = start(OPENAI_API_KEY="k", OPENAI_BASE_URL="https://proxy.example/v1")
    assert config.providers["openai"].base_url == "https://proxy.example/v1"


def test_the_gateway_does_not_call_itself_when_applications_are_pointed_at_it() -> None:
    with pytest.raises(
        ConfigError, match=r"OPENAI_BASE_URL: is this gateway's own address.*unset OPENAI_BASE_URL"
    ):
        start(OPENAI_API_KEY="k", OPENAI_BASE_URL="http://localhost:8080/v1")
    other = start(OPENAI_API_KEY="k", OPENAI_BASE_URL="http://localhost:8080/v1", GATEWAY_PORT="9000")
    assert other.server.port == 9000


def test_caller_keys_come_from_either_variable() -> None:
    assert start(GATEWAY_KEY="a").auth.keys == (Secret("a"),)
    assert start(GATEWAY_KEYS="b, c,,", GATEWAY_KEY="a").auth.keys == (Secret("a"), Secret("b"), Secret("c"))


def test_other_machines_are_served_only_with_caller_keys() -> None:
    with pytest.raises(ConfigError, match="environment: GATEWAY_HOST: without caller keys"):
        start(GATEWAY_HOST="0.0.0.0")
    assert start(GATEWAY_HOST="0.0.0.0", GATEWAY_KEY="k").server.host == "0.0.0.0"
    assert start(GATEWAY_HOST="::1").server.host == "::1"
    assert start(GATEWAY_HOST="localhost").server.host == "localhost"


@pytest.mark.parametrize("host", ["::", "0.0.0.0", "192.168.1.2", "example.org", "localhost.example.org"])
def test_no_other_host_counts_as_this_machine(host: str) -> None:
    with pytest.raises(ConfigError, match="without caller keys"):
        start(GATEWAY_HOST=host)


def test_wrong_variables_and_flags_are_named() -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {"GATEWAY_PORT": "x", "GATEWAY_LOG_LEVEL": "warn"}, known=KNOWN, flags={"drain": "soon"})
    assert sorted(str(problem) for problem in caught.value.problems) == [
        "--drain: must be a duration; such as 5s, 500ms or 2m; a bare number is seconds",
        "environment: GATEWAY_LOG_LEVEL: must be debug, info, warning or error; did you mean warning?",
        "environment: GATEWAY_PORT: must be a whole number from 1 to 65535",
    ]


def test_a_file_that_lists_providers_is_completed_only_for_those(tmp_path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        """
        providers:
          openai: {}
          my-openai: {type: openai, base_url: "http://other.example/v1"}
          anthropic: {type: openai, base_url: "http://other.example/v1"}
        """
    )
    env = {"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a", "NVIDIA_API_KEY": "n"}
    config = load(file, env, known=KNOWN)
    assert list(config.providers) == ["openai", "my-openai", "anthropic"]
    assert [key.value.reveal() for key in config.providers["openai"].keys] == ["o"]
    assert config.providers["my-openai"].keys == ()  # a vendor's key goes to nobody else
    assert config.providers["anthropic"].keys == ()


def test_keys_in_the_file_replace_those_of_the_environment(tmp_path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("providers: {openai: {keys: [f1, f2]}, ollama: {keys: []}}")
    config = load(file, {"OPENAI_API_KEY": "e", "OLLAMA_API_KEY": "e"}, known=KNOWN)
    assert [key.value.reveal() for key in config.providers["openai"].keys] == ["f1", "f2"]
    assert config.providers["ollama"].keys == ()
