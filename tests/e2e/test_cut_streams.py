"""A stream that breaks ends with an error event of the caller's dialect, never with a finish that nobody said."""

import dataclasses
import json
from typing import Any

import anthropic
import anthropic_wire
import openai
import openai_wire
import pytest
import wire
from fault_server import CLOSE, HANG, RESET, Answer, FaultServer, Pause, Step
from gateway_process import Gateway
from raw_client import Reply
from samples import HELLO

PAIRS = [(caller, provider) for caller in ("openai", "anthropic") for provider in ("openai", "anthropic")]
pairs = pytest.mark.parametrize(("caller", "provider"), PAIRS, ids=[f"{c}-to-{p}" for c, p in PAIRS])
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
MODELS = {"openai": "openai/gpt-4o-mini", "anthropic": "anthropic/claude-sonnet-4-5"}

ENDINGS: dict[str, list[Step]] = {
    "closed": [CLOSE],
    "reset": [RESET],
    "ended as if complete": [wire.END],
    "closed inside an event": [wire.chunk(b"data: {"), CLOSE],
    "ended inside an event": [wire.chunk(b'data: {"id": "x"'), wire.END],
    "broken chunk": [Pause(0.05), b"zz\r\n"],
}


@pytest.fixture
def upstreams(openai_upstream: FaultServer, anthropic_upstream: FaultServer) -> dict[str, FaultServer]:
    return {"openai": openai_upstream, "anthropic": anthropic_upstream}


def begun(provider: str) -> list[bytes]:
    """A stream with two pieces of text and no end."""
    if provider == "openai":
        events = [openai_wire.delta({"role": "assistant", "content": "once "})]
        events.append(openai_wire.delta({"content": "upon"}))
    else:
        block = anthropic_wire.block_events(0, anthropic_wire.text("once upon"))
        events = [anthropic_wire.start_event(), *block[:-1]]
    return [wire.STREAM_HEAD, *(wire.chunk(event) for event in events)]


def in_band_error(provider: str, message: str) -> bytes:
    if provider == "openai":
        return wire.chunk(wire.data(openai_wire.error(message, "server_error")))
    return wire.chunk(wire.named(anthropic_wire.error("overloaded_error", message)))


def ask(gateway: Gateway, caller: str, provider: str) -> Reply:
    body = {"model": MODELS[provider], "max_tokens": 9, "messages": HELLO, "stream": True}
    return gateway.post(PATHS[caller], body)


def check(reply: Reply, caller: str) -> dict[str, Any]:
    """The text arrived, then one error event, and nothing that looks like an end. Returns the error."""
    assert reply.status == 200
    events = list(wire.events_of(reply.body))
    assert b"once" in reply.body
    assert b"upon" in reply.body
    assert b"[DONE]" not in reply.body
    assert b"message_stop" not in reply.body
    for _, data in events:
        value = json.loads(data)
        for choice in value.get("choices", []):
            assert choice.get("finish_reason") is None
        assert not value.get("delta", {}).get("stop_reason")
    name, data = events[-1]
    value = json.loads(data)
    assert "error" in value
    if caller == "anthropic":
        assert (name, value["type"]) == ("error", "error")
    assert sum("error" in json.loads(data) for _, data in events) == 1
    error: dict[str, Any] = value["error"]
    assert error["message"]
    return error


@pairs
@pytest.mark.parametrize("ending", ENDINGS)
def test_cut_stream_ends_with_an_error(
    gateway: Gateway, upstreams: dict[str, FaultServer], caller: str, provider: str, ending: str
) -> None:
    upstreams[provider].script([*begun(provider), *ENDINGS[ending]])
    check(ask(gateway, caller, provider), caller)
    assert len(upstreams[provider].seen) == 1


@pairs
def test_event_that_is_no_json_ends_with_an_error(
    gateway: Gateway, upstreams: dict[str, FaultServer], caller: str, provider: str
) -> None:
    """Within one dialect it may pass as it is, since the bytes do; the stream still does not end well."""
    upstreams[provider].script([*begun(provider), wire.chunk(b"data: {not json}\n\n"), wire.END])
    reply = ask(gateway, caller, provider)
    if caller == provider:
        reply = dataclasses.replace(reply, body=reply.body.replace(b"data: {not json}\n\n", b""))
    check(reply, caller)


@pairs
def test_error_inside_a_stream_is_kept(
    gateway: Gateway, upstreams: dict[str, FaultServer], caller: str, provider: str
) -> None:
    upstreams[provider].script([*begun(provider), in_band_error(provider, "out of capacity 🙂"), wire.END])
    error = check(ask(gateway, caller, provider), caller)
    assert error["message"] == "out of capacity 🙂"
    if caller == provider == "anthropic":
        assert error["type"] == "overloaded_error"


@pairs
def test_error_before_the_first_token_is_a_status(
    gateway: Gateway, upstreams: dict[str, FaultServer], caller: str, provider: str
) -> None:
    """Nothing has been promised yet: the caller's SDK can still raise, and another target could still serve."""
    opening = [] if provider == "openai" else [wire.chunk(anthropic_wire.start_event())]
    upstreams[provider].script([wire.STREAM_HEAD, *opening, in_band_error(provider, "no room"), wire.END])
    reply = ask(gateway, caller, provider)
    assert reply.status in ((529,) if provider == "anthropic" else (500, 502))
    assert reply.json()["error"]["message"] == "no room"


@pairs
@pytest.mark.parametrize("ending", ["closed", "reset", "ended as if complete"])
def test_stream_cut_before_the_first_token_is_a_status(
    gateway: Gateway, upstreams: dict[str, FaultServer], caller: str, provider: str, ending: str
) -> None:
    upstreams[provider].script([wire.STREAM_HEAD, *ENDINGS[ending]])
    reply = ask(gateway, caller, provider)
    assert reply.status == 502
    assert reply.json()["error"]["message"]


def test_stream_that_stalls_ends_with_an_error(gateway: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script([*begun("openai"), HANG])
    body = {"model": "hasty/x", "messages": HELLO, "stream": True}
    error = check(gateway.post(PATHS["openai"], body), "openai")
    assert error["code"] == "upstream_timeout"
    openai_upstream.wait(lambda: openai_upstream.only.closed_by_peer)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_tool_call_cut_in_its_arguments(
    gateway: Gateway, upstreams: dict[str, FaultServer], provider: str
) -> None:
    """Half an argument must not look like a whole call."""
    calls = [("call_1", "weather", '{"city": "Paris"}')]
    use = anthropic_wire.tool_use("toolu_1", "weather", {"city": "Paris"})
    events = (
        openai_wire.tool_events(calls)[:4] if provider == "openai" else anthropic_wire.message_events(use)[:5]
    )
    upstreams[provider].script([wire.STREAM_HEAD, *(wire.chunk(event) for event in events), wire.END])
    reply = ask(gateway, "anthropic", provider)
    assert b"message_stop" not in reply.body
    assert b'"tool_use"' in reply.body
    assert b"stop_reason" not in reply.body.partition(b"content_block_start")[2]
    assert list(wire.events_of(reply.body))[-1][0] == "error"


# --- through the SDKs ---


@pytest.mark.parametrize("model", MODELS.values())
def test_openai_sdk_raises(
    openai_client: openai.OpenAI, upstreams: dict[str, FaultServer], model: str
) -> None:
    for provider, server in upstreams.items():
        server.script(cut(provider))
    stream = openai_client.chat.completions.create(model=model, messages=HELLO, stream=True)
    words: list[str] = []
    with pytest.raises(openai.APIError):
        words.extend(chunk.choices[0].delta.content or "" for chunk in stream)
    assert "".join(words) == "once upon"


@pytest.mark.parametrize("model", MODELS.values())
def test_anthropic_sdk_raises(
    anthropic_client: anthropic.Anthropic, upstreams: dict[str, FaultServer], model: str
) -> None:
    for provider, server in upstreams.items():
        server.script(cut(provider))
    words: list[str] = []
    with (
        pytest.raises(anthropic.APIStatusError),
        anthropic_client.messages.stream(model=model, max_tokens=9, messages=HELLO) as stream,
    ):
        words.extend(stream.text_stream)
    assert "".join(words) == "once upon"


def cut(provider: str) -> Answer:
    return [*begun(provider), CLOSE]
