"""What all rankings share: a request's documents, results that are checked, and their usage."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import msgspec

from gateway.dialects.leaves import UNREADABLE, as_count, said
from gateway.errors import BadRequest, UpstreamProtocolError
from gateway.schemas.ranking import Ranked, RankReply, RankRequest
from gateway.schemas.usage import Usage


class Titled(msgspec.Struct):
    """A document as an object."""

    text: str


Document = str | Titled


class Result(msgspec.Struct):
    index: int
    relevance_score: float


class Billed(msgspec.Struct):
    search_units: Any = None
    input_tokens: Any = None


class Meta(msgspec.Struct):
    billed_units: Billed | None = None


class Counts(msgspec.Struct):
    total_tokens: Any = None
    prompt_tokens: Any = None


_META = msgspec.json.Decoder(Meta)
_COUNTS = msgspec.json.Decoder(Counts)


def texts(documents: Sequence[Document]) -> tuple[str, ...]:
    """The documents' texts. Raises BadRequest where there are none."""
    if not documents:
        raise BadRequest("`documents` is empty: there is nothing to rank", param="documents")
    return tuple([each if isinstance(each, str) else each.text for each in documents])


def ranked(results: Sequence[Result], request: RankRequest) -> tuple[Ranked, ...]:
    """The results, best first. Raises UpstreamProtocolError unless each names another of the documents, with a finite
    score."""
    count, seen = len(request.documents), set[int]()
    for one in results:
        if not 0 <= one.index < count or one.index in seen:
            raise UpstreamProtocolError("the provider's indices are not those of the documents")
        if not isfinite(one.relevance_score):
            raise UpstreamProtocolError("the provider's score is not finite")
        seen.add(one.index)
    wanted = count if request.best is None else min(request.best, count)
    if len(results) < wanted:
        raise UpstreamProtocolError(f"the provider ranked {len(results)} of {wanted} documents")
    found = [Ranked(one.index, one.relevance_score) for one in results]
    return tuple(sorted(found, key=lambda one: -one.score)[:wanted])


def usage_of(meta: msgspec.Raw, usage: msgspec.Raw) -> Usage | None:
    """Cohere's `meta`, or the `usage` of others; None when neither counts anything."""
    searches = tokens = 0
    try:
        if said(meta):
            billed = _META.decode(meta).billed_units
            searches = 0 if billed is None else as_count(billed.search_units)
            tokens = 0 if billed is None else as_count(billed.input_tokens)
        if said(usage):
            counts = _COUNTS.decode(usage)
            tokens = tokens or as_count(counts.total_tokens) or as_count(counts.prompt_tokens)
    except UNREADABLE:
        return None
    return Usage(input=tokens, searches=searches) if tokens or searches else None


def only(replies: list[RankReply]) -> RankReply:
    """A ranking is never split: scores of two requests cannot be compared."""
    return replies[0]
