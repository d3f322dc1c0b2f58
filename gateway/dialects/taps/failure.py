"""Errors that a provider reports inside an answer of status 200, as the error that the status should have told."""

from typing import Any

import msgspec

from gateway.dialects.leaves import UNREADABLE, as_text
from gateway.errors import UpstreamStatus

MAX_BODY = 65536  # bytes of the provider's answer that are kept
MAX_MESSAGE = 8192  # characters
UNKNOWN = 502

# Anthropic: "HTTP errors" of its API reference. OpenAI and its kin: type or code of their error objects.
STATUS_BY_WORD = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "tokens": 429,
    "requests": 429,
    "api_error": 500,
    "server_error": 500,
    "internal_server_error": 500,
    "internal_error": 500,
    "service_unavailable": 503,
    "service_unavailable_error": 503,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def in_band(error: Any, body: bytes, dialect: str) -> UpstreamStatus:
    """`error` is the error object, or the bare text that some servers send; `body` all that came with it. Where the
    dialect's place for the error is empty, `body` is taken for it."""
    error = error or _spoken(body)
    fields = error if isinstance(error, dict) else {"message": error}
    code, kind = fields.get("code"), as_text(fields.get("type"))
    message = as_text(fields.get("message")) or _spelled(error)
    return UpstreamStatus(
        _status(code, kind),
        message[:MAX_MESSAGE] or "the provider reported an error in its answer",
        upstream_code=None if code is None or code == "" else _spelled(code),
        upstream_type=kind or None,
        param=as_text(fields.get("param")) or None,
        body=body[:MAX_BODY],
        content_type="application/json",
        dialect=dialect,
    )


def _spoken(data: bytes) -> Any:
    """The error object in `data`, else all that it says, else its text."""
    try:
        content = msgspec.json.decode(data)
    except UNREADABLE:
        return data[:MAX_BODY].decode("utf-8", "replace")
    return content.get("error") or content if isinstance(content, dict) else content


def _status(code: Any, kind: str) -> int:
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) == 3:
        code = int(code)
    if isinstance(code, int) and 400 <= code <= 599:
        return code  # OpenRouter, vLLM
    return STATUS_BY_WORD.get(as_text(code)) or STATUS_BY_WORD.get(kind) or UNKNOWN


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode() if value else ""
