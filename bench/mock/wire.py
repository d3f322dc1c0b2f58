"""The least of HTTP/1.1 that a mock provider needs: request heads read once and remembered, answers framed
ahead."""

from http import HTTPStatus

import msgspec


class BadHead(ValueError):
    """The bytes are not a request head that the mock understands."""


class Head(msgspec.Struct, frozen=True, gc=False):
    """A request's head. `length` is None for a chunked body."""

    raw: bytes
    method: str
    path: str
    route: str
    length: int | None
    continues: bool


class Seen(msgspec.Struct, frozen=True):
    """One request as it arrived, for tests that look at what a provider was sent: on which connection, and when
    (monotonic seconds)."""

    method: str
    target: str
    raw_head: bytes
    body: bytes
    connection: int = 0
    at: float = 0.0

    @property
    def headers(self) -> dict[str, str]:
        """Header values by lower-case name; of a repeated one the last."""
        lines = self.raw_head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return {name.strip().lower(): value.strip() for name, _, value in pairs}


_ROUTES = (
    ("/chat/completions", "chat"),
    ("/completions", "completions"),
    ("/embeddings", "embeddings"),
    ("/messages/count_tokens", "count_tokens"),
    ("/messages", "messages"),
    ("/responses", "responses"),
    ("/v2/chat", "cohere_chat"),
    ("/converse", "converse"),
    ("/converse-stream", "converse_stream"),
    (":generateContent", "gemini"),
    (":streamGenerateContent", "gemini_stream"),
    ("/models", "models"),
)


def read_head(raw: bytes) -> Head:
    """Reads a head (without its blank line). The route is found by the path's end: vendors differ in their
    prefixes."""
    lines = raw.decode("latin-1").split("\r\n")
    try:
        method, target, _ = lines[0].split(" ")
    except ValueError:
        raise BadHead(lines[0]) from None
    fields = {name.strip().lower(): value.strip() for name, _, value in (x.partition(":") for x in lines[1:])}
    path = target.partition("?")[0]
    chunked = "chunked" in fields.get("transfer-encoding", "")
    length = fields.get("content-length", "0")
    if not length.isdigit():
        raise BadHead(f"content-length {length!r}")
    return Head(
        raw=raw,
        method=method,
        path=path,
        route=_route(method, path, "anthropic-version" in fields),
        length=None if chunked else int(length),
        continues=fields.get("expect", "").lower() == "100-continue",
    )


def _route(method: str, path: str, anthropic: bool) -> str:
    family = "anthropic_" if anthropic else ""
    for end, route in _ROUTES:
        if path.endswith(end):
            return family + route if route == "models" else route
    if method == "GET" and "/models/" in path:
        return family + "model"
    return "other"


def dechunk(data: bytes) -> tuple[bytes, int] | None:
    """A chunked body at the start of `data`: content and length on the wire; None while incomplete."""
    parts: list[bytes] = []
    at = 0
    while True:
        line_end = data.find(b"\r\n", at)
        if line_end < 0:
            return None
        size = int(data[at:line_end].partition(b";")[0], 16)
        start = line_end + 2
        if size == 0:
            end = data.find(b"\r\n", start)
            return None if end != start else (b"".join(parts), start + 2)
        if len(data) < start + size + 2:
            return None
        parts.append(data[start : start + size])
        at = start + size + 2


def reason(status: int) -> str:
    """The phrase of a status line; vendors use statuses that the standard does not know (529)."""
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"


def whole(status: int, content_type: str, body: bytes, *headers: str) -> bytes:
    """A complete answer with Content-Length."""
    return head(status, content_type, f"content-length: {len(body)}", *headers) + body


def head(status: int, content_type: str, *headers: str) -> bytes:
    """An answer's head, with the blank line."""
    lines = [f"HTTP/1.1 {status} {reason(status)}", f"content-type: {content_type}", *headers]
    # Both families' SDKs read a request id, each under its own name.
    lines += ["x-request-id: req_mock", "request-id: req_mock", "", ""]
    return "\r\n".join(lines).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
