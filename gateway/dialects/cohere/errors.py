"""Errors as Cohere says them: `{"id", "message"}` by status; in a stream a `message-end` whose reason is ERROR.

Source: "Errors" of Cohere's API reference, and `ChatMessageEndEventDelta.error` of its SDK.
"""

import msgspec

from gateway.errors import GatewayError, UpstreamStatus

NAME = "cohere"

_encode = msgspec.json.Encoder().encode

FAILURES = {"ERROR": 500, "TIMEOUT": 504}
"""Reasons to finish that are failures, and the status that each means."""

_SAID = {
    "ERROR": "the provider failed while it generated the answer",
    "TIMEOUT": "the provider gave up generating the answer in time",
}


class _Body(msgspec.Struct, omit_defaults=True):
    id: str = ""
    message: str = ""


def write_error(error: GatewayError, request_id: str = "") -> bytes:
    """The body of an error. Cohere's SDK chooses its exception by the status."""
    return _encode(_Body(request_id, error.message))


def error_event(error: GatewayError) -> bytes:
    """An error inside a stream. Cohere has no event for it but the last, which says why there is no more."""
    reason = "TIMEOUT" if error.http_status == 504 else "ERROR"
    delta = {"error": error.message, "finish_reason": reason}
    return b"event: message-end\ndata: " + _encode({"type": "message-end", "delta": delta}) + b"\n\n"


def failure(reason: str, message: str = "", body: bytes = b"") -> UpstreamStatus | None:
    """The error that a reason to finish tells; None for one that is an answer's."""
    status = FAILURES.get(reason)
    if status is None and message:
        status = 500
    if status is None:
        return None
    return UpstreamStatus(
        status,
        message or _SAID.get(reason, _SAID["ERROR"]),
        upstream_code=reason or None,
        body=body,
        content_type="application/json" if body else "",
        dialect=NAME,
    )
