"""Cohere's v2 chat, read and written (see `gateway.dialects.codec.Codec`).

Cohere shows thought but neither signs nor seals it. Another provider's signed thought is told to a Cohere caller with
`signature`, `data` and `format` beside the `thinking`, so that a caller who sends its history back can go on with that
provider. A tool plan is thought of the format `cohere-tool-plan`.
"""

from gateway.dialects.cohere.answers import read_reply, write_reply
from gateway.dialects.cohere.citations import NAME
from gateway.dialects.cohere.errors import error_event, write_error
from gateway.dialects.cohere.reader import Reader
from gateway.dialects.cohere.requests_in import read_request
from gateway.dialects.cohere.requests_out import write_request
from gateway.dialects.cohere.writer import Writer
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
