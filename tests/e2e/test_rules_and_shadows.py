"""Rules and shadow traffic, through the real gateway."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import openai_wire
import pytest
from conftest import StartGateway, config_for
from fault_server import FaultServer, Gate
from gateway_process import Gateway
from raw_client import Reply

HELLO = [{"role": "user", "content": "hello"}]

RULES = [
    {
        "name": "no-secrets",
        "when": 'request.header["x-level"] == "top"',
        "refuse": {"message": "not for this gateway", "status": 451},
    },
    {"name": "short", "when": 'request.model == "auto" && request.tokens < 50', "route": "small"},
    {
        "name": "hard",
        "when": 'request.model == "auto" && request.tokens >= 50',
        "model": "anthropic/claude-opus-4-5",
    },
    {
        "name": "calm",
        "when": 'request.user == "calm"',
        "set": {"temperature": 0, "max_tokens": 50, "top_k": None},
    },
    {"name": "ab", "when": 'request.model == "ab"', "split": {"by": "user", "30%": "small", "70%": "other"}},
    {"name": "odd", "when": "request.metadata.n > 5", "refuse": "too many"},
]
MODELS = {
    "small": {"targets": ["openai/gpt-4o-mini"]},
    "other": {"targets": ["my-vllm/llama-3.1-8b"]},
    "watched": {
        "targets": ["anthropic/claude-haiku-4-5"],
        "shadow": [{"model": "openai/gpt-4o", "share": "100%"}],
    },
}


@pytest.fixture(scope="module")
def ruled(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    config = {**config_for(openai_server, anthropic_server), "models": MODELS, "rules": RULES}
    running = Gateway(
        {**config, "log": {"format": "json", "level": "debug"}}, tmp_path_factory.mktemp("ruled")
    )
    try:
        yield running
        openai_server.wait(running.at_rest)
        openai_server.wait(lambda: openai_server.busy == 0)
        running.stop()
    finally:
        if running.process.poll() is None:
            running.kill()


def ask(gateway: Gateway, model: str = "openai/gpt-4o", headers: Any = None, **body: Any) -> Reply:
    return gateway.post("/v1/chat/completions", {"model": model, "messages": HELLO, **body}, headers)


def test_a_rule_chooses_the_route(
    ruled: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    reply = ask(ruled, "auto")
    assert (reply.status, reply.headers["x-gateway-rule"]) == (200, "short")
    assert openai_upstream.only.json()["model"] == "gpt-4o-mini"
    long = [{"role": "user", "content": "word " * 200}]
    reply = ask(ruled, "auto", messages=long)
    assert (reply.status, reply.headers["x-gateway-rule"]) == (200, "hard")
    assert anthropic_upstream.only.json()["model"] == "claude-opus-4-5"


def test_without_a_match_the_request_passes_as_it_is(ruled: Gateway, openai_upstream: FaultServer) -> None:
    body = b'{"model": "openai/x", "messages" : [ ],"temperature":1.00}'
    reply = ruled.post("/v1/chat/completions", body)
    assert "x-gateway-rule" not in reply.headers
    assert openai_upstream.only.body == body.replace(b"openai/x", b"x")


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/v1/chat/completions", {"messages": HELLO}, ("error", "message")),
        ("/v1/messages", {"messages": HELLO, "max_tokens": 9}, ("error", "message")),
        ("/cohere/v2/chat", {"messages": HELLO}, ("message",)),
    ],
)
def test_a_refusal_is_written_in_the_callers_dialect(
    ruled: Gateway, openai_upstream: FaultServer, path: str, body: dict[str, Any], place: tuple[str, ...]
) -> None:
    reply = ruled.post(path, {"model": "openai/gpt-4o", **body}, {"x-level": "top"})
    found = reply.json()
    for name in place:
        found = found[name]
    assert (reply.status, found) == (451, "not for this gateway")
    assert reply.headers["x-gateway-rule"] == "no-secrets"
    assert openai_upstream.seen == []


def test_settings_reach_both_dialects(
    ruled: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    asked = {"user": "calm", "temperature": 1.5, "top_k": 7}
    assert ask(ruled, **asked).headers["x-gateway-rule"] == "calm"
    sent = openai_upstream.only.json()
    assert (sent["temperature"], sent["max_tokens"], "top_k" in sent) == (0, 50, False)
    assert ask(ruled, "anthropic/claude-haiku-4-5", **asked).status == 200
    sent = anthropic_upstream.only.json()
    assert (sent["temperature"], sent["max_tokens"], "top_k" in sent) == (0, 50, False)


def test_a_split_is_steady_for_each_user(ruled: Gateway, openai_upstream: FaultServer) -> None:
    led: dict[str, set[str]] = {}
    for _ in range(2):  # two workers answer
        for n in range(60):
            reply = ask(ruled, "ab", user=f"user-{n}")
            led.setdefault(f"user-{n}", set()).add(reply.headers["x-gateway-model"])
    assert {len(models) for models in led.values()} == {1}
    assert 5 <= Counter(next(iter(models)) for models in led.values())["gpt-4o-mini"] <= 31


def test_a_rule_that_fails_does_not_fail_the_request(ruled: Gateway, openai_upstream: FaultServer) -> None:
    before = ruled.metric("gateway_rule_total", rule="odd", outcome="failed")
    for _ in range(20):
        assert ask(ruled, metadata={"n": "a secret of the caller's"}).status == 200
    assert ruled.metric("gateway_rule_total", rule="odd", outcome="failed") == before + 20
    logged = [line for line in ruled.log().splitlines() if '"rule_failed"' in line and '"odd"' in line]
    assert 1 <= len(logged) <= 2, "once in each worker"
    assert "a secret of the caller" not in ruled.log()
    assert ask(ruled, metadata={"n": 6}).status == 403


@pytest.mark.parametrize("stream", [False, True])
def test_a_shadow_is_recorded_and_never_delays(
    ruled: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer, stream: bool
) -> None:
    held = Gate()

    def late(seen: Any) -> Any:
        return [held, *openai_wire.echo(seen)]

    openai_upstream.handle(late)
    before = ruled.metric("gateway_shadow_total", provider="openai", outcome="ok")
    reply = ask(ruled, "watched", stream=stream)
    assert (reply.status, reply.complete, reply.headers["x-gateway-provider"]) == (200, True, "anthropic")
    openai_upstream.wait(lambda: len(openai_upstream.seen) == 1)
    assert openai_upstream.only.json()["model"] == "gpt-4o"
    assert openai_upstream.only.json()["messages"] == HELLO
    held.open()
    openai_upstream.wait(
        lambda: ruled.metric("gateway_shadow_total", provider="openai", outcome="ok") == before + 1
    )
    name = reply.headers["x-gateway-request-id"] + "-shadow"

    def logged() -> bool:
        lines = [json.loads(line) for line in ruled.log().splitlines()]
        return any((line.get("event"), line.get("request_id")) == ("shadow", name) for line in lines)

    openai_upstream.wait(logged)
    assert ruled.metric("gateway_requests_total", endpoint="shadow", provider="openai") >= 1
    assert ruled.metric("gateway_tokens_total", endpoint="shadow", type="output") >= 7


def test_a_shadow_that_fails_is_nobodys_failure(
    ruled: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    def broken(seen: Any) -> Any:
        return [b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"]

    openai_upstream.handle(broken)
    before = ruled.metric("gateway_shadow_total", outcome="error")
    assert ask(ruled, "watched").status == 200
    openai_upstream.wait(lambda: ruled.metric("gateway_shadow_total", outcome="error") == before + 1)
    assert len(openai_upstream.seen) == 1, "a copy is not tried again"


def test_a_drain_does_not_wait_for_shadows(
    start_gateway: StartGateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    held = Gate()

    def never(seen: Any) -> Any:
        return [held]

    openai_upstream.handle(never)
    gateway = start_gateway(models=MODELS, limits={"shadows": 1}, server={"drain": "10s", "workers": 1})
    assert ask(gateway, "watched").status == 200
    openai_upstream.wait(lambda: len(openai_upstream.seen) == 1)
    assert ask(gateway, "watched").status == 200
    openai_upstream.wait(lambda: gateway.metric("gateway_shadow_total", outcome="dropped") == 1)
    gateway.stop()
    openai_upstream.wait(lambda: openai_upstream.only.closed_by_peer)
    held.open()
