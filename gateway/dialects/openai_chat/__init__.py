"""OpenAI Chat Completions, read and written (see `gateway.dialects.codec.Codec`).

Reasoning has no place in OpenAI's own format. It is written as `reasoning_content` (the text alone, as DeepSeek does)
and as `reasoning_details` (OpenRouter's list, whose entries carry signatures and sealed thought, and which clients that
send their history back keep). Both are read, and `reasoning` and `thinking_blocks` (LiteLLM's) too. `reasoning_details`
was chosen over `thinking_blocks` because its entries are numbered, so that a client which joins pieces of a stream
joins the right ones, and because it names the provider that a signature belongs to.
"""

from gateway.dialects.failures import read_error
from gateway.dialects.openai_chat.answers import read_reply, write_reply
from gateway.dialects.openai_chat.errors import error_event, write_error
from gateway.dialects.openai_chat.reader import Reader
from gateway.dialects.openai_chat.requests_in import NAME, read_request
from gateway.dialects.openai_chat.requests_out import write_request
from gateway.dialects.openai_chat.writer import Writer

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
