"""What Anthropic's Messages API says, in the shapes of the official SDK's types."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import wire
from fault_server import Answer, Seen
from openai_wire import in_words, last_text

USAGE = {
    "input_tokens": 9,
    "cache_creation_input_tokens": 3,
    "cache_read_input_tokens": 4,
    "output_tokens": 7,
}
Block = dict[str, Any]


def text(value: str) -> Block:
    return {"type": "text", "text": value, "citations": None}


def tool_use(ident: str, name: str, arguments: Any) -> Block:
    return {"type": "tool_use", "id": ident, "name": name, "input": arguments}


def thinking(value: str, signature: str) -> Block:
    return {"type": "thinking", "thinking": value, "signature": signature}


def message(*blocks: Block, stop: str = "") -> dict[str, Any]:
    """A complete message; it stops for tools when it calls some."""
    calls = any(block["type"] == "tool_use" for block in blocks)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": list(blocks),
        "stop_reason": stop or ("tool_use" if calls else "end_turn"),
        "stop_sequence": None,
        "usage": USAGE,
    }


def start_event(usage: dict[str, int] = USAGE) -> bytes:
    opening = {**message(), "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    return wire.named({"type": "message_start", "message": opening})


def block_events(index: int, block: Block, pieces: Iterable[str] | None = None) -> list[bytes]:
    """Start, deltas and stop of one block; `pieces` overrides how its text is cut."""
    empty, deltas = _deltas(block, pieces)
    return [
        wire.named({"type": "content_block_start", "index": index, "content_block": empty}),
        *(wire.named({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas),
        wire.named({"type": "content_block_stop", "index": index}),
    ]


def _deltas(block: Block, pieces: Iterable[str] | None) -> tuple[Block, list[Block]]:
    match block["type"]:
        case "text":
            parts = in_words(block["text"]) if pieces is None else pieces
            return text(""), [{"type": "text_delta", "text": part} for part in parts]
        case "tool_use":
            raw = json.dumps(block["input"])
            parts = [raw[at : at + 3] for at in range(0, len(raw), 3)]
            return {**block, "input": {}}, [
                {"type": "input_json_delta", "partial_json": part} for part in parts
            ]
        case _:
            thoughts = [{"type": "thinking_delta", "thinking": part} for part in in_words(block["thinking"])]
            return thinking("", ""), [*thoughts, {"type": "signature_delta", "signature": block["signature"]}]


def end_events(stop: str, usage: dict[str, int] | None = None) -> list[bytes]:
    """The last events; the counts of the input are said again only where `usage` has them."""
    told = usage or {"output_tokens": USAGE["output_tokens"]}
    delta = {"stop_reason": stop, "stop_sequence": None}
    ending = {"type": "message_delta", "delta": delta, "usage": told}
    return [wire.named(ending), wire.named({"type": "message_stop"})]


def message_events(*blocks: Block, usage: dict[str, int] | None = None) -> list[bytes]:
    """The events of a streamed message, a ping among them."""
    events = [start_event(usage or USAGE), wire.named({"type": "ping"})]
    for index, block in enumerate(blocks):
        events += block_events(index, block)
    return [*events, *end_events(message(*blocks)["stop_reason"], usage)]


def text_events(pieces: Sequence[str]) -> list[bytes]:
    """The events of a streamed text in these pieces."""
    return [start_event(), *block_events(0, text(""), pieces), *end_events("end_turn")]


def error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def echo(seen: Seen) -> Answer:
    """A provider that repeats what it was told."""
    path = seen.path.partition("?")[0]
    body = seen.json() if seen.body else {}
    if path.endswith("/v1/messages/count_tokens"):
        return wire.as_json({"input_tokens": 42})
    if path.endswith("/v1/messages"):
        reply = text("echo: " + last_text(body))
        return wire.stream(message_events(reply)) if body.get("stream") else wire.as_json(message(reply))
    return wire.as_json(error("not_found_error", f"unknown path {path}"), 404)
