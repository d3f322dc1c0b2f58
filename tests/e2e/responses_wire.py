"""What OpenAI's Responses API says, in the shapes of the official SDK's types."""

from collections.abc import Iterator
from typing import Any

import wire
from openai_wire import in_words

Item = dict[str, Any]


def message(text: str) -> Item:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def call(ident: str, name: str, arguments: str) -> Item:
    return {
        "type": "function_call",
        "id": f"fc_{ident}",
        "call_id": ident,
        "name": name,
        "arguments": arguments,
        "status": "completed",
    }


def reasoning(summary: str, sealed: str) -> Item:
    return {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": summary}],
        "encrypted_content": sealed,
    }


def response(items: list[Item], usage: dict[str, Any] | None, status: str = "completed") -> Item:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "gpt-5-mini",
        "output": items,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "top_p": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }


def events(items: list[Item], usage: dict[str, Any]) -> list[bytes]:
    """The events of a streamed response, numbered as they come."""
    begun = response([], None, "in_progress")
    told = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(items):
        told += [{**event, "output_index": index} for event in _item_events(item)]
    told.append({"type": "response.completed", "response": response(items, usage)})
    return [wire.named({**event, "sequence_number": number}) for number, event in enumerate(told)]


def _item_events(item: Item) -> Iterator[Item]:
    within: Item = {"item_id": item["id"]}
    match item["type"]:
        case "message":
            empty, inner = {**item, "status": "in_progress", "content": []}, _text_events(item, within)
        case "function_call":
            empty, inner = {**item, "status": "in_progress", "arguments": ""}, _call_events(item, within)
        case _:
            empty, inner = {**item, "summary": []}, _thought_events(item, within)
    yield {"type": "response.output_item.added", "item": empty}
    yield from inner
    yield {"type": "response.output_item.done", "item": item}


def _text_events(item: Item, within: Item) -> Iterator[Item]:
    (part,), at = item["content"], {**within, "content_index": 0}
    yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
    for piece in in_words(part["text"]):
        yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": part}


def _call_events(item: Item, within: Item) -> Iterator[Item]:
    raw = item["arguments"]
    for at in range(0, len(raw), 3):
        yield {"type": "response.function_call_arguments.delta", **within, "delta": raw[at : at + 3]}
    yield {
        "type": "response.function_call_arguments.done",
        **within,
        "name": item["name"],
        "arguments": raw,
    }


def _thought_events(item: Item, within: Item) -> Iterator[Item]:
    (part,), at = item["summary"], {**within, "summary_index": 0}
    yield {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}}
    for piece in in_words(part["text"]):
        yield {"type": "response.reasoning_summary_text.delta", **at, "delta": piece}
    yield {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]}
    yield {"type": "response.reasoning_summary_part.done", **at, "part": part}
