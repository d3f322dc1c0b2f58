"""OpenAI's embeddings, and those of the many that have its shape.

Source: "Create embeddings" of OpenAI's API reference; Voyage's and Jina's references for `input_type`, `task` and what
they call truncation.
"""

from typing import Any, Literal

import msgspec

from gateway.dialects.codec import TargetFacts, Written
from gateway.dialects.decode import RequestDecoder
from gateway.dialects.dropped import Dropped
from gateway.dialects.embedding.items import only_floats, some
from gateway.dialects.embedding.vectors import checked, chunks, floats_of, in_order, joined, packed, unpacked
from gateway.dialects.leaves import ABSENT, as_text
from gateway.dialects.leaves import read_reply as decoded
from gateway.dialects.usage import openai_usage
from gateway.errors import BadRequest, UnservedEndpoint
from gateway.schemas.embedding import EmbedReply, EmbedRequest, Item, Picture, Purpose, Tokens, Vector, Words

NAME = "openai"

AT_ONCE = 2048
"""Inputs of one request."""


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """`input_type`, `task`, `truncation` and `truncate` are not OpenAI's: see the module."""

    input: str | list[str | int | list[int]]
    model: str
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    user: str | None = None
    input_type: str | None = None
    task: str | None = None
    truncation: bool | None = None
    truncate: bool | str | None = None


class Body(msgspec.Struct, omit_defaults=True):
    model: str
    input: list[str] | list[Any]
    dimensions: int | None = None
    user: str | None = None
    input_type: str | None = None
    task: str | None = None
    truncation: bool | None = None
    truncate: bool | None = None


class Embedding(msgspec.Struct):
    embedding: str | list[float]
    index: int = -1


class Answer(msgspec.Struct):
    data: list[Embedding]
    id: Any = None
    model: Any = None
    usage: msgspec.Raw = ABSENT


_REQUEST = RequestDecoder(Request)
_ANSWER = msgspec.json.Decoder(Answer)
_encode = msgspec.json.Encoder().encode

_PURPOSES: dict[str, Purpose] = {
    "query": "query",
    "search_query": "query",
    "retrieval.query": "query",
    "document": "document",
    "passage": "document",
    "search_document": "document",
    "retrieval.passage": "document",
    "text-matching": "similarity",
    "classification": "classification",
    "separation": "clustering",
    "clustering": "clustering",
    "code.query": "code",
}
_TASKS: dict[Purpose, str] = {
    "query": "retrieval.query",
    "document": "retrieval.passage",
    "similarity": "text-matching",
    "classification": "classification",
    "clustering": "separation",
}
"""Jina's words."""

_SIDES: dict[Purpose, str] = {"query": "query", "document": "document"}
"""Voyage's words."""


def read_request(body: bytes, model: str) -> EmbedRequest:
    found = _REQUEST.decode(body)
    wire = found.value
    said = wire.input_type or wire.task or ""
    purpose = _PURPOSES.get(said, "")
    extras = [*[extra.name for extra in found.extras], *found.unknown]
    if said and not purpose:
        extras.append("input_type" if wire.input_type else "task")
    return EmbedRequest(
        dialect=NAME,
        model=model,
        items=some(_items(wire.input), "input"),
        formats=(wire.encoding_format or "float",),
        dimensions=wire.dimensions,
        purpose=purpose,
        truncate=_truncate(wire),
        user=wire.user or "",
        extras=tuple(extras),
    )


def _items(given: str | list[str | int | list[int]]) -> tuple[Item, ...]:
    if isinstance(given, str):
        return ((Words(given),),)
    numbers = [each for each in given if isinstance(each, int)]
    if numbers:
        if len(numbers) != len(given):
            raise BadRequest("`input` mixes the numbers of tokens with other kinds", param="input")
        return ((Tokens(tuple(numbers)),),)
    return tuple([(Words(each) if isinstance(each, str) else _tokens(each),) for each in given])


def _tokens(given: int | list[int]) -> Tokens:
    return Tokens(tuple(given) if isinstance(given, list) else (given,))


def _truncate(wire: Request) -> Literal["", "none", "start", "end"]:
    given = wire.truncate if wire.truncation is None else wire.truncation
    if isinstance(given, str):
        word = given.lower()
        return "start" if word == "start" else "end" if word == "end" else "none" if word == "none" else ""
    return "" if given is None else "end" if given else "none"


def split(request: EmbedRequest, model: str) -> tuple[EmbedRequest, ...]:  # noqa: ARG001 - the form's shape
    return chunks(request, AT_ONCE)


def write_request(request: EmbedRequest, facts: TargetFacts) -> Written:
    """`facts.accepts` tells which of Voyage's and Jina's fields the provider knows."""
    dropped = Dropped(request.extras)
    only_floats(request, dropped)
    body = Body(facts.model, [_input(item) for item in request.items], request.dimensions)
    if request.user:
        body.user = request.user
    for name in ("user", "dimensions"):
        if name in facts.drops and getattr(body, name) is not None:
            setattr(body, name, None)
            dropped.add(name)
    _say_purpose(body, request, facts, dropped)
    _say_truncation(body, request, facts, dropped)
    return Written(_encode(body), dropped.names())


def _input(item: Item) -> str | tuple[int, ...]:
    if len(item) == 1 and isinstance(item[0], Tokens):
        return item[0].ids
    texts = []
    for part in item:
        if not isinstance(part, Words):
            kind = "images" if isinstance(part, Picture) else "tokens among texts"
            raise UnservedEndpoint(f"the provider takes text, not {kind}", param="input")
        texts.append(part.text)
    return "\n".join(texts)


def _say_purpose(body: Body, request: EmbedRequest, facts: TargetFacts, dropped: Dropped) -> None:
    if "task" in facts.accepts:
        body.task = _TASKS.get(request.purpose)
    elif "input_type" in facts.accepts:
        body.input_type = _SIDES.get(request.purpose)
    if request.purpose and body.task is None and body.input_type is None:
        dropped.add("input_type")


def _say_truncation(body: Body, request: EmbedRequest, facts: TargetFacts, dropped: Dropped) -> None:
    cut = {"none": False, "end": True}.get(request.truncate)
    if cut is not None and "truncation" in facts.accepts:
        body.truncation = cut
    elif cut is not None and "truncate" in facts.accepts:
        body.truncate = cut
    elif request.truncate:
        dropped.add("truncate")


def read_reply(body: bytes, request: EmbedRequest) -> EmbedReply:
    wire = decoded(_ANSWER, body)
    vectors: list[Vector] = [
        unpacked(each.embedding) if isinstance(each.embedding, str) else each.embedding for each in wire.data
    ]
    if all(each.index == -1 for each in wire.data):  # a provider that leaves them out keeps the order
        ordered = vectors
    else:
        ordered = in_order([each.index for each in wire.data], vectors)
    return EmbedReply(
        vectors={"float": checked(ordered, len(request.items))},
        id=as_text(wire.id),
        model=as_text(wire.model),
        usage=openai_usage(wire.usage),
    )


join = joined


def write_reply(reply: EmbedReply, request: EmbedRequest, model: str, reply_id: str) -> bytes:  # noqa: ARG001
    """What the provider did not count is 0, as clients want a number."""
    vectors = floats_of(reply)
    shown: list[Any] = [packed(each) for each in vectors] if "base64" in request.formats else vectors
    tokens = reply.usage.input if reply.usage is not None else 0
    return _encode(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(shown)
            ],
            "model": reply.model or model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )
