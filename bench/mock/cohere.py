"""Cohere's answers: v2 chat, plain and as events.

Wire forms: the types of the official `cohere` package.
"""

from typing import Any

import orjson

from bench.mock.ask import Ask, echoed, last_user_text
from bench.mock.behaviour import Behaviour
from bench.mock.text import answer_text, pieces, remaining, tokens

_FINISH = {"stop": "COMPLETE", "length": "MAX_TOKENS", "filter": "ERROR_TOXIC"}
_REFUSALS = {
    "context": (400, "too many tokens: total number of tokens in the prompt cannot exceed 128000"),
    "filter": (400, "The prompt was refused: content policy."),
    "quota": (402, "Please add or update your payment method to continue."),
    "prefill": (400, "the last message must be a user or a tool message"),
    "badkey": (401, "invalid api token"),
}


def message(ask: Ask, behaviour: Behaviour) -> bytes:
    """A plain answer."""
    words = answer_text(behaviour, echoed(last_user_text(ask)))
    return orjson.dumps(
        {
            "id": "mock",
            "finish_reason": _FINISH[behaviour.finish],
            "message": {"role": "assistant", "content": [{"type": "text", "text": words}]},
            "usage": _usage(behaviour, tokens(words)),
        }
    )


def message_events(ask: Ask, behaviour: Behaviour) -> list[bytes]:
    """The events of a streamed answer; the last one says why it ends."""
    words = remaining(pieces(behaviour, echoed(last_user_text(ask))), ask)
    begin = {"type": "text", "text": ""}
    end = {"finish_reason": _FINISH[behaviour.finish], "usage": _usage(behaviour, len(words))}
    return [
        _event("message-start", id="mock", delta={"message": {"role": "assistant"}}),
        _event("content-start", index=0, delta={"message": {"content": begin}}),
        *[_event("content-delta", index=0, delta={"message": {"content": {"text": word}}}) for word in words],
        _event("content-end", index=0),
        _event("message-end", delta=end),
    ]


def error(_status: int, message: str) -> bytes:
    """An error body."""
    return orjson.dumps({"id": "mock", "message": message})


def refusal(kind: str) -> bytes:
    """A request refused for a reason of its own: context, filter, quota, prefill or badkey."""
    return error(*_REFUSALS[kind])


def refusal_status(kind: str) -> int:
    """The status of such a refusal."""
    return _REFUSALS[kind][0]


def error_event(message: str) -> bytes:
    """A failure in the middle of a stream: it is the last event's reason."""
    return _event("message-end", delta={"finish_reason": "ERROR", "error": message})


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


def _usage(behaviour: Behaviour, output: int) -> dict[str, Any]:
    counts = {"input_tokens": behaviour.prompt, "output_tokens": output}
    return {"billed_units": counts, "tokens": counts}
