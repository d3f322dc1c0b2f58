"""boto3's bedrock-runtime, pointed at the gateway by its endpoint URL, reaches every provider; SDKs reach Bedrock."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import botocore
import botocore.config
import botocore.exceptions
import openai
import pytest
import wire
from fault_server import Answer, FaultServer, Seen
from gateway_process import CALLER_KEY, Gateway
from openai_wire import in_words
from samples import HELLO
from sdk_calls import opened

from gateway._speedups.eventstream import frame

WORDS = "hello wörld 🙂"
TEXT = f"echo: {WORDS}"
MODELS = ["bedrock/eu.amazon.nova-lite-v1:0", "my-vllm/llama", "anthropic/claude-sonnet-4-5"]
USAGE = {"inputTokens": 9, "outputTokens": 7, "totalTokens": 16}


def framed(name: str, payload: Any) -> bytes:
    return frame(name, json.dumps(payload).encode())


def stream_of(text: str) -> list[bytes]:
    return [
        framed("messageStart", {"role": "assistant"}),
        *(
            framed("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}})
            for word in in_words(text)
        ),
        framed("contentBlockStop", {"contentBlockIndex": 0}),
        framed("messageStop", {"stopReason": "end_turn"}),
        framed("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}),
    ]


def echo(seen: Seen) -> Answer:
    asked = json.loads(seen.body)
    text = "echo: " + "".join(block.get("text", "") for block in asked["messages"][-1]["content"])
    if seen.path.endswith("/converse-stream"):
        return wire.whole(b"".join(stream_of(text)), content_type="application/vnd.amazon.eventstream")
    message = {"role": "assistant", "content": [{"text": text}]}
    reply = {
        "output": {"message": message},
        "stopReason": "end_turn",
        "usage": USAGE,
        "metrics": {"latencyMs": 1},
    }
    return wire.as_json(reply)


@pytest.fixture(scope="module")
def bedrock_server() -> Iterator[FaultServer]:
    server = FaultServer(echo).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def shared(
    share_gateway: Any,
    bedrock_server: FaultServer,
    openai_server: FaultServer,
    anthropic_server: FaultServer,
) -> Gateway:
    providers = {
        "bedrock": {"base_url": bedrock_server.url, "keys": ["canary-bedrock"]},
        "my-vllm": {"type": "vllm", "base_url": f"{openai_server.url}/v1"},
        "anthropic": {"base_url": anthropic_server.url, "keys": ["k"]},
    }
    gateway: Gateway = share_gateway(providers=providers, models={})
    return gateway


@pytest.fixture
def all_three(
    shared: Gateway,
    bedrock_server: FaultServer,
    openai_upstream: FaultServer,
    anthropic_upstream: FaultServer,
) -> Gateway:
    bedrock_server.reset()
    return shared


def with_key(request: Any, **_: Any) -> None:
    request.headers["x-api-key"] = CALLER_KEY


@pytest.fixture
def runtime(all_three: Gateway) -> Any:
    """The key goes as a header of its own: boto3 sends its bearer keys over TLS only."""
    settings = botocore.config.Config(retries={"max_attempts": 0}, signature_version=botocore.UNSIGNED)
    client = opened(
        boto3.client(
            "bedrock-runtime",
            region_name="eu-west-1",
            endpoint_url=f"{all_three.url}/bedrock",
            config=settings,
        )
    )
    client.meta.events.register("before-send.*.*", with_key)
    return client


def test_boto3_may_sign_with_the_gateways_key(all_three: Gateway) -> None:
    settings = botocore.config.Config(retries={"max_attempts": 0})
    url = f"{all_three.url}/bedrock"

    def client(access_key: str) -> Any:
        keys = {"aws_access_key_id": access_key, "aws_secret_access_key": "anything"}
        return opened(boto3.client("bedrock-runtime", "eu-west-1", endpoint_url=url, config=settings, **keys))

    reply = client(CALLER_KEY).converse(modelId=MODELS[0], messages=MESSAGES)
    assert reply["output"]["message"]["content"][0]["text"] == TEXT
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        client("AKIDOFNOBODY").converse(modelId=MODELS[0], messages=MESSAGES)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (401, 403)


MESSAGES = [{"role": "user", "content": [{"text": WORDS}]}]


@pytest.mark.parametrize("model", MODELS)
def test_converse(runtime: Any, model: str) -> None:
    reply = runtime.converse(modelId=model, messages=MESSAGES)
    assert reply["output"]["message"]["content"][0]["text"] == TEXT
    assert reply["stopReason"] == "end_turn"
    assert reply["usage"]["inputTokens"] > 0


@pytest.mark.parametrize("model", MODELS)
def test_converse_stream(runtime: Any, model: str) -> None:
    events = list(runtime.converse_stream(modelId=model, messages=MESSAGES)["stream"])
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    assert "".join(delta.get("text", "") for delta in deltas) == TEXT
    assert [event["messageStop"]["stopReason"] for event in events if "messageStop" in event] == ["end_turn"]


def test_the_same_dialect_passes(runtime: Any, bedrock_server: FaultServer) -> None:
    runtime.converse(modelId=MODELS[0], messages=MESSAGES)
    seen = bedrock_server.only
    assert seen.path == "/model/eu.amazon.nova-lite-v1%3A0/converse"
    assert seen.header("authorization") == "Bearer canary-bedrock"
    assert seen.json() == {"messages": MESSAGES}


@pytest.mark.parametrize("stream", [False, True])
def test_openais_sdk_reaches_bedrock(all_three: Gateway, stream: bool) -> None:
    with openai.OpenAI(base_url=f"{all_three.url}/v1", api_key=CALLER_KEY, max_retries=0) as sdk:
        asked: Any = {"model": MODELS[0], "messages": HELLO, "stream": stream}
        reply = sdk.chat.completions.create(**asked)
        if stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in reply if chunk.choices)
        else:
            text = reply.choices[0].message.content
            assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (9, 7)
    assert text == TEXT


def test_errors_are_those_that_boto3_knows(runtime: Any, bedrock_server: FaultServer) -> None:
    bedrock_server.script(wire.as_json({"message": "slow down"}, 429, x_amzn_errortype="ThrottlingException"))
    with pytest.raises(runtime.exceptions.ThrottlingException, match="slow down"):
        runtime.converse(modelId=MODELS[0], messages=MESSAGES)
    with pytest.raises(botocore.exceptions.ClientError) as unknown:
        runtime.converse(modelId="nobody/x", messages=MESSAGES)
    assert unknown.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_cut_stream_is_no_end(runtime: Any, bedrock_server: FaultServer) -> None:
    cut = b"".join(stream_of(WORDS)[:3])
    bedrock_server.script(wire.whole(cut, content_type="application/vnd.amazon.eventstream"))
    with (
        closing(runtime.converse_stream(modelId=MODELS[0], messages=MESSAGES)["stream"]) as stream,
        pytest.raises(botocore.exceptions.EventStreamError, match="before it was complete"),
    ):
        list(stream)
