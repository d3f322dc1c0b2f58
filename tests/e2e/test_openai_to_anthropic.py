"""The OpenAI SDK gets right answers from an Anthropic provider."""

import json
from typing import Any

import anthropic_wire
import openai
import wire
from fault_server import FaultServer
from gateway_process import ANTHROPIC_KEY
from samples import HELLO, PIXEL, WEATHER_INPUT, text_of
from samples import OPENAI_TOOLS as TOOLS
from sdk_calls import collect, settle

MODEL = "anthropic/claude-sonnet-4-5"
USES = (
    anthropic_wire.tool_use("toolu_1", "weather", WEATHER_INPUT),
    anthropic_wire.tool_use("toolu_2", "time", {}),
)


async def test_chat(openai_sdk: Any, anthropic_upstream: FaultServer) -> None:
    turn: Any = [{"role": "system", "content": "be brief"}, *HELLO]
    answer = await settle(
        openai_sdk.chat.completions.create(
            model=MODEL, messages=turn, max_tokens=99, temperature=0.5, stop=["END"]
        )
    )
    assert answer.choices[0].message.content == "echo: hello wörld 🙂"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.object == "chat.completion"
    seen = anthropic_upstream.only
    assert seen.request_line == b"POST /v1/messages HTTP/1.1"
    assert seen.header("x-api-key") == ANTHROPIC_KEY
    assert seen.header("anthropic-version")
    body = seen.json()
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("claude-sonnet-4-5", 99, 0.5)
    assert body["stop_sequences"] == ["END"]
    assert text_of(body["system"]) == "be brief"
    assert [(message["role"], text_of(message["content"])) for message in body["messages"]] == [
        ("user", "hello wörld 🙂")
    ]


async def test_usage_counts_cached_tokens_as_input(openai_sdk: Any, anthropic_upstream: FaultServer) -> None:
    """Anthropic counts cached tokens beside `input_tokens`, OpenAI within `prompt_tokens`."""
    answer = await settle(openai_sdk.chat.completions.create(model=MODEL, messages=HELLO))
    assert answer.usage.prompt_tokens == 9 + 3 + 4
    assert answer.usage.prompt_tokens_details.cached_tokens == 4
    assert (answer.usage.completion_tokens, answer.usage.total_tokens) == (7, 23)


async def test_stream(openai_sdk: Any, anthropic_upstream: FaultServer) -> None:
    chunks = await collect(openai_sdk.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "echo: hello wörld 🙂"
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1


async def test_stream_with_usage(openai_sdk: Any, anthropic_upstream: FaultServer) -> None:
    chunks = await collect(
        openai_sdk.chat.completions.create(
            model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 23
    assert [bool(chunk.usage) for chunk in chunks[:-1]] == [False] * (len(chunks) - 1)


async def test_parallel_tool_calls(openai_sdk: Any, anthropic_upstream: FaultServer) -> None:
    anthropic_upstream.script(wire.as_json(anthropic_wire.message(anthropic_wire.text("on it"), *USES)))
    answer = await settle(
        openai_sdk.chat.completions.create(
            model=MODEL, messages=HELLO, tools=TOOLS, tool_choice="required", parallel_tool_calls=False
        )
    )
    message = answer.choices[0].message
    assert message.content == "on it"
    assert [(call.id, call.function.name) for call in message.tool_calls] == [
        ("toolu_1", "weather"),
        ("toolu_2", "time"),
    ]
    assert [json.loads(call.function.arguments) for call in message.tool_calls] == [WEATHER_INPUT, {}]
    assert answer.choices[0].finish_reason == "tool_calls"
    body = anthropic_upstream.only.json()
    assert [tool["name"] for tool in body["tools"]] == ["weather", "time"]
    assert body["tools"][0]["input_schema"] == TOOLS[0]["function"]["parameters"]
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}


def test_streamed_parallel_tool_calls(openai_client: openai.OpenAI, anthropic_upstream: FaultServer) -> None:
    anthropic_upstream.script(wire.stream(anthropic_wire.message_events(anthropic_wire.text("on it"), *USES)))
    with openai_client.chat.completions.stream(model=MODEL, messages=HELLO, tools=TOOLS) as stream:
        stream.until_done()
        choice = stream.get_final_completion().choices[0]
    calls = choice.message.tool_calls or []
    assert choice.message.content == "on it"
    assert [(call.id, call.function.name) for call in calls] == [("toolu_1", "weather"), ("toolu_2", "time")]
    assert [json.loads(call.function.arguments) for call in calls] == [WEATHER_INPUT, {}]
    assert choice.finish_reason == "tool_calls"


async def test_tool_results_go_back(openai_sdk: Any, anthropic_upstream: FaultServer) -> None:
    calls = [
        {
            "id": "toolu_1",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city":"Genève"}'},
        },
        {"id": "toolu_2", "type": "function", "function": {"name": "time", "arguments": ""}},
    ]
    turn: Any = [
        *HELLO,
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "rain"},
        {"role": "tool", "tool_call_id": "toolu_2", "content": "noon"},
    ]
    anthropic_upstream.script(wire.as_json(anthropic_wire.message(anthropic_wire.text("done"))))
    await settle(openai_sdk.chat.completions.create(model=MODEL, messages=turn, tools=TOOLS))
    user, assistant, results = anthropic_upstream.only.json()["messages"]
    assert (user["role"], assistant["role"], results["role"]) == ("user", "assistant", "user")
    assert [(block["type"], block["id"], block["input"]) for block in assistant["content"]] == [
        ("tool_use", "toolu_1", {"city": "Genève"}),
        ("tool_use", "toolu_2", {}),
    ]
    assert [(block["tool_use_id"], text_of(block["content"])) for block in results["content"]] == [
        ("toolu_1", "rain"),
        ("toolu_2", "noon"),
    ]


async def test_images(openai_sdk: Any, anthropic_upstream: FaultServer) -> None:
    parts: Any = [
        {"type": "text", "text": "compare"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
        {"type": "image_url", "image_url": {"url": "https://images.test/cat.png"}},
    ]
    await settle(
        openai_sdk.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": parts}])
    )
    text, inline, linked = anthropic_upstream.only.json()["messages"][0]["content"]
    assert text["text"] == "compare"
    assert inline["source"] == {
        "type": "base64",
        "media_type": "image/png",
        "data": PIXEL.partition(",")[2],
    }
    assert linked["source"] == {"type": "url", "url": "https://images.test/cat.png"}


async def test_cut_by_length_is_told(openai_sdk: Any, anthropic_upstream: FaultServer) -> None:
    reply = anthropic_wire.message(anthropic_wire.text("half a"), stop="max_tokens")
    anthropic_upstream.script(wire.as_json(reply))
    answer = await settle(openai_sdk.chat.completions.create(model=MODEL, messages=HELLO))
    assert answer.choices[0].finish_reason == "length"


async def test_what_cannot_cross_is_named(
    openai_client: openai.OpenAI, anthropic_upstream: FaultServer
) -> None:
    raw = openai_client.chat.completions.with_raw_response.create(
        model=MODEL, messages=HELLO, logit_bias={"50256": -100}, seed=7
    )
    dropped = next(value for name, value in raw.headers.items() if "dropped" in name)
    assert "logit_bias" in dropped
    assert "seed" in dropped
    assert not {"logit_bias", "seed"} & anthropic_upstream.only.json().keys()
