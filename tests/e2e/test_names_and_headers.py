"""Names that callers ask for, where they lead, and what the gateway says of its work in response headers."""

from typing import Any

import openai_wire
import pytest
import wire
from fault_server import FaultServer
from gateway_process import ANTHROPIC_KEY, OPENAI_KEY, Gateway
from raw_client import Reply
from samples import HELLO

OVERLOADED = wire.as_json(openai_wire.error("overloaded", "server_error"), 503)


def ask(gateway: Gateway, model: str, **extra: Any) -> Reply:
    return gateway.post("/v1/chat/completions", {"model": model, "messages": HELLO, **extra})


def content(reply: Reply) -> str:
    text: str = reply.json()["choices"][0]["message"]["content"]
    return text


@pytest.mark.parametrize(
    ("name", "path", "model"),
    [
        ("openai/gpt-4o-mini", "/v1/chat/completions", "gpt-4o-mini"),
        ("groq/llama-3.3-70b-versatile", "/groq/openai/v1/chat/completions", "llama-3.3-70b-versatile"),
        ("my-vllm/llama-3.1-8b", "/vllm/v1/chat/completions", "llama-3.1-8b"),
        ("my-vllm/meta-llama/Llama-3.1-8B", "/vllm/v1/chat/completions", "meta-llama/Llama-3.1-8B"),
    ],
)
def test_name_leads_to_provider(
    gateway: Gateway, openai_upstream: FaultServer, name: str, path: str, model: str
) -> None:
    reply = ask(gateway, name)
    assert content(reply) == "echo: hello wörld 🙂"
    assert openai_upstream.only.path == path
    assert openai_upstream.only.json()["model"] == model
    assert reply.headers["x-gateway-provider"] == name.partition("/")[0]
    assert reply.headers["x-gateway-model"] == model


def test_bare_name_of_one_provider(gateway: Gateway, anthropic_upstream: FaultServer) -> None:
    assert content(ask(gateway, "claude-sonnet-4-5")) == "echo: hello wörld 🙂"
    assert anthropic_upstream.only.json()["model"] == "claude-sonnet-4-5"


def test_custom_anthropic_provider(gateway: Gateway, anthropic_upstream: FaultServer) -> None:
    reply = gateway.post("/v1/messages", {"model": "my-claude/opus", "max_tokens": 9, "messages": HELLO})
    assert reply.json()["content"][0]["text"] == "echo: hello wörld 🙂"
    assert anthropic_upstream.only.path == "/v1/messages"
    assert anthropic_upstream.only.header("x-api-key") is None


def test_keyless_provider_gets_no_credential(gateway: Gateway, openai_upstream: FaultServer) -> None:
    ask(gateway, "my-vllm/llama-3.1-8b")
    assert openai_upstream.only.header("authorization") is None


def test_keys_serve_the_models_that_they_are_for(gateway: Gateway, openai_upstream: FaultServer) -> None:
    for _ in range(40):  # one chance in 2**39 that one key of two is never drawn
        assert ask(gateway, "many-keys/small-one").status == 200
    used = {seen.header("authorization") for seen in openai_upstream.seen}
    assert used == {f"Bearer {OPENAI_KEY}", f"Bearer {ANTHROPIC_KEY}"}
    openai_upstream.reset()
    for _ in range(10):
        ask(gateway, "many-keys/large-one")
    assert {seen.header("authorization") for seen in openai_upstream.seen} == {f"Bearer {ANTHROPIC_KEY}"}
    openai_upstream.reset()
    assert 400 <= ask(gateway, "many-keys/other").status < 500
    assert openai_upstream.seen == []


def test_declared_name_leads_to_its_target(gateway: Gateway, openai_upstream: FaultServer) -> None:
    reply = ask(gateway, "fast")
    assert openai_upstream.only.json()["model"] == "gpt-4o-mini"
    assert reply.headers["x-gateway-provider"] == "openai"
    assert reply.headers["x-gateway-fallback"] == "false"
    assert reply.headers["x-gateway-attempts"] == "1"


@pytest.mark.parametrize("stream", [False, True])
def test_declared_name_falls_back_to_another_dialect(
    gateway: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer, stream: bool
) -> None:
    openai_upstream.script(OVERLOADED)
    reply = ask(gateway, "fast", stream=stream)
    assert (reply.status, reply.complete) == (200, True)
    assert "wörld" in reply.body.decode()
    assert len(openai_upstream.seen) == len(anthropic_upstream.seen) == 1
    assert anthropic_upstream.only.json()["model"] == "claude-haiku-4-5"
    assert reply.headers["x-gateway-provider"] == "anthropic"
    assert reply.headers["x-gateway-fallback"] == "true"
    assert reply.headers["x-gateway-attempts"] == "2"


def test_last_fallback_serves_when_all_others_fail(
    gateway: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    openai_upstream.script(OVERLOADED, wire.as_json(openai_wire.completion("from vllm")))
    anthropic_upstream.script([b"garbage\r\n\r\n"])
    reply = ask(gateway, "fast")
    assert content(reply) == "from vllm"
    assert reply.headers["x-gateway-provider"] == "my-vllm"
    assert reply.headers["x-gateway-attempts"] == "3"


def test_a_callers_mistake_does_not_fall_back(
    gateway: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    openai_upstream.script(wire.as_json(openai_wire.error("bad tool schema"), 400))
    reply = ask(gateway, "fast")
    assert (reply.status, reply.json()["error"]["message"]) == (400, "bad tool schema")
    assert anthropic_upstream.seen == []


def test_weights_reach_both_targets(gateway: Gateway, openai_upstream: FaultServer) -> None:
    with gateway.connect() as connection:
        for _ in range(60):  # one chance in 2**59 to fail by luck
            connection.send(gateway.encode("/v1/chat/completions", {"model": "two-ways", "messages": HELLO}))
            connection.reply()
    assert {seen.json()["model"] for seen in openai_upstream.seen} == {"gpt-4o", "llama-3.1-8b"}


def test_every_answer_has_an_identity(gateway: Gateway, openai_upstream: FaultServer) -> None:
    replies = [ask(gateway, "openai/gpt-4o-mini"), ask(gateway, "nobody/none"), gateway.post("/v1/nope", {})]
    assert [reply.status for reply in replies] == [200, 404, 404]
    assert len({reply.headers["x-gateway-request-id"] for reply in replies}) == 3


def test_cost_and_overhead_are_told(gateway: Gateway, openai_upstream: FaultServer) -> None:
    reply = ask(gateway, "openai/gpt-4o-mini")
    # 7 plain, 4 cached and 7 output tokens at 0.15, 0.075 and 0.60 dollars for a million
    assert float(reply.headers["x-gateway-cost-usd"]) == pytest.approx(5.55e-06)
    assert int(reply.headers["x-gateway-overhead-us"]) >= 0
    assert "dur=" in reply.headers["server-timing"]


def test_unknown_price_is_not_zero(gateway: Gateway, openai_upstream: FaultServer) -> None:
    reply = ask(gateway, "my-vllm/llama-3.1-8b")
    assert "x-gateway-cost-usd" not in reply.headers


def test_unreachable_provider(gateway: Gateway) -> None:
    reply = ask(gateway, "dead/any")
    assert reply.status == 502
    assert reply.json()["error"]["code"] == "upstream_connect_error"


def test_a_strict_route_refuses_what_cannot_cross(
    start_gateway: Any, anthropic_upstream: FaultServer
) -> None:
    """The field is named, and the provider is not asked."""
    targets = ["anthropic/claude-sonnet-4-5"]
    gateway = start_gateway(
        models={"exact": {"targets": targets, "strict": True}, "loose": {"targets": targets}}
    )
    asked = {"messages": [{"role": "user", "content": "hello"}], "logit_bias": {"50256": -100}}
    refused = gateway.post("/v1/chat/completions", {"model": "exact", **asked})
    assert refused.status == 400
    assert refused.json()["error"]["param"] == "logit_bias"
    assert anthropic_upstream.seen == []
    served = gateway.post("/v1/chat/completions", {"model": "loose", **asked})
    assert served.status == 200
    assert served.headers["x-gateway-dropped"] == "logit_bias"
    gateway.stop()
