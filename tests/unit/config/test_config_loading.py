"""What a right file means: values, layers, inheritance."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from vendors_for_tests import KNOWN

from gateway.config import Config, ConfigError, Secret, load, timeouts_for
from gateway.config.sections import cores
from gateway.schemas.plan import Timeouts

Reader = Callable[..., Config]

CONTRACT = """
server: {host: 127.0.0.1, port: 8080, admin_port: 8081, workers: auto}
auth:   {keys: ["${GATEWAY_KEY}"]}
providers:
  openai:    {keys: ["${OPENAI_API_KEY}"]}
  anthropic: {keys: [{value: "${ANTHROPIC_API_KEY}", weight: 3, models: ["claude-*"]}]}
  azure:     {base_url: "https://NAME.openai.azure.com", api_version: 2024-10-21, keys: ["${AZURE_KEY}"]}
  my-vllm:   {type: openai, base_url: "http://127.0.0.1:8000/v1"}
timeouts: {connect: 5s, first_byte: 60s, first_token: 60s, idle: 30s, total: 600s}
retries: {max: 2}
mid_stream: error
models:
  fast:
    strategy: weighted
    targets:   [{model: openai/gpt-4o-mini, weight: 3}, {model: my-vllm/llama-3.1-8b, weight: 1}]
    fallbacks: [anthropic/claude-haiku-4-5]
"""
KEYS = {name: name.lower() for name in ("GATEWAY_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_KEY")}


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    def read(text: str, flags: dict[str, str | None] | None = None, **env: str) -> Config:
        file = tmp_path / "gateway.yaml"
        file.write_text(text, encoding="utf-8")
        return load(file, env, known=KNOWN, flags=flags or {})

    return read


def test_the_documented_file_is_read(read: Reader) -> None:
    config = read(CONTRACT, **KEYS)
    assert list(config.providers) == ["openai", "anthropic", "azure", "my-vllm"]
    assert config.auth.keys == (Secret("gateway_key"),)
    [key] = config.providers["anthropic"].keys
    assert (key.value.reveal(), key.weight, key.models) == ("anthropic_api_key", 3, ("claude-*",))
    assert config.providers["azure"].api_version == "2024-10-21"
    assert config.providers["my-vllm"].keys == ()
    assert config.providers["my-vllm"].type == "openai"
    fast = config.models["fast"]
    assert [(one.model, one.weight) for one in fast.targets] == [
        ("openai/gpt-4o-mini", 3),
        ("my-vllm/llama-3.1-8b", 1),
    ]
    assert [one.model for one in fast.fallbacks] == ["anthropic/claude-haiku-4-5"]
    assert config.timeouts == Timeouts()
    assert config.source.endswith("gateway.yaml")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "server:\nauth:\nproviders:\nmodels:\n", "---\n"])
def test_an_empty_file_means_the_defaults_and_the_environment(read: Reader, text: str) -> None:
    config = read(text, OPENAI_API_KEY="k")
    plain = load(None, {"OPENAI_API_KEY": "k"}, known=KNOWN)
    assert msgspec.structs.replace(config, source="") == plain
    assert list(plain.providers) == ["openai"]


def test_a_flag_wins_over_the_file_and_the_file_over_the_environment(read: Reader) -> None:
    config = read(
        "server: {port: 2000, host: 127.0.0.2}\nlog: {level: debug}",
        {"port": "1000", "host": None, "log_level": "error"},
        GATEWAY_PORT="3000",
        GATEWAY_HOST="127.0.0.3",
        GATEWAY_WORKERS="3",
        GATEWAY_LOG_FORMAT="json",
    )
    assert (config.server.port, config.server.host, config.server.workers) == (1000, "127.0.0.2", 3)
    assert (config.log.level, config.log.format) == ("error", "json")


def test_a_flag_hides_no_mistake_of_the_file(read: Reader) -> None:
    with pytest.raises(ConfigError, match="server: must be a mapping"):
        read("server: nonsense", {"port": "1000"})


def test_timeouts_are_inherited_piece_by_piece(read: Reader) -> None:
    config = read(
        """
        timeouts: {connect: 1s, idle: 500ms}
        providers:
          openai: {keys: [k], timeouts: {idle: 2m, total: 1m30s}}
          ollama: {}
        models:
          slow: {targets: [openai/o3, ollama/x], timeouts: {total: 1h}}
        """
    )
    usual = Timeouts()
    openai = timeouts_for(config, "openai", config.models["slow"])
    assert openai == Timeouts(1.0, usual.first_byte, usual.first_token, 120.0, 3600.0)
    assert timeouts_for(config, "openai").total == 90.0
    assert timeouts_for(config, "ollama") == config.timeouts
    assert config.timeouts.idle == 0.5


def test_retries_and_connections_are_inherited(read: Reader) -> None:
    config = read(
        """
        retries: {max: 5}
        limits: {upstream_connections: 7}
        providers:
          openai: {keys: [k], retries: {max: 0}, max_connections: 3}
          ollama:
        models: {a: openai/x, b: {targets: [openai/x], retries: {max: 1}}}
        """
    )
    openai, ollama = config.providers["openai"], config.providers["ollama"]
    assert (openai.retries.max, openai.max_connections) == (0, 3)
    assert (ollama.retries.max, ollama.max_connections) == (5, 7)
    assert config.models["a"].retries is None
    assert config.models["b"].retries is not None
    assert config.models["b"].retries.max == 1


def test_limits_prices_and_headers(read: Reader, tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_text("{}")
    config = read(
        """
        limits: {max_body: 1MiB, max_header: 8kB, max_answer: 2000, pool_wait: 250ms, keepalive: 10}
        providers: {openai: {keys: [k], headers: {X-Team: "${TEAM}", OpenAI-Project: p-1}, stream_usage: false}}
        prices: {openai/ft: {input: 0.075, output: 6, cached: 1e-3}}
        price_files: [prices.json]
        """,
        TEAM="blue",
    )
    limits = config.limits
    assert (limits.max_body, limits.max_header, limits.max_answer) == (1 << 20, 8000, 2000)
    assert (limits.pool_wait, limits.keepalive) == (0.25, 10.0)
    openai = config.providers["openai"]
    headers = {name: value.reveal() for name, value in openai.headers.items()}
    assert headers == {"x-team": "blue", "openai-project": "p-1"}
    assert openai.stream_usage is False
    price = config.prices["openai/ft"]
    assert (price.input, price.output, price.cached) == (Decimal("0.075"), Decimal(6), Decimal("0.001"))
    assert price.cache_write is None
    assert config.price_files == (str(tmp_path / "prices.json"),)


def test_paths_start_where_they_are_written(read: Reader, tmp_path: Path) -> None:
    assert read("data: here").data == str(tmp_path / "here")
    assert read("data: /there").data == "/there"
    assert read("data: here", {"data": "flag"}).data == "flag"
    assert read("", GATEWAY_DATA="variable").data == "variable"


def test_a_variable_may_stand_for_a_number_or_a_switch(read: Reader) -> None:
    text = 'server: {port: "${P}", workers: "${W}", drain: "${D}", allow_insecure: "${A}"}\nproviders: {}'
    server = read(text, P="9000", W="auto", D="1m", A="true").server
    assert (server.port, server.drain, server.allow_insecure) == (9000, 60.0, True)
    assert server.workers >= 1


def test_variables_defaults_and_dollars_in_values(read: Reader) -> None:
    text = """
    providers:
      a: {type: openai, base_url: "http://${HOST:-fallback}:${PORT}/v1/$$x$y"}
      b: {type: openai, base_url: "http://${EMPTY:-other}/${EMPTY}v1/"}
    """
    config = read(text, PORT="1", EMPTY="")
    assert config.providers["a"].base_url == "http://fallback:1/v1/$x$y"
    assert config.providers["b"].base_url == "http://other/v1"


def test_what_a_variable_holds_is_not_searched_for_variables(read: Reader) -> None:
    config = read('providers: {openai: {keys: ["${A}"]}}', A="${B}$$", B="never")
    assert config.providers["openai"].keys[0].value == Secret("${B}$$")


def test_a_key_may_come_with_white_space_around_it(read: Reader) -> None:
    assert read("providers: {}", GATEWAY_KEY=" key\n").auth.keys == (Secret("key"),)


def test_yaml_aliases_repeat_a_value(read: Reader) -> None:
    config = read(
        """
        providers:
          openai: {keys: [k], timeouts: &short {connect: 1s}}
          ollama: {timeouts: *short}
        """
    )
    assert config.providers["ollama"].timeouts.connect == 1.0


def test_a_config_is_frozen(read: Reader) -> None:
    config = read("")
    with pytest.raises(AttributeError):
        config.server.port = 1


@pytest.mark.parametrize(
    ("quota", "at_most"), [("100000 100000", 1), ("150000 100000", 2), ("max 100000", 10_000)]
)
def test_workers_respect_the_containers_quota(tmp_path: Path, quota: str, at_most: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    assert 1 <= cores(file) <= at_most


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "zzzzzzzz: 1",
            "admin auth breaker cache data discovery journal keepalive_comments keys limits log mid_stream models "
            "per_request price_files prices providers quotas records retries rules server store teams timeouts",
        ),
        (
            "server: {zzzzzzzz: 1}",
            "admin_port allow_insecure backlog drain host port trusted_proxies workers",
        ),
        (
            "limits: {zzzzzzzz: 1}",
            "keepalive max_answer max_body max_header max_message pool_wait "
            "requests reserve shadow_bytes shadows upstream_connections",
        ),
        (
            "providers: {ollama: {zzzzzzzz: 1}}",
            "base_url breaker ca_file concurrency discover headers keys "
            "max_connections models retries stream_usage timeouts type verify_tls",
        ),
        ("providers: {ollama: {keys: [{value: a, zzzzzzzz: 1}]}}", "models value weight"),
        (
            "providers: {ollama: }\nmodels: {a: {targets: [ollama/x], zzzzzzzz: 1}}",
            "cache fallbacks hedge mid_stream retries shadow sticky strategy strict targets timeouts",
        ),
        (
            "providers: {ollama: }\nprices: {ollama/x: {input: 1, zzzzzzzz: 1}}",
            "cache_write cached input output",
        ),
        ("log: {zzzzzzzz: 1}", "format level"),
        ("retries: {zzzzzzzz: 1}", "budget longest_wait max on"),
        ("breaker: {zzzzzzzz: 1}", "cooldown failures longest minimum rate window"),
        ("auth: {zzzzzzzz: 1}", "jwt keys"),
        (
            "auth: {jwt: {issuer: a, audience: b, jwks_url: https://c, zzzzzzzz: 1}}",
            "audience claims issuer jwks_url",
        ),
        ("journal: {zzzzzzzz: 1}", "enabled segment"),
        ("cache: {zzzzzzzz: 1}", "coalesce max_entry max_size mode replay scope semantic ttl"),
        (
            "cache: {semantic: {zzzzzzzz: 1}}",
            "allow embedder error_bound max_temperature max_tokens path same_words threshold verifier verify",
        ),
        ("store: {zzzzzzzz: 1}", "url"),
        ("records: {zzzzzzzz: 1}", "bodies body_bytes client_ip keep keep_bodies keep_sums most redact"),
        ("admin: {zzzzzzzz: 1}", "enabled host"),
        ("timeouts: {zzzzzzzz: 1}", "connect first_byte first_token idle total"),
    ],
)
def test_the_accepted_settings_are_these(read: Reader, text: str, expected: str) -> None:
    """The full set, so that a new setting is a decision."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    [problem] = caught.value.problems
    assert problem.hint.removeprefix("known here: ").split(", ") == expected.split()
