"""Reads content blocks of Bedrock Converse, of callers and of models alike, into the neutral form."""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from gateway.dialects.bedrock.formats import DOCUMENTS, IMAGES
from gateway.dialects.media import plain_text
from gateway.dialects.sealing import unseal
from gateway.schemas.chat import (
    Audio,
    CacheMark,
    Citation,
    File,
    Image,
    Opaque,
    Part,
    Reasoning,
    SealedReasoning,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.schemas.wire import bedrock as wire
from gateway.schemas.wire.common import given

NAME = "bedrock"
METADATA = "metadata"
"""The kind of an opaque part that is what the last event of a stream says beside usage."""

_BLOCK = msgspec.json.Decoder(wire.Block)
_CITATION = msgspec.json.Decoder(wire.Citation)
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode

_MARKED = (Text, Image, Audio, File, ToolCall, ToolResult)


Block = wire.Block | wire.KnownBlock


class CarriedBlock(Exception):
    """A decoded block that has to be carried as it came, so is wanted as JSON."""


def read_parts(blocks: Sequence[Raw | wire.KnownBlock], form: str) -> tuple[Part, ...]:
    """The parts of one turn; a cache point marks the part before it. `form` names whose the reasoning is.

    Raises msgspec.ValidationError for a known block of a wrong shape, CarriedBlock for one that came decoded.
    """
    parts: list[Part] = []
    for each in blocks:
        block, raw = _decoded(each)
        last = parts[-1] if parts else None
        if block.cachePoint is not None and isinstance(last, _MARKED) and last.cache is None:
            parts[-1] = msgspec.structs.replace(last, cache=CacheMark(block.cachePoint.ttl or ""))
        else:
            parts.append(_part(block, raw, form))
    return tuple(parts)


def _decoded(block: Raw | wire.KnownBlock) -> tuple[Block, Raw | None]:
    return (block, None) if isinstance(block, wire.KnownBlock) else (_BLOCK.decode(block), block)


def _part(block: Block, raw: Raw | None, form: str) -> Part:
    if block.text is not None:
        return Text(block.text)
    if block.toolUse is not None and block.toolUse.type is None:
        call = block.toolUse
        return ToolCall(call.toolUseId, call.name, read_input(call.input))
    if block.toolResult is not None and block.toolResult.type is None:
        return _result(block.toolResult)
    if block.reasoningContent is not None:
        return _reasoning(block.reasoningContent, raw, form)
    if block.citationsContent is not None:
        cited = block.citationsContent
        text = "".join([piece.text for piece in cited.content or ()])
        return Text(text, citations=tuple([read_citation(each) for each in cited.citations or ()]))
    return _media(block) or opaque(raw)


def read_input(raw: Raw) -> str:
    """A call's input as JSON text; {} is said as nothing, as where a stream sends no piece of it."""
    text = bytes(raw)
    return "" if text in (b"{}", b"", b"null") else text.decode()


def _reasoning(content: wire.ReasoningContent, raw: Raw | None, form: str) -> Part:
    if content.reasoningText is not None:
        said = content.reasoningText
        foreign = unseal(said.signature, said.text) if said.signature else None
        return foreign or Reasoning(said.text, said.signature or "", format=form)
    if content.redactedContent is not None:
        sealed = content.redactedContent
        return unseal(plain_text(sealed) or "", "") or SealedReasoning(sealed, format=form)
    return opaque(raw)


# --- media ---


def _media(block: Block) -> Image | Audio | File | None:
    """None for what has no neutral form: it stays as it came."""
    if block.image is not None and block.image.format in IMAGES:
        source = _source(block.image.source, IMAGES[block.image.format])
        return None if source is None else Image(source)
    if block.audio is not None:
        source = _source(block.audio.source, f"audio/{block.audio.format}")
        return None if source is None else Audio(source, block.audio.format)
    if block.document is not None and (block.document.format or "txt") in DOCUMENTS:
        return _document(block.document)
    return None


def _document(document: wire.Document) -> File | None:
    source = _source(document.source, DOCUMENTS[document.format] if document.format else "")
    if source is None:
        return None
    cite = None if document.citations is None else document.citations.enabled
    return File(source, document.name, document.context or "", cite)


def _source(source: wire.Source, media_type: str) -> Source | None:
    if source.bytes is not None:
        return Source(media_type, source.bytes)
    if source.text is not None:
        return Source(media_type, text=source.text)
    place = source.s3Location
    if place is not None and place.uri and place.bucketOwner is None:
        return Source(media_type, file_id=place.uri, dialect=NAME)
    return None


def _result(result: wire.ToolResult | wire.KnownResult) -> ToolResult:
    """`rest` says which of the texts are values of JSON: {"json": [places]}."""
    parts: list[Text | Image | File | Audio | Opaque] = []
    values: list[int] = []
    for each in result.content:
        block, raw = _decoded(each)
        if given(block.json):
            values.append(len(parts))
            parts.append(Text(bytes(block.json).decode()))
        elif block.text is not None:
            parts.append(Text(block.text))
        else:
            parts.append(_media(block) or opaque(raw))
    rest = _encode({"json": values}) if values else b""
    return ToolResult(result.toolUseId, tuple(parts), result.status == "error", rest=rest)


# --- what only Bedrock knows ---


def opaque(raw: Raw | None) -> Opaque:
    """A block that stays as it came. Its first member is its kind."""
    if raw is None:
        raise CarriedBlock
    kind = next(iter(_MEMBERS.decode(raw)), "")
    return Opaque(NAME, kind, bytes(raw), _words(raw, kind))


class _Text(msgspec.Struct):
    text: str = ""


class _Guarded(msgspec.Struct):
    text: _Text | None = None


class _Found(msgspec.Struct):
    title: str = ""
    source: str = ""
    content: list[_Text] = []


class _DocumentContent(msgspec.Struct):
    content: list[_Text] = []


class _ContentDocument(msgspec.Struct):
    source: _DocumentContent | None = None


class _Wordy(msgspec.Struct):
    guardContent: _Guarded | None = None
    searchResult: _Found | None = None
    document: _ContentDocument | None = None


_WORDY = msgspec.json.Decoder(_Wordy)
_KINDS_WITH_WORDS = frozenset({"guardContent", "searchResult", "document"})


def _words(raw: Raw, kind: str) -> str:
    """Plain text that can stand in for the block elsewhere; "" when it has none."""
    if kind not in _KINDS_WITH_WORDS:
        return ""
    try:
        wordy = _WORDY.decode(raw)
    except msgspec.ValidationError:
        return ""
    if wordy.guardContent is not None and wordy.guardContent.text is not None:
        return wordy.guardContent.text.text
    lines: list[str] = []
    if wordy.searchResult is not None:
        found = wordy.searchResult
        lines = [found.title, found.source, *[each.text for each in found.content]]
    elif wordy.document is not None and wordy.document.source is not None:
        lines = [each.text for each in wordy.document.source.content]
    return "\n".join([line for line in lines if line])


def read_citation(raw: Raw) -> Citation:
    """A citation of a shape that nobody knows is carried as it came."""
    try:
        citation = _CITATION.decode(raw)
    except msgspec.ValidationError:
        return Citation(dialect=NAME, raw=bytes(raw))
    web = citation.location.web if citation.location is not None else None
    url = (web.url if web is not None else None) or ""
    if not url and (citation.source or "").startswith(("http://", "https://")):
        url = citation.source or ""
    quote = "".join([each.text for each in citation.sourceContent or ()])
    return Citation(url, citation.title or "", quote, dialect=NAME, raw=bytes(raw))
