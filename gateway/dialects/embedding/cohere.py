"""Cohere's embeddings: `POST /v2/embed`, and the same body on Bedrock.

Source: "Embed API (v2)" of Cohere's API reference. `input_type` is required: without one a text is taken for a
document.
"""

from typing import Any, Literal

import msgspec
from msgspec import Raw

from gateway.dialects.codec import TargetFacts, Written
from gateway.dialects.decode import UNREADABLE, RequestDecoder
from gateway.dialects.dropped import Dropped
from gateway.dialects.embedding.items import some, text_of, words
from gateway.dialects.embedding.vectors import checked, chunks, floats_of, joined, packed
from gateway.dialects.leaves import as_count, as_text
from gateway.dialects.leaves import read_reply as decoded
from gateway.errors import BadRequest, UpstreamProtocolError
from gateway.schemas.embedding import EmbedReply, EmbedRequest, Format, Item, Picture, Purpose, Vector, Words
from gateway.schemas.usage import Usage

NAME = "cohere"

AT_ONCE = 96
"""Inputs of one request."""


class ImageURL(msgspec.Struct):
    url: str


class Part(msgspec.Struct):
    type: Literal["text", "image_url"]
    text: str | None = None
    image_url: ImageURL | None = None


class Mixed(msgspec.Struct):
    content: list[Part]


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """`model` is left out on Bedrock, where `texts` with `input_type` are all that older models know."""

    model: str | None = None
    input_type: str | None = None
    texts: list[str] | None = None
    images: list[str] | None = None
    inputs: list[Mixed] | None = None
    embedding_types: list[Format] | None = None
    output_dimension: int | None = None
    max_tokens: int | None = None
    truncate: Literal["NONE", "START", "END", "LEFT", "RIGHT"] | None = None


class Billed(msgspec.Struct):
    input_tokens: Any = None
    image_tokens: Any = None


class Meta(msgspec.Struct):
    billed_units: Billed | None = None


class Answer(msgspec.Struct):
    """`embeddings` is a list where a single kind was not asked for by name, as on Bedrock."""

    embeddings: Raw
    id: Any = None
    meta: Meta | None = None


class ByFormat(msgspec.Struct):
    floats: list[list[float]] | None = msgspec.field(name="float", default=None)
    int8: list[list[int]] | None = None
    uint8: list[list[int]] | None = None
    binary: list[list[int]] | None = None
    ubinary: list[list[int]] | None = None


_REQUEST = RequestDecoder(Request)
_ANSWER = msgspec.json.Decoder(Answer)
_BY_FORMAT = msgspec.json.Decoder(ByFormat)
_PLAIN = msgspec.json.Decoder(list[list[float]])
_encode = msgspec.json.Encoder().encode

_PURPOSES: dict[str, Purpose] = {
    "search_query": "query",
    "search_document": "document",
    "classification": "classification",
    "clustering": "clustering",
    "image": "image",
}
_TYPES: dict[Purpose, str] = {purpose: name for name, purpose in _PURPOSES.items()}
_NEAREST: dict[Purpose, str] = {"question": "search_query", "fact": "search_query", "code": "search_query"}
_BOUNDS = {"int8": (-128, 127), "uint8": (0, 255), "binary": (-128, 127), "ubinary": (0, 255)}
_UNBOUND = (0, 0)
_TRUNCATE: dict[str, Literal["none", "start", "end"]] = {
    "NONE": "none",
    "START": "start",
    "LEFT": "start",
    "END": "end",
    "RIGHT": "end",
}


def read_request(body: bytes, model: str) -> EmbedRequest:
    found = _REQUEST.decode(body)
    wire = found.value
    purpose = _PURPOSES.get(wire.input_type or "", "")
    extras = [*[extra.name for extra in found.extras], *found.unknown]
    if wire.input_type and not purpose:
        raise BadRequest("`input_type` is none that Cohere knows", param="input_type")
    if wire.max_tokens is not None:
        extras.append("max_tokens")
    return EmbedRequest(
        dialect=NAME,
        model=model,
        items=_items(wire),
        formats=tuple(wire.embedding_types or ("float",)),
        dimensions=wire.output_dimension,
        purpose="" if purpose == "image" else purpose,
        truncate=_TRUNCATE[wire.truncate] if wire.truncate else "",
        extras=tuple(extras),
        shape="named" if wire.embedding_types else "",
    )


def _items(wire: Request) -> tuple[Item, ...]:
    given = [name for name in ("texts", "images", "inputs") if getattr(wire, name) is not None]
    if len(given) != 1:
        raise BadRequest("give exactly one of `texts`, `images` and `inputs`", param=(given or ["texts"])[-1])
    if wire.texts is not None:
        return some(words(wire.texts), "texts")
    if wire.images is not None:
        return some(tuple([(Picture(url),) for url in wire.images]), "images")
    return some(tuple([tuple([_part(part) for part in one.content]) for one in wire.inputs or ()]), "inputs")


def _part(part: Part) -> Words | Picture:
    if part.type == "image_url" and part.image_url is not None:
        return Picture(part.image_url.url)
    if part.type == "text" and part.text is not None:
        return Words(part.text)
    raise BadRequest("a part of `inputs` lacks what its type names", param="inputs")


def split(request: EmbedRequest, model: str) -> tuple[EmbedRequest, ...]:  # noqa: ARG001 - the form's shape
    return chunks(request, AT_ONCE)


def write_request(request: EmbedRequest, facts: TargetFacts) -> Written:
    body, dropped = written(request)
    return Written(_encode({"model": facts.model, **body}), dropped.names())


def written(request: EmbedRequest) -> tuple[dict[str, Any], Dropped]:
    """The body without the model, and what did not fit."""
    dropped = Dropped(request.extras)
    purpose = request.purpose
    pictured = all(isinstance(part, Picture) for item in request.items for part in item)
    if purpose not in ("", *_TYPES):
        dropped.add("input_type")
    if request.user:
        dropped.add("user")
    body: dict[str, Any] = {
        "input_type": "image"
        if pictured
        else _TYPES.get(purpose) or _NEAREST.get(purpose, "search_document"),
        "embedding_types": list(
            dict.fromkeys("float" if one == "base64" else one for one in request.formats)
        ),
    }
    if any(isinstance(part, Picture) for item in request.items for part in item):
        body["inputs"] = [{"content": [_part_out(part) for part in item]} for item in request.items]
    else:
        body["texts"] = [text_of(item) for item in request.items]
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    if request.truncate:
        body["truncate"] = request.truncate.upper()
    return body, dropped


def _part_out(part: Any) -> dict[str, Any]:
    if isinstance(part, Picture):
        return {"type": "image_url", "image_url": {"url": part.url}}
    return {"type": "text", "text": text_of((part,))}


def read_reply(body: bytes, request: EmbedRequest) -> EmbedReply:
    wire = decoded(_ANSWER, body)
    found: dict[str, list[Vector]] = {}
    count = len(request.items)
    for name, vectors in _by_format(wire.embeddings).items():
        found[name] = checked(vectors, count)
        low, high = _BOUNDS.get(name, _UNBOUND)
        if name in _BOUNDS and not all(low <= each <= high for vector in vectors for each in vector):
            raise UpstreamProtocolError(f"the provider's {name} vector has a number out of range")
    for name in request.formats:
        if ("float" if name == "base64" else name) not in found:
            raise UpstreamProtocolError(f"the provider gave no {name} vectors")
    return EmbedReply(vectors=found, id=as_text(wire.id), usage=_usage(wire.meta))


def _by_format(raw: Raw) -> dict[str, list[Vector]]:
    try:
        if bytes(raw)[:1] == b"[":
            return {"float": list(_PLAIN.decode(raw))}
        wire = _BY_FORMAT.decode(raw)
    except UNREADABLE as error:
        raise UpstreamProtocolError(f"the provider's vectors cannot be read: {error}") from error
    given = {
        "float": wire.floats,
        "int8": wire.int8,
        "uint8": wire.uint8,
        "binary": wire.binary,
        "ubinary": wire.ubinary,
    }
    return {name: list(vectors) for name, vectors in given.items() if vectors is not None}


def _usage(meta: Meta | None) -> Usage | None:
    if meta is None or meta.billed_units is None:
        return None
    tokens = as_count(meta.billed_units.input_tokens) + as_count(meta.billed_units.image_tokens)
    return Usage(input=tokens) if tokens else None


join = joined


def write_reply(reply: EmbedReply, request: EmbedRequest, model: str, reply_id: str) -> bytes:  # noqa: ARG001
    body: dict[str, Any] = {
        "id": reply.id or reply_id,
        "embeddings": shown(reply, request),
        "texts": texts(request),
        "response_type": "embeddings_by_type",
        "meta": {"api_version": {"version": "2"}},
    }
    if reply.usage is not None:
        body["meta"]["billed_units"] = {"input_tokens": reply.usage.input}
    return _encode(body)


def shown(reply: EmbedReply, request: EmbedRequest) -> dict[str, Any]:
    """The vectors in every format that was asked for and can be had."""
    found: dict[str, Any] = {}
    for name in request.formats:
        if name == "base64":
            found[name] = [packed(vector) for vector in floats_of(reply)]
        elif name in reply.vectors:
            found[name] = reply.vectors[name]
    return found


def texts(request: EmbedRequest) -> list[str]:
    """The texts that were given; none where there are images among them."""
    if all(isinstance(part, Words) for item in request.items for part in item):
        return [text_of(item) for item in request.items]
    return []
