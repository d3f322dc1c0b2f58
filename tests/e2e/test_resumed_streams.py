"""Through the SDKs: a stream that broke and was gone on with is one answer; a slow one is kept alive."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import anthropic_wire
import openai
import openai_wire
import pytest
import wire
from conftest import StartGateway
from fault_server import CLOSE, HANG, FaultServer, Gate, Pause, Seen, Step
from gateway_process import ANTHROPIC_KEY, CALLER_KEY, OPENAI_KEY, Gateway
from samples import HELLO

USAGE = {"input_tokens": 9, "output_tokens": 7}


@pytest.fixture(scope="module")
def resuming(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Streams that break go on at Anthropic's, and back; a stream that is silent says that it lives."""
    usual = {"first_byte": "5s", "first_token": "5s", "idle": "1s", "total": "20s"}
    config: dict[str, Any] = {
        "auth": {"keys": [CALLER_KEY]},
        "retries": {"max": 0},
        "timeouts": usual,
        "mid_stream": "resume",
        "keepalive_comments": "200ms",
        "providers": {
            "openai": {"base_url": f"{openai_server.url}/v1", "keys": [OPENAI_KEY]},
            "anthropic": {"base_url": anthropic_server.url, "keys": [ANTHROPIC_KEY]},
        },
        "models": {
            "to-prefill": {
                "targets": [{"model": "openai/gpt-4o-mini"}],
                "fallbacks": ["anthropic/claude-haiku-4-5"],
            },
            "to-newer": {
                "targets": [{"model": "openai/gpt-4o-mini"}],
                "fallbacks": ["anthropic/claude-opus-4-6"],
            },
            "to-again": {
                "targets": [{"model": "anthropic/claude-haiku-4-5"}],
                "fallbacks": ["openai/gpt-4o-mini"],
            },
        },
    }
    running = Gateway(config, tmp_path_factory.mktemp("resuming"))
    try:
        yield running
        openai_server.wait(running.at_rest)
        running.stop()
    finally:
        if running.process.poll() is None:
            running.kill()


def chunks(*texts: str, finish: bool = False) -> list[bytes]:
    events = [openai_wire.delta({"content": text}) for text in texts]
    if finish:
        events += [openai_wire.delta({}, "stop"), openai_wire.usage_chunk(), openai_wire.DONE]
    return [wire.chunk(event) for event in events]


def message(text: str, *, whole: bool) -> list[bytes]:
    block = anthropic_wire.block_events(0, anthropic_wire.text(text))
    if whole:
        return wire.stream(anthropic_wire.message_events(anthropic_wire.text(text)))
    return [wire.STREAM_HEAD, *(wire.chunk(event) for event in (anthropic_wire.start_event(), *block[:-1]))]


BREAKS: dict[str, list[Step]] = {"closed": [CLOSE], "ended": [wire.END], "stalled": [HANG]}


@pytest.mark.parametrize("ending", BREAKS)
def test_openai_sdk_reads_one_answer_that_claude_goes_on_with(
    resuming: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer, ending: str
) -> None:
    openai_upstream.script([wire.STREAM_HEAD, *chunks("once ", "upon "), *BREAKS[ending]])
    anthropic_upstream.script(message("a time", whole=True))
    with openai.OpenAI(api_key=CALLER_KEY, base_url=f"{resuming.url}/v1", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="to-prefill", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        seen = list(stream)
    texts = [choice.delta.content or "" for chunk in seen for choice in chunk.choices]
    assert "".join(texts) == "once upon a time"
    assert [choice.finish_reason for chunk in seen for choice in chunk.choices if choice.finish_reason] == [
        "stop"
    ]
    assert len({chunk.id for chunk in seen}) == 1
    assert [chunk.usage for chunk in seen if chunk.usage]
    asked = anthropic_upstream.only.json()
    assert asked["messages"][-1] == {"role": "assistant", "content": "once upon"}


def test_a_model_that_takes_no_beginning_is_asked_again(
    resuming: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    openai_upstream.script([wire.STREAM_HEAD, *chunks("once ", "upon "), CLOSE])
    anthropic_upstream.script(message("once upon a time", whole=True))
    body = {"model": "to-newer", "messages": HELLO, "stream": True}
    reply = resuming.post("/v1/chat/completions", body)
    assert b": resumed\n\n" in reply.body
    assert text_of(reply.body) == "once upon a time"
    assert anthropic_upstream.only.json()["messages"][-1]["role"] == "user"


def test_anthropic_sdk_reads_one_answer(
    resuming: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    anthropic_upstream.script([*message("once upon", whole=False), CLOSE])
    openai_upstream.script([wire.STREAM_HEAD, *chunks("once u", "pon a ", "time", finish=True), wire.END])
    with (
        anthropic.Anthropic(api_key=CALLER_KEY, base_url=resuming.url, max_retries=0) as client,
        client.messages.stream(model="to-again", max_tokens=9, messages=HELLO) as stream,
    ):
        events = [event.type for event in stream]
        final = stream.get_final_message()
    assert [block.text for block in final.content if block.type == "text"] == ["once upon a time"]
    assert events.count("message_start") == events.count("content_block_start") == 1
    assert events.count("message_stop") == 1
    assert final.stop_reason == "end_turn"
    # What both have used: 9 + 3 + 4 of the prompt and a first token, then 11 and 7.
    assert final.usage.output_tokens == 1 + 7


def test_an_answer_that_disagrees_ends_with_an_error(
    resuming: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    openai_upstream.script([wire.STREAM_HEAD, *chunks("once ", "upon "), CLOSE])
    anthropic_upstream.script(message("There was once", whole=True))
    reply = resuming.post("/v1/chat/completions", {"model": "to-newer", "messages": HELLO, "stream": True})
    assert text_of(reply.body) == "once upon "
    assert b"[DONE]" not in reply.body
    assert json.loads(list(wire.events_of(reply.body))[-1][1])["error"]["code"] == "upstream_closed"


# --- keeping alive ---


def test_a_slow_first_token_is_waited_for_with_comments(
    resuming: Gateway, openai_upstream: FaultServer
) -> None:
    gate = Gate()
    openai_upstream.script([gate, wire.STREAM_HEAD, *chunks("late", finish=True), wire.END])
    status, body = kept_alive(resuming, gate)
    assert status == 200
    assert body.startswith(b": keep-alive\n\n")
    assert text_of(body) == "late"
    assert body.endswith(b"[DONE]\n\n")


def test_what_fails_behind_comments_is_an_error_event(
    resuming: Gateway, openai_upstream: FaultServer
) -> None:
    gate = Gate()
    openai_upstream.script([gate, *wire.as_json(openai_wire.error("full", "server_error"), 500)])
    status, body = kept_alive(resuming, gate)
    assert status == 200
    events = list(wire.events_of(body))
    assert json.loads(events[-1][1])["error"]["message"] == "full"


def kept_alive(gateway: Gateway, gate: Gate) -> tuple[int, bytes]:
    """Asks for a stream, opens the gate behind the first sign of life, and returns the whole answer."""
    with gateway.connect() as connection:
        connection.send(
            gateway.encode(
                "/v1/chat/completions", {"model": "openai/gpt-4o", "messages": HELLO, "stream": True}
            )
        )
        status = connection.head().status
        pieces = connection.pieces()
        body = next(pieces)
        gate.open()
        return status, body + b"".join(pieces)


def test_a_quick_failure_keeps_its_status(start_gateway: StartGateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(openai_wire.error("no", "invalid_request_error"), 400))
    gateway = start_gateway(keepalive_comments="20s")
    reply = gateway.post(
        "/v1/chat/completions", {"model": "openai/gpt-4o", "messages": HELLO, "stream": True}
    )
    assert reply.status == 400
    gateway.stop()


def test_anthropic_sdk_passes_over_signs_of_life(resuming: Gateway, anthropic_upstream: FaultServer) -> None:
    first, *rest = message("slow", whole=True)
    anthropic_upstream.script([Pause(0.5), first, *rest[:2], Pause(0.5), *rest[2:]])
    with (
        anthropic.Anthropic(api_key=CALLER_KEY, base_url=resuming.url, max_retries=0) as client,
        client.messages.stream(model="anthropic/claude-haiku-4-5", max_tokens=9, messages=HELLO) as stream,
    ):
        assert stream.get_final_text() == "slow"


def test_signs_of_life_alone_are_a_stall(resuming: Gateway, openai_upstream: FaultServer) -> None:
    pings: list[Step] = [wire.chunk(b": ping\n\n"), Pause(0.1)]
    openai_upstream.script([wire.STREAM_HEAD, *chunks("one"), *(pings * 60)])
    reply = resuming.post(
        "/v1/chat/completions", {"model": "openai/gpt-4o", "messages": HELLO, "stream": True}
    )
    assert json.loads(list(wire.events_of(reply.body))[-1][1])["error"]["code"] == "upstream_timeout"
    openai_upstream.wait(lambda: openai_upstream.only.closed_by_peer)


def test_a_missing_terminator_is_not_waited_for(resuming: Gateway, openai_upstream: FaultServer) -> None:
    finish = wire.chunk(openai_wire.delta({}, "stop"))
    pings: list[Step] = [wire.chunk(b": ping\n\n"), Pause(0.1)] * 200
    openai_upstream.script([wire.STREAM_HEAD, *chunks("one"), finish, *pings])
    body = {"model": "openai/gpt-4o", "messages": HELLO, "stream": True}
    reply = resuming.post("/v1/chat/completions", body)
    assert reply.complete
    assert text_of(reply.body) == "one"
    assert b'"error"' not in reply.body
    openai_upstream.wait(lambda: openai_upstream.only.closed_by_peer)


def test_a_caller_that_leaves_while_it_is_resumed(
    resuming: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    openai_upstream.script([wire.STREAM_HEAD, *chunks("once ", "upon "), CLOSE])
    anthropic_upstream.script([HANG])
    body = {"model": "to-prefill", "messages": HELLO, "stream": True}
    with resuming.connect() as connection:
        connection.send(resuming.encode("/v1/chat/completions", body))
        seen: list[Seen] = anthropic_upstream.wait_for(1)
    anthropic_upstream.wait(lambda: seen[0].closed_by_peer)
    anthropic_upstream.wait(resuming.at_rest)


def text_of(body: bytes) -> str:
    events = [json.loads(data) for _, data in wire.events_of(body) if data.startswith("{")]
    return "".join(
        choice["delta"].get("content") or "" for one in events for choice in one.get("choices", ())
    )
