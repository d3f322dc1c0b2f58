"""Gemini beside the other dialects, for the tests: its codec, its inputs, and what its clients make of a stream."""

import json
from typing import Any

from google.genai import types
from journeys import CODECS as OTHERS
from journeys import FACTS as OTHER_FACTS
from journeys import events_of

from gateway.dialects import gemini
from gateway.dialects.codec import Codec, TargetFacts

FLASH = TargetFacts("gemini-3.5-flash", max_output=65536)
CODECS: dict[str, Codec] = {**OTHERS, "gemini": gemini}
FACTS = {**OTHER_FACTS, "gemini": FLASH}


def sse(*chunks: dict[str, Any]) -> list[tuple[str, bytes]]:
    """A provider's events."""
    return [("", json.dumps(chunk).encode()) for chunk in chunks]


def answer(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "g", "responseId": "r", **more}


def asks(
    body: dict[str, Any], facts: TargetFacts = FLASH, caller: str = "openai"
) -> tuple[Any, tuple[str, ...]]:
    """A caller's request as Gemini gets it, and what was dropped."""
    written = gemini.write_request(CODECS[caller].read_request(json.dumps(body).encode()), facts)
    check_request(json.loads(written.body))
    return json.loads(written.body), written.dropped


def check_request(body: dict[str, Any]) -> None:
    """The official SDK's types take every piece of it."""
    for content in [*body["contents"], *([body["systemInstruction"]] if "systemInstruction" in body else [])]:
        types.Content.model_validate(content)
    for tool in body.get("tools", ()):
        types.Tool.model_validate(tool)
    if "toolConfig" in body:
        types.ToolConfig.model_validate(body["toolConfig"])
    types.GenerateContentConfig.model_validate(body.get("generationConfig", {}))


def check_reply(body: bytes) -> None:
    types.GenerateContentResponse.model_validate_json(body)


def join_gemini(stream: bytes) -> dict[str, Any]:
    """The answer that a client puts together from Gemini's events: pieces of one kind of text make one part."""
    whole: dict[str, Any] = {}
    for name, data in events_of(stream.replace(b"\r\n", b"\n")):
        assert name == ""
        check_reply(data)
        event = json.loads(data)
        candidates = event.pop("candidates", [])
        whole.update(event)
        for candidate in candidates:
            _join(whole.setdefault("candidates", []), candidate)
    return whole


def _join(known: list[Any], candidate: dict[str, Any]) -> None:
    parts = candidate.pop("content")["parts"]
    index = candidate.get("index", 0)
    found = [each for each in known if each.get("index", 0) == index]
    if not found:
        found = [{"content": {"parts": [], "role": "model"}}]
        known += found
    found[0].update(candidate)
    for part in parts:
        add(found[0]["content"]["parts"], part)


def add(parts: list[Any], part: dict[str, Any]) -> None:
    last = parts[-1] if parts else {}
    both_text = "text" in part and "text" in last
    same = both_text and part.get("thought") == last.get("thought") and "thoughtSignature" not in last
    if same:
        last["text"] += part["text"]
        last.update({name: part[name] for name in part if name == "thoughtSignature"})
    elif part != {"text": ""}:
        parts.append(part)
