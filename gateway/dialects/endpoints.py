"""The endpoints for inference: how each is read, passed by bytes, and refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from msgspec.structs import replace

from gateway._speedups.jsonscan import request_facts
from gateway._speedups.sse import EventReader
from gateway.dialects import anthropic, bedrock, cohere, gemini, openai_chat, openai_responses, taps
from gateway.dialects.codec import Codec
from gateway.errors import BadRequest, GatewayError, UpstreamError
from gateway.schemas.call import Call
from gateway.schemas.chat import ChatRequest
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage

Header = tuple[bytes, bytes]


class Framed(Protocol):
    """One event of a stream."""

    @property
    def name(self) -> str: ...
    @property
    def data(self) -> bytes: ...


class Framing(Protocol):
    """Takes a provider's stream apart into events."""

    def feed(self, data: bytes, /) -> Sequence[Framed]: ...
    def finish(self) -> Framed | None: ...


class Tap(Protocol):
    """What `taps.StreamTap` offers."""

    @property
    def committed(self) -> bool: ...
    @property
    def terminated(self) -> bool: ...
    @property
    def complete(self) -> bool: ...
    @property
    def usage(self) -> Usage | None: ...
    @property
    def model(self) -> str: ...
    @property
    def finish(self) -> str: ...
    @property
    def error(self) -> UpstreamError | None: ...
    def feed(self, data: bytes, /) -> bytes: ...
    def finish_bytes(self) -> bytes: ...


def _plain(_: GatewayError) -> list[Header]:
    return []


class Endpoint(msgspec.Struct, frozen=True):
    """One endpoint of one dialect.

    `tap` (hide usage that the caller did not ask for, number of choices) makes the reader of a stream that passes.
    Endpoints of one `family` can stand in for one another, through the neutral form. `forwards` are the
    caller's headers that change what a provider of the same dialect does and carry no credential. `stream_type` is the
    content type of its streams, `framing` takes them apart. With `model_in_path` the body does not name the model, nor
    whether to stream. With `stream_options` the body can ask for a stream's usage.
    A stream must be asked for with `stream_query`, where the dialect has other forms that are not offered.
    `error_headers` are those that the dialect says of an error beside its body.
    """

    name: str
    dialect: str
    codec: Codec
    reply_facts: Callable[[bytes], taps.ReplyFacts]
    tap: Callable[[bool, int], Tap] | None = None
    family: str = ""
    forwards: frozenset[bytes] = frozenset()
    stream_type: bytes = b"text/event-stream"
    framing: Callable[[], Framing] = EventReader
    model_in_path: bool = False
    stream_options: bool = False
    error_headers: Callable[[GatewayError], list[Header]] = _plain
    stream_query: bytes = b""

    def read(self, call: Call) -> ChatRequest:
        """The request in the neutral form. Raises BadRequest."""
        request = self.codec.read_request(call.body)
        return replace(request, model=call.model, stream=call.stream) if self.model_in_path else request

    def call(self, body: bytes, asked: Asked, record: Record) -> Call:
        """Reads what the gateway must know of the caller's bytes. Raises BadRequest."""
        facts = request_facts(body)
        model = asked.model if self.model_in_path else facts.model
        if not model:
            raise BadRequest("the body has no `model`", param="model")
        stream = (asked.stream if self.model_in_path else facts.stream) and self.tap is not None
        if stream and self.stream_query not in asked.query:
            raise BadRequest(
                f"streams are served as server-sent events: ask with ?{self.stream_query.decode()}"
            )
        record.requested_model, record.stream = model, stream
        forwards = self.forwards
        kept = tuple([header for header in asked.raw_headers if header[0] in forwards]) if forwards else ()
        return Call(self.name, self.dialect, body, facts, model, stream, kept)


class Asked(Protocol):
    """What the head of a request says: its headers and, for some endpoints, the path's model and kind of answer."""

    raw_headers: list[Header]
    query: bytes
    model: str
    stream: bool


CHAT = "chat"
"""The family of conversations: any provider's can serve any caller's."""

_OPENAI_HEADERS = frozenset({b"openai-beta"})
_ANTHROPIC_HEADERS = frozenset({b"anthropic-version", b"anthropic-beta"})

ENDPOINTS: dict[str, Endpoint] = {
    endpoint.name: endpoint
    for endpoint in (
        Endpoint(
            "chat_completions",
            "openai",
            openai_chat,
            taps.openai_reply_facts,
            taps.OpenAIChatTap,
            family=CHAT,
            stream_options=True,
            forwards=_OPENAI_HEADERS,
        ),
        Endpoint(
            "completions",
            "openai",
            openai_chat,
            taps.openai_reply_facts,
            taps.OpenAICompletionTap,
            stream_options=True,
            forwards=_OPENAI_HEADERS,
        ),
        Endpoint("embeddings", "openai", openai_chat, taps.openai_embeddings_facts, forwards=_OPENAI_HEADERS),
        Endpoint("moderations", "openai", openai_chat, taps.openai_other_facts),
        Endpoint("images_generations", "openai", openai_chat, taps.openai_other_facts),
        Endpoint("rerank", "openai", openai_chat, taps.openai_other_facts),
        Endpoint(
            "messages",
            "anthropic",
            anthropic,
            taps.anthropic_reply_facts,
            taps.AnthropicTap,
            family=CHAT,
            forwards=_ANTHROPIC_HEADERS,
        ),
        Endpoint(
            "responses",
            "openai",
            openai_responses,
            taps.responses_reply_facts,
            taps.ResponsesTap,
            family=CHAT,
            forwards=_OPENAI_HEADERS,
        ),
        Endpoint(
            "generate_content",
            "gemini",
            gemini,
            taps.gemini_reply_facts,
            taps.GeminiTap,
            family=CHAT,
            stream_query=b"alt=sse",
            model_in_path=True,
        ),
        Endpoint(
            "converse",
            "bedrock",
            bedrock,
            taps.bedrock_reply_facts,
            taps.BedrockTap,
            family=CHAT,
            stream_type=bedrock.STREAM_TYPE,
            framing=bedrock.messages,
            model_in_path=True,
            error_headers=lambda error: [(bedrock.ERROR_HEADER, bedrock.error_type(error).encode())],
        ),
        Endpoint("gemini_count_tokens", "gemini", gemini, taps.gemini_count_facts, model_in_path=True),
        Endpoint(
            "cohere_chat",
            "cohere",
            cohere,
            taps.cohere_reply_facts,
            taps.CohereTap,
            family=CHAT,
            forwards=frozenset({b"x-client-name"}),
        ),
        Endpoint(
            "count_tokens", "anthropic", anthropic, taps.anthropic_count_facts, forwards=_ANTHROPIC_HEADERS
        ),
    )
}


def error_endpoint(dialect: str) -> Endpoint:
    """The endpoint whose codec writes errors for a path that has none of its own."""
    return ENDPOINTS[_SPEAKERS.get(dialect, "chat_completions")]


_SPEAKERS = {
    "anthropic": "messages",
    "cohere": "cohere_chat",
    "gemini": "generate_content",
    "bedrock": "converse",
}
