"""The official OpenAI SDK, pointed at the gateway by its base URL alone, talks to its own dialect."""

from typing import Any

import openai
import openai_wire
import pytest
import wire
from fault_server import FaultServer
from gateway_process import OPENAI_KEY, Gateway
from samples import CALLS, HELLO, PIXEL
from samples import OPENAI_TOOLS as TOOLS
from sdk_calls import collect, settle


async def test_chat(openai_sdk: Any, openai_upstream: FaultServer) -> None:
    answer = await settle(openai_sdk.chat.completions.create(model="openai/gpt-4o-mini", messages=HELLO))
    assert answer.choices[0].message.content == "echo: hello wörld 🙂"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens_details.cached_tokens == 4
    assert answer.usage.total_tokens == 18
    seen = openai_upstream.only
    assert seen.request_line == b"POST /v1/chat/completions HTTP/1.1"
    assert seen.header("authorization") == f"Bearer {OPENAI_KEY}"
    assert seen.header("host") == f"127.0.0.1:{openai_upstream.port}"
    assert seen.json() == {"model": "gpt-4o-mini", "messages": HELLO}


async def test_stream(openai_sdk: Any, openai_upstream: FaultServer) -> None:
    chunks = await collect(
        openai_sdk.chat.completions.create(model="openai/gpt-4o-mini", messages=HELLO, stream=True)
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "echo: hello wörld 🙂"
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_stream_has_no_usage_chunk_unless_asked(openai_sdk: Any, openai_upstream: FaultServer) -> None:
    chunks = await collect(
        openai_sdk.chat.completions.create(model="openai/gpt-4o-mini", messages=HELLO, stream=True)
    )
    assert all(chunk.choices for chunk in chunks)


async def test_stream_with_usage(openai_sdk: Any, openai_upstream: FaultServer) -> None:
    chunks = await collect(
        openai_sdk.chat.completions.create(
            model="openai/gpt-4o-mini", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == [18]
    assert openai_upstream.only.json()["stream_options"] == {"include_usage": True}


async def test_parallel_tool_calls(openai_sdk: Any, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(openai_wire.completion(None, calls=CALLS)))
    answer = await settle(
        openai_sdk.chat.completions.create(
            model="openai/gpt-4o-mini",
            messages=HELLO,
            tools=TOOLS,
            parallel_tool_calls=True,
            tool_choice="auto",
        )
    )
    got = [
        (call.id, call.function.name, call.function.arguments)
        for call in answer.choices[0].message.tool_calls
    ]
    assert tuple(got) == CALLS
    assert answer.choices[0].finish_reason == "tool_calls"
    assert openai_upstream.only.json()["tools"] == TOOLS


def test_streamed_parallel_tool_calls(openai_client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.stream(openai_wire.tool_events(CALLS)))
    with openai_client.chat.completions.stream(
        model="openai/gpt-4o-mini", messages=HELLO, tools=TOOLS
    ) as stream:
        stream.until_done()
        calls = stream.get_final_completion().choices[0].message.tool_calls or []
    assert tuple((call.id, call.function.name, call.function.arguments) for call in calls) == CALLS


async def test_tool_results_go_back(openai_sdk: Any, openai_upstream: FaultServer) -> None:
    turn: Any = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [openai_wire.tool_call(call) for call in CALLS]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
        {"role": "tool", "tool_call_id": "call_2", "content": "noon"},
    ]
    await settle(openai_sdk.chat.completions.create(model="openai/gpt-4o-mini", messages=turn))
    assert openai_upstream.only.json()["messages"] == turn


async def test_images_pass(openai_sdk: Any, openai_upstream: FaultServer) -> None:
    parts: Any = [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
    ]
    turn: Any = [{"role": "user", "content": parts}]
    answer = await settle(openai_sdk.chat.completions.create(model="openai/gpt-4o-mini", messages=turn))
    assert answer.choices[0].message.content == "echo: what is it?"
    assert openai_upstream.only.json()["messages"] == turn


async def test_fields_unknown_to_the_gateway_pass(openai_sdk: Any, openai_upstream: FaultServer) -> None:
    extra = {"top_k": 5, "chat_template_kwargs": {"enable_thinking": False}, "reasoning_effort": "high"}
    await settle(
        openai_sdk.chat.completions.create(model="my-vllm/llama-3.1-8b", messages=HELLO, extra_body=extra)
    )
    assert openai_upstream.only.json() == {"model": "llama-3.1-8b", "messages": HELLO, **extra}


async def test_structured_output_parses(openai_client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    schema: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    openai_upstream.script(wire.as_json(openai_wire.completion('{"a": 1}')))
    answer = openai_client.chat.completions.create(
        model="openai/gpt-4o-mini", messages=HELLO, response_format=schema
    )
    assert answer.choices[0].message.content == '{"a": 1}'
    assert openai_upstream.only.json()["response_format"] == schema


# --- the other endpoints ---


async def test_embeddings(openai_sdk: Any, openai_upstream: FaultServer) -> None:
    """The SDK asks for base64 by itself, and decodes it."""
    answer = await settle(
        openai_sdk.embeddings.create(model="openai/text-embedding-3-small", input=["a", "b"])
    )
    assert [entry.embedding for entry in answer.data] == [[1.0, 2.0], [1.0, 2.0]]
    assert openai_upstream.only.request_line == b"POST /v1/embeddings HTTP/1.1"
    assert openai_upstream.only.json()["encoding_format"] == "base64"
    assert openai_upstream.only.json()["model"] == "text-embedding-3-small"


@pytest.mark.parametrize(("encoding", "expected"), [("float", [1.0, 2.0]), ("base64", "AACAPwAAAEA=")])
async def test_embeddings_in_the_asked_encoding(
    openai_sdk: Any, openai_upstream: FaultServer, encoding: str, expected: Any
) -> None:
    answer = await settle(
        openai_sdk.embeddings.create(
            model="openai/text-embedding-3-small", input="a", encoding_format=encoding
        )
    )
    assert answer.data[0].embedding == expected


async def test_legacy_completions(openai_sdk: Any, openai_upstream: FaultServer) -> None:
    answer = await settle(
        openai_sdk.completions.create(model="openai/gpt-3.5-turbo-instruct", prompt="one two")
    )
    assert answer.choices[0].text == "echo: one two"
    assert openai_upstream.only.request_line == b"POST /v1/completions HTTP/1.1"
    assert openai_upstream.only.json() == {"model": "gpt-3.5-turbo-instruct", "prompt": "one two"}


async def test_streamed_legacy_completions(openai_sdk: Any, openai_upstream: FaultServer) -> None:
    chunks = await collect(
        openai_sdk.completions.create(model="openai/gpt-3.5-turbo-instruct", prompt="one two", stream=True)
    )
    assert "".join(chunk.choices[0].text for chunk in chunks) == "echo: one two"
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_models_are_listed(openai_sdk: Any) -> None:
    names = {model.id for model in await collect(openai_sdk.models.list())}
    assert {"fast", "two-ways", "my-vllm/llama-3.1-8b"} <= names
    assert any(name.startswith("openai/gpt-4o") for name in names)
    assert any(name.startswith("anthropic/claude-") for name in names)
    assert not any(name.startswith("mistral/") for name in names)  # not configured


@pytest.mark.parametrize("name", ["fast", "my-vllm/llama-3.1-8b", "my-vllm/meta-llama/Llama-3.1-8B"])
async def test_model_is_retrieved(openai_sdk: Any, name: str) -> None:
    """The SDK writes the slashes of a name as %2F."""
    model = await settle(openai_sdk.models.retrieve(name))
    assert (model.id, model.object) == (name, "model")


async def test_unknown_model_is_not_retrieved(openai_sdk: Any) -> None:
    with pytest.raises(openai.NotFoundError):
        await settle(openai_sdk.models.retrieve("nobody/none"))


async def test_dialect_prefix(gateway: Gateway, openai_upstream: FaultServer) -> None:
    for prefix in ("/openai/v1", "/litellm/v1", "/langchain/v1"):
        reply = gateway.post(f"{prefix}/chat/completions", {"model": "openai/gpt-4o-mini", "messages": HELLO})
        assert reply.json()["choices"][0]["message"]["content"] == "echo: hello wörld 🙂"
