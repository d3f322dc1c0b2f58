"""What a reply says that its caller's dialect has no place for is named, whole and streamed."""

import json
from typing import Any

import pytest
from caller_answers import CALLERS
from gemini_journeys import answer
from sample_streams import STREAMS, sse
from test_stream_properties import source_for

from gateway.dialects import anthropic, bedrock, cohere, gemini, openai_responses
from gateway.dialects.endpoints import ENDPOINTS
from gateway.dialects.losses import lost_in

SEARCH = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
PLACE = {
    "type": "char_location",
    "cited_text": "x",
    "document_index": 0,
    "start_char_index": 0,
    "end_char_index": 1,
}
CITED = {"type": "text", "text": "x", "citations": [PLACE]}
CLAUDE = {"type": "message", "id": "m", "content": [SEARCH, CITED], "stop_reason": "end_turn"}
BOX = {"id": "box", "expires_at": "2026-01-01T00:00:00Z"}
HOSTED = {**CLAUDE, "content": [], "container": BOX, "usage": {"server_tool_use": {"web_search_requests": 2}}}
UNUSED = {**HOSTED, "container": None, "usage": {"server_tool_use": {"web_search_requests": 0}}}
GROUNDED = answer({"text": "x"}, {"executableCode": {"code": "1"}}, finish="STOP")
GROUNDED["candidates"][0]["groundingMetadata"] = {"webSearchQueries": ["x"]}
ITEM = {"type": "web_search_call", "id": "w"}
RESPONSE = {"id": "r", "status": "completed", "output": [ITEM]}
TRACED = {"output": {"message": {"role": "assistant", "content": [{"text": "x"}]}}, "stopReason": "end_turn"}
PLANNED = {
    "id": "c",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "citations": [{"type": "PLAN"}]},
}


@pytest.mark.parametrize(
    ("codec", "body", "caller", "names"),
    [
        (anthropic, CLAUDE, "openai_chat", ("reply.server_tool_use", "reply.citations")),
        (anthropic, CLAUDE, "bedrock", ("reply.server_tool_use",)),
        (anthropic, CLAUDE, "anthropic", ()),
        (anthropic, HOSTED, "openai_chat", ("reply.container", "reply.usage.server_tool_use")),
        (anthropic, HOSTED, "anthropic", ()),
        (anthropic, UNUSED, "gemini", ()),
        (gemini, GROUNDED, "anthropic", ("reply.executableCode", "reply.groundingMetadata.webSearchQueries")),
        (gemini, GROUNDED, "gemini", ()),
        (openai_responses, RESPONSE, "openai_chat", ("reply.web_search_call",)),
        (
            bedrock,
            {**TRACED, "trace": {"guardrail": {}}, "metrics": {"latencyMs": 1}},
            "cohere",
            ("reply.trace",),
        ),
        (cohere, PLANNED, "openai_chat", ("reply.citations",)),
    ],
)
def test_a_whole_replys_losses_are_named(codec: Any, body: Any, caller: str, names: tuple[str, ...]) -> None:
    assert lost_in(codec.read_reply(json.dumps(body).encode()), caller) == names


def test_a_streams_losses_are_named() -> None:
    grounded = source_for(CALLERS["messages"], ENDPOINTS["generate_content"])
    grounded.feed(sse(GROUNDED))
    assert grounded.dropped == ("reply.executableCode", "reply.groundingMetadata.webSearchQueries")
    found = source_for(CALLERS["chat_completions"], ENDPOINTS["messages"])
    found.feed(sse({"type": "message_start", "message": {}}))
    found.feed(sse({"type": "content_block_start", "index": 0, "content_block": SEARCH}))
    delta = {"type": "input_json_delta", "partial_json": "{}"}
    found.feed(sse({"type": "content_block_delta", "index": 0, "delta": delta}))
    assert found.dropped == ("reply.server_tool_use",)


def test_what_anthropics_tools_used_is_named_and_told_to_its_own_callers() -> None:
    delta = {"stop_reason": "end_turn", "container": BOX}
    events = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 3}}},
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 1, **HOSTED["usage"]}},
        {"type": "message_stop"},
    ]
    stream = b"".join([sse(event, str(event["type"])) for event in events])
    foreign = source_for(CALLERS["converse"], ENDPOINTS["messages"])
    foreign.feed(stream)
    assert foreign.dropped == ("reply.container", "reply.usage.server_tool_use")
    own = source_for(CALLERS["messages"], ENDPOINTS["messages"])
    last = next(line for line in own.feed(stream).split(b"\n") if b"end_turn" in line)
    told = json.loads(last.removeprefix(b"data: "))
    assert own.dropped == ()
    assert told["delta"]["container"] == BOX
    assert told["usage"]["server_tool_use"] == HOSTED["usage"]["server_tool_use"]
    whole = json.loads(anthropic.write_reply(anthropic.read_reply(json.dumps(HOSTED).encode())))
    assert whole["container"] == BOX
    assert whole["usage"]["server_tool_use"] == HOSTED["usage"]["server_tool_use"]
    assert whole["content"] == []


@pytest.mark.parametrize(
    ("called", "lost"), [("messages", True), ("converse", True), ("chat_completions", False)]
)
def test_a_citation_after_its_block_is_written_where_it_can_be_and_else_named(
    called: str, lost: bool
) -> None:
    events = STREAMS["cohere_chat"](0, False)
    cited = {"start": 0, "end": 2, "text": "It", "content_index": 1, "type": "TEXT_CONTENT"}
    where = {"type": "document", "id": "d", "document": {"url": "https://e.org", "title": "T"}}
    late = sse({"type": "citation-start", "delta": {"message": {"citations": {**cited, "sources": [where]}}}})
    source = source_for(CALLERS[called], ENDPOINTS["cohere_chat"])
    out = source.feed(b"".join([*events[:-1], late, events[-1]]))
    assert source.dropped == (("reply.citations",) if lost else ())
    assert (b"https://e.org" in out) is not lost


def test_nothing_is_named_where_all_is_said() -> None:
    for provider, make in STREAMS.items():
        for caller in CALLERS.values():
            source = source_for(caller, ENDPOINTS[provider])
            source.feed(b"".join(make(4, False)))
            assert source.dropped == ()
