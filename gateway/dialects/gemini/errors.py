"""Errors as Google says them, whole or streamed: `{"error": {"code", "message", "status"}}`.

`status` is one of the names of `google.rpc.Code`; each stands for one HTTP status.
"""

import msgspec

from gateway.dialects import failures
from gateway.errors import GatewayError, UpstreamStatus
from gateway.schemas.events import ErrorDetail

NAME = "gemini"

_encode = msgspec.json.Encoder().encode


class _Error(msgspec.Struct):
    code: int
    message: str
    status: str


class _Body(msgspec.Struct):
    error: _Error


_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}

STATUS_OF_NAME = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


def read_error(status: int, body: bytes, content_type: str) -> ErrorDetail:
    """Google's `code` repeats the HTTP status, so its `status` is the code here; it has no type."""
    detail = failures.read_error(status, body, content_type)
    code = detail.type or (None if detail.code == str(status) else detail.code)
    return ErrorDetail(detail.message, code, None, detail.param)


def stream_failure(data: bytes) -> UpstreamStatus:
    """The error that an event of a stream, or an answer of status 200, reports."""
    detail = failures.detail_of(msgspec.json.decode(data))
    code = detail.code or ""
    status = int(code) if code.isascii() and code.isdigit() and 400 <= int(code) <= 599 else 0
    status = status or STATUS_OF_NAME.get(detail.type or "", 502)
    message = detail.message or "the provider reported an error in its answer without a message"
    return UpstreamStatus(status, message, upstream_code=detail.type or detail.code, dialect=NAME)


def write_error(error: GatewayError, request_id: str = "") -> bytes:  # noqa: ARG001  (other dialects write it)
    """The body of an error. Google's SDK chooses its exception by the status; `request_id` travels in a header."""
    return _encode(_body(error))


def error_event(error: GatewayError) -> bytes:
    """An error inside a stream: no `finishReason` follows, and Google's SDK raises APIError."""
    return b"data: " + _encode(_body(error)) + b"\r\n\r\n"


def _body(error: GatewayError) -> _Body:
    status = error.http_status
    word = _STATUS.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    own = error.upstream_code if isinstance(error, UpstreamStatus) else None
    if own is not None and STATUS_OF_NAME.get(own) == status:
        word = own
    return _Body(_Error(status, error.message, word))
