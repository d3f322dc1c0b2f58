"""Cohere's citations: spans of an answer's text with the documents and tool results that they rest on."""

import msgspec
from msgspec import Raw

from gateway.dialects.decode import UNREADABLE
from gateway.schemas.chat import Citation
from gateway.schemas.wire import cohere as wire
from gateway.schemas.wire.common import given

NAME = "cohere"
ELSEWHERE = frozenset({"THINKING_CONTENT", "PLAN"})
"""Types of citations that hang on thought, where no other dialect has any."""

_decode = msgspec.json.Decoder(wire.Citation).decode
_decode_source = msgspec.json.Decoder(wire.CitedSource).decode
_decode_fields = msgspec.json.Decoder(wire.CitedFields).decode
_decode_word = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


class Located(msgspec.Struct, frozen=True):
    """A citation, and the place of the content block that it says it hangs on; None when it does not say."""

    citation: Citation
    block: int | None
    elsewhere: bool


def read_citation(raw: Raw) -> Located:
    """`start` and `end` are those of the block. A citation of a shape that nobody knows is carried as it came."""
    try:
        found = _decode(raw)
    except msgspec.ValidationError:
        return Located(Citation(dialect=NAME, raw=bytes(raw)), None, False)
    url = title = quote = ""
    for source in found.sources or ():
        url, title, quote = _words(source)
        if url:
            break
    citation = Citation(url, title, quote, found.start, found.end, NAME, bytes(raw))
    return Located(citation, found.content_index, found.type in ELSEWHERE)


def moved(citation: Citation, before: int) -> Citation:
    """The citation with its place counted from the start of the whole answer, `before` characters earlier."""
    if not before or citation.start is None or citation.end is None:
        return citation
    return msgspec.structs.replace(citation, start=citation.start + before, end=citation.end + before)


def _words(raw: Raw) -> tuple[str, str, str]:
    """URL, title and text of a source, by the names that callers usually give them."""
    try:
        source = _decode_source(raw)
        fields = _decode_fields(source.document if given(source.document) else source.tool_output)
    except UNREADABLE:
        return "", "", ""
    return _word(fields.url), _word(fields.title), _word(fields.snippet) or _word(fields.text)


def _word(raw: Raw) -> str:
    return _decode_word(raw) if bytes(raw)[:1] == b'"' else ""


# --- writing ---


class _Document(msgspec.Struct, omit_defaults=True):
    url: str = ""
    title: str = ""
    snippet: str = ""


class _Source(msgspec.Struct):
    type: str
    id: str
    document: _Document


class _Cited(msgspec.Struct):
    start: int
    end: int
    text: str
    sources: list[_Source]
    content_index: int
    type: str


def citation_out(citation: Citation, text: str, before: int, block: int) -> Raw | None:
    """`text` is the block's, `before` the length of the answer's text up to it, `block` its place in the content.

    None for a citation that names no source in words.
    """
    if citation.dialect == NAME and citation.raw:
        return Raw(citation.raw)
    if not (citation.url or citation.title or citation.quote):
        return None
    start, end = 0, len(text)
    if citation.start is not None and citation.end is not None:
        start = min(max(citation.start - before, 0), end)
        end = min(max(citation.end - before, start), end)
    source = _Source(
        "document",
        citation.url or citation.title or "document",
        _Document(citation.url, citation.title, citation.quote),
    )
    return Raw(_encode(_Cited(start, end, text[start:end], [source], block, "TEXT_CONTENT")))
