"""Gemini's embeddings: `batchEmbedContents`, and `embedContent` for a single text.

Source: "Embeddings" of the Gemini API's REST reference. The model stands in the path, and again in the body.
"""

from typing import Any

import msgspec

from gateway.dialects.codec import TargetFacts, Written
from gateway.dialects.decode import RequestDecoder
from gateway.dialects.dropped import Dropped
from gateway.dialects.embedding.items import only_floats, some, text_of
from gateway.dialects.embedding.vectors import checked, chunks, floats_of, joined
from gateway.dialects.gemini.usage import read_usage
from gateway.dialects.leaves import ABSENT
from gateway.dialects.leaves import read_reply as decoded
from gateway.errors import BadRequest, UpstreamProtocolError
from gateway.schemas.embedding import EmbedReply, EmbedRequest, Item, Picture, Purpose, Words

NAME = "gemini"

AT_ONCE = 100
"""Requests of one batch."""


class Inline(msgspec.Struct, rename="camel"):
    mime_type: str
    data: str


class Part(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    text: str | None = None
    inline_data: Inline | None = None


class Content(msgspec.Struct):
    parts: list[Part]
    role: str | None = None


class Single(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    content: Content
    model: str | None = None
    task_type: str | None = None
    title: str | None = None
    output_dimensionality: int | None = None


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    requests: list[Single]


class Values(msgspec.Struct):
    values: list[float]


class Answer(msgspec.Struct, rename="camel"):
    embedding: Values | None = None
    embeddings: list[Values] | None = None
    usage_metadata: msgspec.Raw = ABSENT


_SINGLE = RequestDecoder(Single)
_BATCH = RequestDecoder(Batch)
_ANSWER = msgspec.json.Decoder(Answer)
_encode = msgspec.json.Encoder().encode

_PURPOSES: dict[str, Purpose] = {
    "RETRIEVAL_QUERY": "query",
    "RETRIEVAL_DOCUMENT": "document",
    "SEMANTIC_SIMILARITY": "similarity",
    "CLASSIFICATION": "classification",
    "CLUSTERING": "clustering",
    "QUESTION_ANSWERING": "question",
    "FACT_VERIFICATION": "fact",
    "CODE_RETRIEVAL_QUERY": "code",
}
_TASKS = {purpose: task for task, purpose in _PURPOSES.items()}


class GeminiEmbedding:
    """One of the two endpoints."""

    def __init__(self, *, single: bool) -> None:
        self._single = single

    def read_request(self, body: bytes, model: str) -> EmbedRequest:
        if self._single:
            one = _SINGLE.decode(body)
            return _request([one.value], model, [extra.name for extra in one.extras] + list(one.unknown))
        many = _BATCH.decode(body)
        return _request(
            many.value.requests, model, [extra.name for extra in many.extras] + list(many.unknown)
        )

    def split(self, request: EmbedRequest, model: str) -> tuple[EmbedRequest, ...]:  # noqa: ARG002
        return chunks(request, 1 if self._single else AT_ONCE)

    def write_request(self, request: EmbedRequest, facts: TargetFacts) -> Written:
        dropped = Dropped(request.extras)
        only_floats(request, dropped)
        for name, value in (("user", request.user), ("truncate", request.truncate)):
            if value and value != "end":  # the end is cut off unasked
                dropped.add(name)
        task = _TASKS.get(request.purpose)
        if request.purpose and task is None:
            dropped.add("input_type")
        more: dict[str, Any] = {"taskType": task, "outputDimensionality": request.dimensions}
        said = {name: value for name, value in more.items() if value is not None}
        name = f"models/{facts.model}"
        requests = [{"model": name, "content": {"parts": _parts(item)}, **said} for item in request.items]
        return Written(_encode(requests[0] if self._single else {"requests": requests}), dropped.names())

    def read_reply(self, body: bytes, request: EmbedRequest) -> EmbedReply:
        wire = decoded(_ANSWER, body)
        found = wire.embeddings if wire.embeddings is not None else [wire.embedding]
        vectors = [one.values for one in found if one is not None]
        if not vectors and not found:
            raise UpstreamProtocolError("the provider's answer has no embeddings")
        return EmbedReply(
            vectors={"float": checked(vectors, len(request.items))}, usage=read_usage(wire.usage_metadata)
        )

    def join(self, replies: list[EmbedReply]) -> EmbedReply:
        return joined(replies)

    def write_reply(self, reply: EmbedReply, request: EmbedRequest, model: str, reply_id: str) -> bytes:  # noqa: ARG002
        values = [{"values": vector} for vector in floats_of(reply)]
        body: dict[str, Any] = {"embedding": values[0]} if self._single else {"embeddings": values}
        if reply.usage is not None:
            body["usageMetadata"] = {"promptTokenCount": reply.usage.input}
        return _encode(body)


def _request(given: list[Single], model: str, extras: list[str]) -> EmbedRequest:
    kinds = {(one.task_type, one.output_dimensionality) for one in given}
    if len(kinds) > 1:
        raise BadRequest(
            "for a provider of another dialect, all requests have one taskType and outputDimensionality",
            param="requests",
        )
    task, dimensions = kinds.pop() if kinds else (None, None)
    purpose = _PURPOSES.get(task or "", "")
    if task and not purpose and task != "TASK_TYPE_UNSPECIFIED":
        extras.append("taskType")
    if any(one.title for one in given):
        extras.append("title")
    return EmbedRequest(
        dialect=NAME,
        model=model,
        items=some(tuple([_item(one.content) for one in given]), "requests"),
        dimensions=dimensions,
        purpose=purpose,
        extras=tuple(extras),
    )


def _item(content: Content) -> Item:
    parts: list[Words | Picture] = []
    for part in content.parts:
        if part.text is not None:
            parts.append(Words(part.text))
        elif part.inline_data is not None:
            parts.append(Picture(f"data:{part.inline_data.mime_type};base64,{part.inline_data.data}"))
        else:
            raise BadRequest("a part has neither text nor inlineData", param="content.parts")
    return tuple(parts)


def _parts(item: Item) -> list[dict[str, Any]]:
    """Texts and images of data URLs; anything else is refused as the text that it is not."""
    parts: list[dict[str, Any]] = []
    for part in item:
        if isinstance(part, Picture) and part.url.startswith("data:") and ";base64," in part.url:
            kind, _, data = part.url[5:].partition(";base64,")
            parts.append({"inlineData": {"mimeType": kind, "data": data}})
        else:
            parts.append({"text": text_of((part,))})
    return parts


batch = GeminiEmbedding(single=False)
single = GeminiEmbedding(single=True)
