"""OpenAI's answers: chat completions, legacy completions, embeddings and models, plain and as events.

Wire forms: the types of the official `openai` package.
"""

import base64
import struct
from typing import Any

import orjson

from bench.mock.ask import Ask, EmbeddingAsk, called_tools, echoed, last_user_text
from bench.mock.behaviour import Behaviour
from bench.mock.text import answer_text, pieces, remaining, tokens

CREATED = 1_750_000_000  # fixed, so that equal requests get equal bytes
ARGUMENT_PIECE = 12
_FINISH = {"stop": "stop", "length": "length", "filter": "content_filter"}
_EMBEDDING_DIMENSIONS = 256


def chat(ask: Ask, behaviour: Behaviour) -> bytes:
    """A plain chat completion."""
    text = last_user_text(ask)
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    if behaviour.think:
        message["reasoning_content"] = "Let me think."
    finish = _FINISH[behaviour.finish]
    if calls := called_tools(ask, text):
        message["tool_calls"] = [_call(number, *call) for number, call in enumerate(calls)]
        finish = "tool_calls"
    else:
        message["content"] = answer_text(behaviour, echoed(text))
    choices: list[dict[str, Any]] = [
        {"index": index, "message": message, "logprobs": None, "finish_reason": finish}
        for index in range(ask.n or 1)
    ]
    used = _usage(behaviour, tokens(message["content"] or "tool calls"))
    return orjson.dumps(
        {
            "id": "chatcmpl-mock",
            "object": "chat.completion",
            "created": CREATED,
            "model": ask.model,
            "choices": choices,
            "usage": used,
            "system_fingerprint": "fp_mock",
        }
    )


def chat_events(ask: Ask, behaviour: Behaviour) -> list[bytes]:
    """The events of a streamed chat completion, content events one each, up to [DONE]."""
    text = last_user_text(ask)
    calls = called_tools(ask, text)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    if behaviour.think:
        deltas.append({"reasoning_content": "Let me think."})
    content = [] if calls else remaining(pieces(behaviour, echoed(text)), ask)
    deltas += [{"content": piece} for piece in content]
    for number, call in enumerate(calls):
        deltas += _call_deltas(number, *call)
    finish = "tool_calls" if calls else _FINISH[behaviour.finish]
    choices: list[list[dict[str, Any]]]
    choices = [[{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}] for delta in deltas]
    choices.append([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish}])
    return _events(ask, behaviour, "chat.completion.chunk", "chatcmpl-mock", choices, len(content) or 1)


def completion(ask: Ask, behaviour: Behaviour) -> bytes:
    """A plain legacy completion."""
    text = answer_text(behaviour, echoed(last_user_text(ask)))
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": _FINISH[behaviour.finish]}
    return orjson.dumps(
        {
            "id": "cmpl-mock",
            "object": "text_completion",
            "created": CREATED,
            "model": ask.model,
            "choices": [choice],
            "usage": _usage(behaviour, tokens(text)),
        }
    )


def completion_events(ask: Ask, behaviour: Behaviour) -> list[bytes]:
    """The events of a streamed legacy completion."""
    content = pieces(behaviour, echoed(last_user_text(ask)))
    choices: list[list[dict[str, Any]]] = [
        [{"text": piece, "index": 0, "logprobs": None, "finish_reason": None}] for piece in content
    ]
    end = {"text": "", "index": 0, "logprobs": None, "finish_reason": _FINISH[behaviour.finish]}
    return _events(ask, behaviour, "text_completion", "cmpl-mock", [*choices, [end]], len(content))


def embeddings(ask: EmbeddingAsk) -> bytes:
    """One vector per input, telling inputs apart; base64 of little-endian float32 when asked (the SDK's
    default)."""
    inputs = ask.input if isinstance(ask.input, list) else [ask.input]
    if inputs and isinstance(inputs[0], int):
        inputs = [inputs]
    dimensions = ask.dimensions or _EMBEDDING_DIMENSIONS
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _vector(entry, dimensions, ask.encoding_format == "base64"),
        }
        for index, entry in enumerate(inputs)
    ]
    used = sum(tokens(str(entry)) for entry in inputs)
    return orjson.dumps(
        {
            "object": "list",
            "data": data,
            "model": ask.model,
            "usage": {"prompt_tokens": used, "total_tokens": used},
        }
    )


def models(names: tuple[str, ...]) -> bytes:
    """The list of models."""
    return orjson.dumps({"object": "list", "data": [_model(name) for name in names]})


def model(name: str) -> bytes:
    """One model."""
    return orjson.dumps(_model(name))


def error(status: int, message: str) -> bytes:
    """An error body with the type that OpenAI gives to this status."""
    kinds = {401: "authentication_error", 429: "requests", 404: "invalid_request_error"}
    codes = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
    kind = kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return orjson.dumps(
        {"error": {"message": message, "type": kind, "param": None, "code": codes.get(status)}}
    )


_REFUSALS = {
    "context": (
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 200000 tokens.",
        "invalid_request_error",
        "context_length_exceeded",
    ),
    "filter": (
        "Your request was rejected as a result of our safety system.",
        "invalid_request_error",
        "content_policy_violation",
    ),
    "quota": ("You exceeded your current quota.", "insufficient_quota", "insufficient_quota"),
    "prefill": ("The last message must be the user's.", "invalid_request_error", None),
    "badkey": ("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
}


def refusal(kind: str) -> bytes:
    """A request refused for a reason of its own: context, filter, quota, prefill or badkey."""
    message, of_type, code = _REFUSALS[kind]
    return orjson.dumps({"error": {"message": message, "type": of_type, "param": None, "code": code}})


def error_event(message: str) -> bytes:
    """A failure in the middle of a stream."""
    return b"data: %b\n\n" % error(500, message)


def _events(
    ask: Ask,
    behaviour: Behaviour,
    kind: str,
    identity: str,
    choices: list[list[dict[str, Any]]],
    count: int,
) -> list[bytes]:
    base = {"id": identity, "object": kind, "created": CREATED, "model": ask.model}
    extra: dict[str, Any] = {"usage": None} if ask.with_usage else {}
    bodies = [{**base, "choices": choice, **extra} for choice in choices]
    if ask.with_usage:
        bodies.append({**base, "choices": [], "usage": _usage(behaviour, count)})
    return [b"data: %b\n\n" % orjson.dumps(body) for body in bodies] + [b"data: [DONE]\n\n"]


def _usage(behaviour: Behaviour, output: int) -> dict[str, Any]:
    total = output + behaviour.reasoning
    return {
        "prompt_tokens": behaviour.prompt,
        "completion_tokens": total,
        "total_tokens": behaviour.prompt + total,
        "prompt_tokens_details": {"cached_tokens": behaviour.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": behaviour.reasoning, "audio_tokens": 0},
    }


def _call(number: int, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    function = {"name": name, "arguments": orjson.dumps(arguments).decode()}
    return {"id": f"call_mock{number}", "type": "function", "function": function}


def _call_deltas(number: int, name: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    call = _call(number, name, arguments)
    text = call["function"]["arguments"]
    opening = {"index": number, **call, "function": {"name": name, "arguments": ""}}
    parts = [text[at : at + ARGUMENT_PIECE] for at in range(0, len(text), ARGUMENT_PIECE)]
    return [{"tool_calls": [opening]}] + [
        {"tool_calls": [{"index": number, "function": {"arguments": part}}]} for part in parts
    ]


def _vector(entry: object, dimensions: int, as_base64: bool) -> list[float] | str:
    seed = sum(orjson.dumps(entry))
    values = [((seed + position) % 97) / 97 for position in range(dimensions)]
    return base64.b64encode(struct.pack(f"<{dimensions}f", *values)).decode() if as_base64 else values


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "mock"}
