"""Gemini's answers: generateContent, plain and as events.

Wire forms: the types of the official `google-genai` package.
"""

from typing import Any

import msgspec
import orjson

from bench.mock.ask import Ask, Message, echoed, last_user_text
from bench.mock.behaviour import Behaviour
from bench.mock.text import answer_text, pieces, remaining, tokens

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_REFUSALS = {
    "context": (400, "The input token count (200000) exceeds the maximum number of tokens allowed (131072)."),
    "filter": (400, "The prompt was refused: content policy."),
    "quota": (429, "You exceeded your current quota."),
    "prefill": (400, "Please ensure that multiturn requests end with a user role."),
    "badkey": (401, "Request had invalid authentication credentials."),
}


class _Part(msgspec.Struct):
    text: str = ""


class _Content(msgspec.Struct):
    role: str = "user"
    parts: list[_Part] = []


class _Asked(msgspec.Struct):
    contents: list[_Content] = []


_read = msgspec.json.Decoder(_Asked).decode


def ask_of(path: str, body: bytes) -> Ask:
    """A request as the other families write it; the model stands in the path."""
    model, _, method = path.rpartition("/models/")[2].rpartition(":")
    messages = [
        Message(
            role="assistant" if one.role == "model" else one.role,
            content="".join(part.text for part in one.parts),
        )
        for one in _read(body).contents
    ]
    return Ask(model=model, stream=method == "streamGenerateContent", messages=messages)


def content(ask: Ask, behaviour: Behaviour) -> bytes:
    """A plain answer."""
    words = answer_text(behaviour, echoed(last_user_text(ask)))
    return orjson.dumps(_reply(ask, words, _FINISH[behaviour.finish], behaviour, tokens(words)))


def content_events(ask: Ask, behaviour: Behaviour) -> list[bytes]:
    """The events of a streamed answer; the last one says why it ends."""
    words = remaining(pieces(behaviour, echoed(last_user_text(ask))), ask)
    bodies = [_reply(ask, word, "", behaviour, number + 1) for number, word in enumerate(words)]
    bodies.append(_reply(ask, "", _FINISH[behaviour.finish], behaviour, len(words)))
    return [b"data: %b\n\n" % orjson.dumps(body) for body in bodies]


def error(status: int, message: str) -> bytes:
    """An error body with the name that Google gives to this status."""
    name = _STATUS.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    return orjson.dumps({"error": {"code": status, "message": message, "status": name}})


def refusal(kind: str) -> bytes:
    """A request refused for a reason of its own: context, filter, quota, prefill or badkey."""
    return error(*_REFUSALS[kind])


def error_event(message: str) -> bytes:
    """A failure in the middle of a stream."""
    return b"data: %b\n\n" % error(503, message)


def _reply(ask: Ask, text: str, finish: str, behaviour: Behaviour, output: int) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    used = {"promptTokenCount": behaviour.prompt, "candidatesTokenCount": output}
    return {
        "candidates": [candidate],
        "usageMetadata": {**used, "totalTokenCount": behaviour.prompt + output},
        "modelVersion": ask.model,
        "responseId": "mock",
    }
