"""Anthropic's callers reach Claude on Bedrock in their own dialect; what they and Claude say passes as it is."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import anthropic_wire
import openai
import pytest
import wire
from fault_server import Answer, FaultServer, Seen
from gateway_process import CALLER_KEY, Gateway
from samples import HELLO

from gateway._speedups.eventstream import frame

MODEL = "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
SIGNED = {"type": "thinking", "thinking": "hm", "signature": "c2lnbmF0dXJl=="}
STREAM_TYPE = "application/vnd.amazon.eventstream"


def chunk(event: dict[str, Any], **layout: Any) -> bytes:
    text = json.dumps(event, **layout).encode()
    return frame("chunk", json.dumps({"bytes": base64.b64encode(text).decode(), "p": "abcdef"}).encode())


def as_bedrock(sse: bytes, **layout: Any) -> Iterator[bytes]:
    """Anthropic's events, as its fake server writes them, in Bedrock's messages."""
    for _, data in wire.events_of(sse):
        yield chunk(json.loads(data), **layout)


def answer(seen: Seen) -> Answer:
    head = b"POST /v1/messages HTTP/1.1" + seen.head[len(seen.request_line) :]
    asked = json.loads(seen.body)
    assert "model" not in asked
    assert "stream" not in asked
    streams = seen.path.endswith("/invoke-with-response-stream")
    body = json.dumps({"model": "claude", "stream": streams, **asked}).encode()
    parts = [part for part in anthropic_wire.echo(Seen(head, body, 0, True)) if isinstance(part, bytes)]
    if not streams:
        return parts
    sse = b"".join(part.split(b"\r\n", 1)[1][:-2] for part in parts[1:-1])
    return wire.whole(b"".join(as_bedrock(sse, indent=1)), content_type=STREAM_TYPE)


@pytest.fixture(scope="module")
def bedrock() -> Iterator[FaultServer]:
    server = FaultServer(answer).start()
    yield server
    server.stop()
    assert [repr(failure) for failure in server.failures] == []


@pytest.fixture(scope="module")
def shared(share_gateway: Any, bedrock: FaultServer) -> Gateway:
    provider = {"base_url": bedrock.url, "keys": ["k"]}
    running: Gateway = share_gateway(providers={"bedrock": provider}, models={}, server={"workers": 1})
    return running


@pytest.fixture
def gateway(shared: Gateway, bedrock: FaultServer) -> Gateway:
    bedrock.reset()
    return shared


@pytest.fixture
def sdk(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key=CALLER_KEY, max_retries=0) as client:
        yield client


def test_the_body_passes_but_for_what_bedrock_has_elsewhere(gateway: Gateway, bedrock: FaultServer) -> None:
    turns = [{"role": "assistant", "content": [SIGNED]}, *HELLO]
    asked = {"model": MODEL, "max_tokens": 9, "messages": turns, "new_field": {"x": 1}}
    headers = {"anthropic-version": "2026-10-21", "anthropic-beta": "one-1, two-2"}
    reply = gateway.post("/v1/messages", asked, headers)
    assert reply.status == 200, reply.body
    seen = bedrock.only
    assert seen.path == "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"
    assert seen.json() == {
        **{name: value for name, value in asked.items() if name != "model"},
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["one-1", "two-2"],
    }
    assert seen.header("anthropic-version") is seen.header("anthropic-beta") is None
    assert reply.headers["x-gateway-provider"] == "bedrock"


def test_a_stream_is_anthropics(sdk: anthropic.Anthropic) -> None:
    with sdk.messages.stream(model=MODEL, max_tokens=9, messages=HELLO) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text.startswith("echo: ")
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens == 7


def test_what_breaks_a_stream_is_told(sdk: anthropic.Anthropic, bedrock: FaultServer) -> None:
    whole = list(as_bedrock(b"".join(anthropic_wire.block_events(0, anthropic_wire.text("hello")))))
    started = [*as_bedrock(anthropic_wire.start_event()), *whole]
    broken = frame("modelStreamErrorException", b'{"message":"overheated"}', "exception")
    for sent, said in (
        (b"".join([*started, broken]), "overheated"),
        (b"".join(started)[:-5], "before it was complete"),
    ):
        bedrock.script(wire.whole(sent, content_type=STREAM_TYPE))
        stream = sdk.messages.create(model=MODEL, max_tokens=9, messages=HELLO, stream=True)
        with pytest.raises(anthropic.APIStatusError, match=said):
            list(stream)


@pytest.mark.parametrize(
    "payload", [b"{}", b'{"bytes":"?"}', b'{"bytes":"e30="}', b'{"bytes":7}', b"\xff", b'{"bytes":"W10="}']
)
def test_what_is_no_event_is_no_answer(
    sdk: anthropic.Anthropic, bedrock: FaultServer, payload: bytes
) -> None:
    bedrock.script(wire.whole(frame("chunk", payload), content_type=STREAM_TYPE))
    with pytest.raises(anthropic.InternalServerError):
        sdk.messages.create(model=MODEL, max_tokens=9, messages=HELLO, stream=True)


def test_bedrocks_errors_are_told_in_anthropics_words(sdk: anthropic.Anthropic, bedrock: FaultServer) -> None:
    bedrock.script(wire.as_json({"message": "slow down"}, 429, x_amzn_errortype="ThrottlingException"))
    with pytest.raises(anthropic.RateLimitError, match="slow down"):
        sdk.messages.create(model=MODEL, max_tokens=9, messages=HELLO)


def test_other_callers_still_converse(gateway: Gateway, bedrock: FaultServer) -> None:
    message = {"role": "assistant", "content": [{"text": "hi"}]}
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    bedrock.script(wire.as_json({"output": {"message": message}, "stopReason": "end_turn", "usage": usage}))
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=CALLER_KEY, max_retries=0) as client:
        reply = client.chat.completions.create(model=MODEL, messages=HELLO)
    assert reply.choices[0].message.content == "hi"
    assert bedrock.only.path.endswith("/converse")
