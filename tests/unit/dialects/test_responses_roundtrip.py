"""A request of the Responses API read and written says the same as before; and no request breaks a codec."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from responses_sdk import REQUEST
from test_dialect_roundtrip import A_REQUEST, ID, NUMBER, O_REQUEST, SCHEMA, WORD, record, spoiled

from gateway.dialects import anthropic, openai_chat, openai_responses
from gateway.dialects.codec import TargetFacts
from gateway.errors import BadRequest

BREAK = st.sampled_from([{"mode": "explicit"}, {"mode": "explicit", "ttl": "30m"}])
R_TEXT = record(type="input_text", text=WORD, prompt_cache_breakpoint_=BREAK)
R_IMAGE = record(
    type="input_image", detail=st.sampled_from(["auto", "low"]), image_url=st.just("https://e.org/a")
) | record(type="input_image", detail="high", file_id=ID)
R_FILE = record(type="input_file", file_id=ID, filename_=ID) | st.sampled_from(
    [
        {"type": "input_file", "file_url": "https://e.org/a.pdf"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
    ]
)
R_AUDIO = st.just({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})
R_ODD = st.just({"type": "novelty", "x": [1.0, {"y": None}]})
R_PARTS = st.lists(st.one_of(R_TEXT, R_IMAGE, R_FILE, R_AUDIO, R_ODD), min_size=1, max_size=3)
R_NOTE = st.just(
    {"type": "url_citation", "url": "https://e.org", "title": "E", "start_index": 0, "end_index": 1}
) | st.just({"type": "file_citation", "file_id": "f", "filename": "a", "index": 1})
R_SAID = record(type="output_text", text=WORD, annotations=st.lists(R_NOTE, max_size=2)) | record(
    type="refusal", refusal=WORD
)
STATUS = st.just("completed")
CALLER = st.just({"type": "direct"})
R_USER = record(
    role=st.sampled_from(["user", "system", "developer"]), content=WORD | R_PARTS, type_=st.just("message")
)
R_ITEM = st.one_of(
    R_USER,
    record(role="assistant", content=WORD, phase_=st.just("commentary")),
    record(
        type="message",
        role="assistant",
        id=ID,
        status=STATUS,
        content=st.lists(R_SAID, min_size=1, max_size=2),
        phase_=st.just("final_answer"),
    ),
    record(
        type="function_call",
        call_id=ID,
        name=ID,
        arguments=st.sampled_from(["{}", "", "{broken"]),
        id_=ID,
        status_=STATUS,
        caller_=CALLER,
        novelty_=st.just(1.0),
    ),
    record(type="custom_tool_call", call_id=ID, name=ID, input=WORD, id_=ID),
    record(type="function_call_output", call_id=ID, output=WORD | R_PARTS, id_=ID, status_=STATUS),
    record(type="custom_tool_call_output", call_id=ID, output=WORD | R_PARTS),
    record(
        type="reasoning",
        id=ID.map(lambda text: f"rs_{text}"),
        summary=st.lists(record(type="summary_text", text=WORD), max_size=2),
        content_=st.lists(record(type="reasoning_text", text=WORD), min_size=1, max_size=2),
        encrypted_content_=WORD,
    ),
    st.just({"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search"}}),
    st.just({"type": "mcp_approval_response", "approval_request_id": "a", "approve": True}),
)
R_TOOL = st.one_of(
    record(
        type="function",
        name=ID,
        description_=WORD,
        parameters_=SCHEMA,
        strict_=st.booleans(),
        novelty_=st.just(1),
    ),
    record(
        type="custom",
        name=st.just("a-custom-tool"),
        description_=WORD,
        format_=st.sampled_from(
            [{"type": "text"}, {"type": "grammar", "syntax": "lark", "definition": "start: x"}]
        ),
    ),
    st.just({"type": "web_search", "depth": 1.0}),
)
R_CHOICE = st.one_of(
    st.sampled_from(["auto", "none", "required"]),
    record(type="function", name=ID),
    st.just({"type": "custom", "name": "a-custom-tool"}),
    st.just({"type": "web_search"}),
    st.just({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}),
)
R_REQUEST = record(
    model="m",
    input=WORD | st.lists(R_ITEM, max_size=1),
    instructions_=WORD,
    max_output_tokens_=st.integers(16, 99),
    temperature_=NUMBER,
    top_p_=NUMBER,
    top_logprobs_=st.integers(0, 5),
    tools=st.lists(R_TOOL, min_size=1, max_size=3),
    tool_choice_=R_CHOICE,
    parallel_tool_calls_=st.booleans(),
    text_=record(
        format=st.just({"type": "json_object"})
        | record(type="json_schema", name=ID, schema=SCHEMA, strict_=st.booleans(), description_=WORD),
        verbosity_=st.just("low"),
    ),
    reasoning_=st.sampled_from(
        [{"effort": "low"}, {"effort": "none"}, {"summary": "auto"}, {"effort": "high", "context": "auto"}]
    ),
    include_=st.sampled_from(
        [["reasoning.encrypted_content"], ["message.output_text.logprobs"], ["file_search_call.results"]]
    ),
    user_=WORD,
    safety_identifier_=WORD,
    metadata_=st.just({"a": "b"}),
    service_tier_=st.sampled_from(["auto", "flex"]),
    store_=st.booleans(),
    truncation_=st.just("auto"),
    prompt_cache_key_=WORD,
    max_tool_calls_=st.integers(1, 9),
    stream_=st.booleans(),
    novelty_=st.just({"z": 1.0}),
)


def again(body: dict[str, Any]) -> None:
    """Read and written, the request has the same fields with the same values, and reads as the same."""
    first = openai_responses.read_request(json.dumps(body).encode())
    written = openai_responses.write_request(first, TargetFacts("m"))
    assert plain(json.loads(written.body)) == plain(body)
    assert openai_responses.read_request(written.body) == first
    assert written.dropped == ()


def plain(value: Any) -> Any:
    """The same meaning in one spelling: a lone text as its string, a lone word of the user as the input."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: plain(item) for name, item in value.items() if item is not None}
    for name in ("content", "output"):
        parts = kept.get(name)
        if isinstance(parts, list) and len(parts) == 1 and set(parts[0]) == {"type", "text"}:
            kept[name] = parts[0]["text"]
    if "role" in kept:
        kept["type"] = "message"
    items = kept.get("input")
    lone = items[0] if isinstance(items, list) and len(items) == 1 else {}
    if (
        set(lone) == {"type", "role", "content"}
        and lone["role"] == "user"
        and isinstance(lone["content"], str)
    ):
        kept["input"] = lone["content"]
    if kept.get("stream") is False:
        del kept["stream"]
    return kept


@settings(max_examples=60)
@given(R_REQUEST)
def test_property_responses_keeps_every_parameter(body: dict[str, Any]) -> None:
    if body.get("tool_choice") == {"type": "custom", "name": "a-custom-tool"}:
        body["tools"].append({"type": "custom", "name": "a-custom-tool"})
    again(body)


@settings(max_examples=60)
@given(st.lists(R_ITEM, min_size=3, max_size=8))
def test_property_responses_keeps_every_item(items: list[Any]) -> None:
    kept: list[Any] = []
    for item in items:
        # Texts that a call has joined to one turn share what one of them says of itself, and ids of thought are unique.
        asked = [place for place, each in enumerate(kept) if each.get("role", "assistant") != "assistant"]
        turn = kept[max(asked, default=-1) + 1 :]
        if item.get("role") == "assistant" and any("call_id" in each or "role" in each for each in turn):
            continue
        if item.get("type") == "reasoning":
            item = {**item, "id": f"rs_{len(kept)}"}
        kept.append(item)
    again({"model": "m", "input": kept})


@settings(max_examples=50)
@given(spoiled(R_REQUEST))
def test_property_a_spoiled_responses_request_is_refused_or_written(body: dict[str, Any]) -> None:
    try:
        request = openai_responses.read_request(json.dumps(body).encode())
    except BadRequest:
        return
    for other, model in ((openai_chat, "gpt"), (anthropic, "claude-opus-4-8"), (openai_responses, "gpt")):
        written = other.write_request(request, TargetFacts(model))
        assert msgspec.json.decode(written.body)["model"] == model


@settings(max_examples=40)
@given(R_REQUEST, O_REQUEST, A_REQUEST)
def test_property_what_crosses_is_read_there(
    body: dict[str, Any], chat: dict[str, Any], claude: dict[str, Any]
) -> None:
    request = openai_responses.read_request(json.dumps(body).encode())
    for codec, model in ((openai_chat, "gpt"), (anthropic, "claude-opus-5")):
        there = codec.read_request(codec.write_request(request, TargetFacts(model)).body)
        assert there.unknown == ()
        assert codec is openai_chat or there.extras == ()
    for codec, other in ((openai_chat, chat), (anthropic, claude)):
        read = codec.read_request(json.dumps(other).encode())
        there = openai_responses.read_request(openai_responses.write_request(read, TargetFacts("gpt")).body)
        assert there.unknown == ()
        REQUEST.validate_json(openai_responses.write_request(read, TargetFacts("gpt")).body)


_ANNOTATED = {"type": "output_text", "text": "x", "annotations": [None]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
        ({"input": [{"id": "x"}]}, "input[0]"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": 5}, "input"),
        (
            {"input": [{"role": "assistant", "content": [_ANNOTATED]}]},
            "input[0].content.annotations",
        ),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
    ],
)
def test_what_cannot_be_translated_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as raised:
        openai_responses.read_request(json.dumps({"model": "m", "input": "x", **fields}).encode())
    assert raised.value.param == param
