"""Answers of the admin API: JSON with the headers that keep it out of caches, frames and scripts."""

from typing import Any

import msgspec
from starlette.responses import Response

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Refused(Exception):
    """A request that is not done, and why: `path` names the parameter, or the place in the body."""

    def __init__(
        self, status: int, code: str, message: str, path: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.path = path
        self.headers = headers or {}


def invalid(path: str, message: str) -> Refused:
    """A body that says what cannot be."""
    return Refused(422, "invalid", message, path)


def missing() -> Refused:
    return Refused(404, "not_found", "there is no such thing, or it is not yours to see")


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`body` as JSON; nothing at all for None."""
    content = b"" if body is None else msgspec.json.encode(body)
    kind = None if body is None else "application/json"
    return Response(content, status, {**HEADERS, **(headers or {})}, kind)


def failure(refused: Refused) -> Response:
    """The error as JSON."""
    fault = {"code": refused.code, "message": refused.message, "path": refused.path}
    return answer({"error": fault}, refused.status, refused.headers)
