"""Embedding models on Bedrock, by InvokeModel: Titan's body or Cohere's, as the model has it.

Source: "Amazon Titan Text Embeddings" and "Cohere Embed" of the Bedrock user guide. Titan takes one text at a time.
Cohere's answers do not count tokens; Bedrock says the number in a header.
"""

from typing import Any

import msgspec

from gateway.dialects.codec import TargetFacts, Written
from gateway.dialects.decode import RequestDecoder
from gateway.dialects.dropped import Dropped
from gateway.dialects.embedding import cohere
from gateway.dialects.embedding.items import only_floats, some, text_of, words
from gateway.dialects.embedding.vectors import checked, chunks, floats_of, joined
from gateway.dialects.leaves import as_count
from gateway.dialects.leaves import read_reply as decoded
from gateway.errors import BadRequest, UnservedEndpoint
from gateway.schemas.embedding import EmbedReply, EmbedRequest
from gateway.schemas.usage import Usage

NAME = "bedrock"
TITAN = "titan"
COHERE = "cohere"


class TitanRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    input_text: str
    dimensions: int | None = None
    normalize: bool | None = None
    embedding_types: list[str] | None = None


class TitanAnswer(msgspec.Struct, rename="camel"):
    embedding: list[float]
    input_text_token_count: Any = None


_TITAN = RequestDecoder(TitanRequest)
_ANSWER = msgspec.json.Decoder(TitanAnswer)
_KEYS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def read_request(body: bytes, model: str) -> EmbedRequest:
    try:
        keys = _KEYS.decode(body).keys()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON object: {error}") from error
    if "inputText" in keys:
        return _read_titan(body, model)
    if keys & {"texts", "images", "inputs"}:
        return _spoken(cohere.read_request(body, model))
    raise BadRequest("only embeddings are translated here: give Titan's `inputText` or Cohere's `texts`")


def _read_titan(body: bytes, model: str) -> EmbedRequest:
    found = _TITAN.decode(body)
    wire = found.value
    extras = [*[extra.name for extra in found.extras], *found.unknown]
    if wire.normalize is False:
        extras.append("normalize")
    extras += [f"embeddingTypes.{name}"[:60] for name in wire.embedding_types or () if name != "float"]
    return EmbedRequest(
        dialect=NAME,
        model=model,
        items=some(words([wire.input_text]), "inputText"),
        dimensions=wire.dimensions,
        extras=tuple(extras),
        shape=TITAN,
    )


def _spoken(request: EmbedRequest) -> EmbedRequest:
    return msgspec.structs.replace(request, dialect=NAME, shape=COHERE + request.shape)


def _is_titan(model: str) -> bool:
    return "titan-embed" in model


def split(request: EmbedRequest, model: str) -> tuple[EmbedRequest, ...]:
    return chunks(request, 1 if _is_titan(model) else cohere.AT_ONCE)


def write_request(request: EmbedRequest, facts: TargetFacts) -> Written:
    if not _is_titan(facts.model):
        if "cohere.embed" not in facts.model:
            raise UnservedEndpoint("of Bedrock's models, Titan's and Cohere's make embeddings")
        body, dropped = cohere.written(request)
        return Written(_encode(body), dropped.names())
    dropped = Dropped(request.extras)
    only_floats(request, dropped)
    said: dict[str, Any] = {"inputText": text_of(request.items[0])}
    if request.dimensions is not None and "embed-text-v2" in facts.model:
        said["dimensions"] = request.dimensions
    elif request.dimensions is not None:
        dropped.add("dimensions")
    for name, value in (
        ("user", request.user),
        ("input_type", request.purpose),
        ("truncate", request.truncate),
    ):
        if value:
            dropped.add(name)
    return Written(_encode(said), dropped.names())


def read_reply(body: bytes, request: EmbedRequest) -> EmbedReply:
    if b'"embeddings"' in body and b'"inputTextTokenCount"' not in body:
        return cohere.read_reply(body, request)
    wire = decoded(_ANSWER, body)
    tokens = as_count(wire.input_text_token_count)
    return EmbedReply(
        vectors={"float": checked([wire.embedding], len(request.items))},
        usage=Usage(input=tokens) if tokens else None,
    )


join = joined


def write_reply(reply: EmbedReply, request: EmbedRequest, model: str, reply_id: str) -> bytes:  # noqa: ARG001
    if request.shape == TITAN:
        vector = floats_of(reply)[0]
        tokens = 0 if reply.usage is None else reply.usage.input
        return _encode(
            {"embedding": vector, "embeddingsByType": {"float": vector}, "inputTextTokenCount": tokens}
        )
    named = request.shape != COHERE
    return _encode(
        {
            "id": reply.id or reply_id,
            "embeddings": cohere.shown(reply, request) if named else floats_of(reply),
            "texts": cohere.texts(request),
            "response_type": "embeddings_by_type" if named else "embeddings_floats",
        }
    )
