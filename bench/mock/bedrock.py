"""Bedrock's answers: Converse, plain and as a stream of binary messages.

Wire forms: "Converse" and "ConverseStream" of the Bedrock API reference, and "Event stream encoding" of Amazon
Transcribe's guide, which is the same for all of AWS.
"""

import struct
import zlib
from typing import Any

import msgspec
import orjson

from bench.mock.ask import Ask, Message, echoed, last_user_text
from bench.mock.behaviour import Behaviour
from bench.mock.text import answer_text, pieces, remaining, tokens

STREAM_TYPE = "application/vnd.amazon.eventstream"
_FINISH = {"stop": "end_turn", "length": "max_tokens", "filter": "content_filtered"}
_TYPES = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_REFUSALS = {
    "context": (400, "", "The model returned the following errors: Input is too long for requested model."),
    "filter": (400, "", "The content was refused by a content filter."),
    "quota": (
        400,
        "ServiceQuotaExceededException",
        "Your request exceeds the service quota for your account.",
    ),
    "prefill": (400, "", "The conversation must end with a user message."),
    "badkey": (403, "", "The security token included in the request is invalid."),
}


class _Block(msgspec.Struct):
    text: str = ""


class _Message(msgspec.Struct):
    role: str = "user"
    content: list[_Block] = []


class _Asked(msgspec.Struct):
    messages: list[_Message] = []


_read = msgspec.json.Decoder(_Asked).decode


def ask_of(path: str, body: bytes) -> Ask:
    """A request as the other families write it; model and kind of answer stand in the path."""
    model, _, method = path.rpartition("/model/")[2].rpartition("/")
    messages = [
        Message(role=one.role, content="".join(block.text for block in one.content))
        for one in _read(body).messages
    ]
    return Ask(model=model, stream=method == "converse-stream", messages=messages)


def message(ask: Ask, behaviour: Behaviour) -> bytes:
    """A plain answer."""
    words = answer_text(behaviour, echoed(last_user_text(ask)))
    return orjson.dumps(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": words}]}},
            "stopReason": _FINISH[behaviour.finish],
            "usage": _usage(behaviour, tokens(words)),
            "metrics": {"latencyMs": 1},
        }
    )


def message_events(ask: Ask, behaviour: Behaviour) -> list[bytes]:
    """The messages of a streamed answer. A text needs no start of its block."""
    words = remaining(pieces(behaviour, echoed(last_user_text(ask))), ask)
    usage = {"usage": _usage(behaviour, len(words)), "metrics": {"latencyMs": 1}}
    return [
        frame("messageStart", {"role": "assistant"}),
        *[frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}}) for word in words],
        frame("contentBlockStop", {"contentBlockIndex": 0}),
        frame("messageStop", {"stopReason": _FINISH[behaviour.finish]}),
        frame("metadata", usage),
    ]


def error(_status: int, message: str) -> bytes:
    """An error body; the type stands in a header."""
    return orjson.dumps({"message": message})


def error_headers(status: int, kind: str = "") -> tuple[str, ...]:
    """The header that AWS's SDKs choose an exception by."""
    refused = _REFUSALS[kind][1] if kind in _REFUSALS else ""
    name = _TYPES.get(status, "InternalServerException" if status >= 500 else "ValidationException")
    return (f"x-amzn-errortype: {refused or name}:http://internal.amazon.com/coral/",)


def refusal(kind: str) -> bytes:
    """A request refused for a reason of its own: context, filter, quota, prefill or badkey."""
    return error(_REFUSALS[kind][0], _REFUSALS[kind][2])


def refusal_status(kind: str) -> int:
    """The status of such a refusal."""
    return _REFUSALS[kind][0]


def error_event(message: str) -> bytes:
    """An exception in the middle of a stream."""
    return frame("modelStreamErrorException", {"message": message}, "exception")


def malformed_event() -> bytes:
    """A message with the right checksums that holds no JSON."""
    return _framed("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text"', "event")


def frame(name: str, payload: dict[str, Any], kind: str = "event") -> bytes:
    """One binary message."""
    return _framed(name, orjson.dumps(payload), kind)


def _framed(name: str, payload: bytes, kind: str) -> bytes:
    headers = b"".join(
        [
            _header(f":{kind}-type", name),
            _header(":content-type", "application/json"),
            _header(":message-type", kind),
        ]
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    inner = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return inner + struct.pack(">I", zlib.crc32(inner))


def _header(name: str, value: str) -> bytes:
    return bytes((len(name),)) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode()


def _usage(behaviour: Behaviour, output: int) -> dict[str, int]:
    return {
        "inputTokens": behaviour.prompt,
        "outputTokens": output,
        "totalTokens": behaviour.prompt + output,
    }
