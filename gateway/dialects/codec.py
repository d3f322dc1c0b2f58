"""What a dialect offers: a two-way codec between its JSON and the neutral form."""

from typing import Protocol

import msgspec

from gateway.errors import GatewayError
from gateway.schemas.chat import ChatRequest, Reply
from gateway.schemas.events import ErrorDetail, Event


class TargetFacts(msgspec.Struct, frozen=True):
    """What a codec must know of the target to write for it.

    `max_output` is the model's own maximum in tokens, for a dialect that insists on a number. `drops` names request
    fields, in the target's dialect, that this provider refuses. `accepts` names fields that it takes beyond its
    dialect: for openai_chat `top_k`, `min_p`, `cache_control`, `prompt_cache_breakpoint`, `reasoning_content`,
    `reasoning_details`, `extra_content`, `is_error`; for embeddings `input_type` and `truncation` (Voyage), `task` and
    `truncate` (Jina); for Gemini's countTokens `countTokens.systemInstruction` (Vertex).
    """

    model: str
    max_output: int | None = None
    drops: tuple[str, ...] = ()
    max_tokens_field: str = "max_completion_tokens"
    stream_usage: bool = True
    accepts: tuple[str, ...] = ()


class Written(msgspec.Struct, frozen=True):
    """A request as a provider takes it, and the fields that did not fit into it, in the caller's words."""

    body: bytes
    dropped: tuple[str, ...] = ()


class StreamReader(Protocol):
    """Reads one provider's stream, event by event."""

    def read(self, name: str, data: bytes) -> list[Event]:
        """The neutral events of one server-sent event; [] for pings and types that nobody knows.

        Raises UpstreamStatus for an error that the provider reports, UpstreamProtocolError for what is not the dialect.
        """

    def end(self) -> list[Event]:
        """Called at the end of the body: what was still owed. Raises UpstreamClosed when no finish was seen."""


class StreamWriter(Protocol):
    """Writes one caller's stream."""

    def write(self, event: Event) -> bytes:
        """The caller's bytes for one event; b"" when it waits for a later one."""

    def error(self, error: GatewayError) -> bytes:
        """The last bytes of a stream that failed: never a clean end."""


class Codec(Protocol):
    """A dialect. Implemented by the packages beside this file."""

    @property
    def name(self) -> str: ...

    def read_request(self, body: bytes, /) -> ChatRequest:
        """Raises BadRequest with the path of the field that is wrong."""

    def write_request(self, request: ChatRequest, facts: TargetFacts, /) -> Written: ...

    def read_reply(self, body: bytes, model: str = "", /) -> Reply:
        """`model` is the target's, for a dialect whose answers do not name it. Raises UpstreamProtocolError for what is
        not an answer of this dialect."""

    def write_reply(
        self,
        reply: Reply,
        /,
        *,
        request_model: str = "",
        reply_id: str = "",
        created: int = 0,
        request: ChatRequest | None = None,
    ) -> bytes:
        """`request_model`, `reply_id` and `created` (Unix seconds) stand in where the provider said nothing. `request`
        is for dialects whose answers repeat it."""

    def reader(self, model: str = "", /) -> StreamReader:
        """`model` as in `read_reply`."""

    def writer(self, request: ChatRequest, /, *, reply_id: str = "", created: int = 0) -> StreamWriter: ...

    def read_error(self, status: int, body: bytes, content_type: str, /) -> ErrorDetail:
        """What a provider said with an error status; something readable for whatever it sent."""

    def write_error(self, error: GatewayError, request_id: str, /) -> bytes:
        """The JSON body of an error."""

    def error_event(self, error: GatewayError, /) -> bytes:
        """An error inside a stream that has begun."""
