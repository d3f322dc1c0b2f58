"""What an OpenAI-compatible provider says, in the shapes of the official SDK's types."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import wire
from fault_server import Answer, Seen

USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
DONE = b"data: [DONE]\n\n"
Call = tuple[str, str, str]  # id, name, arguments


def completion(text: str | None = "Hello", *, calls: Sequence[Call] = (), finish: str = "") -> dict[str, Any]:
    """A chat completion with text, tool calls, or both."""
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if calls:
        message["tool_calls"] = [tool_call(call) for call in calls]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": finish or ("tool_calls" if calls else "stop"),
            }
        ],
        "usage": USAGE,
        "service_tier": "default",
    }


def tool_call(call: Call) -> dict[str, Any]:
    ident, name, arguments = call
    return {"id": ident, "type": "function", "function": {"name": name, "arguments": arguments}}


def delta(change: dict[str, Any], finish: str | None = None) -> bytes:
    """One chunk of a streamed chat completion."""
    return wire.data({**_chunk(), "choices": [{"index": 0, "delta": change, "finish_reason": finish}]})


def usage_chunk(usage: dict[str, Any] = USAGE) -> bytes:
    """The last chunk when usage was asked for: no choices."""
    return wire.data({**_chunk(), "choices": [], "usage": usage})


def _chunk() -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini-2024-07-18",
    }


def text_events(pieces: Iterable[str], *, usage: bool = True, finish: str = "stop") -> list[bytes]:
    """The events of a streamed text."""
    events = [delta({"role": "assistant", "content": ""}), *(delta({"content": piece}) for piece in pieces)]
    return [*events, delta({}, finish), *([usage_chunk()] if usage else []), DONE]


def tool_events(calls: Sequence[Call], *, usage: bool = True) -> list[bytes]:
    """The events of streamed parallel tool calls, arguments in pieces of three characters."""
    events = [delta({"role": "assistant", "content": None})]
    for index, (ident, name, arguments) in enumerate(calls):
        opening = {
            "index": index,
            "id": ident,
            "type": "function",
            "function": {"name": name, "arguments": ""},
        }
        events.append(delta({"tool_calls": [opening]}))
        for at in range(0, len(arguments), 3):
            piece = {"index": index, "function": {"arguments": arguments[at : at + 3]}}
            events.append(delta({"tool_calls": [piece]}))
    return [*events, delta({}, "tool_calls"), *([usage_chunk()] if usage else []), DONE]


def error(message: str, kind: str = "invalid_request_error", code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def last_text(body: Any) -> str:
    """The text of the last message of a request."""
    content = body["messages"][-1]["content"] if body["messages"] else ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def echo(seen: Seen) -> Answer:
    """A provider that repeats what it was told, word by word when it streams."""
    path = seen.path.partition("?")[0]
    body = seen.json() if seen.body else {}
    if path.endswith("/chat/completions"):
        text = "echo: " + last_text(body)
        if not body.get("stream"):
            return wire.as_json(completion(text))
        usage = (body.get("stream_options") or {}).get("include_usage", False)
        return wire.stream(text_events(in_words(text), usage=usage))
    if path.endswith("/completions"):
        return _legacy(body)
    if path.endswith("/embeddings"):
        return _embeddings(body)
    return wire.as_json(error(f"unknown path {path}", code="unknown_url"), 404)


def in_words(text: str) -> list[str]:
    """`text` cut after each blank; nothing is lost."""
    return [piece for piece in text.replace(" ", " \0").split("\0") if piece]


def _legacy(body: Any) -> Answer:
    def event(text: str, finish: str | None) -> dict[str, Any]:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
        return {
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 1,
            "model": "davinci",
            "choices": [choice],
        }

    text = f"echo: {body['prompt']}"
    if not body.get("stream"):
        return wire.as_json({**event(text, "stop"), "usage": USAGE})
    pieces = [wire.data(event(piece, None)) for piece in in_words(text)]
    wants_usage = (body.get("stream_options") or {}).get("include_usage")
    last = [wire.data({**event("", None), "choices": [], "usage": USAGE})] if wants_usage else []
    return wire.stream([*pieces, wire.data(event("", "stop")), *last, DONE])


def _embeddings(body: Any) -> Answer:
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    base64 = body.get("encoding_format") == "base64"
    vectors: list[Any] = ["AACAPwAAAEA=" if base64 else [1.0, 2.0] for _ in inputs]  # float32 1.0, 2.0
    entries = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    return wire.as_json({"object": "list", "model": body["model"], "data": entries, "usage": usage})


def parsed(data: str) -> Any:
    """The JSON of an event's data."""
    return json.loads(data)
