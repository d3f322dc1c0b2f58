"""Writes the content blocks of Anthropic Messages from the neutral form."""

import re
from typing import cast

import msgspec
from msgspec import Raw

from gateway._speedups.translate import plain_blocks
from gateway.dialects.dropped import CITED, PROOF, THOUGHT, Dropped
from gateway.dialects.media import plain_text, type_of
from gateway.schemas.chat import (
    Audio,
    CacheMark,
    ChatRequest,
    File,
    Image,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    SealedReasoning,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.schemas.wire import anthropic as wire

NAME = "anthropic"

OutBlock = wire.Block | Raw

_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_ODD_ID = re.compile(r"[^a-zA-Z0-9_-]")
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_STRING = msgspec.json.Decoder(str)


class ContentWriter:
    """Writes the blocks of one request, and names what it could not."""

    def __init__(self, request: ChatRequest, dropped: Dropped) -> None:
        self._native = request.dialect == NAME
        self._dropped = dropped

    def blocks(self, parts: tuple[Part, ...]) -> list[OutBlock]:
        plain = plain_blocks(parts)
        if plain is not None:
            return plain
        return [block for part in parts if (block := self._block(part)) is not None]

    def _block(self, part: Part) -> OutBlock | None:
        if isinstance(part, Text):
            return self._text(part)
        if isinstance(part, ToolCall):
            return self._call(part)
        if isinstance(part, ToolResult):
            return self._result(part)
        if isinstance(part, Reasoning):
            return self._reasoning(part)
        if isinstance(part, SealedReasoning):
            if _foreign(part.format):
                self._dropped.add(PROOF)
                return None
            return wire.RedactedThinkingBlock(data=part.data)
        return self._media(part)

    def _media(self, part: Image | File | Audio | Refusal | Opaque) -> OutBlock | None:
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, File):
            return self._file(part)
        if isinstance(part, Refusal):
            return wire.TextBlock(text=part.text) if part.text.strip() else None
        if isinstance(part, Audio):
            self._dropped.add("messages.audio" if part.source.file_id else "messages.content.input_audio")
            return None
        return self._opaque(part)

    def _text(self, part: Text) -> wire.TextBlock | None:
        """Anthropic refuses text without a visible character."""
        if not part.text or part.text.isspace():
            return None
        block = wire.TextBlock(text=part.text, cache_control=control(part.cache))
        if part.citations:
            raw = [Raw(citation.raw) for citation in part.citations if citation.dialect == NAME]
            block.citations = raw or None
            if len(raw) < len(part.citations):
                self._dropped.add(CITED)
        return block

    def _opaque(self, part: Opaque) -> OutBlock | None:
        if part.dialect == NAME:
            return Raw(part.raw)
        self._dropped.add(f"messages.content.{part.kind}")
        return wire.TextBlock(text=part.text) if part.text else None

    # --- thought ---

    def _reasoning(self, part: Reasoning) -> OutBlock | None:
        """Anthropic takes back only thought that it signed."""
        if part.signature and not _foreign(part.format):
            return wire.ThinkingBlock(thinking=part.text, signature=part.signature)
        self._dropped.add(THOUGHT)
        return None

    # --- tools ---

    def _call(self, part: ToolCall) -> OutBlock:
        block = wire.ToolUseBlock(
            id=tool_id(part.id),
            name=part.name,
            input=Raw(call_input(part)),
            cache_control=control(part.cache),
        )
        if part.origin and self._native:
            block.caller = Raw(part.origin)
        if part.signature:
            self._dropped.add(PROOF)
        return block

    def _result(self, part: ToolResult) -> OutBlock:
        content: str | list[OutBlock] | None
        blocks = self.blocks(part.parts)
        first = part.parts[0] if part.parts else None
        if len(blocks) == 1 and isinstance(first, Text) and first.cache is None and not first.citations:
            content = first.text
        else:
            content = blocks or None
        return wire.ToolResultBlock(
            tool_use_id=tool_id(part.call_id),
            content=cast("str | list[wire.ResultBlock] | None", content),
            is_error=True if part.is_error else None,
            cache_control=control(part.cache),
        )

    # --- media ---

    def _image(self, part: Image) -> OutBlock | None:
        source = self._source(part.source, "image")
        if part.detail not in ("", "auto"):
            self._dropped.add("messages.content.image_url.detail")
        if source is None:
            return None
        block = wire.ImageBlock(source=source, cache_control=control(part.cache))
        if part.options and self._native:
            block.transformations = Raw(part.options)
        return block

    def _source(self, source: Source, kind: str) -> wire.SourceObject | None:
        if source.file_id:
            if source.dialect == NAME:
                return wire.SourceObject(type="file", file_id=source.file_id)
            self._dropped.add(f"messages.content.{kind}.file_id")
            return None
        if source.url:
            return wire.SourceObject(type="url", url=source.url)
        if source.text:
            return wire.SourceObject(type="text", media_type="text/plain", data=source.text)
        return wire.SourceObject(type="base64", media_type=source.media_type, data=source.data)

    def _file(self, part: File) -> OutBlock | None:
        """Anthropic's documents are PDF or plain text; an image sent as a file is an image."""
        source = part.source
        media_type = source.media_type or type_of(part.name)
        if source.data and media_type in _IMAGES:
            image = wire.SourceObject(type="base64", media_type=media_type, data=source.data)
            return wire.ImageBlock(source=image, cache_control=control(part.cache))
        if source.data and media_type != "application/pdf":
            text = plain_text(source.data)
            if text is None:
                self._dropped.add("messages.content.file")
                return None
            source = Source("text/plain", text=text)
        written = self._source(source, "document")
        if written is None:
            return None
        return wire.DocumentBlock(
            source=written,
            title=part.name or None,
            context=part.context or None,
            citations=None if part.cite is None else wire.CitationsConfig(enabled=part.cite),
            cache_control=control(part.cache),
        )


def control(cache: CacheMark | None) -> wire.CacheControl | None:
    """Anthropic's lifetimes are 5m and 1h; another provider's becomes the default."""
    if cache is None:
        return None
    return wire.CacheControl(type="ephemeral", ttl=cache.ttl if cache.ttl in ("5m", "1h") else None)


def tool_id(identity: str) -> str:
    """Anthropic's ids are of letters, digits, _ and -; others are written so, a call's and its result's alike."""
    return _ODD_ID.sub("_", identity) or "call"


def call_input(part: ToolCall) -> bytes:
    """Arguments as the object that Anthropic insists on.

    Nothing becomes {}; an object that was encoded twice is taken out of its string; what is no object, or no JSON at
    all, is kept whole under the one name `arguments`, so that the model sees what it wrote.
    """
    text = part.arguments.strip()
    if not text or text == "null":
        return b"{}"
    if part.kind == "custom":
        return msgspec.json.encode({"input": part.arguments})
    if _is_object(text):
        return text.encode()
    if text[0] == '"':
        inner = _unquoted(text)
        if inner is not None and _is_object(inner):
            return inner.encode()
    return msgspec.json.encode({"arguments": part.arguments})


def _is_object(text: str) -> bool:
    try:
        _OBJECT.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return False
    return True


def _unquoted(text: str) -> str | None:
    try:
        return _STRING.decode(text)
    except msgspec.DecodeError:
        return None


def _foreign(form: str) -> bool:
    """Whether a signature or sealed thought is another provider's."""
    return bool(form) and not form.startswith("anthropic")
