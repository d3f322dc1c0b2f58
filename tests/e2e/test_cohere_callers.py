"""Cohere's own SDK, pointed at the gateway by its base URL, reaches every provider; every SDK reaches Cohere."""

from collections.abc import Iterator
from typing import Any

import cohere
import cohere_wire
import openai
import pytest
import wire
from fault_server import FaultServer
from gateway_process import CALLER_KEY, Gateway
from samples import HELLO
from sdk_calls import opened

TEXT = "echo: hello wörld 🙂"
MODELS = ["cohere/command-a-03-2025", "my-vllm/llama", "anthropic/claude-sonnet-4-5"]


@pytest.fixture(scope="module")
def cohere_server() -> Iterator[FaultServer]:
    server = FaultServer(cohere_wire.echo).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def shared(
    share_gateway: Any,
    cohere_server: FaultServer,
    openai_server: FaultServer,
    anthropic_server: FaultServer,
) -> Gateway:
    providers = {
        "cohere": {"base_url": cohere_server.url, "keys": ["canary-cohere"]},
        "my-vllm": {"type": "vllm", "base_url": f"{openai_server.url}/v1"},
        "anthropic": {"base_url": anthropic_server.url, "keys": ["k"]},
    }
    gateway: Gateway = share_gateway(providers=providers, models={})
    return gateway


@pytest.fixture
def both(
    shared: Gateway,
    cohere_server: FaultServer,
    openai_upstream: FaultServer,
    anthropic_upstream: FaultServer,
) -> Gateway:
    cohere_server.reset()
    return shared


def client(gateway: Gateway) -> cohere.ClientV2:
    return opened(cohere.ClientV2(api_key=CALLER_KEY, base_url=f"{gateway.url}/cohere"))


@pytest.mark.parametrize("model", MODELS)
def test_chat(both: Gateway, model: str) -> None:
    reply = client(both).chat(model=model, messages=HELLO)
    assert reply.message.content is not None
    assert reply.message.content[0].text == TEXT  # type: ignore[union-attr]
    assert reply.finish_reason == "COMPLETE"


@pytest.mark.parametrize("model", MODELS)
def test_stream(both: Gateway, model: str) -> None:
    text, finishes = "", []
    for event in client(both).chat_stream(model=model, messages=HELLO):
        if event.type == "content-delta":
            text += event.delta.message.content.text  # type: ignore[union-attr, operator]
        if event.type == "message-end":
            finishes.append(event.delta.finish_reason)  # type: ignore[union-attr]
    assert (text, finishes) == (TEXT, ["COMPLETE"])


@pytest.mark.parametrize("stream", [False, True])
def test_openais_sdk_reaches_cohere(both: Gateway, cohere_server: FaultServer, stream: bool) -> None:
    with openai.OpenAI(base_url=f"{both.url}/v1", api_key=CALLER_KEY, max_retries=0) as sdk:
        asked: Any = {"model": "cohere/command-a-03-2025", "messages": HELLO, "stream": stream}
        reply = sdk.chat.completions.create(**asked)
        if stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in reply if chunk.choices)
        else:
            text = reply.choices[0].message.content
            assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (9, 7)
    assert text == TEXT
    seen = cohere_server.only
    assert seen.path == "/v2/chat"
    assert seen.header("authorization") == "Bearer canary-cohere"
    assert seen.json()["model"] == "command-a-03-2025"


def test_errors_have_coheres_shape(both: Gateway, cohere_server: FaultServer) -> None:
    cohere_server.script(wire.as_json({"id": "e", "message": "too many"}, 429))
    with pytest.raises(cohere.TooManyRequestsError) as raised:
        client(both).chat(model=MODELS[0], messages=HELLO, request_options={"max_retries": 0})
    assert "too many" in str(raised.value.body)
    with pytest.raises(cohere.NotFoundError):
        client(both).chat(model="nobody/x", messages=HELLO, request_options={"max_retries": 0})
    wrong = opened(cohere.ClientV2(api_key="wrong", base_url=f"{both.url}/cohere"))
    with pytest.raises(cohere.UnauthorizedError):
        wrong.chat(model=MODELS[0], messages=HELLO)


def test_a_cut_stream_is_no_end(both: Gateway, cohere_server: FaultServer) -> None:
    cohere_server.script(wire.stream(cohere_wire.events(["half "])[:3]))
    events = list(client(both).chat_stream(model=MODELS[0], messages=HELLO))
    assert events[-1].type == "message-end"
    assert events[-1].delta.finish_reason == "ERROR"  # type: ignore[union-attr]
    assert "before it was complete" in (events[-1].delta.error or "")  # type: ignore[union-attr]
