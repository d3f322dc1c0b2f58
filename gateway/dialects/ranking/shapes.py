"""The three shapes of a ranking: Cohere's v2, that of Jina and vLLM (and of Cohere's v1), and Voyage's.

Source: "Rerank API (v2)" of Cohere's API reference; Jina's OpenAPI document; Voyage's "Rerankers" reference.
"""

from typing import Any

import msgspec

from gateway.dialects.codec import TargetFacts, Written
from gateway.dialects.decode import RequestDecoder
from gateway.dialects.dropped import Dropped
from gateway.dialects.leaves import ABSENT, as_text
from gateway.dialects.leaves import read_reply as decoded
from gateway.dialects.ranking.rank import Document, Result, only, ranked, texts, usage_of
from gateway.errors import BadRequest
from gateway.schemas.ranking import RankReply, RankRequest


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """`top_k` and `truncation` are Voyage's."""

    model: str
    query: str
    documents: list[Document]
    top_n: int | None = None
    top_k: int | None = None
    return_documents: bool | None = None
    max_tokens_per_doc: int | None = None
    truncation: bool | None = None


class Answer(msgspec.Struct):
    """`data` is Voyage's, `results` everybody else's."""

    results: list[Result] | None = None
    data: list[Result] | None = None
    id: Any = None
    model: Any = None
    meta: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT


_REQUEST = RequestDecoder(Request)
_ANSWER = msgspec.json.Decoder(Answer)
_encode = msgspec.json.Encoder().encode


class Ranking:
    """One shape: how it calls the number of results, and what else it knows."""

    def __init__(self, dialect: str, *, best: str = "top_n", knows: frozenset[str]) -> None:
        self._dialect = dialect
        self._best = best
        self._knows = knows

    def read_request(self, body: bytes, model: str) -> RankRequest:
        found = _REQUEST.decode(body)
        wire = found.value
        best = wire.top_k if wire.top_n is None else wire.top_n
        if best is not None and best < 1:
            raise BadRequest("ask for at least one result", param=self._best)
        return RankRequest(
            dialect=self._dialect,
            model=model,
            query=wire.query,
            documents=texts(wire.documents),
            best=best,
            repeat=wire.return_documents,
            longest=wire.max_tokens_per_doc,
            truncate=wire.truncation,
            extras=(*[extra.name for extra in found.extras], *found.unknown),
        )

    def split(self, request: RankRequest, model: str) -> tuple[RankRequest, ...]:  # noqa: ARG002
        return (request,)

    def write_request(self, request: RankRequest, facts: TargetFacts) -> Written:
        """Documents are never asked back: the caller's own are at hand."""
        dropped = Dropped(request.extras)
        body: dict[str, Any] = {"model": facts.model, "query": request.query, "documents": request.documents}
        if request.best is not None:
            body[self._best] = request.best
        for name, value in (("max_tokens_per_doc", request.longest), ("truncation", request.truncate)):
            if value is not None and name in self._knows:
                body[name] = value
            elif value is not None:
                dropped.add(name)
        if "return_documents" in self._knows:
            body["return_documents"] = False
        return Written(_encode(body), dropped.names())

    def read_reply(self, body: bytes, request: RankRequest) -> RankReply:
        wire = decoded(_ANSWER, body)
        found = wire.data if wire.results is None else wire.results
        return RankReply(
            results=ranked(found or (), request),
            id=as_text(wire.id),
            model=as_text(wire.model),
            usage=usage_of(wire.meta, wire.usage),
        )

    def join(self, replies: list[RankReply]) -> RankReply:
        return only(replies)

    def write_reply(self, reply: RankReply, request: RankRequest, model: str, reply_id: str) -> bytes:
        results = []
        for one in reply.results:
            shown: dict[str, Any] = {"index": one.index, "relevance_score": one.score}
            if request.repeat:
                shown["document"] = self._document(request.documents[one.index])
            results.append(shown)
        return _encode(self._envelope(reply, results, model, reply_id))

    def _document(self, text: str) -> Any:
        return {"text": text}

    def _envelope(self, reply: RankReply, results: list[Any], model: str, reply_id: str) -> dict[str, Any]:
        usage = reply.usage
        billed: dict[str, int] = {}
        if usage is not None:
            billed = {"search_units": usage.searches, "input_tokens": usage.input}
        body: dict[str, Any] = {
            "id": reply.id or reply_id,
            "results": results,
            "meta": {
                "api_version": {"version": "2"},
                "billed_units": {name: count for name, count in billed.items() if count},
            },
        }
        if self._dialect != "cohere":
            body["model"] = reply.model or model
            body["usage"] = {"total_tokens": 0 if usage is None else usage.input}
        return body


class VoyageRanking(Ranking):
    """Voyage's: `data` for `results`, documents as bare texts."""

    def _document(self, text: str) -> Any:
        return text

    def _envelope(self, reply: RankReply, results: list[Any], model: str, reply_id: str) -> dict[str, Any]:  # noqa: ARG002
        tokens = 0 if reply.usage is None else reply.usage.input
        return {
            "object": "list",
            "data": results,
            "model": reply.model or model,
            "usage": {"total_tokens": tokens},
        }


cohere = Ranking("cohere", knows=frozenset({"max_tokens_per_doc"}))
common = Ranking("openai", knows=frozenset({"return_documents"}))
voyage = VoyageRanking("openai", best="top_k", knows=frozenset({"return_documents", "truncation"}))
