"""Answers of OpenAI's Responses API, plain and as events.

Wire forms: the types of the official `openai` package.
"""

from typing import Any

import msgspec
import orjson

from bench.mock.ask import Ask, Message, echoed, last_user_text
from bench.mock.behaviour import Behaviour
from bench.mock.openai import CREATED, error, refusal
from bench.mock.text import answer_text, pieces, remaining, tokens

__all__ = ["ask_of", "error", "error_event", "refusal", "response", "response_events"]

_WHY = {"length": "max_output_tokens", "filter": "content_filter"}


class _Item(msgspec.Struct):
    role: str = ""
    content: Any = None


class _Asked(msgspec.Struct):
    model: str
    stream: bool | None = None
    input: str | list[_Item] = ""


_read = msgspec.json.Decoder(_Asked).decode


def ask_of(body: bytes) -> Ask:
    """A request as the other families write it."""
    asked = _read(body)
    items = [_Item("user", asked.input)] if isinstance(asked.input, str) else asked.input
    messages = [Message(item.role, _text(item.content)) for item in items]
    return Ask(model=asked.model, stream=asked.stream, messages=messages)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def response(ask: Ask, behaviour: Behaviour) -> bytes:
    """A plain response."""
    words = answer_text(behaviour, echoed(last_user_text(ask)))
    return orjson.dumps(_ended(ask, behaviour, words, tokens(words)))


def response_events(ask: Ask, behaviour: Behaviour) -> list[bytes]:
    """The events of a streamed response."""
    words = remaining(pieces(behaviour, echoed(last_user_text(ask))), ask)
    text = "".join(words)
    begun = _response(ask, "in_progress", [])
    at = {"item_id": "msg_mock", "output_index": 0, "content_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": _message("in_progress", [])},
        {"type": "response.content_part.added", **at, "part": _part("")},
    ]
    events += [{"type": "response.output_text.delta", **at, "delta": word, "logprobs": []} for word in words]
    last = "response.completed" if behaviour.finish == "stop" else "response.incomplete"
    events += [
        {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": _part(text)},
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": _message("completed", [_part(text)]),
        },
        {"type": last, "response": _ended(ask, behaviour, text, len(words))},
    ]
    return [_event(event | {"sequence_number": number}) for number, event in enumerate(events)]


def error_event(message: str) -> bytes:
    """A failure in the middle of a stream."""
    failure = {"code": "server_error", "message": message, "param": None}
    return _event({"type": "error", **failure, "sequence_number": 99})


def _event(event: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event))


def _ended(ask: Ask, behaviour: Behaviour, text: str, output: int) -> dict[str, Any]:
    why = _WHY.get(behaviour.finish)
    ended = _response(ask, "incomplete" if why else "completed", [_message("completed", [_part(text)])])
    used = {"input_tokens": behaviour.prompt, "output_tokens": output}
    details: dict[str, Any] = {
        "input_tokens_details": {"cached_tokens": behaviour.cached},
        "output_tokens_details": {"reasoning_tokens": behaviour.reasoning},
    }
    usage = {**used, **details, "total_tokens": behaviour.prompt + output}
    return {**ended, "incomplete_details": {"reason": why} if why else None, "usage": usage}


def _response(ask: Ask, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "resp_mock",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": ask.model,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }


def _message(status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "msg_mock", "type": "message", "role": "assistant", "status": status, "content": content}


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
