"""What Gemini's generateContent says, in the shapes of google-genai's types."""

import json
from typing import Any

import wire
from fault_server import Answer, Seen
from openai_wire import in_words

USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 7, "totalTokenCount": 16}


def reply(text: str, finish: str | None = "STOP") -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "usageMetadata": USAGE,
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r1",
    }


def events(pieces: list[str], finish: str | None = "STOP") -> list[bytes]:
    last = len(pieces) - 1
    return [wire.data(reply(piece, finish if at == last else None)) for at, piece in enumerate(pieces)]


def echo(seen: Seen) -> Answer:
    asked = json.loads(seen.body)
    if seen.path.endswith(":countTokens"):
        return wire.as_json({"totalTokens": 5})
    text = "echo: " + "".join(part.get("text", "") for part in asked["contents"][-1]["parts"])
    if ":streamGenerateContent" in seen.path:
        return wire.stream(events(in_words(text)))
    return wire.as_json(reply(text))
