"""Errors between dialects: what a provider's error body says, in whatever shape it comes, and which status it means."""

import re
from http import HTTPStatus
from typing import Any

import msgspec

from gateway.errors import GatewayError, UpstreamStatus
from gateway.schemas.events import ErrorDetail

LONGEST = 2000
"""Characters of a provider's words that are worth repeating."""

_TITLE = re.compile(rb"<(title|h1)[^>]*>(.{1,300}?)</\1>", re.IGNORECASE | re.DOTALL)


def read_error(status: int, body: bytes, content_type: str) -> ErrorDetail:
    """The provider's own words; for an HTML page, garbage or nothing, a sentence that says so."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ErrorDetail(_unreadable(status, body, content_type))
    detail = detail_of(value)
    return detail if detail.message else ErrorDetail(_silent(status), detail.code, detail.type, detail.param)


def detail_of(value: Any) -> ErrorDetail:
    """Finds the error in decoded JSON; an empty message when there is none to find.

    Known shapes: `{"error": {...}}` (OpenAI, Anthropic, Gemini, the last also in a list), `{"error": "..."}`,
    `{"message": ..., "type": ..., "code": ...}` (vLLM), `{"detail": ...}` (FastAPI),
    `{"err_code": ..., "err_msg": ...}` (Deepgram).
    """
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, str):
        return ErrorDetail(value[:LONGEST])
    if not isinstance(value, dict):
        return ErrorDetail("")
    inner = value.get("error")
    if isinstance(inner, str):
        return ErrorDetail(inner[:LONGEST], _word(value.get("code")))
    source = inner if isinstance(inner, dict) else value
    message = (
        source.get("message") or source.get("detail") or source.get("msg") or source.get("err_msg") or ""
    )
    if isinstance(message, dict) and isinstance(message.get("message"), str):  # ElevenLabs: {"detail": {...}}
        message = message["message"]
    if not isinstance(message, str):
        message = msgspec.json.encode(message).decode()
    kind = source.get("type") if source is inner or value.get("type") != "error" else None
    return ErrorDetail(
        message[:LONGEST],
        _word(source.get("code")),
        _word(kind or source.get("status")),
        _word(source.get("param")),
    )


def _word(value: Any) -> str | None:
    return str(value)[:200] if isinstance(value, str | int) and not isinstance(value, bool) else None


def phrase(status: int) -> str:
    """The reason phrase of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Overloaded" if status == 529 else "unknown status"


def _silent(status: int) -> str:
    return f"the provider answered {status} ({phrase(status)}) without a message"


def _unreadable(status: int, body: bytes, content_type: str) -> str:
    if not body.strip():
        return _silent(status)
    if b"<html" in body[:2000].lower() or "html" in content_type:
        found = _TITLE.search(body[:20000])
        title = " ".join(found[2].decode("utf-8", "replace").split()) if found else ""
        return f"the provider answered {status} with an HTML page" + (f": {title}" if title else "")
    text = body[: LONGEST * 4].decode("utf-8", "replace")
    if "�" in text or not text[:200].replace("\n", " ").replace("\t", " ").isprintable():
        return f"the provider answered {status} ({phrase(status)}) with unreadable bytes"
    return text.strip()[:LONGEST]


STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "insufficient_quota": 429,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "requests": 429,
    "tokens": 429,
    "api_error": 500,
    "server_error": 500,
    "internal_server_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def stream_failure(error: Any, dialect: str) -> UpstreamStatus:
    """An error that a provider reported inside a stream, as if it had come with the status that it means."""
    detail = detail_of({"error": error})
    code = detail.code or ""
    status = int(code) if code.isascii() and code.isdigit() and 400 <= int(code) <= 599 else 0
    status = status or STATUS_OF_TYPE.get(detail.type or "", 0) or STATUS_OF_TYPE.get(code, 502)
    message = detail.message or "the provider reported an error in the stream without a message"
    return UpstreamStatus(
        status,
        message,
        upstream_code=detail.code,
        upstream_type=detail.type,
        param=detail.param,
        dialect=dialect,
    )


def words_of(error: GatewayError) -> tuple[str | None, str | None]:
    """The provider's own type and code, when the error is a provider's."""
    if isinstance(error, UpstreamStatus):
        return error.upstream_type, error.upstream_code
    return None, None
