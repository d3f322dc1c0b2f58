"""Gemini's generateContent, read and written (see `gateway.dialects.codec.Codec`).

Model and streaming stand in the path: `read_request` takes them as arguments, and `write_request` leaves them out.
"""

from gateway.dialects.gemini.answers import read_reply, write_reply
from gateway.dialects.gemini.errors import NAME, error_event, read_error, write_error
from gateway.dialects.gemini.reader import Reader
from gateway.dialects.gemini.requests_in import read_request
from gateway.dialects.gemini.requests_out import write_request
from gateway.dialects.gemini.writer import Writer

name = NAME
reader = Reader
writer = Writer

__all__ = [
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
