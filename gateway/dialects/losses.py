"""What a reply says that its caller's dialect has no place for: named, as what a request loses is.

Log probabilities are not named here: whoever asked for them was told when the request was written.
"""

import msgspec

from gateway.dialects.bedrock.pictures import picture
from gateway.dialects.decode import UNREADABLE
from gateway.dialects.dropped import Dropped
from gateway.schemas.chat import Audio, Citation, Image, Opaque, Reply, Text
from gateway.schemas.events import Cited, Event, Fragment, Opened

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])

_TOLD = frozenset(
    {"metrics", "finishMessage", "tokenCount", "avgLogprobs", "logprobsResult", "serviceTier", "index"}
)
"""Members of what only one dialect knows that are said elsewhere, or say nothing of the answer."""
_OBJECTS = frozenset({"candidate", "metadata"})
"""Kinds of opaque parts that are no part of the answer but JSON about it."""
_SOURCES = frozenset({"groundingMetadata", "citationMetadata"})
_CITATIONS = frozenset({"groundingChunks", "groundingSupports", "citations", "citationSources"})
"""What of Gemini's sources is read as citations, each of which is judged as such."""
_NOTHING = frozenset({b"null", b"[]", b"{}"})
_BY_URL = frozenset({"openai_chat", "openai_responses", "anthropic"})
_IN_ORDER = frozenset({"anthropic", "openai_responses", "bedrock"})
"""Dialects that say a citation within its text, so not once another part has begun."""


def lost_in(reply: Reply, dialect: str) -> tuple[str, ...]:
    """The names of what a whole reply loses on its way to a caller of `dialect`."""
    lost = Dropped()
    for choice in reply.choices:
        for part in choice.parts:
            if isinstance(part, Text):
                for citation in part.citations:
                    _citation(citation, dialect, lost)
            elif isinstance(part, Opaque):
                _opaque(part.dialect, part.kind, part.raw, dialect, lost)
            elif isinstance(part, Audio) and dialect != reply.dialect:
                lost.add("reply.audio")
            elif isinstance(part, Image) and dialect != reply.dialect:
                lost.add("reply.image")
        if choice.details and reply.dialect == "bedrock":
            _opaque(reply.dialect, "metadata", choice.details, dialect, lost)
    return lost.names()


class StreamLosses:
    """The same of a stream, event by event."""

    __slots__ = ("_dialect", "_lost", "_opened")

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._lost = Dropped()
        self._opened: set[tuple[int, int]] = set()

    def see(self, event: Event, last: Event | None) -> None:
        """`last` is the last event that brought content."""
        if isinstance(event, Opened):
            self._opened.add((event.choice, event.part))
            _opaque(event.dialect, event.kind, event.raw, self._dialect, self._lost)
        elif isinstance(event, Cited):
            if self._dialect in _IN_ORDER and event.part != getattr(last, "part", event.part):
                self._lost.add("reply.citations")
            _citation(event.citation, self._dialect, self._lost)
        elif isinstance(event, Fragment) and (event.choice, event.part) not in self._opened:
            _opaque(event.dialect, event.kind, event.raw, self._dialect, self._lost)

    def names(self) -> tuple[str, ...]:
        return self._lost.names()


def _opaque(origin: str, kind: str, raw: bytes, dialect: str, lost: Dropped) -> None:
    if origin == dialect or kind == "logprobs":
        return
    if dialect == "bedrock" and picture(origin, kind, raw) is not None:
        return
    if kind not in _OBJECTS:
        lost.add(f"reply.{kind.removeprefix('input.')}")
        return
    for name, value in _MEMBERS.decode(raw).items():
        if name in _SOURCES:
            _grounding(name, value, lost)
        elif name not in _TOLD:
            lost.add(f"reply.{name}")


def _grounding(name: str, raw: msgspec.Raw, lost: Dropped) -> None:
    """What a search says beside its sources: what it asked, and a page to be shown."""
    try:
        members = _MEMBERS.decode(raw)
    except UNREADABLE:
        lost.add(f"reply.{name}")
        return
    for member, value in members.items():
        if member not in _CITATIONS and bytes(value) not in _NOTHING:
            lost.add(f"reply.{name}.{member}")


def _citation(citation: Citation, dialect: str, lost: Dropped) -> None:
    """As the writers of citations judge."""
    if citation.dialect == dialect:
        return
    if dialect in ("cohere", "gemini"):
        told = bool(citation.url or citation.title or citation.quote)
    elif dialect == "bedrock":
        told = bool(citation.url or citation.dialect == "anthropic")
    else:
        told = bool(citation.url) and dialect in _BY_URL
    if not told:
        lost.add("reply.citations")
