"""Routes as the caller meets them: strategies, what a request may ask of its plan, and refusals that say why."""

from collections.abc import Iterator
from typing import Any

import openai_wire
import pytest
import wire
from conftest import config_for
from fault_server import FaultServer
from gateway_process import Gateway
from raw_client import Reply
from samples import HELLO

OVERLOADED = wire.as_json(openai_wire.error("overloaded", "server_error"), 503)
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.test/y.png"}}]}]


@pytest.fixture(scope="module")
def planned(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """One worker, so that turns are counted in one place."""
    config = config_for(openai_server, anthropic_server)
    config["server"] = {**config["server"], "workers": 1}
    config["per_request"] = {"timeout": "2s", "retries": 1, "fallbacks": 2}
    config["models"] = {
        "in-turn": {"strategy": "round_robin", "targets": ["my-vllm/a", "my-vllm/b", "my-vllm/c"]},
        "inner": {"strategy": "ordered", "targets": ["my-vllm/a", "my-vllm/b"]},
        "nested": {"strategy": "ordered", "targets": ["inner", "my-claude/opus"]},
        "together": {"strategy": "sticky", "targets": ["my-vllm/a", "my-vllm/b", "my-vllm/c"]},
        "places": {
            "strategy": "ordered",
            "targets": [{"model": "my-vllm/a", "tags": ["us"]}, {"model": "my-vllm/b", "tags": ["eu"]}],
        },
        "blind": {"targets": ["openai/gpt-3.5-turbo", "openai/gpt-4"]},
    }
    running = Gateway(config, tmp_path_factory.mktemp("planned"))
    try:
        yield running
        openai_server.wait(running.at_rest)
        running.stop()
    finally:
        if running.process.poll() is None:
            running.kill()


def ask(
    gateway: Gateway, model: str | None, headers: dict[str, str | bytes] | None = None, **extra: Any
) -> Reply:
    named = {} if model is None else {"model": model}
    return gateway.post("/v1/chat/completions", {**named, "messages": HELLO, **extra}, headers)


def models(upstream: FaultServer) -> list[str]:
    return [seen.json()["model"] for seen in upstream.seen]


def test_targets_take_turns(planned: Gateway, openai_upstream: FaultServer) -> None:
    for _ in range(6):
        assert ask(planned, "in-turn").status == 200
    asked = models(openai_upstream)
    assert asked[:3] == asked[3:]
    assert sorted(asked[:3]) == ["a", "b", "c"]


def test_a_session_stays_at_its_target(planned: Gateway, openai_upstream: FaultServer) -> None:
    for number in range(30):
        assert ask(planned, "together", {"x-gateway-session": f"s{number // 3}"}).status == 200
    asked = models(openai_upstream)
    assert all(len(set(asked[at : at + 3])) == 1 for at in range(0, 30, 3))
    assert len(set(asked)) > 1  # one chance in 3**9


def test_a_route_in_a_route_fails_over_in_its_order(
    planned: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    openai_upstream.script(OVERLOADED, OVERLOADED)
    reply = ask(planned, "nested")
    assert (reply.status, reply.headers["x-gateway-attempts"]) == (200, "3")
    assert models(openai_upstream) == ["a", "b"]
    assert anthropic_upstream.only.json()["model"] == "opus"


def test_fallbacks_of_a_request(
    planned: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    openai_upstream.script(OVERLOADED)
    reply = ask(planned, "my-vllm/x", fallbacks=["my-claude/opus"])
    assert (reply.status, reply.headers["x-gateway-fallback"]) == (200, "true")
    assert "fallbacks" not in openai_upstream.only.json()
    assert "fallbacks" not in anthropic_upstream.only.json()
    assert "x-gateway-dropped" not in reply.headers


def test_a_list_of_models_without_a_model(planned: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script(OVERLOADED, wire.as_json(openai_wire.completion("from y")))
    assert ask(planned, None, models=["my-vllm/x", "my-vllm/y"]).status == 200
    assert models(openai_upstream) == ["x", "y"]
    assert all("models" not in seen.json() for seen in openai_upstream.seen)


def test_more_fallbacks_than_allowed_are_refused(planned: Gateway, openai_upstream: FaultServer) -> None:
    reply = ask(planned, "my-vllm/x", fallbacks=["my-vllm/1", "my-vllm/2", "my-vllm/3"])
    assert (reply.status, reply.json()["error"]["param"]) == (400, "fallbacks")
    assert openai_upstream.seen == []


def test_a_request_retries_as_often_as_it_asks(planned: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script(OVERLOADED, OVERLOADED, OVERLOADED)
    reply = ask(planned, "my-vllm/x", {"x-gateway-retries": "9"})
    assert reply.status == 503
    assert len(openai_upstream.seen) == 2


def test_tags_choose_the_target(planned: Gateway, openai_upstream: FaultServer) -> None:
    assert ask(planned, "places", {"x-gateway-tags": "eu"}).status == 200
    assert models(openai_upstream) == ["b"]
    refused = ask(planned, "places", {"x-gateway-tags": "mars"})
    assert refused.status == 400
    assert "my-vllm/a has not all of the tags" in refused.json()["error"]["message"]
    assert len(openai_upstream.seen) == 1


def test_a_plan_is_told_when_asked(planned: Gateway, openai_upstream: FaultServer) -> None:
    reply = ask(planned, "places", {"x-gateway-explain": "1"})
    plan = reply.headers["x-gateway-plan"]
    assert plan.startswith("my-vllm/a: ")
    assert "; my-vllm/b: " in plan
    assert "x-gateway-plan" not in ask(planned, "places").headers


def test_a_hostile_name_cannot_break_the_head(planned: Gateway, openai_upstream: FaultServer) -> None:
    name = "my-vllm/" + "ü" * 200
    reply = ask(planned, name, {"x-gateway-explain": "1"}, fallbacks=["my-vllm/" + "é" * 240])
    assert reply.status == 200
    assert reply.headers["x-gateway-plan"].isascii()
    assert len(reply.headers["x-gateway-plan"]) <= 4096


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_when_no_target_is_able_the_caller_learns_why(
    planned: Gateway, openai_upstream: FaultServer, path: str
) -> None:
    picture = {"type": "image", "source": {"type": "url", "url": "https://x.test/y.png"}}
    messages = IMAGE if "chat" in path else [{"role": "user", "content": [picture]}]
    reply = planned.post(path, {"model": "blind", "max_tokens": 9, "messages": messages})
    assert reply.status == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert "openai/gpt-4 cannot do what the request needs" in reply.json()["error"]["message"]
    assert openai_upstream.seen == []
