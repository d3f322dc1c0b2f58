"""Google's sources: what a search found or the caller's own stores hold (`groundingMetadata`), and what a text repeats
(`citationMetadata`).

Google counts in bytes of UTF-8 within one of the answer's parts, the neutral form in characters of all of its text. In
a stream, adjacent pieces of text or of thought are one part, as clients join them. Google does not always name the part
(`partIndex`), though; the words that it cites tell which one it is.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.dialects.decode import UNREADABLE
from gateway.dialects.gemini.errors import NAME
from gateway.dialects.leaves import as_count, as_text
from gateway.schemas.chat import Citation

MOST = 1000
"""How many citations of one answer are read."""
MOST_PLACES = 20
"""In how many of an answer's texts the words of one are looked for."""


class Spot(msgspec.Struct, frozen=True):
    """A text of an answer: `part` is its number, `before` the characters of text before it, and `place` its index
    among Google's parts."""

    part: int
    text: str
    before: int
    place: int = 0


class _Segment(msgspec.Struct, rename="camel"):
    part_index: Any = None
    start_index: Any = None
    end_index: Any = None
    text: Any = None


class _Source(msgspec.Struct, rename="camel"):
    uri: Any = None
    source_uri: Any = None
    title: Any = None
    text: Any = None


class _Chunk(msgspec.Struct, rename="camel"):
    web: _Source | None = None
    retrieved_context: _Source | None = None
    maps: _Source | None = None
    image: _Source | None = None


class _Support(msgspec.Struct, rename="camel"):
    segment: _Segment | None = None
    grounding_chunk_indices: list[Any] | None = None


class _Grounding(msgspec.Struct, rename="camel"):
    grounding_chunks: list[_Chunk] | None = None
    grounding_supports: list[_Support] | None = None


class _Repeated(msgspec.Struct, rename="camel"):
    uri: Any = None
    title: Any = None
    start_index: Any = None
    end_index: Any = None


class _Repeats(msgspec.Struct, rename="camel"):
    citations: list[_Repeated] | None = None
    citation_sources: list[_Repeated] | None = None


class _About(msgspec.Struct, rename="camel"):
    grounding_metadata: _Grounding | None = None
    citation_metadata: _Repeats | None = None


_about = msgspec.json.Decoder(_About).decode


def read_citations(rest: bytes, spots: Sequence[Spot]) -> list[tuple[int, Citation]]:
    """The citations in what else a candidate says, each with the number of the part that it hangs on; [] where they
    are of a shape that nobody knows, or there is no text to hang on."""
    if not spots or not rest:
        return []
    try:
        about = _about(rest)
    except UNREADABLE:
        return []
    found: list[Citation] = []
    texts = [Spot(0, "".join([spot.text for spot in spots]), spots[0].before, -1), *spots]
    if about.grounding_metadata is not None:
        found += _grounded(about.grounding_metadata, texts)
    repeats = about.citation_metadata
    for each in [] if repeats is None else [*(repeats.citations or ()), *(repeats.citation_sources or ())]:
        start, end = _characters(_Segment(None, each.start_index, each.end_index), texts[:1])
        found.append(Citation(as_text(each.uri), as_text(each.title), "", start, end, NAME))
    return [(_part_of(citation, spots), citation) for citation in found[:MOST]]


def _grounded(grounding: _Grounding, texts: Sequence[Spot]) -> list[Citation]:
    """A citation for each source of each piece of text; where no piece is named, the sources are the whole text's."""
    sources = [_source(chunk) for chunk in grounding.grounding_chunks or ()]
    supports = [support for support in grounding.grounding_supports or () if support.segment is not None]
    if not supports:
        return [source for source in sources if source is not None]
    found: list[Citation] = []
    for support in supports[:MOST]:
        start, end = _characters(support.segment or _Segment(), texts)
        for index in support.grounding_chunk_indices or ():
            source = sources[index] if type(index) is int and 0 <= index < len(sources) else None
            if source is not None and len(found) < MOST:
                found.append(msgspec.structs.replace(source, start=start, end=end))
    return found


def _source(chunk: _Chunk) -> Citation | None:
    if chunk.web is not None:
        return Citation(as_text(chunk.web.uri), as_text(chunk.web.title), dialect=NAME)
    source = chunk.retrieved_context or chunk.maps or chunk.image
    if source is None:
        return None
    url = as_text(source.source_uri) or as_text(source.uri)
    return Citation(url, as_text(source.title), as_text(source.text), dialect=NAME)


def _characters(segment: _Segment, texts: Sequence[Spot]) -> tuple[int | None, int | None]:
    """Where a segment begins and ends in the whole text, the first of `texts`; (None, None) for one without an end."""
    end = as_count(segment.end_index)
    if not end:
        return None, None
    start, place, words = as_count(segment.start_index), as_count(segment.part_index), as_text(segment.text)
    named = next((text for text in texts if text.place == place), texts[0])
    first, last = _within(named, start, end)
    if words and named.text[first:last] != words:
        for other in texts[:MOST_PLACES]:
            if other is not named and words in other.text:
                begin, stop = _within(other, start, end)
                if other.text[begin:stop] == words:
                    named, first, last = other, begin, stop
                    break
    return named.before + first, named.before + max(first, last)


def _within(spot: Spot, start: int, end: int) -> tuple[int, int]:
    """Bytes of a text as its characters."""
    text = spot.text
    if text.isascii():
        return min(start, len(text)), min(end, len(text))
    spelled = text.encode("utf-8", "surrogatepass")
    return len(spelled[:start].decode("utf-8", "ignore")), len(spelled[:end].decode("utf-8", "ignore"))


def _part_of(citation: Citation, spots: Sequence[Spot]) -> int:
    """The part in which a citation begins; the last one for what belongs to the whole text."""
    start = citation.start
    if start is not None:
        for spot in spots:
            if spot.before <= start < spot.before + len(spot.text):
                return spot.part
    return spots[-1].part


# --- writing ---


class Sources:
    """Other dialects' citations as one `groundingMetadata`: a page by its URL, a document by its title and words."""

    __slots__ = ("_chunks", "_supports")

    def __init__(self) -> None:
        self._chunks: dict[tuple[str, str, str], int] = {}
        self._supports: dict[tuple[int, int, int], tuple[str, list[int]]] = {}

    def add(self, citation: Citation, spot: Spot) -> None:
        """`spot` is the text that the citation hangs on."""
        if citation.dialect == NAME or not (citation.url or citation.title or citation.quote):
            return
        size = len(spot.text)
        start = 0 if citation.start is None else min(max(citation.start - spot.before, 0), size)
        end = size if citation.end is None else min(max(citation.end - spot.before, start), size)
        if start == end:
            start, end = 0, size
        quote = "" if citation.url else citation.quote
        source = self._chunks.setdefault((citation.url, citation.title, quote), len(self._chunks))
        _, indices = self._supports.setdefault((spot.place, start, end), (spot.text, []))
        if source not in indices:
            indices.append(source)

    def out(self) -> dict[str, Any] | None:
        """None where nothing was cited."""
        if not self._chunks:
            return None
        chunks = [_chunk_out(*source) for source in self._chunks]
        supports = [
            {"segment": _segment_out(place, text, start, end), "groundingChunkIndices": indices}
            for (place, start, end), (text, indices) in self._supports.items()
        ]
        return {"groundingChunks": chunks, "groundingSupports": supports}


def _chunk_out(url: str, title: str, quote: str) -> dict[str, Any]:
    if url:
        return {"web": {"uri": url, **({"title": title} if title else {})}}
    named = {"title": title, "text": quote}
    return {"retrievedContext": {name: value for name, value in named.items() if value}}


def _segment_out(place: int, text: str, start: int, end: int) -> dict[str, Any]:
    """Google leaves out zeros."""
    first = len(text[:start].encode("utf-8", "surrogatepass"))
    last = first + len(text[start:end].encode("utf-8", "surrogatepass"))
    counts = {"partIndex": place, "startIndex": first, "endIndex": last}
    return {**{name: count for name, count in counts.items() if count}, "text": text[start:end]}
