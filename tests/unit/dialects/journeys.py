"""Whole translations between two codecs, and SSE text, for the tests of the dialects."""

import json
from pathlib import Path
from typing import Any

from gateway.dialects import anthropic, openai_chat
from gateway.dialects.codec import Codec, TargetFacts

GOLDEN = Path(__file__).parents[2] / "golden" / "dialects"
CREATED = 1_700_000_000
CODECS: dict[str, Codec] = {"openai": openai_chat, "anthropic": anthropic}
FACTS = {
    "openai": TargetFacts("gpt-5.2"),
    "anthropic": TargetFacts("claude-sonnet-4-6", max_output=64000),
}


def events_of(sse: bytes) -> list[tuple[str, bytes]]:
    """(name, data) of each event of an SSE text that uses no exotic line ends."""
    events = []
    for block in sse.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        name = "".join([line[7:] for line in lines if line.startswith("event: ")])
        data = "\n".join([line[6:] for line in lines if line.startswith("data: ")])
        if lines:
            events.append((name, data.encode()))
    return events


def translate_stream(source: Codec, target: Codec, request: Any, events: list[tuple[str, bytes]]) -> bytes:
    """What the caller of `target` gets for the provider's events."""
    reader, writer = source.reader(), target.writer(request, created=CREATED)
    out = []
    for name, data in events:
        out += [writer.write(event) for event in reader.read(name, data)]
    out += [writer.write(event) for event in reader.end()]
    return b"".join(out)


def to_anthropic(
    body: dict[str, Any], facts: TargetFacts = FACTS["anthropic"]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An OpenAI request as Anthropic gets it, and what was dropped."""
    written = anthropic.write_request(openai_chat.read_request(json.dumps(body).encode()), facts)
    return json.loads(written.body), written.dropped


def to_openai(
    body: dict[str, Any], facts: TargetFacts = FACTS["openai"]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An Anthropic request as OpenAI gets it, and what was dropped."""
    written = openai_chat.write_request(anthropic.read_request(json.dumps(body).encode()), facts)
    return json.loads(written.body), written.dropped


def chat(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages), **fields}


def join_openai(sse: bytes) -> dict[str, Any]:
    """The message that a client puts together from OpenAI's chunks."""
    message: dict[str, Any] = {
        "content": None,
        "tool_calls": [],
        "reasoning_details": [],
        "reasoning_content": None,
    }
    result: dict[str, Any] = {"message": message, "finish_reason": None, "usage": None}
    for _, data in events_of(sse):
        if data == b"[DONE]":
            result["done"] = True
            continue
        chunk = json.loads(data)
        result["usage"] = chunk.get("usage") or result["usage"]
        for choice in chunk["choices"]:
            result["finish_reason"] = choice["finish_reason"] or result["finish_reason"]
            _join_delta(message, choice["delta"])
    return result


def _join_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for name in ("content", "reasoning_content", "refusal"):
        if delta.get(name):
            message[name] = (message.get(name) or "") + delta[name]
    if delta.get("annotations"):
        message["annotations"] = delta["annotations"]
    for call in delta.get("tool_calls", ()):
        if call["index"] == len(message["tool_calls"]):
            message["tool_calls"].append(
                {"id": call["id"], "type": "function", "function": dict(call["function"])}
            )
        else:
            message["tool_calls"][call["index"]]["function"]["arguments"] += call["function"]["arguments"]
    for entry in delta.get("reasoning_details", ()):
        if entry["index"] == len(message["reasoning_details"]):
            message["reasoning_details"].append(dict(entry))
            continue
        known = message["reasoning_details"][entry["index"]]
        for name in ("text", "summary", "signature", "format", "id", "data"):
            if name in entry:
                known[name] = known.get(name, "") + entry[name]


def join_anthropic(sse: bytes) -> dict[str, Any]:
    """The message that a client puts together from Anthropic's events; checks that blocks come one at a time."""
    message: dict[str, Any] = {}
    pieces: dict[int, str] = {}
    open_block = None
    for name, data in events_of(sse):
        event = json.loads(data)
        assert event["type"] == name
        if name == "message_start":
            message = event["message"]
        elif name == "content_block_start":
            assert open_block is None
            assert event["index"] == len(message["content"])
            open_block = event["index"]
            message["content"].append(event["content_block"])
        elif name == "content_block_delta":
            assert event["index"] == open_block
            _join_block(message["content"][open_block], event["delta"], pieces, event["index"])
        elif name == "content_block_stop":
            assert event["index"] == open_block
            open_block = None
        elif name == "message_delta":
            message.update(event["delta"])
            message["usage"].update(event["usage"])
    for index, text in pieces.items():
        message["content"][index]["input"] = json.loads(text)
    return message


def _join_block(block: dict[str, Any], delta: dict[str, Any], pieces: dict[int, str], index: int) -> None:
    kind = delta["type"]
    if kind == "text_delta":
        block["text"] += delta["text"]
    elif kind == "input_json_delta":
        pieces[index] = pieces.get(index, "") + delta["partial_json"]
    elif kind == "thinking_delta":
        block["thinking"] += delta["thinking"]
    elif kind == "signature_delta":
        block["signature"] = delta["signature"]
    elif kind == "citations_delta":
        block.setdefault("citations", []).append(delta["citation"])
