"""A reasoning item of the Responses API that ends only after the next item has begun is still one item."""

import json
from collections import Counter
from typing import Any

import pytest
from journeys import events_of, translate_stream
from responses_sdk import joined
from test_dialect_streams import OPENAI_REQUEST

from gateway.dialects import openai_responses
from gateway.dialects.openai_responses.reader import HELD, Reader
from gateway.schemas.chat import ChatRequest
from gateway.schemas.events import Event, ReasoningDelta, SealedDelta, TextDelta

ASKED: ChatRequest = openai_responses.read_request(b'{"model":"m","input":"Hi.","stream":true}')
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "status": None}
DONE = {
    "type": "response.output_item.done",
    "output_index": 0,
    "item": {**THOUGHT, "summary": [{"type": "summary_text", "text": "Well."}], "encrypted_content": "gAAA"},
}
END = {"type": "response.completed", "response": {"id": "resp_1", "status": "completed"}}
TOOL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": ""}


def said(text: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": text}


def stream(*rest: dict[str, Any]) -> list[tuple[str, bytes]]:
    summary = {"output_index": 0, "item_id": "rs_1", "summary_index": 0, "delta": "Well."}
    events = [
        {"type": "response.created", "response": {"id": "resp_1", "model": "m"}},
        {"type": "response.output_item.added", "output_index": 0, "item": THOUGHT},
        {"type": "response.reasoning_summary_text.delta", **summary},
        *rest,
    ]
    return [(event["type"], json.dumps(event).encode()) for event in events]


def read(events: list[tuple[str, bytes]]) -> list[Event]:
    reader = Reader()
    return [neutral for name, data in events for neutral in reader.read(name, data)]


@pytest.mark.parametrize("between", [[said("Yes")], [said("Y"), said("es")]])
def test_a_late_end_of_reasoning_makes_no_second_item(between: list[dict[str, Any]]) -> None:
    out = translate_stream(openai_responses, openai_responses, ASKED, stream(*between, DONE, said("."), END))
    thought, message = joined(out)["output"]
    assert (thought["id"], thought["encrypted_content"]) == ("rs_1", "gAAA")
    assert [entry["text"] for entry in thought["summary"]] == ["Well."]
    assert message["content"][0]["text"] == "Yes."


def test_a_call_waits_too() -> None:
    added = {"type": "response.output_item.added", "output_index": 1, "item": TOOL}
    piece = {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"a":1}'}
    whole = {"type": "response.output_item.done", "output_index": 1, "item": {**TOOL, "arguments": '{"a":1}'}}
    out = translate_stream(openai_responses, openai_responses, ASKED, stream(added, piece, DONE, whole, END))
    thought, call = joined(out)["output"]
    assert (thought["id"], call["arguments"]) == ("rs_1", '{"a":1}')


def test_reasoning_that_never_ends_holds_nothing_back_for_good() -> None:
    events = read(stream(said("Yes"), said("."), END))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Yes", "."]
    reader, many = Reader(), stream(*[said(f"{place} ") for place in range(2 * HELD)])
    flowing = [bool(reader.read(name, data)) for name, data in many]
    assert flowing[-1]
    assert flowing.count(False) == HELD


def test_thought_later_than_that_has_no_identity_of_an_item_that_was_said() -> None:
    events = read(stream(*[said("x")] * HELD, DONE, END))
    identities = [event.id for event in events if isinstance(event, ReasoningDelta | SealedDelta)]
    assert identities == ["rs_1", ""]
    out = translate_stream(
        openai_responses, openai_responses, ASKED, stream(*[said("x")] * HELD, DONE, said("y"), END)
    )
    ids = Counter([item["id"] for item in joined(out)["output"]])
    assert max(ids.values()) == 1


def test_thought_in_order_is_said_at_once() -> None:
    reader, events = Reader(), stream(DONE, said("Yes"), said("."), END)
    counts = [len(reader.read(name, data)) for name, data in events]
    assert counts == [1, 0, 1, 1, 1, 1, 2]
    assert events_of(translate_stream(openai_responses, openai_responses, OPENAI_REQUEST, events))
