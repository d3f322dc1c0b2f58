"""Requests of Bedrock: read and written they say the same as before, none breaks it, and what crosses is valid."""

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from bedrock_journeys import FACTS, MODEL, check_request
from hypothesis import given
from hypothesis import strategies as st
from journeys import chat
from test_dialect_roundtrip import A_REQUEST, ID, O_REQUEST, O_THINKING, SCHEMA, WORD, record, spoiled

from gateway.dialects import anthropic, bedrock, openai_chat
from gateway.dialects.codec import TargetFacts
from gateway.errors import BadRequest, UpstreamProtocolError

FAMILIES = [
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "anthropic.claude-opus-5-5-v1:0",
    "eu.amazon.nova-2-lite-v1:0",
    "openai.gpt-oss-120b-1:0",
    "mistral.mistral-large-2402-v1:0",
    "meta.llama3-70b-instruct-v1:0",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
]
TTL = st.sampled_from([{"type": "default"}, {"type": "default", "ttl": "1h"}])
MARK = record(cachePoint=TTL)
TEXT = record(text=WORD)
S3 = st.just({"s3Location": {"uri": "s3://bucket/key"}})
OWNED = st.just({"s3Location": {"uri": "s3://bucket/key", "bucketOwner": "123456789012"}})
DATA = st.just({"bytes": "AAAA"})
IMAGE = record(image=record(format=st.sampled_from(["png", "jpeg"]), source=st.one_of(DATA, S3, OWNED)))
DOCUMENT = record(
    document=record(
        format=st.sampled_from(["pdf", "docx", "txt", "md"]),
        name=ID,
        source=st.one_of(DATA, S3, OWNED, st.just({"text": "words"}), st.just({"content": [{"text": "x"}]})),
        context_=WORD,
        citations_=st.just({"enabled": True}),
    )
)
AUDIO = record(audio=record(format=st.sampled_from(["mp3", "wav"]), source=st.one_of(DATA, S3)))
VIDEO = record(video=record(format="mp4", source=S3))
GUARD = record(guardContent=record(text=record(text=WORD)))
FOUND = st.just({"searchResult": {"source": "s", "title": "t", "content": [{"text": "x"}]}})
JSON = record(json=st.sampled_from([{"a": 1.0}, [1, None], "text", {}, True]))
RESULT = record(
    toolResult=record(
        toolUseId=ID,
        content=st.lists(st.one_of(TEXT, JSON, IMAGE, DOCUMENT, VIDEO, FOUND), max_size=3),
        status_=st.just("error"),
    )
)
USE = record(toolUse=record(toolUseId=ID, name=ID, input=st.sampled_from([{}, {"a": 1.0, "b": [None]}])))
SERVER = st.just({"toolUse": {"toolUseId": "s", "name": "n", "input": {}, "type": "server_tool_use"}})
THOUGHT = st.one_of(
    record(reasoningContent=record(reasoningText=record(text=WORD, signature_=WORD))),
    st.just({"reasoningContent": {"redactedContent": "AAAA"}}),
)
CITED = st.just(
    {
        "citationsContent": {
            "content": [{"text": "said"}],
            "citations": [
                {
                    "title": "t",
                    "sourceContent": [{"text": "q"}],
                    "location": {"documentChar": {"documentIndex": 0, "start": 1, "end": 2}},
                }
            ],
        }
    }
)
USER = st.lists(
    st.one_of(TEXT, IMAGE, DOCUMENT, AUDIO, VIDEO, GUARD, FOUND, RESULT, MARK), min_size=1, max_size=4
)
ASSISTANT = st.lists(st.one_of(TEXT, USE, SERVER, THOUGHT, CITED, MARK), min_size=1, max_size=4)
SYSTEM = st.lists(TEXT, min_size=1, max_size=2)
TURNS = st.lists(
    st.tuples(
        st.builds(lambda content: {"role": "user", "content": content}, USER),
        st.builds(lambda content: {"role": "assistant", "content": content}, ASSISTANT),
    ),
    min_size=1,
    max_size=2,
).map(lambda pairs: [turn for pair in pairs for turn in pair])
SPEC = record(
    toolSpec=record(
        name=ID,
        inputSchema=record(json=SCHEMA),
        description_=WORD,
        strict_=st.booleans(),
        novelty_=st.just(1),
    )
)
TOOLS = st.lists(
    st.one_of(SPEC, MARK, st.just({"systemTool": {"name": "nova_grounding"}})), min_size=1, max_size=3
)
CHOICE = st.one_of(st.sampled_from([{"auto": {}}, {"any": {}}]), record(tool=record(name=ID)))
NUMBER = st.floats(0, 1)
CLAUDE_MORE = record(
    top_k_=st.integers(1, 9),
    anthropic_beta_=st.just(["x"]),
    thinking_=st.sampled_from(
        [
            {"type": "enabled", "budget_tokens": 2000},
            {"type": "disabled"},
            {"type": "adaptive", "display": "omitted"},
            {"type": "novelty"},
        ]
    ),
)
MORE = st.one_of(
    CLAUDE_MORE,
    record(inferenceConfig_=st.just({"topK": 3}), reasoning_effort_=st.sampled_from(["low", "high"])),
    st.sampled_from(
        [
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
            {"reasoning_config": {"type": "enabled", "budget_tokens": 1024}},
        ]
    ),
)
REQUEST = record(
    messages=TURNS,
    system_=SYSTEM,
    inferenceConfig_=record(
        maxTokens=st.integers(1, 9),
        temperature_=NUMBER,
        topP_=NUMBER,
        stopSequences_=st.lists(WORD, min_size=1, max_size=2),
    ),
    toolConfig_=record(tools=TOOLS, toolChoice_=CHOICE),
    additionalModelRequestFields_=MORE.filter(bool),
    outputConfig_=record(
        textFormat=st.builds(
            lambda schema: {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema}}},
            SCHEMA.map(json.dumps),
        ),
        effort_=st.sampled_from(["low", "max"]),
    ),
    requestMetadata_=st.just({"a": "b"}),
    serviceTier_=st.sampled_from([{"type": "flex"}, {"type": "reserved"}]),
    guardrailConfig_=st.just({"guardrailIdentifier": "abc", "guardrailVersion": "1"}),
    performanceConfig_=st.just({"latency": "optimized"}),
    promptVariables_=st.just({"x": {"text": "y"}}),
    additionalModelResponseFieldPaths_=st.just(["/stop_sequence"]),
    novelty_=st.just({"z": 1.0}),
)


def answer(content: list[Any]) -> dict[str, Any]:
    usage = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3, "cacheWriteInputTokens": 4}
    details = {"cacheDetails": [{"ttl": "1h", "inputTokens": 4}, {"ttl": "5m", "inputTokens": 0}]}
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "guardrail_intervened",
        "usage": {**usage, "totalTokens": 7, "cacheReadInputTokens": 0, **details},
        "metrics": {"latencyMs": 5},
        "additionalModelResponseFields": {"stop_sequence": "END"},
        "trace": {"guardrail": {"modelOutput": ["x"]}},
        "serviceTier": {"type": "flex"},
    }


@given(ASSISTANT)
def test_property_an_answer_keeps_everything(content: list[Any]) -> None:
    body = answer([block for block in content if "cachePoint" not in block])
    reply = bedrock.read_reply(json.dumps(body).encode(), MODEL)
    assert json.loads(bedrock.write_reply(reply)) == body


@given(REQUEST)
def test_property_bedrock_keeps_everything(body: dict[str, Any]) -> None:
    first = bedrock.read_request(json.dumps(body).encode(), MODEL)
    written = bedrock.write_request(first, FACTS)
    assert json.loads(written.body) == body
    assert written.dropped == ()
    assert bedrock.read_request(written.body, MODEL) == first


@given(REQUEST, st.sampled_from(FAMILIES))
def test_property_a_bedrock_request_crosses(body: dict[str, Any], model: str) -> None:
    request = bedrock.read_request(json.dumps(body).encode(), model)
    for codec in (openai_chat, anthropic):
        written = codec.write_request(request, TargetFacts("m", max_output=9))
        assert codec.read_request(written.body).unknown == ()
        assert "novelty" in written.dropped or "novelty" not in body


@given(O_REQUEST, O_THINKING, A_REQUEST, st.sampled_from(FAMILIES))
def test_property_what_crosses_to_bedrock_is_what_boto3_takes(
    openai: dict[str, Any], thinking: dict[str, Any], claude: dict[str, Any], model: str
) -> None:
    openai["messages"].append({"role": "user", "content": "go on"})
    claude["messages"].append({"role": "user", "content": "go on"})
    for codec, body in ((openai_chat, {**openai, **thinking}), (anthropic, claude)):
        request = codec.read_request(json.dumps(body).encode())
        written = bedrock.write_request(request, TargetFacts(model, max_output=9000))
        there = json.loads(written.body)
        check_request(there, model)
        assert bedrock.read_request(written.body, model).unknown == ()
        roles = [message["role"] for message in there["messages"] if message["role"] != "system"]
        assert all(one != other for one, other in pairwise(roles))


@given(spoiled(REQUEST))
def test_property_a_spoiled_bedrock_request_is_refused_or_written(body: dict[str, Any]) -> None:
    try:
        request = bedrock.read_request(json.dumps(body).encode(), MODEL)
    except BadRequest:
        return
    for codec in (bedrock, openai_chat, anthropic):
        msgspec.json.decode(codec.write_request(request, TargetFacts(MODEL)).body)


@st.composite
def scratched(draw: st.DrawFn, bodies: st.SearchStrategy[dict[str, Any]]) -> bytes:
    """A good body with some of its bytes changed."""
    body = bytearray(json.dumps(draw(bodies)).encode())
    for _ in range(draw(st.integers(1, 3))):
        body[draw(st.integers(0, len(body) - 1))] = draw(
            st.integers(0, 255) | st.sampled_from(b'"{}[]:,\\\xff')
        )
    return bytes(body)


@given(scratched(REQUEST))
def test_property_scratched_bytes_are_refused_or_written(body: bytes) -> None:
    try:
        request = bedrock.read_request(body, MODEL)
    except BadRequest:
        return
    for codec in (bedrock, openai_chat, anthropic):
        codec.write_request(request, TargetFacts(MODEL))


@given(scratched(ASSISTANT.map(answer)))
def test_property_a_scratched_answer_is_refused_or_written(body: bytes) -> None:
    try:
        reply = bedrock.read_reply(body, MODEL)
    except UpstreamProtocolError:
        return
    for codec in (bedrock, openai_chat, anthropic):
        codec.write_reply(reply)


# --- rules ---


def write(body: dict[str, Any], model: str = MODEL, codec: Any = openai_chat) -> tuple[dict[str, Any], Any]:
    written = bedrock.write_request(codec.read_request(json.dumps(body).encode()), TargetFacts(model, 9000))
    there = json.loads(written.body)
    check_request(there, model)
    return there, written.dropped


HI = {"role": "user", "content": "hi"}
CALL = {"id": "call|1", "type": "function", "function": {"name": "f", "arguments": "{broken"}}
CALLED = [
    HI,
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call|1", "content": ""},
]


def test_calls_whose_tools_are_gone_bring_them_back_by_name() -> None:
    body, _ = write(chat(*CALLED))
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f"]
    call = body["messages"][1]["content"][0]["toolUse"]
    result = body["messages"][2]["content"][0]["toolResult"]
    assert call["input"] == {"arguments": "{broken"}
    assert call["toolUseId"] == result["toolUseId"] == "call_1"
    assert result["content"] == []


def test_no_tool_leaves_the_tools_out_unless_calls_need_them() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    body, dropped = write(chat(HI, tools=tools, tool_choice="none"))
    assert "toolConfig" not in body
    assert dropped == ()
    body, dropped = write(chat(*CALLED, tools=tools, tool_choice="none"))
    assert "toolConfig" in body
    assert dropped == ("tool_choice",)


def test_cache_marks_go_only_to_models_that_take_them() -> None:
    marked = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}
    turn = {"role": "user", "content": [marked]}
    body, _ = write(chat(turn))
    assert body["messages"][0]["content"] == [{"text": "long"}, {"cachePoint": {"type": "default"}}]
    body, dropped = write(chat(turn), "meta.llama3-70b-instruct-v1:0")
    assert body["messages"][0]["content"] == [{"text": "long"}]
    assert dropped == ("cache_control",)


def test_documents_get_names_that_bedrock_takes_each_once() -> None:
    def file(name: str) -> dict[str, Any]:
        return {"type": "file", "file": {"filename": name, "file_data": "data:application/pdf;base64,AAAA"}}

    content = [file("a_b  c.pdf"), file("a/b c.pdf"), file("….pdf")]
    body, _ = write(chat({"role": "user", "content": content}))
    names = [block["document"]["name"] for block in body["messages"][0]["content"]]
    assert names == ["a-b c", "a-b c 2", "-"]


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (FAMILIES[0], {"thinking": {"type": "enabled", "budget_tokens": 7200}}),
        (FAMILIES[2], {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        (FAMILIES[3], {"reasoning_effort": "high"}),
        (FAMILIES[5], None),
    ],
)
def test_effort_is_said_in_each_familys_words(model: str, more: Any) -> None:
    body, dropped = write(chat(HI, reasoning_effort="high"), model)
    assert body.get("additionalModelRequestFields") == more
    assert dropped == (() if more else ("reasoning_effort",))
    assert body.get("inferenceConfig") == ({"maxTokens": 9000} if more and "thinking" in more else None)


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (FAMILIES[0], {"top_k": 5}),
        (FAMILIES[2], {"inferenceConfig": {"topK": 5}}),
        (FAMILIES[5], None),
    ],
)
def test_top_k_is_said_in_each_familys_words(model: str, more: Any) -> None:
    body, dropped = write(chat(HI, top_k=5, max_tokens=9), model, anthropic)
    assert body.get("additionalModelRequestFields") == more
    assert dropped == (() if more else ("top_k",))


def test_another_providers_thought_goes_through_a_bedrock_caller_and_back() -> None:
    """Over two turns: what proves it travels in an envelope where Bedrock's own proof would stand."""
    details = [
        {"type": "reasoning.text", "text": "t", "signature": "s", "format": "google-gemini-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "d?", "format": "openai-responses-v1", "id": "r", "index": 1},
    ]
    message = {"role": "assistant", "content": "yo", "reasoning_details": details}
    answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    reply = openai_chat.read_reply(json.dumps(answer).encode())
    said = json.loads(bedrock.write_reply(reply))["output"]["message"]
    request = bedrock.read_request(json.dumps({"messages": [said]}).encode(), "gemini/x")
    there = openai_chat.write_request(request, TargetFacts("m", accepts=("reasoning_details",)))
    assert json.loads(there.body)["messages"][0]["reasoning_details"] == details
    assert bedrock.write_request(request, FACTS).dropped == (
        "messages.reasoning",
        "messages.reasoning.signature",
    )


def test_citations_of_anthropic_find_their_place() -> None:
    place = {"type": "page_location", "cited_text": "q", "document_index": 1, "document_title": "t"}
    pages = {"start_page_number": 2, "end_page_number": 3}
    answer = {
        "type": "message",
        "content": [{"type": "text", "text": "x", "citations": [{**place, **pages}]}],
        "stop_reason": "end_turn",
    }
    reply = anthropic.read_reply(json.dumps(answer).encode())
    [block] = json.loads(bedrock.write_reply(reply))["output"]["message"]["content"]
    assert block["citationsContent"]["citations"] == [
        {
            "location": {"documentPage": {"documentIndex": 1, "start": 2, "end": 3}},
            "title": "t",
            "sourceContent": [{"text": "q"}],
        }
    ]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": [{"role": "user", "content": [{"text": 7}]}]}, "messages[0].content.text"),
        ({"messages": [{"role": "robot", "content": []}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "hi"}]}, "messages[0].content"),
        (
            {"toolConfig": {"tools": [{"toolSpec": {"name": "f"}}]}},
            "toolConfig.tools[0].toolSpec.inputSchema",
        ),
        ({"additionalModelRequestFields": []}, "additionalModelRequestFields"),
        (
            {
                "outputConfig": {
                    "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{"}}}
                }
            },
            "outputConfig.textFormat.structure.jsonSchema.schema",
        ),
    ],
)
def test_a_mistake_is_named_by_its_path(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as raised:
        bedrock.read_request(json.dumps(body).encode())
    assert raised.value.param == param


@pytest.mark.parametrize(
    ("body", "header", "kind", "message"),
    [
        (b'{"message":"no"}', "ValidationException:http://x/", "ValidationException", "no"),
        (b'{"Message":"no","__type":"com.amazon#AccessDeniedException"}', "", "AccessDeniedException", "no"),
        (
            b"<html><title>Bad Gateway</title>",
            "",
            None,
            "the provider answered 400 with an HTML page: Bad Gateway",
        ),
    ],
)
def test_errors_are_read_wherever_aws_puts_their_type(
    body: bytes, header: str, kind: str | None, message: str
) -> None:
    detail = bedrock.read_error(400, body, "application/json", header)
    assert (detail.message, detail.type) == (message, kind)
