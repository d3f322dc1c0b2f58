"""Cohere's streams: put together they say what the whole answer says; and what providers do wrong."""

import json
from contextlib import suppress
from typing import Any

import pytest
from cohere_sdk import BESIDE, check_event, check_reply, join_cohere
from hypothesis import given
from hypothesis import strategies as st
from journeys import CREATED, chat, events_of, join_anthropic, join_openai, translate_stream
from test_dialect_streams import (
    CALLS,
    CLAUDE_BLOCKS,
    CLAUDE_REQUEST,
    CLAUDE_USAGE,
    INPUTS,
    NAMES,
    OPENAI_REQUEST,
    STOP,
    WORDS,
    claude_reply,
    claude_stream,
    cut,
    openai_reply,
    openai_stream,
    spoiled,
    without_spaces,
)

from gateway.dialects import anthropic, cohere, openai_chat
from gateway.dialects.codec import TargetFacts
from gateway.errors import UpstreamClosed, UpstreamError, UpstreamProtocolError, UpstreamStatus

REQUEST = cohere.read_request(json.dumps(chat({"role": "user", "content": "hi"}, stream=True)).encode())
DOCUMENTS = st.sampled_from(
    [
        {"type": "document", "id": "d", "document": {"url": "https://e.org", "title": "T", "snippet": "s"}},
        {"type": "tool", "id": "t:0", "tool_output": {"n": 1}},
    ]
)
LOGPROB = st.fixed_dictionaries(
    {
        "text": WORDS,
        "token_ids": st.lists(st.integers(0, 9), max_size=2),
        "logprobs": st.lists(st.floats(-9, 0), max_size=2),
    }
)


@st.composite
def replies(draw: st.DrawFn) -> dict[str, Any]:
    thoughts = [{"type": "thinking", "thinking": text} for text in draw(st.lists(WORDS, max_size=1))]
    texts = [{"type": "text", "text": text} for text in draw(st.lists(WORDS, max_size=2))]
    message: dict[str, Any] = {"role": "assistant", "content": [*thoughts, *texts]}
    if draw(st.booleans()):
        message["tool_plan"] = draw(WORDS)
    message["tool_calls"] = [
        {
            "id": f"{name}_{place}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(data)},
        }
        for place, (name, data) in enumerate(draw(st.lists(st.tuples(NAMES, INPUTS), max_size=3)))
    ]
    message["citations"] = [
        {
            "start": 0,
            "end": len(block["text"]),
            "text": block["text"],
            "sources": [draw(DOCUMENTS)],
            "content_index": len(thoughts) + place,
            "type": "TEXT_CONTENT",
        }
        for place, block in enumerate(texts)
        if draw(st.booleans())
    ]
    usage = {
        "billed_units": {"input_tokens": draw(st.integers(1, 99)), "output_tokens": 7.0},
        "tokens": {"input_tokens": 900, "output_tokens": 9},
        "cached_tokens": draw(st.integers(0, 200)),
    }
    finish = draw(st.sampled_from(["COMPLETE", "STOP_SEQUENCE", "MAX_TOKENS", "TOOL_CALL"]))
    body = {"id": "c-1", "finish_reason": finish, "message": message, "usage": usage}
    if texts and draw(st.booleans()):
        body["logprobs"] = draw(st.lists(LOGPROB, min_size=1, max_size=3))
    return body


@st.composite
def streams(draw: st.DrawFn, reply: dict[str, Any], late: bool = False) -> list[tuple[str, bytes]]:
    """The reply as Cohere streams it; `late`: citations come behind all content, as in its accurate mode."""
    message = reply["message"]
    blank = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    events = [{"type": "message-start", "id": reply["id"], "delta": {"message": blank}}]
    planned = False
    waiting = list(reply.get("logprobs", ()))
    for place, block in enumerate(message["content"]):
        kind = block["type"]
        if kind == "text" and not planned:
            planned = True
            events += draw(plan(message))
        events.append(delta("content-start", place, content={"type": kind, kind: ""}))
        for piece in draw(cut(block[kind])):
            events.append(delta("content-delta", place, content={kind: piece}))
            if kind == "text" and waiting:
                events[-1]["logprobs"] = waiting.pop(0)
        while kind == "text" and waiting:
            events.append(delta("content-delta", place, content={"text": ""}) | {"logprobs": waiting.pop(0)})
        if not late:
            events += cited(message, place)
        events.append({"type": "content-end", "index": place})
    if not planned:
        events += draw(plan(message))
    for place, call in enumerate(message["tool_calls"]):
        events += draw(called(call, place))
    if late:
        events += cited(message, None)
    end = {"finish_reason": reply["finish_reason"], "usage": reply["usage"]}
    events.append({"type": "message-end", "delta": end})
    return [(event["type"], json.dumps(event).encode()) for event in events]


def delta(kind: str, place: int, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": place, "delta": {"message": message}}


@st.composite
def plan(draw: st.DrawFn, message: dict[str, Any]) -> list[dict[str, Any]]:
    pieces = draw(cut(message.get("tool_plan", "")))
    return [{"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}} for piece in pieces]


@st.composite
def called(draw: st.DrawFn, call: dict[str, Any], place: int) -> list[dict[str, Any]]:
    text = call["function"]["arguments"]
    blank = {**call, "function": {**call["function"], "arguments": ""}}
    pieces = list(text) if draw(st.booleans()) else draw(cut(text))
    return [
        delta("tool-call-start", place, tool_calls=blank),
        *[delta("tool-call-delta", place, tool_calls={"function": {"arguments": piece}}) for piece in pieces],
        {"type": "tool-call-end", "index": place},
    ]


def cited(message: dict[str, Any], place: int | None) -> list[dict[str, Any]]:
    found = [each for each in message["citations"] if place is None or each["content_index"] == place]
    return [
        event
        for number, each in enumerate(found)
        for event in (
            delta("citation-start", number, citations=each),
            {"type": "citation-end", "index": number},
        )
    ]


@given(st.data(), replies(), st.booleans())
def test_a_cohere_caller_joins_what_cohere_said(data: st.DataObject, reply: Any, late: bool) -> None:
    whole = json.loads(cohere.write_reply(cohere.read_reply(json.dumps(reply).encode())))
    out = translate_stream(cohere, cohere, REQUEST, data.draw(streams(reply, late)))
    for name, body in events_of(out):
        check_event(name, body)
    joined = join_cohere(out)
    assert joined == {name: value for name, value in whole.items() if value != []}
    check_reply(json.dumps(joined).encode())
    asked = {name: value for name, value in reply["message"].items() if value}
    assert joined["message"] == asked


@given(st.data(), replies(), st.booleans())
def test_an_openai_caller_joins_what_cohere_said(data: st.DataObject, reply: Any, late: bool) -> None:
    whole = json.loads(
        openai_chat.write_reply(cohere.read_reply(json.dumps(reply).encode()), created=CREATED)
    )
    joined = join_openai(
        translate_stream(cohere, openai_chat, OPENAI_REQUEST, data.draw(streams(reply, late)))
    )
    message, said = joined["message"], whole["choices"][0]["message"]
    assert joined["done"]
    assert joined["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert joined["usage"] == whole["usage"]
    assert (message["content"] or "") == (said["content"] or "")
    assert message["reasoning_details"] == said.get("reasoning_details", [])
    assert message.get("annotations") == said.get("annotations")
    assert without_spaces(message["tool_calls"]) == without_spaces(said.get("tool_calls", []))


@given(st.data(), replies())
def test_an_anthropic_caller_joins_what_cohere_said(data: st.DataObject, reply: Any) -> None:
    whole = json.loads(anthropic.write_reply(cohere.read_reply(json.dumps(reply).encode())))
    joined = join_anthropic(translate_stream(cohere, anthropic, CLAUDE_REQUEST, data.draw(streams(reply))))
    assert joined["content"] == whole["content"]
    assert joined["stop_reason"] == whole["stop_reason"]
    assert joined["usage"] == whole["usage"]


@given(st.data(), CLAUDE_BLOCKS, STOP, CLAUDE_USAGE)
def test_a_cohere_caller_joins_what_claude_said(
    data: st.DataObject, blocks: list[Any], stop: str, usage: Any
) -> None:
    reply = claude_reply(blocks, stop, usage)
    whole = json.loads(cohere.write_reply(anthropic.read_reply(json.dumps(reply).encode())))
    same_for_cohere(translate_stream(anthropic, cohere, REQUEST, data.draw(claude_stream(reply))), whole)


@given(
    st.data(),
    WORDS | st.just(""),
    WORDS | st.just(""),
    CALLS,
    st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    st.booleans(),
)
def test_a_cohere_caller_joins_what_gpt_said(
    data: st.DataObject, text: str, thought: str, calls: list[Any], finish: str, interleave: bool
) -> None:
    reply = openai_reply(text, thought, calls, finish)
    whole = json.loads(cohere.write_reply(openai_chat.read_reply(json.dumps(reply).encode())))
    out = translate_stream(openai_chat, cohere, REQUEST, data.draw(openai_stream(reply, interleave)))
    same_for_cohere(out, whole)


def same_for_cohere(out: bytes, whole: dict[str, Any]) -> None:
    """Interleaved calls may begin in any order, and their JSON may be spaced differently."""
    for name, body in events_of(out):
        check_event(name, body, BESIDE)
    joined = join_cohere(out)
    for answer in (joined, whole):
        calls = answer["message"].pop("tool_calls", [])
        answer["calls"] = sorted(without_spaces(calls), key=lambda call: call[0])
    assert joined == whole


# --- what providers do wrong ---

START = ("message-start", b'{"type":"message-start","id":"c"}')
TEXT = (
    "content-delta",
    b'{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi"}}}}',
)
END = ("message-end", b'{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}')


def run(*events: tuple[str, bytes]) -> dict[str, Any]:
    return join_openai(translate_stream(cohere, openai_chat, OPENAI_REQUEST, list(events)))


def test_a_cohere_stream_cut_early_is_no_end() -> None:
    with pytest.raises(UpstreamClosed):
        run(START, TEXT)
    with pytest.raises(UpstreamClosed):
        run(START, TEXT, ("", b"[DONE]"))


@pytest.mark.parametrize(
    ("event", "status", "message"),
    [
        (b'{"type":"message-end","delta":{"finish_reason":"ERROR","error":"boom"}}', 500, "boom"),
        (b'{"type":"message-end","delta":{"finish_reason":"TIMEOUT"}}', 504, "in time"),
        (b'{"type":"message-end","delta":{"error":"boom"}}', 500, "boom"),
        (b'{"id":"1","message":"too many tokens"}', 500, "too many tokens"),
    ],
)
def test_a_failure_in_a_cohere_stream_is_an_upstream_status(event: bytes, status: int, message: str) -> None:
    with pytest.raises(UpstreamStatus, match=message) as caught:
        run(START, TEXT, ("", event))
    assert caught.value.upstream_status == status


@pytest.mark.parametrize(("reason", "status"), [("ERROR", 500), ("TIMEOUT", 504)])
def test_a_whole_cohere_answer_that_failed_is_an_upstream_status(reason: str, status: int) -> None:
    body = {"id": "c", "finish_reason": reason, "message": {"content": [{"type": "text", "text": "half"}]}}
    with pytest.raises(UpstreamStatus) as caught:
        cohere.read_reply(json.dumps(body).encode())
    assert caught.value.upstream_status == status


@pytest.mark.parametrize(
    "event",
    [
        b"{",
        b"\xff",
        b'{"type":"content-delta","delta":7}',
        b'{"type":"message-end","delta":{}}',
        b'{"type":"tool-call-delta","index":3,"delta":{"message":{"tool_calls":{"function":{"arguments":"x"}}}}}',
    ],
)
def test_bytes_that_are_not_cohere_s_are_a_protocol_error(event: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        run(START, ("", event))


def test_unknown_events_and_what_follows_the_end_are_passed_over() -> None:
    odd = [
        ("debug", b'{"type":"debug","prompt":"p"}'),
        ("novelty", b'{"type":"novelty","delta":{}}'),
        ("", b""),
    ]
    joined = run(odd[0], START, *odd, TEXT, odd[1], END, ("", b"[DONE]"), TEXT)
    assert (joined["message"]["content"], joined["finish_reason"], joined["usage"]) == ("Hi", "stop", None)


def test_calls_in_lists_and_without_ids_are_understood() -> None:
    start = delta("tool-call-start", 0, tool_calls=[{"function": {"name": "f", "arguments": '{"a"'}}])
    more = delta("tool-call-delta", 0, tool_calls=[{"function": {"arguments": ":1}"}}])
    events = [(event["type"], json.dumps(event).encode()) for event in (start, more)]
    joined = run(*events, END)
    assert joined["message"]["tool_calls"] == [
        {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    ]


@given(st.data(), replies())
def test_property_a_spoiled_cohere_answer_is_read_or_an_upstream_error(
    data: st.DataObject, reply: Any
) -> None:
    with suppress(UpstreamError):
        read = cohere.read_reply(json.dumps(data.draw(spoiled(reply))).encode())
        assert json.loads(cohere.write_reply(read))["message"]["role"] == "assistant"
    events = data.draw(streams(reply))
    place = data.draw(st.integers(0, len(events) - 1))
    name, body = events[place]
    events[place] = (name, json.dumps(data.draw(spoiled(json.loads(body)))).encode())
    for caller in (openai_chat, cohere):
        with suppress(UpstreamError):
            translate_stream(cohere, caller, REQUEST, events)


def test_an_answer_that_claude_refuses_says_so_to_a_cohere_caller() -> None:
    reply = claude_reply([], "refusal", {"input_tokens": 1, "output_tokens": 1})
    reply["stop_details"] = {"type": "refusal", "explanation": "I cannot help with that."}
    whole = json.loads(cohere.write_reply(anthropic.read_reply(json.dumps(reply).encode())))
    assert whole["message"]["content"] == [{"type": "text", "text": "I cannot help with that."}]
    assert whole["finish_reason"] == "ERROR_TOXIC"


def test_thought_that_another_provider_signed_survives_two_turns_of_a_cohere_caller() -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "seal"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    reply = claude_reply(blocks, "tool_use", {"input_tokens": 1, "output_tokens": 1})
    answer = json.loads(cohere.write_reply(anthropic.read_reply(json.dumps(reply).encode())))
    turns = [
        {"role": "user", "content": "Go."},
        answer["message"],
        {"role": "tool", "tool_call_id": "t", "content": "done"},
    ]
    second = cohere.read_request(json.dumps({"model": "m", "messages": turns}).encode())
    written = anthropic.write_request(second, TargetFacts("claude-sonnet-4-6"))
    assert json.loads(written.body)["messages"][1]["content"] == blocks
    assert written.dropped == ()


def test_a_tool_plan_survives_two_turns_of_an_openai_caller() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    first = {
        "id": "1",
        "finish_reason": "TOOL_CALL",
        "message": {"role": "assistant", "tool_plan": "Look.", "tool_calls": [call]},
    }
    answer = json.loads(openai_chat.write_reply(cohere.read_reply(json.dumps(first).encode())))
    request = openai_chat.read_request(
        json.dumps(chat({"role": "user", "content": "Go."}, answer["choices"][0]["message"])).encode()
    )
    written = cohere.write_request(request, TargetFacts("command"))
    assert json.loads(written.body)["messages"][1] == first["message"]
