"""Streams of the Responses API: whatever the pieces, a caller puts together what the whole answer says."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journeys import CREATED, events_of, join_anthropic, join_openai, translate_stream
from responses_sdk import joined, judged, response, stream_of
from test_dialect_streams import (
    CALLS,
    CLAUDE_BLOCKS,
    CLAUDE_REQUEST,
    CLAUDE_USAGE,
    OPENAI_REQUEST,
    STOP,
    WORDS,
    claude_reply,
    claude_stream,
    openai_reply,
    openai_stream,
    spoiled,
)

from gateway.dialects import anthropic, openai_chat, openai_responses
from gateway.errors import UpstreamClosed, UpstreamError, UpstreamProtocolError, UpstreamStatus

REQUEST = openai_responses.read_request(
    json.dumps({"model": "m", "input": "hi", "instructions": "Be brief.", "stream": True}).encode()
)

TEXT = st.builds(
    lambda text, cited: {
        "type": "output_text",
        "text": text,
        "annotations": [
            {"type": "url_citation", "url": "https://e.org", "title": "E", "start_index": 0, "end_index": 1}
        ][:cited],
        "logprobs": [],
    },
    WORDS,
    st.integers(0, 1),
)
REFUSAL = st.builds(lambda text: {"type": "refusal", "refusal": text}, WORDS)
MESSAGE = st.builds(
    lambda content: {"type": "message", "role": "assistant", "status": "completed", "content": content},
    st.lists(TEXT | REFUSAL, min_size=1, max_size=2),
)
CALL = st.builds(
    lambda name, text: {
        "type": "function_call",
        "status": "completed",
        "call_id": f"call_{name}",
        "name": name,
        "arguments": text,
    },
    WORDS,
    st.sampled_from(["{}", '{"a": [1, "x"]}', "{broken"]),
)
CUSTOM = st.builds(
    lambda name, text: {"type": "custom_tool_call", "call_id": f"call_{name}", "name": name, "input": text},
    WORDS,
    WORDS,
)
THOUGHT = st.builds(
    lambda summary, content, sealed: {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text} for text in summary],
        **({"content": [{"type": "reasoning_text", "text": text} for text in content]} if content else {}),
        "encrypted_content": sealed,
    },
    st.lists(WORDS, max_size=2),
    st.lists(WORDS, max_size=2),
    WORDS,
)
PREFIXES = {"message": "msg", "function_call": "fc", "custom_tool_call": "ctc", "reasoning": "rs"}


@st.composite
def replies(draw: st.DrawFn) -> dict[str, Any]:
    """Neighbouring messages are one in the neutral form, so there are none here."""
    output: list[dict[str, Any]] = []
    for item in draw(st.lists(st.one_of(MESSAGE, CALL, CUSTOM, THOUGHT), max_size=5)):
        if item["type"] == "message" and output and output[-1]["type"] == "message":
            continue
        place = len(output)
        calls = {"call_id": f"call_{place}"} if "call_id" in item else {}
        output.append({"id": f"{PREFIXES[item['type']]}_1_{place}", **item, **calls})
    if draw(st.booleans()):
        return response(output)
    reason = draw(st.sampled_from(["max_output_tokens", "content_filter"]))
    return response(output, "incomplete", incomplete_details={"reason": reason})


# --- what other providers said, to a caller of the Responses API ---


def alike(whole: dict[str, Any], streamed: dict[str, Any]) -> None:
    assert settled(streamed) == settled(whole)


def settled(reply: dict[str, Any]) -> dict[str, Any]:
    """JSON in arguments may be spaced differently in a stream."""
    for item in reply["output"]:
        if item["type"] == "function_call":
            item["arguments"] = json.loads(item["arguments"])
    return reply


@settings(max_examples=25)
@given(st.data(), CLAUDE_BLOCKS, STOP, CLAUDE_USAGE)
def test_property_what_claude_said_is_the_same_streamed(
    data: st.DataObject, blocks: list[Any], stop: str, usage: Any
) -> None:
    blocks = [block | ({"id": f"toolu_{n}"} if "id" in block else {}) for n, block in enumerate(blocks)]
    reply = claude_reply(blocks, stop, usage)
    whole = openai_responses.write_reply(
        anthropic.read_reply(json.dumps(reply).encode()), created=CREATED, request=REQUEST
    )
    sse = translate_stream(anthropic, openai_responses, REQUEST, data.draw(claude_stream(reply)))
    alike(judged(whole), joined(sse))


@settings(max_examples=25)
@given(
    st.data(),
    WORDS | st.just(""),
    WORDS | st.just(""),
    CALLS,
    st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    st.booleans(),
)
def test_property_what_a_chat_model_said_is_the_same_streamed(
    data: st.DataObject, text: str, thought: str, calls: list[Any], finish: str, interleave: bool
) -> None:
    reply = openai_reply(text, thought, calls, finish)
    whole = judged(
        openai_responses.write_reply(openai_chat.read_reply(json.dumps(reply).encode()), request=REQUEST)
    )
    sse = translate_stream(
        openai_chat, openai_responses, REQUEST, data.draw(openai_stream(reply, interleave))
    )
    streamed = joined(sse)
    if interleave:  # calls may begin in any order
        for each in (whole, streamed):
            each["output"] = sorted(each["output"], key=lambda item: item.get("call_id", ""))
            for item in each["output"]:
                item.pop("id")
    alike(whole, streamed)


# --- what OpenAI said, to callers of every dialect ---


@settings(max_examples=25)
@given(st.data(), replies())
def test_property_a_response_is_read_alike_whole_and_streamed(
    data: st.DataObject, reply: dict[str, Any]
) -> None:
    neutral = openai_responses.read_reply(json.dumps(reply).encode())
    events = data.draw(stream_of(reply))
    whole = judged(openai_responses.write_reply(neutral, request=REQUEST))
    assert joined(translate_stream(openai_responses, openai_responses, REQUEST, events)) == whole
    assert whole["output"] == reply["output"]
    for name in ("status", "incomplete_details", "usage", "model", "created_at", "id"):
        assert whole[name] == reply[name]


@settings(max_examples=25)
@given(st.data(), replies())
def test_property_a_chat_caller_joins_what_a_response_says(
    data: st.DataObject, reply: dict[str, Any]
) -> None:
    reply["output"] = [item for item in reply["output"] if item["type"] != "custom_tool_call"]
    neutral = openai_responses.read_reply(json.dumps(reply).encode())
    whole = json.loads(openai_chat.write_reply(neutral))["choices"][0]
    events = data.draw(stream_of(reply))
    got = join_openai(translate_stream(openai_responses, openai_chat, OPENAI_REQUEST, events))
    assert got["finish_reason"] == whole["finish_reason"]
    assert (got["message"]["content"] or "") == (whole["message"]["content"] or "")
    assert got["message"]["reasoning_content"] == whole["message"].get("reasoning_content")
    calls = [call["function"] for call in got["message"]["tool_calls"]]
    assert calls == [call["function"] for call in whole["message"].get("tool_calls", [])]
    assert got["usage"]["prompt_tokens_details"]["cached_tokens"] == 100


@settings(max_examples=25)
@given(st.data(), replies())
def test_property_an_anthropic_caller_joins_what_a_response_says(
    data: st.DataObject, reply: dict[str, Any]
) -> None:
    reply["output"] = [item for item in reply["output"] if item.get("arguments", "{}") != "{broken"]
    reply["output"] = [item for item in reply["output"] if item["type"] != "custom_tool_call"]
    neutral = openai_responses.read_reply(json.dumps(reply).encode())
    whole = json.loads(anthropic.write_reply(neutral))
    events = data.draw(stream_of(reply))
    got = join_anthropic(translate_stream(openai_responses, anthropic, CLAUDE_REQUEST, events))
    assert got["stop_reason"] == whole["stop_reason"]
    assert by_kind(got["content"]) == by_kind(whole["content"])
    assert got["usage"]["cache_read_input_tokens"] == 100


def by_kind(content: list[Any]) -> list[Any]:
    return [(block["type"], block.get("text", block.get("input"))) for block in content]


# --- what no provider should say ---


@settings(max_examples=60)
@given(st.data(), replies())
def test_property_a_spoiled_response_is_read_or_an_upstream_error(
    data: st.DataObject, reply: dict[str, Any]
) -> None:
    with suppress(UpstreamError):
        read = openai_responses.read_reply(json.dumps(data.draw(spoiled(reply))).encode())
        for codec in (openai_responses, openai_chat, anthropic):
            assert json.loads(codec.write_reply(read))["model"] is not None
    events = data.draw(stream_of(reply))
    place = data.draw(st.integers(0, len(events) - 1))
    name, body = events[place]
    events[place] = (name, json.dumps(data.draw(spoiled(json.loads(body)))).encode())
    for codec, request in (
        (openai_responses, REQUEST),
        (openai_chat, OPENAI_REQUEST),
        (anthropic, CLAUDE_REQUEST),
    ):
        with suppress(UpstreamError):
            translate_stream(openai_responses, codec, request, events)


@pytest.mark.parametrize(
    "body", [b"", b"<html>no</html>", b"{}", b"[]", b'{"output":null}', b"\xff", b"[" * 99999]
)
def test_what_is_no_response_is_a_protocol_error_of_the_codec(body: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        openai_responses.read_reply(body)


# --- endings ---

HELLO = response(
    [
        {
            "id": "msg_1_0",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}],
        }
    ]
)


def hello() -> list[tuple[str, bytes]]:
    deltas = [{"type": "response.output_text.delta", "item_id": "msg_1_0", "delta": "Hello"}]
    events = [{"type": "response.created", "response": {**HELLO, "output": []}}, *deltas]
    events += [{"type": "response.completed", "response": HELLO}]
    return [(str(event["type"]), json.dumps(event).encode()) for event in events]


def test_a_stream_without_its_last_event_was_cut() -> None:
    with pytest.raises(UpstreamClosed):
        translate_stream(openai_responses, openai_chat, OPENAI_REQUEST, hello()[:-1])


def test_unknown_events_are_passed_over() -> None:
    events = hello()
    events.insert(1, ("response.novelty", b'{"type":"response.novelty","delta":{"x":1}}'))
    sse = translate_stream(openai_responses, openai_chat, OPENAI_REQUEST, events)
    assert join_openai(sse)["message"]["content"] == "Hello"


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "Slow down."}, 429),
        ({"type": "error", "error": {"type": "server_error", "message": "Slow down."}}, 500),
        (
            {
                "type": "response.failed",
                "response": response([], "failed", error={"code": "server_error", "message": "Slow down."}),
            },
            500,
        ),
    ],
)
def test_a_failure_in_the_stream_is_an_error_with_its_status(event: dict[str, Any], status: int) -> None:
    events = [*hello()[:2], (event["type"], json.dumps(event).encode())]
    with pytest.raises(UpstreamStatus) as raised:
        translate_stream(openai_responses, openai_chat, OPENAI_REQUEST, events)
    assert (raised.value.http_status, raised.value.message) == (status, "Slow down.")


def test_an_event_that_is_no_json_is_a_protocol_error() -> None:
    with pytest.raises(UpstreamProtocolError):
        openai_responses.reader().read("response.created", b'{"type":')


def test_a_failed_response_is_an_error() -> None:
    body = json.dumps(response([], "failed", error={"code": "rate_limit_exceeded", "message": "No."}))
    with pytest.raises(UpstreamStatus) as raised:
        openai_responses.read_reply(body.encode())
    assert raised.value.http_status == 429


def test_the_error_event_goes_on_with_the_numbers_and_raises_in_the_sdk() -> None:
    writer = openai_responses.writer(REQUEST)
    reader = openai_chat.reader()
    chunk = b'{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}'
    sse = b"".join([writer.write(event) for event in reader.read("", chunk)])
    count = len(events_of(sse))
    name, data = events_of(writer.error(UpstreamStatus(500, "It broke.", upstream_type="server_error")))[0]
    event = json.loads(data)
    assert name == event["type"] == "error"
    assert event["sequence_number"] == count
    assert event["message"] == event["error"]["message"] == "It broke."


def test_a_call_is_done_as_soon_as_claude_closes_it() -> None:
    reply = claude_reply(
        [
            {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
            {"type": "tool_use", "id": "b", "name": "g", "input": {}},
        ],
        "tool_use",
        {"input_tokens": 1, "output_tokens": 1},
    )
    events = [("message_start", json.dumps({"type": "message_start", "message": {**reply, "content": []}}))]
    for index, block in enumerate(reply["content"]):
        start = {"type": "content_block_start", "index": index, "content_block": block}
        events += [("", json.dumps(start)), ("", json.dumps({"type": "content_block_stop", "index": index}))]
    events.append(("", json.dumps({"type": "message_delta", "delta": {"stop_reason": "tool_use"}})))
    sse = translate_stream(
        anthropic, openai_responses, REQUEST, [(name, text.encode()) for name, text in events]
    )
    order = [(name, json.loads(data).get("output_index")) for name, data in events_of(sse)]
    assert order.index(("response.output_item.done", 0)) < order.index(("response.output_item.added", 1))


def test_only_the_first_choice_has_a_place() -> None:
    chunk = {"id": "c", "model": "m", "choices": [{"index": 1, "delta": {"content": "b"}}]}
    end = {"id": "c", "choices": [{"index": n, "delta": {}, "finish_reason": "stop"} for n in (0, 1)]}
    events = [("", json.dumps(chunk).encode()), ("", json.dumps(end).encode())]
    assert joined(translate_stream(openai_chat, openai_responses, REQUEST, events))["output"] == []
