"""Errors as Anthropic says them, whole or streamed: `{"type": "error", "error": {"type", "message"}, "request_id"}`."""

import msgspec

from gateway.dialects.failures import words_of
from gateway.errors import GatewayError

_encode = msgspec.json.Encoder().encode


class _Error(msgspec.Struct):
    type: str
    message: str


class _Body(msgspec.Struct, omit_defaults=True):
    type: str
    error: _Error
    request_id: str | None = None


_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_FAILURES = frozenset({"api_error", "overloaded_error", "timeout_error"})


def write_error(error: GatewayError, request_id: str = "") -> bytes:
    """The body of an error. Anthropic's SDK chooses its exception by the status."""
    return _encode(_body(error, request_id or None))


def error_event(error: GatewayError) -> bytes:
    """An error inside a stream: no `message_stop` follows, and Anthropic's SDK raises APIStatusError."""
    return b"event: error\ndata: " + _encode(_body(error, None)) + b"\n\n"


def _body(error: GatewayError, request_id: str | None) -> _Body:
    """The status says the type, since OpenAI calls a wrong key an `invalid_request_error`.

    Where it leaves the type open, the provider's own is kept if Anthropic has the word.
    """
    kind, _ = words_of(error)
    status = error.http_status
    if status in _TYPES:
        kind = _TYPES[status]
    elif status < 500:
        kind = "invalid_request_error"
    elif kind not in _FAILURES:
        kind = "api_error"
    return _Body("error", _Error(kind, error.message), request_id)
