"""Anthropic's answers: messages, plain and as events, count_tokens and models.

Wire forms: the types of the official `anthropic` package.
"""

from typing import Any

import orjson

from bench.mock.ask import Ask, called_tools, echoed, last_user_text
from bench.mock.behaviour import Behaviour
from bench.mock.openai import ARGUMENT_PIECE
from bench.mock.text import answer_text, pieces, remaining, tokens

_STOP = {"stop": "end_turn", "length": "max_tokens", "filter": "refusal"}
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_SIGNATURE = "bW9jayBzaWduYXR1cmU="


def message(ask: Ask, behaviour: Behaviour) -> bytes:
    """A plain message."""
    text = last_user_text(ask)
    blocks: list[dict[str, Any]] = []
    if _thinks(ask, behaviour):
        blocks.append({"type": "thinking", "thinking": "Let me think.", "signature": _SIGNATURE})
    calls = called_tools(ask, text)
    words = "I will look." if calls else answer_text(behaviour, echoed(text))
    blocks.append({"type": "text", "text": words})
    blocks += [_call(number, name, arguments) for number, (name, arguments) in enumerate(calls)]
    return orjson.dumps(
        {
            "id": "msg_mock",
            "type": "message",
            "role": "assistant",
            "model": ask.model,
            "content": blocks,
            "stop_reason": "tool_use" if calls else _STOP[behaviour.finish],
            "stop_sequence": None,
            "usage": {**_input_usage(behaviour), "output_tokens": tokens(words)},
        }
    )


def message_events(ask: Ask, behaviour: Behaviour) -> list[bytes]:
    """The events of a streamed message, with a ping as the provider sends it."""
    text = last_user_text(ask)
    calls = called_tools(ask, text)
    words = ["I will look."] if calls else remaining(pieces(behaviour, echoed(text)), ask)
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if _thinks(ask, behaviour):
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, _thinking_deltas()))
    blocks.append(({"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in words]))
    for number, (name, arguments) in enumerate(calls):
        blocks.append(({**_call(number, name, {})}, _argument_deltas(arguments)))
    out = [_start(ask, behaviour)]
    for index, (opening, deltas) in enumerate(blocks):
        out += _block(index, opening, deltas)
    return out + _end("tool_use" if calls else _STOP[behaviour.finish], behaviour, len(words))


def count_tokens(body: bytes) -> bytes:
    """The answer of count_tokens: in proportion to the request."""
    return orjson.dumps({"input_tokens": max(1, len(body) // 4)})


def models(names: tuple[str, ...]) -> bytes:
    """The list of models, one page."""
    data = [_model(name) for name in names]
    ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
    return orjson.dumps({"data": data, "has_more": False, **ends})


def model(name: str) -> bytes:
    """One model."""
    return orjson.dumps(_model(name))


def error(status: int, message: str) -> bytes:
    """An error body with the type that Anthropic gives to this status."""
    kind = _ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return orjson.dumps(
        {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_mock"}
    )


_REFUSALS = {
    "context": (400, "prompt is too long: 200000 tokens > 128000 maximum"),
    "filter": (400, "Output blocked by content filtering policy"),
    "quota": (400, "Your credit balance is too low to access the Anthropic API."),
    "prefill": (400, "This model does not support assistant message prefill."),
    "badkey": (401, "invalid x-api-key"),
}


def refusal(kind: str) -> bytes:
    """A request refused for a reason of its own: context, filter, quota, prefill or badkey."""
    return error(*_REFUSALS[kind])


def error_event(message: str) -> bytes:
    """A failure in the middle of a stream."""
    return b"event: error\ndata: %b\n\n" % error(529, message)


def _start(ask: Ask, behaviour: Behaviour) -> bytes:
    opening: dict[str, Any] = {
        "id": "msg_mock",
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**_input_usage(behaviour), "output_tokens": 1},
    }
    return _event("message_start", message=opening)


def _block(index: int, opening: dict[str, Any], deltas: list[dict[str, Any]]) -> list[bytes]:
    out = [_event("content_block_start", index=index, content_block=opening)]
    if index == 0:
        out.append(_event("ping"))
    out += [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
    return [*out, _event("content_block_stop", index=index)]


def _end(stop: str, behaviour: Behaviour, count: int) -> list[bytes]:
    usage = {"output_tokens": count + behaviour.reasoning}
    delta = _event("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage=usage)
    return [delta, _event("message_stop")]


def _event(kind: str, **fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


def _thinks(ask: Ask, behaviour: Behaviour) -> bool:
    enabled = isinstance(ask.thinking, dict) and ask.thinking.get("type") in ("enabled", "adaptive")
    return behaviour.think or enabled


def _thinking_deltas() -> list[dict[str, Any]]:
    words = [{"type": "thinking_delta", "thinking": piece} for piece in ("Let me ", "think.")]
    return [*words, {"type": "signature_delta", "signature": _SIGNATURE}]


def _argument_deltas(arguments: dict[str, Any]) -> list[dict[str, Any]]:
    text = orjson.dumps(arguments).decode()
    parts = [text[at : at + ARGUMENT_PIECE] for at in range(0, len(text), ARGUMENT_PIECE)]
    # The provider opens every tool input with an empty piece.
    return [{"type": "input_json_delta", "partial_json": part} for part in ["", *parts]]


def _call(number: int, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_mock{number}", "name": name, "input": arguments}


def _input_usage(behaviour: Behaviour) -> dict[str, Any]:
    return {
        "input_tokens": behaviour.prompt - behaviour.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": behaviour.cached,
    }


def _model(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": "2025-06-15T00:00:00Z"}
