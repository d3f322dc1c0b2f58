"""What Cohere's v2 chat says, in the shapes of its SDK's types."""

import json
from typing import Any

import wire
from fault_server import Answer, Seen
from openai_wire import in_words, last_text

USAGE = {
    "billed_units": {"input_tokens": 9, "output_tokens": 7},
    "tokens": {"input_tokens": 20, "output_tokens": 8},
}


def reply(text: str) -> dict[str, Any]:
    return {
        "id": "c14c80c3",
        "finish_reason": "COMPLETE",
        "message": {"role": "assistant", "content": [{"type": "text", "text": text}]},
        "usage": USAGE,
    }


def events(pieces: list[str]) -> list[bytes]:
    delta = {
        "message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    }
    return [
        wire.named({"type": "message-start", "id": "c14c80c3", "delta": delta}),
        wire.named(
            {
                "type": "content-start",
                "index": 0,
                "delta": {"message": {"content": {"type": "text", "text": ""}}},
            }
        ),
        *(
            wire.named(
                {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": piece}}}}
            )
            for piece in pieces
        ),
        wire.named({"type": "content-end", "index": 0}),
        wire.named({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": USAGE}}),
    ]


def echo(seen: Seen) -> Answer:
    asked = json.loads(seen.body)
    text = f"echo: {last_text(asked)}"
    return wire.stream(events(in_words(text))) if asked.get("stream") else wire.as_json(reply(text))
