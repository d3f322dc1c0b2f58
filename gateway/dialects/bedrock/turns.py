"""Writes the turns of Bedrock Converse from the neutral form.

Bedrock's rules, and how they are met: user and assistant come in turns, so neighbours of one role become one; tool
results stand first in the user turn after their calls; no text is empty; documents have names of few characters, each
once; a system message stands at the top, or, where the model takes them, right after a user turn.
"""

import re
from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.bedrock import blocks_out as out
from gateway.dialects.bedrock.blocks_in import NAME
from gateway.dialects.bedrock.formats import AUDIO, DOCUMENT_FORMATS, IMAGE_FORMATS
from gateway.dialects.dropped import CITED, PROOF, THOUGHT, Dropped
from gateway.dialects.media import plain_text, type_of
from gateway.schemas.chat import (
    Audio,
    CacheMark,
    ChatRequest,
    File,
    Image,
    Message,
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

Block = out.Block

_ODD_NAME = re.compile(r"[^a-zA-Z0-9\-()\[\] ]+")
_VALUES = msgspec.json.Decoder(dict[str, list[int]])


class Turn(msgspec.Struct):
    role: str
    blocks: list[Block]


class Turns(msgspec.Struct):
    """The system prompt's blocks and the messages."""

    system: list[Block]
    messages: list[Turn]


def write_turns(request: ChatRequest, marks: bool, system_turns: bool, dropped: Dropped) -> Turns:
    """`marks`: the model takes cache points. `system_turns`: it takes system messages between the others."""
    content = ContentWriter(request, marks, dropped)
    native = request.dialect == NAME
    turns = Turns([], [])
    waiting: list[Block] = []
    for message in request.messages:
        if message.name and message.role != "tool":
            dropped.add("messages.name")
        if message.role in ("system", "developer"):
            blocks = content.blocks(message.parts)
            (waiting if (system_turns or native) and turns.messages else turns.system).extend(blocks)
            if native:
                _settle(turns, waiting)
            continue
        _add(turns, message, content, waiting)
    _settle(turns, waiting)
    turns.system += waiting
    return turns


def _add(turns: Turns, message: Message, content: "ContentWriter", waiting: list[Block]) -> None:
    role = "assistant" if message.role == "assistant" else "user"
    parts = message.parts
    last = turns.messages[-1] if turns.messages else None
    joins = last is not None and last.role == role
    if role == "user" and not content.native:
        parts = tuple(sorted(parts, key=_after_results))
    blocks = content.blocks(parts)
    if not blocks:
        return
    if last is not None and joins:
        at = _results(last.blocks) if _is(blocks[0], "toolResult") else len(last.blocks)
        last.blocks[at:at] = blocks
        return
    if role == "assistant":
        _settle(turns, waiting)
    turns.messages.append(Turn(role, blocks))


def _settle(turns: Turns, waiting: list[Block]) -> None:
    """Puts waiting system text behind a turn that has just become complete."""
    if waiting and turns.messages:
        turns.messages.append(Turn("system", list(waiting)))
        waiting.clear()


def _after_results(part: Part) -> bool:
    return not isinstance(part, ToolResult)


def _is(block: Block, kind: str) -> bool:
    return isinstance(block, dict) and kind in block


def _results(blocks: list[Block]) -> int:
    """How many blocks at the start are results and their cache points."""
    at = 0
    while at < len(blocks) and (_is(blocks[at], "toolResult") or (at > 0 and _is(blocks[at], "cachePoint"))):
        at += 1
    return at


class ContentWriter:
    """Writes the blocks of one request, and names what it could not."""

    def __init__(self, request: ChatRequest, marks: bool, dropped: Dropped) -> None:
        self.native = request.dialect == NAME
        self._marks = marks
        self._dropped = dropped
        self._names: set[str] = set()

    def blocks(self, parts: tuple[Part, ...]) -> list[Block]:
        written: list[Block] = []
        for part in parts:
            block = self._block(part)
            if block is None:
                continue
            written.append(block)
            cache = None if isinstance(part, Reasoning | SealedReasoning | Refusal | Opaque) else part.cache
            if cache is not None:
                self._mark(cache, written)
        return written

    def _mark(self, cache: CacheMark, written: list[Block]) -> None:
        if self._marks or self.native:
            written.append(out.cache_point(cache))
        else:
            self._dropped.add("cache_control")

    def _block(self, part: Part) -> Block | None:
        if isinstance(part, Text):
            return self._text(part)
        if isinstance(part, ToolCall):
            if part.signature:
                self._dropped.add(PROOF)
            return out.tool_use(part)
        if isinstance(part, ToolResult):
            return self._result(part)
        if isinstance(part, Reasoning):
            return self._reasoning(part)
        if isinstance(part, SealedReasoning):
            block = None if out.foreign(part.format) else out.redacted(part.data)
            if block is None:
                self._dropped.add(PROOF)
            return block
        if isinstance(part, Refusal):
            return {"text": part.text} if part.text.strip() else None
        return self._media(part)

    def _text(self, part: Text) -> Block | None:
        """Bedrock refuses text without a visible character."""
        if not self.native and (not part.text or part.text.isspace()):
            return None
        cited = [raw for each in part.citations if (raw := out.citation_out(each)) is not None]
        if cited and part.citations[0].dialect == NAME:
            return {"citationsContent": {"content": [{"text": part.text}], "citations": cited}}
        if part.citations:
            self._dropped.add(CITED)
        return {"text": part.text}

    def _reasoning(self, part: Reasoning) -> Block | None:
        """Claude takes back only thought that it signed; a caller in Bedrock's own words is repeated."""
        if out.foreign(part.format) or not (part.signature or self.native):
            self._dropped.add(THOUGHT)
            return None
        return out.reasoning(part)

    def _result(self, part: ToolResult) -> Block:
        values = _VALUES.decode(part.rest).get("json", []) if self.native and part.rest else []
        content: list[Block] = []
        for place, each in enumerate(part.parts):
            if place in values and isinstance(each, Text) and out.is_json(each.text):
                content.append({"json": Raw(each.text.encode())})
            elif (block := self._block(each)) is not None:
                content.append(block)
        result: dict[str, Any] = {"toolUseId": out.tool_id(part.call_id), "content": content}
        if part.is_error:
            result["status"] = "error"
        return {"toolResult": result}

    # --- media ---

    def _media(self, part: Image | File | Audio | Opaque) -> Block | None:
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, File):
            return self._file(part)
        if isinstance(part, Audio):
            return self._audio(part)
        if part.dialect == NAME:
            return Raw(part.raw)
        self._dropped.add(f"messages.content.{part.kind}")
        return {"text": part.text} if part.text else None

    def _source(self, source: Source, kind: str) -> dict[str, Any] | None:
        """Bedrock fetches nothing but from S3."""
        if source.data:
            return {"bytes": source.data}
        if source.file_id and source.dialect == NAME:
            return {"s3Location": {"uri": source.file_id}}
        if source.url.startswith("s3://"):
            return {"s3Location": {"uri": source.url}}
        self._dropped.add(f"messages.content.{kind}.{'url' if source.url else 'file_id'}")
        return None

    def _image(self, part: Image) -> Block | None:
        source = self._source(part.source, "image")
        if part.detail not in ("", "auto"):
            self._dropped.add("messages.content.image_url.detail")
        if part.options:
            self._dropped.add("messages.content.transformations")
        if source is None:
            return None
        form = IMAGE_FORMATS.get(part.source.media_type)
        if form is None:
            self._dropped.add("messages.content.image")
            return None
        return {"image": {"format": form, "source": source}}

    def _audio(self, part: Audio) -> Block | None:
        form = part.format or part.source.media_type.partition("/")[2]
        if form not in AUDIO or not (part.source.data or part.source.dialect == NAME):
            self._dropped.add("messages.audio" if part.source.file_id else "messages.content.input_audio")
            return None
        source = self._source(part.source, "audio")
        return None if source is None else {"audio": {"format": form, "source": source}}

    def _file(self, part: File) -> Block | None:
        """An image sent as a file is an image; a type that Bedrock has no word for crosses as plain text if it is."""
        given = part.source
        media_type = given.media_type or type_of(part.name)
        if given.data and media_type in IMAGE_FORMATS:
            return {"image": {"format": IMAGE_FORMATS[media_type], "source": {"bytes": given.data}}}
        form = DOCUMENT_FORMATS.get(media_type)
        source: dict[str, Any] | None
        if given.text:
            source = {"text": given.text}
        elif form is None and given.data:
            text = plain_text(given.data)
            if text is None:
                self._dropped.add("messages.content.file")
                return None
            source, form = {"text": text}, "txt"
        else:
            source = self._source(given, "document")
        if source is None:
            return None
        document: dict[str, Any] = {"name": self._name(part.name), "source": source}
        if form is not None:
            document["format"] = form
        if part.context:
            document["context"] = part.context
        if part.cite is not None:
            document["citations"] = {"enabled": part.cite}
        return {"document": document}

    def _name(self, name: str) -> str:
        """A document's name of the characters that Bedrock takes, unlike any before it in the request."""
        if self.native:
            return name
        plain = " ".join(_ODD_NAME.sub("-", name.rpartition(".")[0] or name).split())[:190] or "document"
        chosen, count = plain, 1
        while chosen in self._names:
            count += 1
            chosen = f"{plain} {count}"
        self._names.add(chosen)
        return chosen
