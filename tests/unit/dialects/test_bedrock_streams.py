"""Streams of Bedrock: whatever the pieces, what is put together is what the whole answer says; and what goes wrong."""

import json
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

import pytest
from bedrock_journeys import MODEL, binary, framed, from_bedrock, join_bedrock, parse_reply, parse_stream
from botocore.eventstream import EventStreamError
from hypothesis import given
from hypothesis import strategies as st
from journeys import chat, join_anthropic, join_openai, translate_stream

from gateway._speedups.eventstream import frame
from gateway.dialects import anthropic, bedrock, openai_chat
from gateway.dialects.taps.bedrock import BedrockTap, bedrock_reply_facts
from gateway.errors import Unavailable, UpstreamClosed, UpstreamError, UpstreamProtocolError, UpstreamStatus

USER = {"role": "user", "content": "hi"}
OPENAI_REQUEST = openai_chat.read_request(
    json.dumps(chat(USER, stream=True, stream_options={"include_usage": True})).encode()
)
CLAUDE_REQUEST = anthropic.read_request(json.dumps(chat(USER, stream=True, max_tokens=9)).encode())
REQUEST = bedrock.read_request(
    json.dumps({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}).encode(), MODEL, True
)
WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
BYTES = st.binary(min_size=1, max_size=12)
VALUES = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | WORDS, st.lists, max_leaves=4)
IDS = st.from_regex(r"\A[a-zA-Z0-9_.:-]{1,8}\Z")
BLOCKS = st.lists(
    st.one_of(
        WORDS.map(lambda text: {"text": text}),
        st.builds(
            lambda identity, data: {"toolUse": {"toolUseId": identity, "name": "f", "input": data}},
            IDS,
            st.dictionaries(WORDS, VALUES, max_size=3),
        ),
        st.builds(
            lambda text, sign: {"reasoningContent": {"reasoningText": {"text": text, "signature": sign}}},
            WORDS,
            WORDS,
        ),
        BYTES.map(lambda data: {"reasoningContent": {"redactedContent": b64encode(data).decode()}}),
    ),
    max_size=5,
)
USAGE = st.builds(
    lambda fresh, out, read, written: {
        "inputTokens": fresh,
        "outputTokens": out,
        "totalTokens": fresh + out + read + written,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    },
    *[st.integers(0, 999)] * 4,
)
STOP = st.sampled_from(
    ["end_turn", "tool_use", "max_tokens", "stop_sequence", "guardrail_intervened", "content_filtered"]
)


@st.composite
def cut(draw: st.DrawFn, text: Any) -> list[Any]:
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@st.composite
def answers(draw: st.DrawFn) -> tuple[dict[str, Any], list[tuple[str, bytes]]]:
    """An answer, and a stream that says the same."""
    blocks, stop, usage = draw(BLOCKS), draw(STOP), draw(USAGE)
    if stop == "end_turn" and any("toolUse" in block for block in blocks):
        stop = "tool_use"
    events: list[tuple[str, dict[str, Any]]] = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(blocks):
        [(kind, value)] = block.items()
        deltas: list[dict[str, Any]]
        if kind == "text":
            deltas = [{"text": piece} for piece in draw(cut(value))]
        elif kind == "toolUse":
            start = {"toolUse": {"toolUseId": value["toolUseId"], "name": value["name"]}}
            events.append(("contentBlockStart", {"contentBlockIndex": index, "start": start}))
            text = json.dumps(value["input"]) if value["input"] else ""
            deltas = [{"toolUse": {"input": piece}} for piece in draw(cut(text))]
        elif "reasoningText" in value:
            said = value["reasoningText"]
            deltas = [{"reasoningContent": {"text": piece}} for piece in draw(cut(said["text"]))]
            deltas.append({"reasoningContent": {"signature": said["signature"]}})
        else:
            pieces = draw(cut(b64decode(value["redactedContent"])))
            deltas = [{"reasoningContent": {"redactedContent": b64encode(each).decode()}} for each in pieces]
        events += [("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}) for delta in deltas]
        events.append(("contentBlockStop", {"contentBlockIndex": index}))
    events.append(("messageStop", {"stopReason": stop}))
    events.append(("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}))
    reply = {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": stop,
        "usage": usage,
        "metrics": {"latencyMs": 1},
    }
    return reply, [(name, json.dumps(value).encode()) for name, value in events]


@given(answers())
def test_property_bedrocks_stream_is_its_whole_answer(pair: Any) -> None:
    reply, pairs = pair
    whole = bedrock.read_reply(json.dumps(reply).encode(), MODEL)
    streamed = join_openai(from_bedrock(openai_chat, OPENAI_REQUEST, pairs))
    expected = json.loads(openai_chat.write_reply(whole))
    message = expected["choices"][0]["message"]
    assert streamed["finish_reason"] == expected["choices"][0]["finish_reason"]
    assert streamed["usage"] == expected["usage"]
    assert (streamed["message"]["content"] or "") == (message["content"] or "")
    assert [_loaded(call) for call in streamed["message"]["tool_calls"]] == [
        _loaded(call) for call in message.get("tool_calls") or ()
    ]
    claude = join_anthropic(from_bedrock(anthropic, CLAUDE_REQUEST, pairs))
    message = json.loads(anthropic.write_reply(whole, request_model=MODEL))
    for name in ("content", "stop_reason", "usage"):
        assert claude[name] == message[name]


def _loaded(call: dict[str, Any]) -> Any:
    return call["id"], call["function"]["name"], json.loads(call["function"]["arguments"] or "{}")


@given(answers())
def test_property_a_stream_to_bedrock_is_the_whole_answer(pair: Any) -> None:
    """Through the neutral form and back into Bedrock's own words, which boto3 reads."""
    reply, pairs = pair
    whole = parse_reply(bedrock.write_reply(bedrock.read_reply(json.dumps(reply).encode(), MODEL)))
    joined = join_bedrock(from_bedrock(bedrock, REQUEST, pairs))
    assert whole["output"]["message"]["content"] == joined["content"]
    assert whole["usage"] == joined["usage"]
    assert whole["stopReason"] == joined["stopReason"]
    del whole["metrics"]
    given_back = parse_reply(json.dumps(reply).encode())
    assert whole == {name: value for name, value in given_back.items() if name in whole}


@given(answers(), st.data())
def test_property_a_cut_stream_never_ends_cleanly(pair: Any, data: st.DataObject) -> None:
    _, pairs = pair
    before = data.draw(st.integers(0, len(pairs) - 3))
    with pytest.raises(UpstreamClosed):
        from_bedrock(openai_chat, OPENAI_REQUEST, pairs[:before])


@given(answers(), st.data())
def test_property_the_tap_passes_every_byte_in_any_pieces(pair: Any, data: st.DataObject) -> None:
    reply, pairs = pair
    stream = binary(pairs)
    tap = BedrockTap()
    out = b"".join([tap.feed(piece) for piece in data.draw(cut(stream))]) + tap.finish_bytes()
    assert out == stream
    assert tap.complete
    assert tap.terminated
    facts = bedrock_reply_facts(json.dumps(reply).encode())
    assert (tap.usage, tap.finish) == (facts.usage, facts.finish)


@given(answers(), st.data())
def test_property_scratched_events_fail_as_the_providers_or_not_at_all(
    pair: Any, data: st.DataObject
) -> None:
    _, pairs = pair
    place = data.draw(st.integers(0, len(pairs) - 1))
    name, payload = pairs[place]
    scratched = bytearray(payload)
    scratched[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    pairs = [*pairs[:place], (name, bytes(scratched)), *pairs[place + 1 :]]
    for codec, request in ((openai_chat, OPENAI_REQUEST), (anthropic, CLAUDE_REQUEST), (bedrock, REQUEST)):
        with suppress(UpstreamError):
            from_bedrock(codec, request, pairs)
    BedrockTap().feed(binary(pairs))


# --- what goes wrong ---

HEAD = 'messageStart {"role":"assistant"}\ncontentBlockDelta {"contentBlockIndex":0,"delta":{"text":"a"}}\n'


@pytest.mark.parametrize(
    ("kind", "payload", "status"),
    [
        ("throttlingException", {"message": "slow down"}, 429),
        ("validationException", {"message": "no"}, 400),
        ("internalServerException", {"message": "oh"}, 500),
        ("serviceUnavailableException", {"message": "later"}, 503),
        ("modelStreamErrorException", {"message": "model"}, 424),
        ("modelStreamErrorException", {"message": "model", "originalStatusCode": 529}, 529),
        ("newlyInventedException", {"message": "new"}, 502),
    ],
)
def test_an_exception_in_the_stream_has_its_status(kind: str, payload: Any, status: int) -> None:
    stream = binary(framed(HEAD)) + frame(kind, json.dumps(payload).encode(), "exception")
    reader = bedrock.reader(MODEL)
    *good, bad = bedrock.messages().feed(stream)
    assert [type(event).__name__ for each in good for event in reader.read(each.name, each.data)]
    with pytest.raises(UpstreamStatus) as raised:
        reader.read(bad.name, bad.data)
    assert (raised.value.http_status, raised.value.message) == (status, payload["message"])
    assert raised.value.upstream_type == kind
    tap = BedrockTap()
    assert tap.feed(stream) == binary(framed(HEAD))
    assert isinstance(tap.error, UpstreamStatus)
    assert tap.error.http_status == status
    assert not tap.complete


def test_broken_bytes_after_good_ones_are_not_delivered() -> None:
    good = binary(framed(HEAD))
    tap = BedrockTap()
    assert tap.feed(good + b"\0" * 20) == good
    assert isinstance(tap.error, UpstreamProtocolError)
    assert tap.feed(good) == b""


def test_an_event_that_is_no_json_is_left_out_of_a_passing_stream() -> None:
    head, bad = binary(framed(HEAD)), frame("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"te')
    tap = BedrockTap()
    assert tap.feed(head + bad + head) == head + head
    assert tap.feed(bad) == b""
    assert (tap.error, tap.skipped) == (None, 2)


def test_half_a_piece_of_a_tool_call_breaks_a_passing_stream() -> None:
    head, bad = binary(framed(HEAD)), frame("contentBlockDelta", b'{"delta":{"toolUse":{"input":"{')
    tap = BedrockTap()
    assert tap.feed(head + bad + head) == head
    assert isinstance(tap.error, UpstreamProtocolError)


def test_missing_metadata_is_forgiven_and_unknown_events_are_skipped() -> None:
    text = HEAD + 'novelty {"x":1}\nmessageStop {"stopReason":"end_turn"}\n'
    assert join_openai(from_bedrock(openai_chat, OPENAI_REQUEST, framed(text)))["done"]
    assert BedrockTap().feed(binary(framed(text))) == binary(framed(text))


def test_early_metadata_counts_and_does_not_end_the_answer() -> None:
    usage = '{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3},"metrics":{"latencyMs":1}}'
    text = f'metadata {usage}\n{HEAD}messageStop {{"stopReason":"end_turn"}}\n'
    joined = join_openai(from_bedrock(openai_chat, OPENAI_REQUEST, framed(text)))
    assert joined["message"]["content"] == "a"
    assert joined["usage"]["total_tokens"] == 3


@pytest.mark.parametrize(
    "payload", ["[]", "{", '{"contentBlockIndex":"x"}', '{"delta":{"text":7}}', "null", "\\"]
)
def test_an_event_of_another_shape_is_a_protocol_error(payload: str) -> None:
    with pytest.raises(UpstreamProtocolError):
        bedrock.reader().read("contentBlockDelta", payload.encode())


def test_parallel_calls_that_interleave_come_one_at_a_time() -> None:
    def chunk(**delta: Any) -> tuple[str, bytes]:
        return "", json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode()

    def piece(index: int, text: str, **more: Any) -> dict[str, Any]:
        return {"index": index, "function": {"arguments": text, **({"name": "f"} if more else {})}, **more}

    events = [
        chunk(tool_calls=[piece(0, "", id="a")]),
        chunk(tool_calls=[piece(1, '{"y":', id="b")]),
        *[chunk(tool_calls=[piece(0, each)]) for each in '{"x":1}'],
        chunk(tool_calls=[piece(1, "2}")]),
        ("", b'{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}'),
        ("", b"[DONE]"),
    ]
    joined = join_bedrock(translate_stream(openai_chat, bedrock, REQUEST, events))
    assert [block["toolUse"]["input"] for block in joined["content"]] == [{"x": 1}, {"y": 2}]
    assert joined["stopReason"] == "tool_use"


@pytest.mark.parametrize("status", [400, 404, 424, 429, 500, 502, 503, 529])
def test_a_failed_stream_raises_in_boto3(status: int) -> None:
    writer = bedrock.writer(REQUEST)
    with pytest.raises(EventStreamError, match="it broke"):
        parse_stream(writer.error(UpstreamStatus(status, "it broke")))
    with pytest.raises(EventStreamError, match="draining"):
        parse_stream(bedrock.error_event(Unavailable("draining")))
