"""Reads messages of Anthropic Messages into the neutral form."""

import msgspec
from msgspec import Raw

from gateway.dialects.sealing import unseal
from gateway.schemas.chat import (
    CacheMark,
    Citation,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    SealedReasoning,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.schemas.wire import anthropic as wire
from gateway.schemas.wire.common import OpaquePart, given

NAME = "anthropic"

FORMAT = "anthropic-claude-v1"
"""Marks reasoning whose signatures Anthropic checks; OpenRouter's name for it."""

_CITATION = msgspec.json.Decoder(wire.Citation)


def read_system(system: str | list[wire.TextBlock | OpaquePart] | None) -> tuple[Message, ...]:
    """The top-level system prompt as the first message."""
    if not system:
        return ()
    if isinstance(system, str):
        return (Message("system", (Text(system),)),)
    return (Message("system", tuple([_block(block) for block in system])),)


def read_messages(messages: list[wire.Message]) -> tuple[Message, ...]:
    read: list[Message] = []
    for message in messages:
        content = message.content
        parts: tuple[Part, ...] = (
            (Text(content),) if isinstance(content, str) else tuple([_block(block) for block in content])
        )
        read.append(Message(message.role, parts))
    return tuple(read)


def mark(control: wire.CacheControl | None) -> CacheMark | None:
    return None if control is None else CacheMark(control.ttl or "")


def _block(block: wire.Block) -> Part:
    if isinstance(block, wire.TextBlock):
        citations = () if not block.citations else tuple([read_citation(raw) for raw in block.citations])
        return Text(block.text, mark(block.cache_control), citations)
    if isinstance(block, wire.ToolUseBlock):
        origin = bytes(block.caller) if given(block.caller) else b""
        cache = mark(block.cache_control)
        return ToolCall(block.id, block.name, read_input(block.input), origin=origin, cache=cache)
    if isinstance(block, wire.ToolResultBlock):
        return _result(block)
    if isinstance(block, wire.ThinkingBlock):
        signature = block.signature or ""
        thought = unseal(signature, block.thinking) if signature else None
        return thought or Reasoning(block.thinking, signature, format=_format(signature))
    if isinstance(block, wire.RedactedThinkingBlock):
        return unseal(block.data, "") or SealedReasoning(block.data, format=_format(block.data))
    return _media(block)


def _format(proof: str) -> str:
    """Whose proof it is: a caller brings back what it was given, Gemini's under its mark."""
    return "gemini" if proof.startswith("gemini:") else FORMAT


def _media(block: wire.ImageBlock | wire.DocumentBlock | OpaquePart) -> Image | File | Opaque:
    if isinstance(block, wire.ImageBlock):
        options = bytes(block.transformations) if given(block.transformations) else b""
        return Image(_source(block.source), cache=mark(block.cache_control), options=options)
    if isinstance(block, OpaquePart):
        return Opaque(NAME, block.kind, bytes(block.raw), _words(bytes(block.raw)))
    if block.source.type == "content":
        raw = msgspec.json.encode(block)
        return Opaque(NAME, "document", raw, _words(bytes(block.source.content)))
    cite = None if block.citations is None else block.citations.enabled
    return File(
        _source(block.source), block.title or "", block.context or "", cite, mark(block.cache_control)
    )


def _source(source: wire.SourceObject) -> Source:
    if source.type == "text":
        return Source(source.media_type or "text/plain", text=source.data or "")
    if source.type == "file":
        return Source(file_id=source.file_id or "", dialect=NAME)
    if source.type == "url":
        return Source(url=source.url or "")
    return Source(source.media_type or "", source.data or "")


def _result(block: wire.ToolResultBlock) -> ToolResult:
    content = block.content
    parts: tuple[Text | Image | File | Opaque, ...] = ()
    if isinstance(content, str):
        parts = (Text(content),)
    elif content is not None:
        parts = tuple([_result_part(part) for part in content])
    return ToolResult(block.tool_use_id, parts, bool(block.is_error), cache=mark(block.cache_control))


def _result_part(block: wire.ResultBlock) -> Text | Image | File | Opaque:
    if isinstance(block, wire.TextBlock):
        citations = () if not block.citations else tuple([read_citation(raw) for raw in block.citations])
        return Text(block.text, mark(block.cache_control), citations)
    return _media(block)


def read_input(raw: Raw) -> str:
    """A call's input as JSON text; {} is said as nothing, as where a stream sends no piece of it."""
    text = bytes(raw)
    return "" if text in (b"{}", b"", b"null") else text.decode()


def read_citation(raw: Raw) -> Citation:
    """A citation of a shape that nobody knows is carried as it came."""
    try:
        citation = _CITATION.decode(raw)
    except msgspec.ValidationError:
        return Citation(dialect=NAME, raw=bytes(raw))
    url = citation.url or ""
    source = citation.source or ""
    if not url and source.startswith(("http://", "https://")):
        url = source
    title = citation.title or citation.document_title or ""
    return Citation(url, title, citation.cited_text or "", dialect=NAME, raw=bytes(raw))


class _Wordy(msgspec.Struct):
    """The fields by which a search result, or the text blocks in one, say something in plain words."""

    type: str = ""
    text: str | None = None
    title: str | None = None
    source: str | None = None
    content: str | list["_Wordy"] | None = None


_WORDY = msgspec.json.Decoder(str | _Wordy | list[_Wordy])


def _words(raw: bytes) -> str:
    """Plain text that can stand in for a block which only Anthropic knows; "" when it has none."""
    try:
        value = _WORDY.decode(raw)
    except msgspec.DecodeError:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join([item.text for item in value if item.text])
    if value.type != "search_result":
        return ""
    inner = value.content if isinstance(value.content, list) else []
    lines = [value.title, value.source, *[item.text for item in inner]]
    return "\n".join([line for line in lines if line])
