"""Streams: whatever the pieces, the caller puts together what the whole answer says; and what providers do wrong."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journeys import CREATED, chat, events_of, join_anthropic, join_openai, translate_stream

from gateway.dialects import anthropic, openai_chat
from gateway.errors import UpstreamClosed, UpstreamError, UpstreamProtocolError, UpstreamStatus

USER = {"role": "user", "content": "hi"}
OPENAI_REQUEST = openai_chat.read_request(
    json.dumps(chat(USER, stream=True, stream_options={"include_usage": True})).encode()
)
CLAUDE_REQUEST = anthropic.read_request(json.dumps(chat(USER, stream=True, max_tokens=9)).encode())

WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
INPUTS = st.dictionaries(WORDS, VALUES, max_size=3)
NAMES = st.sampled_from(["weather", "now", "search"])


@st.composite
def cut(draw: st.DrawFn, text: str) -> list[str]:
    """The text in pieces, some perhaps empty."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


# --- Anthropic's stream, OpenAI's caller ---

CLAUDE_BLOCKS = st.lists(
    st.one_of(
        st.builds(lambda text: {"type": "text", "text": text}, WORDS),
        st.builds(lambda text, sign: {"type": "thinking", "thinking": text, "signature": sign}, WORDS, WORDS),
        st.builds(lambda data: {"type": "redacted_thinking", "data": data}, WORDS),
        st.builds(
            lambda name, data: {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": data},
            NAMES,
            INPUTS,
        ),
    ),
    max_size=5,
)
CLAUDE_USAGE = st.fixed_dictionaries(
    {
        "input_tokens": st.integers(0, 1000),
        "cache_read_input_tokens": st.integers(0, 1000),
        "cache_creation_input_tokens": st.integers(0, 1000),
        "output_tokens": st.integers(1, 1000),
    }
)
STOP = st.sampled_from(
    [
        "end_turn",
        "max_tokens",
        "tool_use",
        "refusal",
        "pause_turn",
        "stop_sequence",
        "model_context_window_exceeded",
    ]
)


def claude_reply(blocks: list[Any], stop: str, usage: Any) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude"}
    return {**head, "content": blocks, "stop_reason": stop, "stop_sequence": None, "usage": usage}


@st.composite
def claude_stream(draw: st.DrawFn, reply: dict[str, Any]) -> list[tuple[str, bytes]]:
    usage = reply["usage"]
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {**reply, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}},
        }
    ]
    for index, block in enumerate(reply["content"]):
        start, deltas = draw(claude_deltas(block))
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        for delta in deltas:
            if draw(st.booleans()):
                events.append({"type": "ping"})
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": reply["stop_reason"], "stop_sequence": None}
    events.append(
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": usage["output_tokens"]}}
    )
    if draw(st.booleans()):
        events.append({"type": "message_stop"})
    return [(event["type"], json.dumps(event).encode()) for event in events]


@st.composite
def claude_deltas(draw: st.DrawFn, block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "text":
        return {**block, "text": ""}, [
            {"type": "text_delta", "text": piece} for piece in draw(cut(block["text"]))
        ]
    if block["type"] == "tool_use":
        text = json.dumps(block["input"]) if block["input"] else ""
        return {**block, "input": {}}, [
            {"type": "input_json_delta", "partial_json": piece} for piece in draw(cut(text))
        ]
    if block["type"] == "thinking":
        deltas: list[dict[str, Any]] = [
            {"type": "thinking_delta", "thinking": piece} for piece in draw(cut(block["thinking"]))
        ]
        return {**block, "thinking": "", "signature": ""}, [
            *deltas,
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    return block, []


@given(st.data(), CLAUDE_BLOCKS, STOP, CLAUDE_USAGE)
def test_an_openai_caller_joins_what_claude_said(
    data: st.DataObject, blocks: list[Any], stop: str, usage: Any
) -> None:
    reply = claude_reply(blocks, stop, usage)
    whole = json.loads(
        openai_chat.write_reply(anthropic.read_reply(json.dumps(reply).encode()), created=CREATED)
    )
    joined = join_openai(
        translate_stream(anthropic, openai_chat, OPENAI_REQUEST, data.draw(claude_stream(reply)))
    )
    message = whole["choices"][0]["message"]
    assert joined["done"]
    assert joined["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert joined["usage"] == whole["usage"]
    assert (joined["message"]["content"] or "") == (message["content"] or "")
    assert joined["message"]["reasoning_content"] == message.get("reasoning_content")
    assert joined["message"]["reasoning_details"] == message.get("reasoning_details", [])
    assert without_spaces(joined["message"]["tool_calls"]) == without_spaces(message.get("tool_calls", []))


def without_spaces(calls: list[Any]) -> list[Any]:
    """Calls with their arguments decoded: JSON may be spaced differently in a stream."""
    return [
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls
    ]


# --- OpenAI's stream, Anthropic's caller ---

CALLS = st.lists(st.tuples(NAMES, INPUTS), max_size=3)


def openai_reply(text: str, thought: str, calls: list[Any], finish: str) -> dict[str, Any]:
    made = [
        {
            "id": f"call_{place}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(data) if data else ""},
        }
        for place, (name, data) in enumerate(calls)
    ]
    message = {
        "role": "assistant",
        "content": text or None,
        "reasoning_content": thought or None,
        "tool_calls": made or None,
    }
    usage = {
        "prompt_tokens": 50,
        "completion_tokens": 9,
        "total_tokens": 59,
        "prompt_tokens_details": {"cached_tokens": 20},
    }
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 5,
        "model": "gpt",
        "choices": [choice],
        "usage": usage,
    }


@st.composite
def openai_stream(
    draw: st.DrawFn, reply: dict[str, Any], interleave: bool, in_order: bool = False
) -> list[tuple[str, bytes]]:
    """`in_order`: calls that interleave begin in their order, as OpenAI's do."""
    message = reply["choices"][0]["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in draw(cut(message["reasoning_content"] or ""))]
    deltas += [{"content": piece} for piece in draw(cut(message["content"] or ""))]
    queues = [draw(call_deltas(call, place)) for place, call in enumerate(message["tool_calls"] or ())]
    while any(queues):
        ready = [queue for queue in queues if queue]
        waiting = [place for place, queue in enumerate(ready) if "id" in queue[0]]
        if in_order and waiting:
            ready = ready[: waiting[0] + 1]
        queue = draw(st.sampled_from(ready)) if interleave else ready[0]
        deltas.append({"tool_calls": [queue.pop(0)]})
    chunks = [chunk([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
    chunks.append(chunk([{"index": 0, "delta": {}, "finish_reason": reply["choices"][0]["finish_reason"]}]))
    chunks.append({**chunk([]), "usage": reply["usage"]})
    events = [("", json.dumps(each).encode()) for each in chunks]
    return [*events, ("", b"[DONE]")] if draw(st.booleans()) else events


def chunk(choices: list[Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "gpt",
        "choices": choices,
    }


@st.composite
def call_deltas(draw: st.DrawFn, call: dict[str, Any], place: int) -> list[dict[str, Any]]:
    text = call["function"]["arguments"]
    whole = draw(st.booleans())
    first = {
        "index": place,
        "id": call["id"],
        "type": "function",
        "function": {"name": call["function"]["name"], "arguments": text if whole else ""},
    }
    if whole:
        return [first]
    pieces = list(text) if draw(st.booleans()) else draw(cut(text))
    return [first, *({"index": place, "function": {"arguments": piece}} for piece in pieces)]


@given(
    st.data(),
    WORDS | st.just(""),
    WORDS | st.just(""),
    CALLS,
    st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    st.booleans(),
)
def test_an_anthropic_caller_joins_what_gpt_said(
    data: st.DataObject, text: str, thought: str, calls: list[Any], finish: str, interleave: bool
) -> None:
    reply = openai_reply(text, thought, calls, finish)
    whole = json.loads(anthropic.write_reply(openai_chat.read_reply(json.dumps(reply).encode())))
    events = data.draw(openai_stream(reply, interleave))
    joined = join_anthropic(translate_stream(openai_chat, anthropic, CLAUDE_REQUEST, events))
    assert by_id(joined["content"]) == by_id(whole["content"])
    assert joined["stop_reason"] == whole["stop_reason"]
    assert joined["usage"] == {
        name: value for name, value in whole["usage"].items() if name != "service_tier"
    }


def by_id(content: list[Any]) -> list[Any]:
    """Interleaved calls may begin in any order."""
    return sorted(content, key=lambda block: block.get("id", ""))


JUNK = (
    st.none()
    | st.booleans()
    | st.integers()
    | WORDS
    | st.lists(WORDS, max_size=1)
    | st.dictionaries(WORDS, WORDS, max_size=1)
)


@st.composite
def spoiled(draw: st.DrawFn, value: Any) -> Any:
    """The same JSON with junk in one place."""
    body = json.loads(json.dumps(value))
    places: list[tuple[Any, Any]] = []
    stack = [body]
    while stack:
        node = stack.pop()
        keys = range(len(node)) if isinstance(node, list) else list(node)
        places += [(node, key) for key in keys]
        stack += [node[key] for key in keys if isinstance(node[key], dict | list)]
    node, key = draw(st.sampled_from(places))
    node[key] = draw(JUNK)
    return body


@given(st.data(), CLAUDE_BLOCKS, CALLS, WORDS)
def test_property_a_spoiled_reply_is_read_or_a_protocol_error(
    data: st.DataObject, blocks: list[Any], calls: list[Any], text: str
) -> None:
    claude = claude_reply(blocks, "end_turn", {"input_tokens": 1, "output_tokens": 1})
    gpt = openai_reply(text, text, calls, "stop")
    gpt["choices"][0]["message"] |= {
        "annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}],
        "audio": {"id": "a"},
    }
    for codec, reply in ((anthropic, claude), (openai_chat, gpt)):
        try:
            read = codec.read_reply(json.dumps(data.draw(spoiled(reply))).encode())
        except UpstreamProtocolError:
            continue
        assert json.loads(openai_chat.write_reply(read))["object"] == "chat.completion"
        assert json.loads(anthropic.write_reply(read))["type"] == "message"


@given(st.data(), CLAUDE_BLOCKS, CALLS, WORDS)
def test_property_a_spoiled_stream_is_read_or_an_upstream_error(
    data: st.DataObject, blocks: list[Any], calls: list[Any], text: str
) -> None:
    claude = data.draw(
        claude_stream(claude_reply(blocks, "end_turn", {"input_tokens": 1, "output_tokens": 1}))
    )
    gpt = data.draw(openai_stream(openai_reply(text, text, calls, "stop"), interleave=True))
    for codec, events in ((anthropic, claude), (openai_chat, gpt)):
        place = data.draw(st.integers(0, len(events) - 1))
        name, body = events[place]
        if body != b"[DONE]":
            events[place] = (name, json.dumps(data.draw(spoiled(json.loads(body)))).encode())
        for caller, request in ((openai_chat, OPENAI_REQUEST), (anthropic, CLAUDE_REQUEST)):
            with suppress(UpstreamError):
                translate_stream(codec, caller, request, events)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>no</html>",
        b"{}",
        b"[]",
        b'{"choices":null}',
        b'{"type":"message"}',
        b"\xff",
        b"[" * 99999,
    ],
)
@pytest.mark.parametrize("codec", [openai_chat, anthropic])
def test_what_is_no_reply_is_a_protocol_error(codec: Any, body: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        codec.read_reply(body)


# --- the quirks of compatible servers ---


def openai_events(
    *deltas: dict[str, Any], finish: str | None = "stop", index: int | None = 0
) -> list[tuple[str, bytes]]:
    chunks = [chunk([{"index": index, "delta": delta, "finish_reason": None}]) for delta in deltas]
    if finish is not None:
        chunks.append(chunk([{"index": index, "delta": {}, "finish_reason": finish}]))
    return [("", json.dumps(each).encode()) for each in chunks]


def tool(identity: str | None, name: str | None, arguments: str | None, index: int | None) -> dict[str, Any]:
    return {
        "tool_calls": [
            {
                "index": index,
                "id": identity,
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }
        ]
    }


@pytest.mark.parametrize("index", [0, None])
def test_parallel_calls_that_are_not_numbered_apart_are_told_apart_by_id(index: int | None) -> None:
    events = openai_events(tool("a", "f", '{"x":1}', index), tool("b", "g", '{"y":2}', index))
    joined = join_anthropic(translate_stream(openai_chat, anthropic, CLAUDE_REQUEST, events))
    assert [(block["id"], block["input"]) for block in joined["content"]] == [
        ("a", {"x": 1}),
        ("b", {"y": 2}),
    ]


def test_an_id_said_in_every_piece_is_one_call() -> None:
    events = openai_events(tool("a", "f", '{"x"', 0), tool("a", "f", ":1}", 0), tool("a", None, None, 0))
    joined = join_anthropic(translate_stream(openai_chat, anthropic, CLAUDE_REQUEST, events))
    assert [(block["id"], block["input"]) for block in joined["content"]] == [("a", {"x": 1})]
    assert joined["stop_reason"] == "tool_use"


def test_a_call_without_arguments_is_an_empty_object() -> None:
    events = openai_events(tool("a", "f", None, 0), finish="tool_calls")
    assert (
        join_anthropic(translate_stream(openai_chat, anthropic, CLAUDE_REQUEST, events))["content"][0][
            "input"
        ]
        == {}
    )


def test_text_that_goes_on_after_a_call_goes_on_in_a_block_of_its_own() -> None:
    events = openai_events({"content": "a"}, tool("c", "f", "{}", 0), {"content": "b"})
    joined = join_anthropic(translate_stream(openai_chat, anthropic, CLAUDE_REQUEST, events))
    assert [block["type"] for block in joined["content"]] == ["text", "tool_use", "text"]


def test_a_refusal_is_text_that_ends_as_refusal() -> None:
    joined = join_anthropic(
        translate_stream(openai_chat, anthropic, CLAUDE_REQUEST, openai_events({"refusal": "No."}))
    )
    assert joined["content"] == [{"type": "text", "text": "No."}]
    assert joined["stop_reason"] == "refusal"


def test_claudes_refusal_is_explained_to_an_openai_caller() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "Not this."}
    events = [
        (
            "message_start",
            b'{"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":1,"output_tokens":1}}}',
        ),
        (
            "message_delta",
            json.dumps(
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "refusal", "stop_details": details},
                    "usage": {"output_tokens": 2},
                }
            ).encode(),
        ),
        ("message_stop", b'{"type":"message_stop"}'),
    ]
    joined = join_openai(translate_stream(anthropic, openai_chat, OPENAI_REQUEST, events))
    assert joined["message"]["refusal"] == "Not this."
    assert joined["finish_reason"] == "content_filter"


def test_citations_of_the_web_become_annotations_of_the_cited_text() -> None:
    cited = {
        "type": "web_search_result_location",
        "url": "https://e.org",
        "title": "E",
        "cited_text": "q",
        "encrypted_index": "x",
    }
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": "So: "},
        {"type": "text", "text": "fact", "citations": [cited]},
    ]
    whole = json.loads(
        openai_chat.write_reply(
            anthropic.read_reply(json.dumps(claude_reply(blocks, "end_turn", {})).encode())
        )
    )
    deltas = [
        {"type": "text_delta", "text": "fa"},
        {"type": "citations_delta", "citation": cited},
        {"type": "text_delta", "text": "ct"},
    ]
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "model": "c"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "So: "}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 1, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    ]
    sent = [(event["type"], json.dumps(event).encode()) for event in events]
    joined = join_openai(translate_stream(anthropic, openai_chat, OPENAI_REQUEST, sent))
    where = {"start_index": 4, "end_index": 8, "title": "E", "url": "https://e.org", "content": "q"}
    assert whole["choices"][0]["message"]["annotations"] == [{"type": "url_citation", "url_citation": where}]
    assert joined["message"]["annotations"] == [{"type": "url_citation", "url_citation": where}]


def test_server_tools_of_claude_are_passed_over_for_an_openai_caller_and_kept_for_its_own() -> None:
    used = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "model": "c"}},
        {"type": "content_block_start", "index": 0, "content_block": used},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": '{"q":1}'},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "hi"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    ]
    sent = [(event["type"], json.dumps(event).encode()) for event in events]
    assert (
        join_openai(translate_stream(anthropic, openai_chat, OPENAI_REQUEST, sent))["message"]["content"]
        == "hi"
    )
    joined = join_anthropic(translate_stream(anthropic, anthropic, CLAUDE_REQUEST, sent))
    assert joined["content"][0] == {**used, "input": {"q": 1}}


def test_usage_is_sent_only_to_who_asked() -> None:
    request = openai_chat.read_request(json.dumps(chat(USER, stream=True)).encode())
    events = [
        *openai_events({"content": "a"}),
        ("", json.dumps({**chunk([]), "usage": {"prompt_tokens": 1}}).encode()),
    ]
    out = translate_stream(openai_chat, openai_chat, request, events)
    assert b"usage" not in out
    assert out.endswith(b"data: [DONE]\n\n")


def test_choices_of_openai_stay_apart() -> None:
    events = [*openai_events({"content": "a"}, index=0), *openai_events({"content": "b"}, index=1)]
    out = translate_stream(openai_chat, openai_chat, OPENAI_REQUEST, events)
    said = [
        json.loads(data)["choices"][0]
        for _, data in events_of(out)
        if b'"content":"' in data and b'"role"' not in data
    ]
    assert [(choice["index"], choice["delta"]["content"]) for choice in said] == [(0, "a"), (1, "b")]


def test_the_first_chunk_of_azure_has_no_choices_and_is_not_the_start() -> None:
    first = ("", b'{"id":"","model":"","choices":[],"prompt_filter_results":[]}')
    out = translate_stream(
        openai_chat, openai_chat, OPENAI_REQUEST, [first, *openai_events({"content": "a"})]
    )
    assert b'"id":"chatcmpl-1"' in out.split(b"\n\n")[0]


# --- what providers do wrong ---

START = ("message_start", b'{"type":"message_start","message":{"id":"m","model":"c"}}')
FINISH = ("message_delta", b'{"type":"message_delta","delta":{"stop_reason":"end_turn"}}')


def test_unknown_events_and_pings_are_passed_over() -> None:
    reader = anthropic.reader()
    assert reader.read("ping", b"{}") == []
    assert reader.read("novelty", b'{"type":"novelty","x":1}') == []
    assert reader.read("", b'{"type":"content_block_delta","index":0,"delta":{"type":"novel_delta"}}') == []
    assert openai_chat.reader().read("", b'{"object":"novelty"}') == []


@pytest.mark.parametrize("garbage", [b"<html>", b"{", b'{"choices":5}', b"\xff", b"[]", b'{"type":5}'])
def test_garbage_is_a_protocol_error_until_the_finish_and_counted_after_it(garbage: bytes) -> None:
    ends = {openai_chat: openai_events({"content": "a"}), anthropic: [START, FINISH]}
    for codec, events in ends.items():
        if codec is anthropic and b"choices" in garbage:
            continue
        if codec is openai_chat and b"type" in garbage:
            continue
        with pytest.raises(UpstreamProtocolError):
            codec.reader().read("", garbage)
        reader: Any = codec.reader()
        for name, data in events:
            reader.read(name, data)
        assert reader.read("", garbage) == []
        assert reader.skipped == 1
        assert len(reader.end()) == 1


def test_a_stream_without_a_finish_is_cut() -> None:
    for codec, events in ((openai_chat, openai_events({"content": "a"}, finish=None)), (anthropic, [START])):
        reader = codec.reader()
        for name, data in events:
            reader.read(name, data)
        with pytest.raises(UpstreamClosed):
            reader.end()


def test_a_terminator_without_a_finish_is_a_protocol_error() -> None:
    with pytest.raises(UpstreamProtocolError):
        openai_chat.reader().read("", b"[DONE]")
    with pytest.raises(UpstreamProtocolError):
        anthropic.reader().read("message_stop", b'{"type":"message_stop"}')


def test_what_comes_after_the_end_is_passed_over() -> None:
    reader = openai_chat.reader()
    for name, data in [*openai_events({"content": "a"}), ("", b"[DONE]")]:
        reader.read(name, data)
    assert reader.read("", b"garbage") == []
    assert reader.end() == []


@pytest.mark.parametrize(
    ("codec", "name", "data", "status", "kind", "message"),
    [
        (
            anthropic,
            "error",
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            529,
            "overloaded_error",
            "Overloaded",
        ),
        (anthropic, "error", {"type": "error"}, 502, None, "the provider reported"),
        (
            openai_chat,
            "",
            {"error": {"type": "server_error", "message": "Oops", "code": None}},
            500,
            "server_error",
            "Oops",
        ),
        (
            openai_chat,
            "",
            {"error": {"message": "Slow down", "code": 429}, "choices": []},
            429,
            None,
            "Slow down",
        ),
        (
            openai_chat,
            "error",
            {"message": "Bad", "type": "invalid_request_error"},
            400,
            "invalid_request_error",
            "Bad",
        ),
        (openai_chat, "", {"error": "plain words"}, 502, None, "plain words"),
    ],
)
def test_an_error_in_the_stream_is_the_providers(
    codec: Any, name: str, data: Any, status: int, kind: str | None, message: str
) -> None:
    with pytest.raises(UpstreamStatus) as caught:
        codec.reader().read(name, json.dumps(data).encode())
    assert caught.value.http_status == status
    assert caught.value.upstream_type == kind
    assert caught.value.message.startswith(message)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "error", "message_start", "x"]),
            st.binary(max_size=40) | st.from_regex(rb'\A\{"(type|choices|error)":[^}]{0,20}\}\Z'),
        ),
        max_size=5,
    )
)
def test_readers_raise_nothing_but_upstream_errors(events: list[tuple[str, bytes]]) -> None:
    for codec in (openai_chat, anthropic):
        reader = codec.reader()
        with suppress(UpstreamError):
            for name, data in events:
                reader.read(name, data)
            reader.end()
