"""Gemini's generateContent for callers that take a stream as one JSON array, as plain REST clients do.

Everything is as in the package beside, but for an error within a stream: it is the array's last element.
"""

from gateway.dialects.gemini.answers import read_reply, write_reply
from gateway.dialects.gemini.errors import NAME, read_error, write_error
from gateway.dialects.gemini.reader import Reader
from gateway.dialects.gemini.requests_in import read_request
from gateway.dialects.gemini.requests_out import write_request
from gateway.dialects.gemini.writer import Writer
from gateway.errors import GatewayError

name = NAME
reader = Reader
writer = Writer

BEGIN, BETWEEN, END = b"[", b",\r\n", b"\n]"


def error_event(error: GatewayError) -> bytes:
    """The last element: at least one stands before it, as a stream begins with its first content."""
    return BETWEEN + write_error(error, "") + END


__all__ = [
    "BEGIN",
    "BETWEEN",
    "END",
    "error_event",
    "name",
    "read_error",
    "read_reply",
    "read_request",
    "reader",
    "write_error",
    "write_reply",
    "write_request",
    "writer",
]
