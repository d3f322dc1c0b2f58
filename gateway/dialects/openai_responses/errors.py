"""Errors as OpenAI says them: whole as in Chat Completions; streamed as an `error` event."""

from typing import Any

import msgspec

from gateway.dialects.openai_chat.errors import write_error
from gateway.errors import GatewayError

__all__ = ["error_event", "write_error"]

_encode = msgspec.json.Encoder().encode


def error_event(error: GatewayError, sequence: int = 0) -> bytes:
    """An error inside a stream: no `response.completed` follows.

    The fields stand at the top, where the reference has them, and under `error`, where OpenAI's SDKs look for what to
    raise.
    """
    inner: dict[str, Any] = msgspec.json.decode(write_error(error))["error"]
    top = {name: inner[name] for name in ("code", "message", "param")}
    body = {"type": "error", **top, "sequence_number": sequence, "error": inner}
    return b"event: error\ndata: " + _encode(body) + b"\n\n"
