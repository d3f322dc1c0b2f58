"""JSON that a provider lays out in lines: a caller's events hold together, whoever reads and writes them."""

import json
from typing import Any

import pytest
from caller_answers import CALLERS
from journeys import events_of
from sample_streams import STREAMS
from test_misbehaving_streams import sound, translated

from gateway._speedups.eventstream import MessageReader, frame

PAIRS = [(provider, called) for provider in STREAMS for called in CALLERS]
LINES = ("\n", "\r\n")


def in_lines(event: bytes, line: str) -> bytes:
    """A server-sent event whose JSON stands in many lines of data, as Google's and some proxies' does."""
    out = []
    for name, data in events_of(event):
        out += [f"event: {name}"] if name else []
        pretty = json.dumps(json.loads(data), indent=2).split("\n") if data != b"[DONE]" else ["[DONE]"]
        out += [f"data: {each}" for each in pretty]
    return (line.join([*out, "", ""])).encode()


def in_binary_lines(message: bytes) -> bytes:
    [read] = MessageReader().feed(message)
    return frame(read.name, json.dumps(json.loads(read.data), indent=2).encode())


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize(("provider", "called"), PAIRS)
def test_an_answer_in_lines_is_the_same_answer(provider: str, called: str, line: str) -> None:
    events = STREAMS[provider](4, False)
    spread = [in_binary_lines(each) if provider == "converse" else in_lines(each, line) for each in events]
    assert sound(provider, called, spread) == sound(provider, called, events)


CITED = {"type": "char_location", "cited_text": "x", "document_index": 0}
CLAUDE: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"type": "message", "id": "m", "model": "m", "content": []}},
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "server_tool_use", "input": {"q": 1}},
    },
    {"type": "content_block_delta", "index": 0, "delta": {"type": "novelty_delta", "novelty": {"x": 1}}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "x"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": CITED}},
    {"type": "content_block_stop", "index": 1},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {
            "type": "tool_use",
            "id": "t",
            "name": "f",
            "input": {},
            "caller": {"type": "direct"},
        },
    },
    {"type": "content_block_stop", "index": 2},
    {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": {"explanation": "no"}}},
    {"type": "message_stop"},
]
HEAD = {"id": "c", "created": 5, "model": "m"}
CHAT: list[dict[str, Any]] = [
    {**HEAD, "choices": [{"index": 0, "delta": {"content": "x"}, "logprobs": {"content": [{"token": "x"}]}}]},
    {**HEAD, "choices": [{"index": 0, "delta": {"audio": {"id": "a", "data": "AA"}}}]},
    {**HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]
ITEM = {"type": "web_search_call", "id": "w", "action": {"query": "x"}}
RESPONSES: list[dict[str, Any]] = [
    {"type": "response.created", "response": {"id": "r", "model": "m", "created_at": 5}},
    {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
    {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [ITEM]}},
]
PART = {"executableCode": {"language": "PYTHON", "code": "1"}}
GEMINI: list[dict[str, Any]] = [
    {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [PART, {"functionCall": {"name": "f", "args": {"a": [1]}}}],
                },
                "finishReason": "STOP",
                "groundingMetadata": {"webSearchQueries": ["x"]},
            }
        ],
        "promptFeedback": {"safetyRatings": [{"category": "X"}]},
        "modelVersion": "m",
    }
]
COHERE: list[dict[str, Any]] = [
    {"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant"}}},
    {
        "type": "citation-start",
        "index": 0,
        "delta": {"message": {"citations": {"type": "PLAN", "sources": [{"type": "tool"}]}}},
    },
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
]
OPAQUE = {
    "messages": CLAUDE,
    "chat_completions": CHAT,
    "responses": RESPONSES,
    "generate_content": GEMINI,
    "cohere_chat": COHERE,
}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("name", OPAQUE)
def test_what_is_carried_as_it_came_stays_on_its_line(name: str, line: str) -> None:
    """Through the neutral form and back into the same dialect, as where a request brought sealed thought."""
    plain = [f"data: {json.dumps(event)}\n\n".encode() for event in OPAQUE[name]]
    spread = [in_lines(event, line) for event in plain]
    expected, failure = translated(name, CALLERS[name], b"".join(plain))
    out, broken = translated(name, CALLERS[name], b"".join(spread))
    assert failure is None
    assert broken is None
    assert decoded(out) == decoded(expected)


def decoded(stream: bytes) -> list[tuple[str, Any]]:
    text = stream.replace(b"\r\n", b"\n")
    assert all(row.startswith((b"data: ", b"event: ")) for row in text.split(b"\n") if row)
    return [(name, json.loads(data) if data != b"[DONE]" else data) for name, data in events_of(text)]
