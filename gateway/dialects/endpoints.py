"""The endpoints for inference: how each is read, passed by bytes, and refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from gateway._speedups.jsonscan import Facts, request_facts
from gateway._speedups.sse import EventReader
from gateway.dialects import anthropic, bedrock, cohere, gemini, openai_chat, openai_responses, taps
from gateway.dialects.alternatives import listed
from gateway.dialects.codec import Codec, TargetFacts, Written
from gateway.dialects.counting import forms as counting
from gateway.dialects.embedding import bedrock as bedrock_vectors
from gateway.dialects.embedding import cohere as cohere_vectors
from gateway.dialects.embedding import gemini as gemini_vectors
from gateway.dialects.embedding import openai as openai_vectors
from gateway.dialects.form import Form
from gateway.dialects.gemini import arrays
from gateway.dialects.ranking import shapes as ranking
from gateway.dialects.renaming import gemini_model
from gateway.dialects.taps import families
from gateway.dialects.taps.media import MediaTap, media_reply_facts
from gateway.dialects.taps.through import Learned
from gateway.errors import BadRequest, GatewayError, NotCached, UpstreamError
from gateway.schemas.call import Call, Neutral
from gateway.schemas.chat import ChatRequest
from gateway.schemas.record import Record

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


class Tap(Learned, Protocol):
    """What `taps.StreamTap` offers."""

    @property
    def error(self) -> UpstreamError | None: ...
    @property
    def LAST(self) -> bytes: ...
    def feed(self, data: bytes, /) -> bytes: ...
    def finish_bytes(self) -> bytes: ...


def _usual_error(error: GatewayError) -> list[Header]:
    """OpenAI's and Anthropic's SDKs ask again after any 5xx, unless they are told that it is of no use."""
    return [(b"x-should-retry", b"false")] if isinstance(error, NotCached) else []


class Endpoint(msgspec.Struct, frozen=True):
    """One endpoint of one dialect.

    `tap` (hide usage that the caller did not ask for, number of choices) makes the reader of a stream that passes.
    Endpoints of one `family` can stand in for one another, through the neutral form. `forwards` are the
    caller's headers that change what a provider of the same dialect does and carry no credential. `stream_type` is the
    content type of its streams, `framing` takes them apart. With `model_in_path` the body does not name the model, nor
    whether to stream. With `stream_options` the body can ask for a stream's usage.
    `error_headers` are those that the dialect says of an error beside its body. `choices` tells how many answers a
    request asks for. `form` reads and writes what is no conversation. `renamed` replaces the model where the body
    names it beside the path. With `array` streams are written as a JSON array.
    With `cuts_after_error` a stream's error event is followed by the connection's end, as some clients read past it.
    With `comments` its clients pass over comments in a stream; `keep_alive` is what they may get while nothing is said.
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
    error_headers: Callable[[GatewayError], list[Header]] = _usual_error
    choices: Callable[[Facts], int] = lambda facts: facts.choices
    form: Form[Any, Any] | None = None
    renamed: Callable[[bytes, str], bytes] | None = None
    array: bool = False
    cuts_after_error: bool = False
    comments: bool = False
    keep_alive: bytes = b""

    @property
    def converses(self) -> bool:
        """Whether a request is a conversation, which may bring thought back."""
        return self.family in (CHAT, COUNT)

    def read(self, call: Call) -> Neutral:
        """The request in the neutral form. Raises BadRequest."""
        if self.form is not None:
            read: Neutral = self.form.read_request(call.body, call.model)
            return read
        request = self.codec.read_request(call.body)
        return replace(request, model=call.model, stream=call.stream) if self.model_in_path else request

    def write(self, request: Neutral, facts: TargetFacts) -> tuple[tuple[Neutral, Written], ...]:
        """The requests that a target needs to be asked: more than one where it takes less at once. Raises
        UnservedEndpoint."""
        if self.form is None:
            assert isinstance(request, ChatRequest)  # the family says so
            return ((request, self.codec.write_request(request, facts)),)
        form = self.form
        return tuple([(one, form.write_request(one, facts)) for one in form.split(request, facts.model)])

    def read_replies(self, bodies: Sequence[bytes], requests: Sequence[Neutral], model: str = "") -> Any:
        """The neutral answer of the target's `model` to all of `requests`: with `usage`, `model` and `finish`. Raises
        UpstreamProtocolError."""
        if self.form is None:
            return self.codec.read_reply(bodies[0], model)
        form = self.form
        return form.join([form.read_reply(*pair) for pair in zip(bodies, requests, strict=True)])

    def write_reply(self, reply: Any, call: Call, model: str, reply_id: str, created: int) -> bytes:
        """The caller's answer. `model`, `reply_id` and `created` stand in where the provider said nothing."""
        if self.form is not None:
            return self.form.write_reply(reply, call.request, model, reply_id)
        assert isinstance(call.request, ChatRequest)
        return self.codec.write_reply(
            reply, request_model=model, reply_id=reply_id, created=created, request=call.request
        )

    def call(self, body: bytes, asked: Asked, record: Record) -> Call:
        """Reads what the gateway must know of the caller's bytes. Raises BadRequest."""
        facts = request_facts(body)
        model = asked.model if self.model_in_path else facts.model
        if not model and facts.wishes and not self.model_in_path:
            model = next(iter(listed(facts, "models")), None)
        if not model:
            raise BadRequest("the body has no `model`", param="model")
        stream = (asked.stream if self.model_in_path else facts.stream) and self.tap is not None
        record.requested_model, record.stream = model, stream
        forwards = self.forwards
        kept = tuple([header for header in asked.raw_headers if header[0] in forwards]) if forwards else ()
        return Call(self.name, self.dialect, body, facts, model, stream, kept, array=self.array)


class Asked(Protocol):
    """What the head of a request says: its headers and, for some endpoints, the path's model and kind of answer."""

    raw_headers: list[Header]
    query: bytes
    model: str
    stream: bool


CHAT = "chat"
"""The family of conversations: any provider's can serve any caller's."""

COUNT = "count"
"""How many tokens a conversation has."""

EMBED = "embed"
RANK = "rerank"

_OPENAI_HEADERS = frozenset({b"openai-beta"})
_ANTHROPIC_HEADERS = frozenset({b"anthropic-version", b"anthropic-beta", b"anthropic-user-profile-id"})
"""Not `anthropic-workspace-id`: which of the operator's workspaces serves is the operator's to say."""
_COHERE_HEADERS = frozenset({b"x-client-name"})

_COMMENT = b": keep-alive\n\n"
"""A comment of server-sent events. Google's SDK takes one for JSON; an empty line says nothing to anybody."""


def _bedrock_error(error: GatewayError) -> list[Header]:
    return [(bedrock.ERROR_HEADER, bedrock.error_type(error).encode())]


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
            comments=True,
            keep_alive=_COMMENT,
        ),
        Endpoint(
            "completions",
            "openai",
            openai_chat,
            taps.openai_reply_facts,
            taps.OpenAICompletionTap,
            stream_options=True,
            forwards=_OPENAI_HEADERS,
            comments=True,
            keep_alive=_COMMENT,
        ),
        Endpoint(
            "embeddings",
            "openai",
            openai_chat,
            taps.openai_embeddings_facts,
            family=EMBED,
            forwards=_OPENAI_HEADERS,
            form=openai_vectors,
        ),
        Endpoint(
            "batch_embed_contents",
            "gemini",
            gemini,
            families.gemini_vector_facts,
            family=EMBED,
            model_in_path=True,
            form=gemini_vectors.batch,
            renamed=gemini_model,
        ),
        Endpoint(
            "embed_content",
            "gemini",
            gemini,
            families.gemini_vector_facts,
            family=EMBED,
            model_in_path=True,
            form=gemini_vectors.single,
            renamed=gemini_model,
        ),
        Endpoint(
            "cohere_embed",
            "cohere",
            cohere,
            families.cohere_vector_facts,
            family=EMBED,
            forwards=_COHERE_HEADERS,
            form=cohere_vectors,
        ),
        Endpoint(
            "invoke",
            "bedrock",
            bedrock,
            families.bedrock_vector_facts,
            family=EMBED,
            model_in_path=True,
            error_headers=_bedrock_error,
            form=bedrock_vectors,
        ),
        Endpoint("moderations", "openai", openai_chat, taps.openai_other_facts),
        Endpoint("images_generations", "openai", openai_chat, media_reply_facts, MediaTap),
        Endpoint("rerank", "openai", openai_chat, families.ranking_facts, family=RANK, form=ranking.common),
        Endpoint(
            "cohere_rerank",
            "cohere",
            cohere,
            families.ranking_facts,
            family=RANK,
            forwards=_COHERE_HEADERS,
            form=ranking.cohere,
        ),
        Endpoint(
            "voyage_rerank", "openai", openai_chat, families.ranking_facts, family=RANK, form=ranking.voyage
        ),
        Endpoint(
            "messages",
            "anthropic",
            anthropic,
            taps.anthropic_reply_facts,
            taps.AnthropicTap,
            family=CHAT,
            forwards=_ANTHROPIC_HEADERS,
            comments=True,
            keep_alive=b'event: ping\ndata: {"type": "ping"}\n\n',
        ),
        Endpoint(
            "responses",
            "openai",
            openai_responses,
            taps.responses_reply_facts,
            taps.ResponsesTap,
            family=CHAT,
            forwards=_OPENAI_HEADERS,
            comments=True,
            keep_alive=_COMMENT,
        ),
        Endpoint(
            "generate_content",
            "gemini",
            gemini,
            taps.gemini_reply_facts,
            taps.GeminiTap,
            family=CHAT,
            choices=taps.gemini_choices,
            model_in_path=True,
            cuts_after_error=True,
            keep_alive=b"\r\n",
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
            error_headers=_bedrock_error,
        ),
        Endpoint(
            "gemini_count_tokens",
            "gemini",
            gemini,
            taps.gemini_count_facts,
            family=COUNT,
            model_in_path=True,
            form=counting.google,
            renamed=gemini_model,
        ),
        Endpoint(
            "bedrock_count_tokens",
            "bedrock",
            bedrock,
            families.bedrock_count_facts,
            family=COUNT,
            model_in_path=True,
            error_headers=_bedrock_error,
            form=counting.aws,
        ),
        Endpoint(
            "input_tokens",
            "openai",
            openai_responses,
            families.responses_count_facts,
            family=COUNT,
            forwards=_OPENAI_HEADERS,
            form=counting.responses,
        ),
        Endpoint(
            "cohere_chat",
            "cohere",
            cohere,
            taps.cohere_reply_facts,
            taps.CohereTap,
            family=CHAT,
            forwards=_COHERE_HEADERS,
            comments=True,
            keep_alive=_COMMENT,
        ),
        Endpoint(
            "count_tokens",
            "anthropic",
            anthropic,
            taps.anthropic_count_facts,
            family=COUNT,
            forwards=_ANTHROPIC_HEADERS,
            form=counting.claude,
        ),
    )
}


WRAPPED: dict[str, Endpoint] = {
    "bedrock": replace(
        ENDPOINTS["messages"],
        tap=taps.InvokedTap,
        stream_type=bedrock.STREAM_TYPE,
        framing=taps.InvokedEvents,
    ),
}
"""Endpoints as they are within another vendor's framing, by the framing's name."""


ARRAYS: dict[str, Endpoint] = {
    "generate_content": replace(
        ENDPOINTS["generate_content"],
        codec=arrays,
        stream_type=b"application/json",
        array=True,
        cuts_after_error=False,
        keep_alive=b"",
    )
}
"""Endpoints whose streams are a JSON array for callers that do not ask for `alt=sse`."""


def error_endpoint(dialect: str) -> Endpoint:
    """The endpoint whose codec writes errors for a path that has none of its own."""
    return ENDPOINTS[_SPEAKERS.get(dialect, "chat_completions")]


_SPEAKERS = {
    "anthropic": "messages",
    "cohere": "cohere_chat",
    "gemini": "generate_content",
    "bedrock": "converse",
}
