"""Anthropic Messages, read and written (see `gateway.dialects.codec.Codec`)."""

from gateway.dialects.anthropic.answers import read_reply, write_reply
from gateway.dialects.anthropic.errors import error_event, write_error
from gateway.dialects.anthropic.messages_in import NAME
from gateway.dialects.anthropic.reader import Reader
from gateway.dialects.anthropic.requests_in import read_request
from gateway.dialects.anthropic.requests_out import write_request
from gateway.dialects.anthropic.writer import Writer
from gateway.dialects.failures import read_error

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
