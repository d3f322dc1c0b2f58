"""Many streams at once, and streams cut up anywhere: each caller gets its own words, in order."""

import asyncio
import random
from typing import Any

import anthropic
import anthropic_wire
import openai
import openai_wire
import pytest
import wire
from fault_server import Answer, FaultServer, Gate, Pause, Seen
from gateway_process import CALLER_KEY, Gateway

PIECES = 40
TRICKY = ["data: ", "🙂", "\n\ndata: x\n\n", "é", "👩‍👩‍👧‍👦", "event: error\n", "[DONE]", "\u2028", " end"]


def told(seen: Seen) -> str:
    return openai_wire.last_text(seen.json())


def pieces_for(name: str) -> list[str]:
    return [f"{name}:{number}🙂 " for number in range(PIECES)]


def in_ragged_pieces(name: str, events: list[bytes]) -> Answer:
    """The stream in chunks of random sizes and at a random pace: a boundary may fall anywhere."""
    chance = random.Random(name)
    text = b"".join(events)
    yield wire.STREAM_HEAD
    while text:
        size = chance.randint(1, 700)
        piece, text = text[:size], text[size:]
        yield wire.chunk(piece)
        if chance.random() < 0.3:
            yield Pause(chance.random() * 0.01)
    yield wire.END


async def test_200_concurrent_streams_arrive_unmixed(
    gateway: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    """Fifty of each pair of dialects, all open together, through both workers."""
    openai_upstream.handle(
        lambda seen: in_ragged_pieces(
            told(seen), openai_wire.text_events(pieces_for(told(seen)), usage=False)
        )
    )
    anthropic_upstream.handle(
        lambda seen: in_ragged_pieces(told(seen), anthropic_wire.text_events(pieces_for(told(seen))))
    )
    asking = openai.AsyncOpenAI(api_key=CALLER_KEY, base_url=f"{gateway.url}/v1", max_retries=0, timeout=60)
    claude = anthropic.AsyncAnthropic(api_key=CALLER_KEY, base_url=gateway.url, max_retries=0, timeout=60)

    async def by_openai(model: str, name: str) -> list[str]:
        turn: Any = [{"role": "user", "content": name}]
        stream = await asking.chat.completions.create(model=model, messages=turn, stream=True)
        return [chunk.choices[0].delta.content async for chunk in stream if chunk.choices[0].delta.content]

    async def by_anthropic(model: str, name: str) -> list[str]:
        turn: Any = [{"role": "user", "content": name}]
        stream = await claude.messages.create(model=model, max_tokens=9, messages=turn, stream=True)
        return [event.delta.text async for event in stream if event.type == "content_block_delta"]  # type: ignore[union-attr]

    async with asking, claude:
        names = [f"caller-{number}" for number in range(200)]
        ways = [
            (by_openai, "my-vllm/llama-3.1-8b"),
            (by_openai, "anthropic/claude-sonnet-4-5"),
            (by_anthropic, "anthropic/claude-sonnet-4-5"),
            (by_anthropic, "my-vllm/llama-3.1-8b"),
        ]
        jobs = [ways[at % 4][0](ways[at % 4][1], name) for at, name in enumerate(names)]
        answers = await asyncio.gather(*jobs)
    assert answers == [pieces_for(name) for name in names]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("model", ["my-vllm/llama-3.1-8b", "anthropic/claude-sonnet-4-5"])
def test_openai_sdk_reads_a_stream_split_anywhere(
    openai_client: openai.OpenAI,
    openai_upstream: FaultServer,
    anthropic_upstream: FaultServer,
    model: str,
    size: int,
) -> None:
    openai_upstream.script(wire.split_everywhere(openai_wire.text_events(TRICKY, usage=False), size))
    anthropic_upstream.script(wire.split_everywhere(anthropic_wire.text_events(TRICKY), size))
    turn: Any = [{"role": "user", "content": "x"}]
    stream = openai_client.chat.completions.create(model=model, messages=turn, stream=True)
    assert [chunk.choices[0].delta.content for chunk in stream if chunk.choices[0].delta.content] == TRICKY


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("model", ["my-vllm/llama-3.1-8b", "anthropic/claude-sonnet-4-5"])
def test_anthropic_sdk_reads_a_stream_split_anywhere(
    anthropic_client: anthropic.Anthropic,
    openai_upstream: FaultServer,
    anthropic_upstream: FaultServer,
    model: str,
    size: int,
) -> None:
    openai_upstream.script(wire.split_everywhere(openai_wire.text_events(TRICKY, usage=False), size))
    anthropic_upstream.script(wire.split_everywhere(anthropic_wire.text_events(TRICKY), size))
    turn: Any = [{"role": "user", "content": "x"}]
    with anthropic_client.messages.stream(model=model, max_tokens=9, messages=turn) as stream:
        assert list(stream.text_stream) == TRICKY


@pytest.mark.parametrize(
    ("model", "events"),
    [
        ("my-vllm/llama-3.1-8b", openai_wire.text_events(["one ", "two ", "three"], usage=False)),
        ("anthropic/claude-sonnet-4-5", anthropic_wire.text_events(["one ", "two ", "three"])),
    ],
)
def test_no_event_is_held_back_for_a_later_one(
    gateway: Gateway,
    openai_upstream: FaultServer,
    anthropic_upstream: FaultServer,
    model: str,
    events: list[bytes],
) -> None:
    """The caller has each piece before the provider says the next one."""
    gates = [Gate() for _ in events]
    steps: list[Any] = [wire.STREAM_HEAD]
    for gate, event in zip(gates, events, strict=True):
        steps += [gate, wire.chunk(event)]
    openai_upstream.script([*steps, wire.END])
    anthropic_upstream.script([*steps, wire.END])
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "x"}]}
    with gateway.connect() as connection:
        connection.send(gateway.encode("/v1/chat/completions", body))
        waiting = [piece.encode() for piece in ("one ", "two ", "three")]
        got = b""
        for gate, event in zip(gates, events, strict=True):
            gate.open()
            if waiting and waiting[0] in event:
                if not got:
                    connection.head()
                    pieces = connection.pieces()
                while waiting[0] not in got:
                    got += next(pieces)
                waiting.pop(0)
        assert not waiting
        assert b"[DONE]" in got + b"".join(pieces)


def test_crlf_and_comments_in_a_stream(
    gateway: Gateway, openai_client: openai.OpenAI, openai_upstream: FaultServer
) -> None:
    events = [b": keep-alive\r\n\r\n", *openai_wire.text_events(["one ", "two"], usage=False)]
    openai_upstream.script(wire.split_everywhere([event.replace(b"\n", b"\r\n") for event in events], 5))
    turn: Any = [{"role": "user", "content": "x"}]
    stream = openai_client.chat.completions.create(model="my-vllm/llama-3.1-8b", messages=turn, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "one two"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("model", ["my-vllm/llama-3.1-8b", "anthropic/claude-sonnet-4-5"])
def test_stream_without_content_is_complete(
    gateway: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer, path: str, model: str
) -> None:
    """A model may say nothing at all; that is an answer."""
    nothing = [openai_wire.delta({"role": "assistant", "content": ""}), openai_wire.delta({}, "stop")]
    openai_upstream.script(wire.stream([*nothing, openai_wire.DONE]))
    anthropic_upstream.script(
        wire.stream([anthropic_wire.start_event(), *anthropic_wire.end_events("end_turn")])
    )
    turn = [{"role": "user", "content": "x"}]
    reply = gateway.post(path, {"model": model, "max_tokens": 9, "messages": turn, "stream": True})
    assert (reply.status, reply.complete) == (200, True)
    assert b"[DONE]" in reply.body or b"message_stop" in reply.body
    assert b'"error"' not in reply.body


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_large_events_and_odd_first_chunks_pass(
    gateway: Gateway, openai_upstream: FaultServer, path: str
) -> None:
    """Azure opens with a chunk that has no choices; it carries no usage, so it is nobody's to hide."""
    opening = wire.data({"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": []})
    large = "x" * 2_000_000
    openai_upstream.script(wire.stream([opening, *openai_wire.text_events([large])]))
    turn = [{"role": "user", "content": "x"}]
    body = {"model": "openai/gpt-4o-mini", "max_tokens": 9, "messages": turn, "stream": True}
    reply = gateway.post(path, body)
    assert large.encode() in reply.body
    if path == "/v1/chat/completions":
        assert opening in reply.body
        assert b'"usage"' not in reply.body
