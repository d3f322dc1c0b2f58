"""OpenAI Responses, read and written (see `gateway.dialects.codec.Codec`).

Stateless: what only OpenAI's store can answer (`previous_response_id`, `conversation`, item references) is refused when
the request is read, which happens only on its way into another dialect. How another provider's thought survives a
caller of this dialect over several turns is told in `thought` and `gateway.dialects.sealing`.
"""

from gateway.dialects.failures import read_error
from gateway.dialects.openai_responses.answers import read_reply, write_reply
from gateway.dialects.openai_responses.errors import error_event, write_error
from gateway.dialects.openai_responses.items_in import NAME
from gateway.dialects.openai_responses.reader import Reader
from gateway.dialects.openai_responses.requests_in import read_request
from gateway.dialects.openai_responses.requests_out import write_request
from gateway.dialects.openai_responses.writer import Writer

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
