"""What the configuration says of retries, of what failures lead to, and of breakers."""

from collections.abc import Callable
from pathlib import Path

import pytest
from vendors_for_tests import KNOWN

from gateway.config import Config, ConfigError, load
from gateway.config.explanation import explain
from gateway.config.resilience import CAUSES, STEPS
from gateway.errors import UpstreamConnectError, UpstreamStatus
from gateway.schemas.plan import Breaker, Concurrency
from gateway.upstream.causes import Cause
from gateway.upstream.rules import TABLE, WORDS
from gateway.wiring.admission import bounded_models
from gateway.wiring.failures import breakers, rules

Read = Callable[[str], Config]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(text: str) -> Config:
        file = tmp_path / "gateway.yaml"
        file.write_text(text, encoding="utf-8")
        return load(file, {}, known=KNOWN)

    return read


def test_the_words_are_those_of_the_rules() -> None:
    assert set(STEPS) == set(WORDS)
    assert set(CAUSES) == {str(cause) for cause in Cause} - {str(Cause.OWN), str(Cause.TIMEOUT_TOTAL)}


def test_a_provider_changes_the_bounds_of_all(read: Read) -> None:
    config = read(
        """
retries: {max: 1, longest_wait: 5s, budget: 30%, on: {429: fallback}}
breaker: {failures: 9, cooldown: 2s}
providers:
  ollama: {retries: {max: 4}, breaker: {window: 1m}}
  openai: {keys: [k], breaker: off}
"""
    )
    bounds = config.providers["ollama"].retries
    assert (bounds.max, bounds.longest_wait, bounds.budget) == (4, 5.0, 0.3)
    assert breakers(config) == {
        "ollama": Breaker(failures=9, cooldown=2.0, window=60.0),
        "openai": Breaker(failures=0),
    }


def test_off_for_all_may_be_on_for_one(read: Read) -> None:
    config = read("breaker: off\nproviders: {ollama: {breaker: {failures: 3}}, openai: {keys: [k]}}")
    assert breakers(config) == {"ollama": Breaker(failures=3), "openai": Breaker(failures=0)}


def test_what_a_failure_leads_to(read: Read) -> None:
    config = read(
        """
retries:
  on: {429: [next_key, fallback], connect: stop, insufficient_quota: stop, content_policy: fallback}
"""
    )
    found = rules(config)
    limited = found.of(UpstreamStatus(429, "slow down"))
    assert (limited.retry, limited.next_key, limited.fall_back) == (False, True, True)
    assert limited.bench == TABLE[Cause.RATE_LIMITED].bench
    broke = found.of(UpstreamStatus(429, "pay", upstream_code="insufficient_quota"))
    assert (broke.retry, broke.next_key, broke.fall_back) == (False, False, False)
    assert found.of(UpstreamStatus(400, "no", upstream_code="content_filter")).fall_back
    refused = found.of(UpstreamConnectError("nobody there"))
    assert (refused.retry, refused.fall_back, refused.harm) == (False, False, True)
    assert found.of(UpstreamStatus(503, "busy")) == TABLE[Cause.OVERLOADED]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retries: {on: {sever_error: retry}}", "is no cause of failures; did you mean server_error?"),
        ("retries: {on: {timeout: retry}}", "timeout_first_byte"),
        ("retries: {on: {200: retry}}", "statuses are from 400 to 599"),
        ("retries: {on: {٤٢٩: retry}}", "statuses are from 400 to 599"),
        ("retries: {on: {429: [retry, stop]}}", "stop stands alone"),
        ("retries: {on: {429: []}}", "write stop"),
        ("retries: {on: {429: retyr}}", "did you mean retry?"),
        ("retries: {on: {a b: retry}}", "causes: connect, "),
        ("retries: {budget: 2}", "such as 0.2 or 20%"),
        ("retries: {budget: 120%}", "such as 0.2 or 20%"),
        ("breaker: on", "must be off, or a mapping of settings"),
        ("breaker: {failures: 0}", "must be a whole number from 1"),
        ("breaker: {cooldown: 3m, longest: 1m}", "is shorter than the first cooldown"),
        ("providers: {ollama: {retries: {on: {429: stop}}}}", "unknown key; known here: budget"),
    ],
)
def test_mistakes_are_named(read: Read, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert len(caught.value.problems) == 1
    assert expected in str(caught.value)


def test_a_bound_on_what_is_under_way(read: Read) -> None:
    config = read(
        """
providers:
  ollama: {concurrency: 8}
  openai: {keys: [k], concurrency: {max: 100, queue: 0, wait: 500ms}}
  vllm: {type: openai, base_url: 'http://127.0.0.1:9'}
models:
  a: {targets: [{model: ollama/x, concurrency: {max: 2, queue: 30}}, {model: vllm/y}]}
  b: {targets: [a], fallbacks: [{model: vllm/z, concurrency: 5}, {model: ollama/x, concurrency: {max: 2, queue: 30}}]}
"""
    )
    assert [config.providers[name].concurrency for name in ("ollama", "openai", "vllm")] == [
        Concurrency(8, 8, 2.0),
        Concurrency(100, 0, 0.5),
        None,
    ]
    assert bounded_models(config) == {
        ("ollama", "x"): Concurrency(2, 30, 2.0),
        ("vllm", "z"): Concurrency(5, 5, 2.0),
    }
    shown = {line.split()[0]: line for line in explain(config, KNOWN).splitlines() if line.strip()}
    assert shown["PROVIDER"].endswith("AT ONCE")
    assert shown["ollama"].endswith("  8, 8 wait up to 2s")
    assert shown["openai"].endswith("  100, nobody waits")
    assert shown["vllm"].endswith("  any number")
    assert shown["a"].split("  ")[-1] == "50%, at once 2, 30 wait up to 2s"
    assert shown["vllm/z"].split("  ")[-1] == "fallback 1, at once 5, 5 wait up to 2s"


def test_bounds_are_shown_only_where_there_are_any(read: Read) -> None:
    assert "AT ONCE" not in explain(read("providers: {ollama: {}}"), KNOWN)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("providers: {ollama: {concurrency: 0}}", "must be a whole number from 1"),
        ("providers: {ollama: {concurrency: {queue: 3}}}", "max is missing"),
        ("providers: {ollama: {concurrency: {max: 1, que: 3}}}", "did you mean queue"),
        ("providers: {ollama: {concurrency: many}}", "whole number"),
        (
            "providers: {ollama: {}}\nmodels: {a: ollama/x, b: {targets: [{model: a, concurrency: 3}]}}",
            "bounds no route",
        ),
        (
            "providers: {ollama: {}}\nmodels: {a: {targets: [{model: ollama/x, concurrency: 3}]},"
            " b: {targets: [{model: ollama/x, concurrency: 4}]}}",
            "has another concurrency elsewhere",
        ),
        ("limits: {requests: 0}", "must be a whole number from 1"),
    ],
)
def test_bounds_that_are_mistaken(read: Read, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        read(text)
