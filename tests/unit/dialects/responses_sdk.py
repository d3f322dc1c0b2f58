"""Responses as OpenAI's SDK sees them: types that judge, streams joined by its own accumulator, and made to order."""

import json
from typing import Any

from hypothesis import strategies as st
from journeys import events_of
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent, response_create_params
from pydantic import TypeAdapter

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
REQUEST: TypeAdapter[Any] = TypeAdapter(response_create_params.ResponseCreateParams)


def judged(body: bytes) -> dict[str, Any]:
    """A whole response, once the SDK's types have taken it."""
    Response.model_validate_json(body, strict=True)
    return dict(json.loads(body))


def joined(sse: bytes) -> dict[str, Any]:
    """The response that ends a stream, once every event was judged, the numbers of events run without a gap, and what
    the SDK put together from the pieces is what the end repeats."""
    state: Any = ResponseStreamState(text_format=omit, input_tools=omit)
    final: dict[str, Any] = {}
    pieces: dict[tuple[str, str, int], str] = {}
    for number, (name, data) in enumerate(events_of(sse)):
        event = EVENT.validate_json(data)
        assert event.type == name
        assert event.sequence_number == number
        state.handle_event(event)
        body = json.loads(data)
        if name.endswith(".delta"):
            kind = "summary" if "summary_index" in body else "content"
            key = (body["item_id"], kind, body.get("content_index", body.get("summary_index", 0)))
            pieces[key] = pieces.get(key, "") + body["delta"]
        elif name in ("response.completed", "response.incomplete"):
            final = body["response"]
    Response.model_validate(final)
    assert pieces == said(final["output"])
    snapshot = state._ResponseStreamState__current_snapshot
    assert [item.type for item in snapshot.output] == [item["type"] for item in final["output"]]
    assert snapshot.output_text == "".join(
        [
            part["text"]
            for item in final["output"]
            if item["type"] == "message"
            for part in item["content"]
            if part["type"] == "output_text"
        ]
    )
    return final


def said(output: list[Any]) -> dict[tuple[str, str, int], str]:
    """All text of an output by item and place, as deltas have it."""
    found: dict[tuple[str, str, int], str] = {}
    for item in output:
        for kind in ("summary", "content"):
            for place, entry in enumerate(item.get(kind, [])):
                found[item["id"], kind, place] = entry.get("text", entry.get("refusal", ""))
        for name in ("arguments", "input"):
            if item.get(name):
                found[item["id"], "content", 0] = item[name]
    return found


def response(output: list[Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000001,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "gpt-5.2-2025-12-11",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 120,
            "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 0},
            "output_tokens": 30,
            "output_tokens_details": {"reasoning_tokens": 10},
            "total_tokens": 150,
        },
        **fields,
    }


@st.composite
def cut(draw: st.DrawFn, text: str) -> list[str]:
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@st.composite
def stream_of(draw: st.DrawFn, reply: dict[str, Any]) -> list[tuple[str, bytes]]:
    """OpenAI's stream of a response, its texts in any pieces."""
    events: list[dict[str, Any]] = []
    empty = {**reply, "output": [], "status": "in_progress", "usage": None}
    events += [{"type": f"response.{name}", "response": empty} for name in ("created", "in_progress")]
    for index, item in enumerate(reply["output"]):
        start = {**item, "content": [], "summary": [], "arguments": "", "input": ""}
        start = {name: value for name, value in start.items() if name in item and name != "encrypted_content"}
        events.append({"type": "response.output_item.added", "output_index": index, "item": start})
        where = {"item_id": item["id"], "output_index": index}
        for kind, place, text in _texts(item):
            for piece in draw(cut(text)):
                events.append({"type": kind, **where, **place, "delta": piece, "logprobs": []})
            if item["type"] == "message":
                for number, note in enumerate(item["content"][place["content_index"]].get("annotations", [])):
                    at = {**where, **place, "annotation_index": number, "annotation": note}
                    events.append({"type": "response.output_text.annotation.added", **at})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": f"response.{reply['status']}", "response": reply})
    for number, event in enumerate(events):
        event["sequence_number"] = number
    return [(event["type"], json.dumps(event).encode()) for event in events]


def _texts(item: dict[str, Any]) -> list[tuple[str, dict[str, int], str]]:
    if item["type"] == "function_call":
        return [("response.function_call_arguments.delta", {}, item["arguments"])]
    if item["type"] == "custom_tool_call":
        return [("response.custom_tool_call_input.delta", {}, item["input"])]
    found = []
    for place, part in enumerate(item.get("summary", [])):
        found.append(("response.reasoning_summary_text.delta", {"summary_index": place}, part["text"]))
    for place, part in enumerate(item.get("content", [])):
        kind = {"output_text": "output_text", "refusal": "refusal", "reasoning_text": "reasoning_text"}
        text = part.get("text", part.get("refusal", ""))
        found.append((f"response.{kind[part['type']]}.delta", {"content_index": place}, text))
    return found
