"""The Anthropic SDK gets right answers from an OpenAI-compatible provider."""

import json
from typing import Any

import anthropic
import openai_wire
import pytest
import wire
from fault_server import FaultServer
from gateway_process import OPENAI_KEY
from samples import ANTHROPIC_TOOLS as TOOLS
from samples import CALLS, HELLO, PNG, WEATHER_INPUT, text_of
from sdk_calls import collect, settle

MODEL = "openai/gpt-4o-mini"


async def test_message(anthropic_sdk: Any, openai_upstream: FaultServer) -> None:
    answer = await settle(
        anthropic_sdk.messages.create(
            model=MODEL,
            max_tokens=64,
            messages=HELLO,
            system="be brief",
            stop_sequences=["END"],
            extra_body={"temperature": 0.5},
        )
    )
    assert [(block.type, block.text) for block in answer.content] == [("text", "echo: hello wörld 🙂")]
    assert (answer.type, answer.role, answer.stop_reason) == ("message", "assistant", "end_turn")
    seen = openai_upstream.only
    assert seen.request_line == b"POST /v1/chat/completions HTTP/1.1"
    assert seen.header("authorization") == f"Bearer {OPENAI_KEY}"
    assert seen.header("x-api-key") is None
    body = seen.json()
    assert (body["model"], body["temperature"]) == ("gpt-4o-mini", 0.5)
    assert body.get("max_completion_tokens", body.get("max_tokens")) == 64
    assert body["stop"] in (["END"], "END")
    assert body["messages"][0]["role"] in ("system", "developer")
    assert [text_of(message["content"]) for message in body["messages"]] == ["be brief", "hello wörld 🙂"]


async def test_usage_counts_cached_tokens_apart(anthropic_sdk: Any, openai_upstream: FaultServer) -> None:
    answer = await settle(anthropic_sdk.messages.create(model=MODEL, max_tokens=64, messages=HELLO))
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (11 - 4, 4, 7)


async def test_stream(anthropic_sdk: Any, openai_upstream: FaultServer) -> None:
    events = await collect(
        anthropic_sdk.messages.create(model=MODEL, max_tokens=64, messages=HELLO, stream=True)
    )
    kinds = [event.type for event in events if event.type != "ping"]
    deltas = kinds.count("content_block_delta")
    assert kinds == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * deltas,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    text = "".join(event.delta.text for event in events if event.type == "content_block_delta")
    assert text == "echo: hello wörld 🙂"


def test_stream_helper_gets_usage(
    anthropic_client: anthropic.Anthropic, openai_upstream: FaultServer
) -> None:
    """The provider must be asked for it, as an Anthropic stream always ends with its usage."""
    with anthropic_client.messages.stream(model=MODEL, max_tokens=64, messages=HELLO) as stream:
        assert "".join(stream.text_stream) == "echo: hello wörld 🙂"
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == 7
    assert openai_upstream.only.json()["stream_options"]["include_usage"] is True


async def test_parallel_tool_use(anthropic_sdk: Any, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(openai_wire.completion("on it", calls=CALLS)))
    answer = await settle(
        anthropic_sdk.messages.create(
            model=MODEL,
            max_tokens=64,
            messages=HELLO,
            tools=TOOLS,
            tool_choice={"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        )
    )
    assert [block.type for block in answer.content] == ["text", "tool_use", "tool_use"]
    assert [(block.id, block.name, block.input) for block in answer.content[1:]] == [
        ("call_1", "weather", WEATHER_INPUT),
        ("call_2", "time", {}),
    ]
    assert answer.stop_reason == "tool_use"
    body = openai_upstream.only.json()
    assert [tool["function"]["name"] for tool in body["tools"]] == ["weather", "time"]
    assert body["tools"][0]["function"]["parameters"] == TOOLS[0]["input_schema"]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert body["parallel_tool_calls"] is False


def test_streamed_parallel_tool_use(
    anthropic_client: anthropic.Anthropic, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(wire.stream(openai_wire.tool_events(CALLS)))
    with anthropic_client.messages.stream(model=MODEL, max_tokens=64, messages=HELLO, tools=TOOLS) as stream:
        final = stream.get_final_message()
    blocks: Any = [block for block in final.content if block.type == "tool_use"]
    assert [(block.id, block.name, block.input) for block in blocks] == [
        ("call_1", "weather", WEATHER_INPUT),
        ("call_2", "time", {}),
    ]
    assert final.stop_reason == "tool_use"


async def test_tool_results_go_back(anthropic_sdk: Any, openai_upstream: FaultServer) -> None:
    uses = [
        {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Genève"}},
        {"type": "tool_use", "id": "call_2", "name": "time", "input": {}},
    ]
    results = [
        {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "rain"}]},
        {"type": "tool_result", "tool_use_id": "call_2", "content": "noon"},
        {"type": "text", "text": "and now?"},
    ]
    turn: Any = [*HELLO, {"role": "assistant", "content": uses}, {"role": "user", "content": results}]
    await settle(anthropic_sdk.messages.create(model=MODEL, max_tokens=64, messages=turn, tools=TOOLS))
    messages = openai_upstream.only.json()["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user"]
    calls = messages[1]["tool_calls"]
    assert [(call["id"], json.loads(call["function"]["arguments"])) for call in calls] == [
        ("call_1", {"city": "Genève"}),
        ("call_2", {}),
    ]
    assert [(m["tool_call_id"], text_of(m["content"])) for m in messages[2:4]] == [
        ("call_1", "rain"),
        ("call_2", "noon"),
    ]
    assert text_of(messages[4]["content"]) == "and now?"


async def test_images(anthropic_sdk: Any, openai_upstream: FaultServer) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    linked = {"type": "image", "source": {"type": "url", "url": "https://images.test/cat.png"}}
    turn: Any = [{"role": "user", "content": [image, linked, {"type": "text", "text": "look"}]}]
    await settle(anthropic_sdk.messages.create(model=MODEL, max_tokens=64, messages=turn))
    parts = openai_upstream.only.json()["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["image_url", "image_url", "text"]
    assert parts[0]["image_url"]["url"] == f"data:image/png;base64,{PNG}"
    assert parts[1]["image_url"]["url"] == "https://images.test/cat.png"


@pytest.mark.parametrize(
    ("finish", "stop"), [("length", "max_tokens"), ("content_filter", "refusal"), ("stop", "end_turn")]
)
async def test_stop_reason(anthropic_sdk: Any, openai_upstream: FaultServer, finish: str, stop: str) -> None:
    openai_upstream.script(wire.as_json(openai_wire.completion("half a", finish=finish)))
    answer = await settle(anthropic_sdk.messages.create(model=MODEL, max_tokens=64, messages=HELLO))
    assert answer.stop_reason == stop


async def test_past_thinking_does_not_break_the_call(
    anthropic_sdk: Any, openai_upstream: FaultServer
) -> None:
    past = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "so"}]
    turn: Any = [*HELLO, {"role": "assistant", "content": past}, {"role": "user", "content": "go on"}]
    answer = await settle(anthropic_sdk.messages.create(model=MODEL, max_tokens=64, messages=turn))
    assert answer.content[0].text == "echo: go on"
    assert openai_upstream.only.json()["messages"][1]["role"] == "assistant"


async def test_tokens_are_counted_by_openais_own_endpoint(
    anthropic_sdk: Any, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(wire.as_json({"object": "response.input_tokens", "input_tokens": 11}))
    counted = await settle(anthropic_sdk.messages.count_tokens(model=MODEL, messages=HELLO))
    assert counted.input_tokens == 11
    assert openai_upstream.only.path == "/v1/responses/input_tokens"
