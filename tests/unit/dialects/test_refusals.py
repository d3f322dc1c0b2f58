"""An OpenAI model's refusal is told as one to every caller, whole and streamed, and in the record."""

import json
from typing import Any

import pytest
from caller_answers import CALLERS
from sample_streams import sse
from test_stream_properties import source_for, whole_for

from gateway.dialects.endpoints import ENDPOINTS

WORDS = {
    "chat_completions": "stop",
    "responses": "completed",
    "messages": "refusal",
    "generate_content": "SAFETY",
    "converse": "content_filtered",
    "cohere_chat": "ERROR_TOXIC",
}
"""How an answer that is a refusal ends. OpenAI's callers see it by a field of its own."""
NO = "I cannot help."


def _chat(message: dict[str, Any], finish: str = "stop") -> tuple[bytes, bytes]:
    head = {"id": "c", "model": "m", "created": 5}
    whole = {
        "index": 0,
        "message": {"role": "assistant", "content": None, **message},
        "finish_reason": finish,
    }
    deltas = [{"index": 0, "delta": message}, {"index": 0, "delta": {}, "finish_reason": finish}]
    events = [sse({**head, "choices": [delta]}) for delta in deltas]
    return json.dumps({**head, "choices": [whole]}).encode(), b"".join(events) + b"data: [DONE]\n\n"


def _response() -> tuple[bytes, bytes]:
    item = {"type": "message", "id": "i", "content": [{"type": "refusal", "refusal": NO}]}
    whole = {"id": "r", "model": "m", "status": "completed", "output": [item]}
    place = {"output_index": 0, "content_index": 0}
    events = [
        {"type": "response.created", "response": {"id": "r", "model": "m"}},
        {"type": "response.refusal.delta", "delta": NO, **place},
        {"type": "response.completed", "response": whole},
    ]
    return json.dumps(whole).encode(), b"".join([sse(event, str(event["type"])) for event in events])


ANSWERS = {"chat_completions": _chat({"refusal": NO}), "responses": _response()}


def _word(told: Any) -> str:
    """The word for the end, wherever a dialect has it."""
    if not isinstance(told, dict):
        return next((word for item in told if (word := _word(item))), "") if isinstance(told, list) else ""
    for name in ("finish_reason", "finishReason", "stop_reason", "stopReason", "status"):
        if told.get(name):
            return str(told[name])
    return next((word for item in told.values() if (word := _word(item))), "")


@pytest.mark.parametrize("called", WORDS)
@pytest.mark.parametrize("provider", ANSWERS)
def test_a_refusal_is_told_as_one(provider: str, called: str) -> None:
    caller, endpoint = CALLERS[called], ENDPOINTS[provider]
    body, stream = ANSWERS[provider]
    written = whole_for(caller, endpoint, body)
    assert _word(json.loads(written)) == WORDS[called]
    assert NO.encode() in written
    source = source_for(caller, endpoint)
    joined = caller.join(source.feed(stream) + source.end())
    assert source.failure is None
    assert joined == caller.whole(written)
    assert source.finish == endpoint.codec.read_reply(body, "m").finish == "refusal"


@pytest.mark.parametrize(
    ("message", "finish", "word"),
    [
        ({"refusal": ""}, "stop", "stop"),
        ({"refusal": None, "content": "Yes."}, "stop", "stop"),
        ({"refusal": NO}, "length", "length"),
        ({"refusal": NO}, "content_filter", "content_filter"),
    ],
)
def test_what_is_no_refusal_or_more_than_one_keeps_its_word(
    message: dict[str, Any], finish: str, word: str
) -> None:
    body, stream = _chat(message, finish)
    endpoint = ENDPOINTS["chat_completions"]
    source = source_for(CALLERS["messages"], endpoint)
    source.feed(stream)
    assert source.finish == endpoint.codec.read_reply(body).finish == word


def test_a_refusal_beside_a_call_ends_as_the_call() -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    body, stream = _chat({"refusal": NO, "tool_calls": [call]})
    caller = CALLERS["messages"]
    written = whole_for(caller, ENDPOINTS["chat_completions"], body)
    assert json.loads(written)["stop_reason"] == "tool_use"
    source = source_for(caller, ENDPOINTS["chat_completions"])
    assert caller.join(source.feed(stream) + source.end())["stop_reason"] == "tool_use"
