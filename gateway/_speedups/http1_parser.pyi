"""Types of the response parser; see _speedups/http1_parser.pyx."""

class ResponseParser:
    """One HTTP/1.1 answer at a time. Raises UpstreamProtocolError, and is of no use after that.

    `surplus` counts bytes that followed the answer; `length` is the Content-Length, -1 without one; `head_complete`
    is about the answer itself, not a 1xx before it.
    """

    status: int
    reason: bytes
    head_complete: bool
    complete: bool
    keep_alive: bool
    surplus: int
    length: int

    def __init__(self, max_head: int = 65536) -> None: ...
    def begin(self, method: bytes = b"GET") -> None: ...
    def feed(self, data: bytes) -> bytes: ...
    def eof(self) -> None: ...
    @property
    def headers(self) -> list[tuple[bytes, bytes]]: ...
    def header(self, name: bytes) -> bytes | None: ...
