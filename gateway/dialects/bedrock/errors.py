"""Errors as Bedrock says them: `{"message"}`, with the type in `x-amzn-errortype`, or an exception in a stream.

Source: "Common errors" and the errors of Converse and ConverseStream in the Bedrock API reference.
"""

from typing import Any

import msgspec

from gateway._speedups.eventstream import frame
from gateway.dialects import failures
from gateway.dialects.decode import UNREADABLE
from gateway.dialects.failures import words_of
from gateway.errors import GatewayError, UpstreamStatus
from gateway.schemas.events import ErrorDetail

NAME = "bedrock"

ERROR_HEADER = b"x-amzn-errortype"
"""The header by which AWS's SDKs choose an exception."""

STATUS_OF = {
    "validationexception": 400,
    "accessdeniedexception": 403,
    "unrecognizedclientexception": 403,
    "invalidsignatureexception": 403,
    "expiredtokenexception": 403,
    "resourcenotfoundexception": 404,
    "modeltimeoutexception": 408,
    "conflictexception": 409,
    "modelerrorexception": 424,
    "modelstreamerrorexception": 424,
    "throttlingexception": 429,
    "modelnotreadyexception": 429,
    "servicequotaexceededexception": 429,
    "internalserverexception": 500,
    "internalservererror": 500,
    "internalfailure": 500,
    "serviceunavailableexception": 503,
}

_TYPES = {
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
    529: "ServiceUnavailableException",
}
_IN_STREAM = {
    424: "modelStreamErrorException",
    429: "throttlingException",
    503: "serviceUnavailableException",
    529: "serviceUnavailableException",
}
UNKNOWN = 502

_encode = msgspec.json.Encoder().encode
_ANY = msgspec.json.Decoder()


# --- what a provider said ---


def read_error(status: int, body: bytes, content_type: str, error_type: str = "") -> ErrorDetail:
    """`error_type` is the header's value, where it is at hand; AWS's other services say it in `__type`. Without either
    the status tells it, as long as the words are AWS's."""
    detail = failures.read_error(status, body, content_type)
    fields = _fields(body)
    words = fields.get("message") or fields.get("Message")
    kind = plain_type(error_type or fields.get("__type") or "")
    if not kind and isinstance(words, str) and not detail.type and not detail.code:
        kind = _type_of(status)
    message = words[: failures.LONGEST] if isinstance(words, str) else detail.message
    return ErrorDetail(message, detail.code or kind or None, kind or detail.type, detail.param)


def plain_type(spelled: Any) -> str:
    """The type alone: the header may append a URI (`Name:http://…`), `__type` puts a namespace before (`ns#Name`)."""
    if not isinstance(spelled, str):
        return ""
    return spelled.partition(":")[0].rpartition("#")[2].strip()[:200]


def stream_exception(kind: str, data: bytes) -> UpstreamStatus:
    """An exception in a stream, or an error outside of the service's model (`{"code", "message"}`), as if it had come
    with the status that it means; a model's own status is believed."""
    fields = _fields(data)
    code = fields.get("code")
    word = kind if kind != ":error" else code if isinstance(code, str) else ""
    original = fields.get("originalStatusCode")
    status = (
        original
        if isinstance(original, int) and 400 <= original <= 599
        else STATUS_OF.get(word.lower(), UNKNOWN)
    )
    words = fields.get("message") or fields.get("originalMessage")
    message = (
        words if isinstance(words, str) else "the provider reported an error in the stream without a message"
    )
    return UpstreamStatus(
        status,
        message[: failures.LONGEST],
        upstream_code=word or None,
        upstream_type=word or None,
        dialect=NAME,
    )


def _fields(body: bytes) -> dict[str, Any]:
    try:
        value = _ANY.decode(body)
    except UNREADABLE:
        return {}
    return value if isinstance(value, dict) else {}


# --- what a caller gets ---


def error_type(error: GatewayError) -> str:
    """The value of `x-amzn-errortype`: the status says it, and the provider's own word where it is one of AWS's."""
    said, _ = words_of(error)
    if said is not None and STATUS_OF.get(said.lower()) == error.http_status:
        return said[0].upper() + said[1:]
    return _type_of(error.http_status)


def _type_of(status: int) -> str:
    return _TYPES.get(status) or ("ValidationException" if status < 500 else "InternalServerException")


def write_error(error: GatewayError, request_id: str = "") -> bytes:  # noqa: ARG001 - a header of AWS's tells the id
    """The body of an error; `error_type` goes with it in `ERROR_HEADER`."""
    return _encode({"message": error.message})


def error_event(error: GatewayError) -> bytes:
    """An exception inside a stream. Of a client's own mistakes a stream knows one."""
    status = error.http_status
    kind = _IN_STREAM.get(status) or ("validationException" if status < 500 else "internalServerException")
    return frame(kind, _encode({"message": error.message}), "exception")
