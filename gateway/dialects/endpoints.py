"""The endpoints for inference: how each is read, passed by bytes, and refused."""

from collections.abc import Callable, Iterable

import msgspec

from gateway._speedups.jsonscan import request_facts
from gateway.dialects import anthropic, openai_chat, taps
from gateway.dialects.codec import Codec
from gateway.errors import BadRequest
from gateway.schemas.call import Call
from gateway.schemas.record import Record

Header = tuple[bytes, bytes]


class Endpoint(msgspec.Struct, frozen=True):
    """One endpoint of one dialect.

    `tap` (hide usage that the caller did not ask for, number of choices) makes the reader of a stream that passes.
    `translates` names the endpoint of the other dialect that can serve it instead. `forwards` are the caller's headers
    that change what a provider of the same dialect does and carry no credential.
    """

    name: str
    dialect: str
    codec: Codec
    reply_facts: Callable[[bytes], taps.ReplyFacts]
    tap: Callable[[bool, int], taps.StreamTap] | None = None
    translates: str = ""
    forwards: frozenset[bytes] = frozenset()

    def call(self, body: bytes, headers: Iterable[Header], record: Record) -> Call:
        """Reads what the gateway must know of the caller's bytes. Raises BadRequest."""
        facts = request_facts(body)
        model = facts.model
        if model is None:
            raise BadRequest("the body has no `model`", param="model")
        stream = facts.stream and self.tap is not None
        record.requested_model, record.stream = model, stream
        forwards = self.forwards
        kept = tuple([header for header in headers if header[0] in forwards]) if forwards else ()
        return Call(self.name, self.dialect, body, facts, model, stream, kept)


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
            translates="messages",
            forwards=_OPENAI_HEADERS,
        ),
        Endpoint(
            "completions",
            "openai",
            openai_chat,
            taps.openai_reply_facts,
            taps.OpenAICompletionTap,
            forwards=_OPENAI_HEADERS,
        ),
        Endpoint("embeddings", "openai", openai_chat, taps.openai_embeddings_facts, forwards=_OPENAI_HEADERS),
        Endpoint(
            "messages",
            "anthropic",
            anthropic,
            taps.anthropic_reply_facts,
            taps.AnthropicTap,
            translates="chat_completions",
            forwards=_ANTHROPIC_HEADERS,
        ),
        Endpoint(
            "count_tokens", "anthropic", anthropic, taps.anthropic_count_facts, forwards=_ANTHROPIC_HEADERS
        ),
    )
}


def error_endpoint(dialect: str) -> Endpoint:
    """The endpoint whose codec writes errors for a path that has none of its own."""
    return ENDPOINTS["messages" if dialect == "anthropic" else "chat_completions"]
