"""What the gateway reads of answers that pass by bytes and are no conversations: vectors, rankings, counts."""

from typing import Any

import msgspec

from gateway.dialects.gemini.usage import read_usage
from gateway.dialects.leaves import ABSENT, as_count, as_text, read_reply, said
from gateway.dialects.ranking.rank import usage_of
from gateway.dialects.taps.failure import in_band
from gateway.dialects.taps.gemini import failure
from gateway.dialects.taps.reply import ReplyFacts
from gateway.errors import UpstreamProtocolError
from gateway.schemas.usage import Usage


class GeminiVectors(msgspec.Struct, rename="camel"):
    embedding: msgspec.Raw = ABSENT
    embeddings: msgspec.Raw = ABSENT
    usage_metadata: msgspec.Raw = ABSENT
    error: Any = None


class Bedrock(msgspec.Struct, rename="camel"):
    embedding: msgspec.Raw = ABSENT
    embeddings: msgspec.Raw = ABSENT
    input_text_token_count: Any = None


class Cohere(msgspec.Struct):
    embeddings: msgspec.Raw = ABSENT
    results: msgspec.Raw = ABSENT
    data: msgspec.Raw = ABSENT
    model: Any = None
    meta: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    error: Any = None


_gemini = msgspec.json.Decoder(GeminiVectors)
_bedrock = msgspec.json.Decoder(Bedrock)
_cohere = msgspec.json.Decoder(Cohere)
_count = msgspec.json.Decoder(dict[str, Any])


def gemini_vector_facts(body: bytes) -> ReplyFacts:
    """Of embedContent and batchEmbedContents. UpstreamProtocolError when it is none."""
    wire = read_reply(_gemini, body)
    if wire.error:
        return ReplyFacts(error=failure(wire.error, body))
    if not said(wire.embedding) and not said(wire.embeddings):
        raise UpstreamProtocolError("the provider's answer has no embeddings")
    return ReplyFacts(usage=read_usage(wire.usage_metadata))


def bedrock_vector_facts(body: bytes) -> ReplyFacts:
    """Of InvokeModel with a model for embeddings. UpstreamProtocolError when it is none."""
    wire = read_reply(_bedrock, body)
    if not said(wire.embedding) and not said(wire.embeddings):
        raise UpstreamProtocolError("the provider's answer has no embeddings")
    tokens = as_count(wire.input_text_token_count)
    return ReplyFacts(usage=Usage(input=tokens) if tokens else None)


def cohere_vector_facts(body: bytes) -> ReplyFacts:
    """Of Cohere's embed. UpstreamProtocolError when it is none."""
    wire = read_reply(_cohere, body)
    if not said(wire.embeddings):
        raise UpstreamProtocolError("the provider's answer has no embeddings")
    return ReplyFacts(usage=usage_of(wire.meta, wire.usage))


def ranking_facts(body: bytes) -> ReplyFacts:
    """Of a ranking in any of its shapes. UpstreamProtocolError when it is none."""
    wire = read_reply(_cohere, body)
    if wire.error:
        return ReplyFacts(error=in_band(wire.error, body, "openai"))
    if not said(wire.results) and not said(wire.data):
        raise UpstreamProtocolError("the provider's answer has no results")
    return ReplyFacts(model=as_text(wire.model), usage=usage_of(wire.meta, wire.usage))


def responses_count_facts(body: bytes) -> ReplyFacts:
    """Of OpenAI's count of input tokens. Counting consumes nothing."""
    return _counted(body, "input_tokens")


def bedrock_count_facts(body: bytes) -> ReplyFacts:
    """Of Bedrock's CountTokens."""
    return _counted(body, "inputTokens")


def _counted(body: bytes, name: str) -> ReplyFacts:
    if not isinstance(read_reply(_count, body).get(name), int):
        raise UpstreamProtocolError(f"the provider's answer has no {name}")
    return ReplyFacts()
