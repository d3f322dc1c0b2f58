"""The neutral form of a ranking: documents, and how well each answers a query."""

import msgspec

from gateway.schemas.usage import Usage


class RankRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`best` is how many documents to name, None for all. `longest` is in tokens of a document; `truncate` tells
    whether what is too long is cut. `extras` are the names of fields that only the request's own dialect knows."""

    dialect: str
    model: str
    query: str
    documents: tuple[str, ...]
    best: int | None = None
    repeat: bool | None = None
    longest: int | None = None
    truncate: bool | None = None
    extras: tuple[str, ...] = ()


class Ranked(msgspec.Struct, frozen=True, gc=False):
    """`index` is the document's place in the request."""

    index: int
    score: float


class RankReply(msgspec.Struct, frozen=True, kw_only=True):
    """The best document first."""

    results: tuple[Ranked, ...]
    id: str = ""
    model: str = ""
    usage: Usage | None = None
    finish: str = ""
