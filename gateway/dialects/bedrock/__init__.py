"""Bedrock Converse, read and written (see `gateway.dialects.codec.Codec`).

The model and whether to stream stand in the path: `read_request(body, model, stream)`. Answers name no model either:
`read_reply(body, model)` and `reader(model)` take the one that was asked. Streams are binary messages: `messages()`
splits a provider's bytes into events for `reader`, and `writer` makes the caller's.
"""

from gateway._speedups.eventstream import MessageReader
from gateway.dialects.bedrock.answers import read_reply, write_reply
from gateway.dialects.bedrock.blocks_in import NAME
from gateway.dialects.bedrock.errors import ERROR_HEADER, error_event, error_type, read_error, write_error
from gateway.dialects.bedrock.reader import Reader
from gateway.dialects.bedrock.requests_in import read_request
from gateway.dialects.bedrock.requests_out import write_request
from gateway.dialects.bedrock.writer import Writer

name = NAME
reader = Reader
writer = Writer
messages = MessageReader

STREAM_TYPE = b"application/vnd.amazon.eventstream"
"""The content type of a stream, where other dialects have `text/event-stream`."""

__all__ = [
    "ERROR_HEADER",
    "STREAM_TYPE",
    "error_event",
    "error_type",
    "messages",
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
