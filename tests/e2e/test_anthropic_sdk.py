"""The official Anthropic SDK, pointed at the gateway by its base URL alone, talks to Anthropic."""

from typing import Any

import anthropic
import anthropic_wire
import pytest
import wire
from fault_server import FaultServer
from gateway_process import ANTHROPIC_KEY, Gateway
from samples import ANTHROPIC_TOOLS as TOOLS
from samples import HELLO, PNG
from sdk_calls import collect, settle

MODEL = "anthropic/claude-sonnet-4-5"
USES = (
    anthropic_wire.tool_use("toolu_1", "weather", {"city": "Genève"}),
    anthropic_wire.tool_use("toolu_2", "time", {}),
)
THOUGHT = anthropic_wire.thinking("let me think of it", "sig+/canary==")


async def test_message(anthropic_sdk: Any, anthropic_upstream: FaultServer) -> None:
    answer = await settle(
        anthropic_sdk.messages.create(model=MODEL, max_tokens=64, messages=HELLO, system="be brief")
    )
    assert answer.content[0].text == "echo: hello wörld 🙂"
    assert answer.stop_reason == "end_turn"
    assert answer.usage.cache_read_input_tokens == 4
    seen = anthropic_upstream.only
    assert seen.request_line == b"POST /v1/messages HTTP/1.1"
    assert seen.header("x-api-key") == ANTHROPIC_KEY
    assert seen.header("authorization") is None
    assert seen.json() == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 64,
        "messages": HELLO,
        "system": "be brief",
    }


async def test_version_and_beta_headers_are_the_callers(
    anthropic_sdk: Any, anthropic_upstream: FaultServer
) -> None:
    """Both decide the shape of the answer, which passes by bytes."""
    headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "interleaved-thinking-2025-05-14"}
    await settle(
        anthropic_sdk.messages.create(model=MODEL, max_tokens=64, messages=HELLO, extra_headers=headers)
    )
    assert anthropic_upstream.only.header("anthropic-version") == "2023-06-01"
    assert anthropic_upstream.only.header("anthropic-beta") == "interleaved-thinking-2025-05-14"


async def test_stream(anthropic_sdk: Any, anthropic_upstream: FaultServer) -> None:
    events = await collect(
        anthropic_sdk.messages.create(model=MODEL, max_tokens=64, messages=HELLO, stream=True)
    )
    text = "".join(event.delta.text for event in events if event.type == "content_block_delta")
    assert text == "echo: hello wörld 🙂"
    assert events[0].type == "message_start"
    assert events[-1].type == "message_stop"


def test_stream_helper(anthropic_client: anthropic.Anthropic, anthropic_upstream: FaultServer) -> None:
    with anthropic_client.messages.stream(model=MODEL, max_tokens=64, messages=HELLO) as stream:
        assert "".join(stream.text_stream) == "echo: hello wörld 🙂"
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == 7


async def test_parallel_tool_use(anthropic_sdk: Any, anthropic_upstream: FaultServer) -> None:
    anthropic_upstream.script(wire.as_json(anthropic_wire.message(*USES)))
    answer = await settle(
        anthropic_sdk.messages.create(model=MODEL, max_tokens=64, messages=HELLO, tools=TOOLS)
    )
    assert [(block.id, block.name, block.input) for block in answer.content] == [
        ("toolu_1", "weather", {"city": "Genève"}),
        ("toolu_2", "time", {}),
    ]
    assert answer.stop_reason == "tool_use"
    assert anthropic_upstream.only.json()["tools"] == TOOLS


def test_streamed_thinking_text_and_tools(
    anthropic_client: anthropic.Anthropic, anthropic_upstream: FaultServer
) -> None:
    anthropic_upstream.script(
        wire.stream(anthropic_wire.message_events(THOUGHT, anthropic_wire.text("on it"), *USES))
    )
    with anthropic_client.messages.stream(
        model=MODEL, max_tokens=4096, messages=HELLO, thinking={"type": "enabled", "budget_tokens": 1024}
    ) as stream:
        blocks: Any = stream.get_final_message().content
    assert [block.type for block in blocks] == ["thinking", "text", "tool_use", "tool_use"]
    assert (blocks[0].thinking, blocks[0].signature) == (THOUGHT["thinking"], THOUGHT["signature"])
    assert blocks[2].input == {"city": "Genève"}


async def test_thinking_goes_back_with_its_signature(
    anthropic_sdk: Any, anthropic_upstream: FaultServer
) -> None:
    blocks = [THOUGHT, {"type": "redacted_thinking", "data": "opaque=="}, *USES]
    results = [{"type": "tool_result", "tool_use_id": block["id"], "content": "ok"} for block in USES]
    turn: Any = [*HELLO, {"role": "assistant", "content": blocks}, {"role": "user", "content": results}]
    await settle(anthropic_sdk.messages.create(model=MODEL, max_tokens=64, messages=turn))
    assert anthropic_upstream.only.json()["messages"] == turn


async def test_cache_marks_and_images_pass(anthropic_sdk: Any, anthropic_upstream: FaultServer) -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    system: Any = [{"type": "text", "text": "long rules", "cache_control": mark}]
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    turn: Any = [
        {"role": "user", "content": [image, {"type": "text", "text": "look", "cache_control": mark}]}
    ]
    await settle(
        anthropic_sdk.messages.create(model=MODEL, max_tokens=64, messages=turn, system=system, tools=TOOLS)
    )
    body = anthropic_upstream.only.json()
    assert (body["system"], body["messages"], body["tools"]) == (system, turn, TOOLS)


async def test_count_tokens(anthropic_sdk: Any, anthropic_upstream: FaultServer) -> None:
    count = await settle(anthropic_sdk.messages.count_tokens(model=MODEL, messages=HELLO))
    assert count.input_tokens == 42
    assert anthropic_upstream.only.request_line == b"POST /v1/messages/count_tokens HTTP/1.1"
    assert anthropic_upstream.only.json() == {"model": "claude-sonnet-4-5", "messages": HELLO}


async def test_beta_messages(anthropic_sdk: Any, anthropic_upstream: FaultServer) -> None:
    answer = await settle(
        anthropic_sdk.beta.messages.create(
            model=MODEL, max_tokens=64, messages=HELLO, betas=["context-1m-2025-08-07"]
        )
    )
    assert answer.content[0].text == "echo: hello wörld 🙂"
    assert anthropic_upstream.only.header("anthropic-beta") == "context-1m-2025-08-07"


@pytest.mark.parametrize("prefix", ["", "/anthropic"])
def test_beta_query_and_dialect_prefix(
    gateway: Gateway, anthropic_upstream: FaultServer, prefix: str
) -> None:
    body = {"model": MODEL, "max_tokens": 64, "messages": HELLO}
    reply = gateway.post(f"{prefix}/v1/messages?beta=true", body)
    assert reply.json()["content"][0]["text"] == "echo: hello wörld 🙂"
    assert anthropic_upstream.only.path.partition("?")[0] == "/v1/messages"
