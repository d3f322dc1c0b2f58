"""Bytes of HTTP/1.1 answers: whole bodies, chunked bodies, server-sent events, and ways to cut them up."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


def head(status: int = 200, **headers: str) -> bytes:
    """Status line and headers; underscores in names become hyphens."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def whole(
    body: bytes, status: int = 200, content_type: str = "application/json", **headers: str
) -> list[bytes]:
    """A complete answer with its Content-Length."""
    return [head(status, content_type=content_type, content_length=str(len(body)), **headers) + body]


def as_json(value: Any, status: int = 200, **headers: str) -> list[bytes]:
    """A complete JSON answer."""
    return whole(json.dumps(value).encode(), status, **headers)


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


END = b"0\r\n\r\n"
STREAM_HEAD = head(content_type="text/event-stream; charset=utf-8", transfer_encoding="chunked")


def data(value: Any) -> bytes:
    """One nameless event."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def named(value: dict[str, Any]) -> bytes:
    """One event that is named after its `type`."""
    return b"event: " + value["type"].encode() + b"\n" + data(value)


def stream(events: Iterable[bytes]) -> list[bytes]:
    """A complete event stream, one HTTP chunk for each event."""
    return [STREAM_HEAD, *(chunk(event) for event in events), END]


def split_everywhere(events: Iterable[bytes], size: int = 1) -> list[bytes]:
    """The same stream in HTTP chunks of `size` bytes: every boundary falls inside something."""
    text = b"".join(events)
    return [STREAM_HEAD, *(chunk(text[at : at + size]) for at in range(0, len(text), size)), END]


def events_of(body: bytes) -> Iterator[tuple[str, str]]:
    """Name and data of each event of a stream that a caller received; a naive reader for clean LF streams."""
    for block in body.decode().split("\n\n"):
        fields = [line.partition(": ") for line in block.split("\n") if line and not line.startswith(":")]
        if fields:
            name = next((value for key, _, value in fields if key == "event"), "")
            yield name, "\n".join(value for key, _, value in fields if key == "data")
