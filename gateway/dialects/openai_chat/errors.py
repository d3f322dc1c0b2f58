"""Errors as OpenAI says them, whole or streamed: `{"error": {"message", "type", "param", "code"}}`."""

import msgspec

from gateway.dialects.failures import words_of
from gateway.errors import GatewayError, UpstreamStatus

_encode = msgspec.json.Encoder().encode


class _Error(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class _Body(msgspec.Struct):
    error: _Error


_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
}

_CODES = {401: "invalid_api_key", 402: "insufficient_quota", 429: "rate_limit_exceeded"}
"""OpenAI's codes for what another provider's status says by itself."""


def write_error(error: GatewayError, request_id: str = "") -> bytes:  # noqa: ARG001  (other dialects write it)
    """The body of an error. OpenAI's SDK chooses its exception by the status; `request_id` travels in a header."""
    kind, code = words_of(error)
    status = error.http_status
    fallback = "server_error" if status >= 500 else "invalid_request_error"
    if code is None:
        code = _CODES.get(status) if isinstance(error, UpstreamStatus) else error.code
    body = _Error(error.message, kind or _TYPES.get(status, fallback), error.param, code)
    return _encode(_Body(body))


def error_event(error: GatewayError) -> bytes:
    """An error inside a stream: no `[DONE]` follows, and OpenAI's SDK raises APIError."""
    return b"data: " + write_error(error) + b"\n\n"
