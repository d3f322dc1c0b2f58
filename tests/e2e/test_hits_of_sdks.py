"""Hits of the same endpoint: the official SDKs are told all that the provider said, but its id and its counts."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import openai_wire
import pytest
import wire
from fault_server import FaultServer
from gateway_process import CALLER_KEY, Gateway

MODEL = "openai/gpt-4o-mini"
OWN = {"system_fingerprint": "fp_44709d6fcb", "x_own": {"reason": "because"}}


@pytest.fixture(scope="module")
def shared_gateway(openai_server: FaultServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = {
        "auth": {"keys": [CALLER_KEY]},
        "cache": {"mode": "exact"},
        "providers": {"openai": {"base_url": f"{openai_server.url}/v1", "keys": ["k"]}},
    }
    gateway = Gateway(config, tmp_path_factory.mktemp("verbatim"))
    yield gateway
    gateway.stop()


@pytest.fixture
def cached(shared_gateway: Gateway, openai_upstream: FaultServer) -> Gateway:
    """A gateway that others use too: each test asks questions of its own."""
    return shared_gateway


@pytest.fixture
def hello(request: pytest.FixtureRequest) -> str:
    """What nobody else asks."""
    return f"hello from {request.node.name}"


def told_to_openai(gateway: Gateway, text: str, stream: bool) -> Any:
    """What the SDK makes of the answer: unknown members too."""
    client = openai.OpenAI(api_key=CALLER_KEY, base_url=f"{gateway.url}/v1")
    asked: Any = {"model": MODEL, "messages": [{"role": "user", "content": text}]}
    if not stream:
        return client.chat.completions.create(**asked).to_dict()
    asked["stream_options"] = {"include_usage": True}
    return [chunk.to_dict() for chunk in client.chat.completions.create(**asked, stream=True)]


def told_to_anthropic(gateway: Gateway, text: str, stream: bool) -> Any:
    client = anthropic.Anthropic(api_key=CALLER_KEY, base_url=gateway.url)
    asked: Any = {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": text}]}
    if not stream:
        return client.messages.create(**asked).to_dict()
    return [event.to_dict() for event in client.messages.create(**asked, stream=True)]


def ids_of(told: Any) -> list[str]:
    """Takes them away: of the whole answer, or of each event that has one."""
    if isinstance(told, dict):
        return [told.pop("id")]
    events = [event.get("message", event) for event in told]
    return [event.pop("id") for event in events if "id" in event]


def usage_of(told: Any) -> list[Any]:
    """Takes it away."""
    events = [told] if isinstance(told, dict) else [event.get("message", event) for event in told]
    return [event.pop("usage") for event in events if "usage" in event]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_hit_tells_openais_sdk_all_that_the_provider_said(
    cached: Gateway, hello: str, openai_upstream: FaultServer, stream: bool
) -> None:
    if stream:
        events = openai_wire.text_events(["Hel", "lo"])
        own = b"data: {" + json.dumps(OWN)[1:-1].encode() + b","
        openai_upstream.script(list(wire.stream([event.replace(b"data: {", own) for event in events])))
    else:
        openai_upstream.script(list(wire.as_json({**openai_wire.completion(), **OWN})))
    answers = [told_to_openai(cached, hello, stream) for _ in range(4)]
    ids = [ids_of(told) for told in answers]
    assert [len(set(each)) for each in ids] == [1] * 4
    assert len({each[0] for each in ids}) == 4
    counted = [usage_of(told)[-1] for told in answers]
    assert counted[0] == openai_wire.USAGE
    assert counted[1:] == [{**openai_wire.USAGE, "prompt_tokens_details": {"cached_tokens": 11}}] * 3
    assert answers[1:] == answers[:1] * 3
    first = answers[0][0] if stream else answers[0]
    assert {name: first[name] for name in OWN} == OWN
    assert len(openai_upstream.seen) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_hit_tells_anthropics_sdk_what_its_first_caller_was_told(
    cached: Gateway, hello: str, openai_upstream: FaultServer, stream: bool
) -> None:
    answers = [told_to_anthropic(cached, hello, stream) for _ in range(4)]
    assert len({tuple(ids_of(told)) for told in answers}) == 4
    counted = [usage_of(told)[-1] for told in answers]
    assert (counted[0]["input_tokens"], counted[0]["cache_read_input_tokens"]) == (7, 4)
    for usage in counted[1:]:
        assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (0, 11, 7)
    assert answers[1:] == answers[:1] * 3
    assert len(openai_upstream.seen) == 1
