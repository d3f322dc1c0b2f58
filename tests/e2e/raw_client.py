"""A caller without an SDK: the very bytes of a request, and all that can be known of the answer."""

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Reply:
    """An answer; `complete` is False when the connection ended inside it."""

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    method: str, path: str | bytes, body: bytes | None = None, headers: dict[str, str | bytes] | None = None
) -> bytes:
    """The bytes of one request. Content-Length is added unless `headers` frame the body otherwise."""
    raw = path.encode("latin-1") if isinstance(path, str) else path
    lines = [method.encode() + b" " + raw + b" HTTP/1.1"]
    if "host" not in (headers or {}):
        lines.append(b"host: 127.0.0.1")
    for name, value in (headers or {}).items():
        lines.append(name.encode("latin-1") + b": " + (value if isinstance(value, bytes) else value.encode()))
    framed = {"content-length", "transfer-encoding"} & {name.lower() for name in headers or {}}
    if body is not None and not framed:
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


class RawConnection:
    """One connection to the gateway; a context manager that closes it."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._response: http.client.HTTPResponse | None = None

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def head(self, method: str = "POST") -> http.client.HTTPResponse:
        """Reads up to the end of the answer's head."""
        self._response = http.client.HTTPResponse(self.socket, method=method)
        self._response.begin()
        return self._response

    def pieces(self) -> Iterator[bytes]:
        """The body as it arrives; http.client.IncompleteRead or ConnectionError when it is cut."""
        assert self._response is not None
        while piece := self._response.read1():
            yield piece

    def reply(self, method: str = "POST") -> Reply:
        """The whole answer."""
        response = self.head(method)
        body, complete = b"", True
        try:
            for piece in self.pieces():
                body += piece
            # read1 takes the end of a connection for the end of a body that has a length
            complete = not response.length
        except (http.client.IncompleteRead, ConnectionError) as cut:
            body += getattr(cut, "partial", b"")
            complete = False
        pairs = [(name.lower(), value) for name, value in response.getheaders()]
        headers = dict(pairs)
        assert len(headers) == len(pairs), f"a header occurs twice: {pairs}"
        return Reply(response.status, headers, body, complete)


def exchange(port: int, data: bytes, method: str = "POST") -> Reply:
    """One request on a connection of its own."""
    with RawConnection(port) as connection:
        connection.send(data)
        return connection.reply(method)
