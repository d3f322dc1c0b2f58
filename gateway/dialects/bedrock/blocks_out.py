"""Writes content blocks of Bedrock Converse, for models and for callers alike, from the neutral form.

A block is written as a small dict with one member, the union's tag; JSON that came from elsewhere stays `Raw`.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.bedrock.blocks_in import NAME
from gateway.dialects.bedrock.families import CLAUDE_FORMAT
from gateway.dialects.decode import UNREADABLE
from gateway.dialects.ids import shortened
from gateway.dialects.sealing import seal
from gateway.schemas.chat import CacheMark, Citation, Reasoning, SealedReasoning, ToolCall

Block = dict[str, Any] | Raw

_ODD_ID = re.compile(r"[^a-zA-Z0-9_.:-]")
_ANY = msgspec.json.Decoder()
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode

LONGEST_ID = 64
"""Characters of a call's id that Bedrock takes."""


def cache_point(cache: CacheMark) -> Block:
    """Bedrock's lifetimes are 5m and 1h; another provider's becomes the default."""
    point = {"type": "default"}
    if cache.ttl in ("5m", "1h"):
        point["ttl"] = cache.ttl
    return {"cachePoint": point}


# --- thought ---


def foreign(form: str) -> bool:
    """Whether a thought is another provider's than Claude's, whose signatures Bedrock passes on."""
    return bool(form) and not form.startswith("anthropic")


def reasoning(part: Reasoning) -> Block:
    said = {"text": part.text}
    if part.signature:
        said["signature"] = part.signature
    return {"reasoningContent": {"reasoningText": said}}


def redacted(data: str) -> Block | None:
    """None where the data is no base64, which Bedrock's blob has to be."""
    try:
        b64decode(data, validate=True)
    except (NotBase64, ValueError):
        return None
    return {"reasoningContent": {"redactedContent": data}}


def thought_for_caller(part: Reasoning | SealedReasoning) -> Block | None:
    """A thought as a caller keeps it and sends it back; another provider's proof goes in an envelope."""
    if isinstance(part, SealedReasoning):
        block = None if foreign(part.format) else redacted(part.data)
        return block or redacted(b64encode(seal(part).encode()).decode())
    if foreign(part.format):
        return reasoning(Reasoning(part.text, seal(part)))
    return reasoning(part)


def signature_for_caller(part: Reasoning) -> str:
    """What stands for the proof of a thought whose text was streamed."""
    return seal(part) if foreign(part.format) else part.signature


# --- tools ---


def tool_id(identity: str) -> str:
    """Bedrock's ids are at most 64 of letters, digits and _.:- ; others are written so, call and result alike."""
    return shortened(_ODD_ID.sub("_", identity), LONGEST_ID) or "call"


def tool_use(part: ToolCall) -> Block:
    return {"toolUse": {"toolUseId": tool_id(part.id), "name": part.name, "input": Raw(call_input(part))}}


def call_input(part: ToolCall) -> bytes:
    """Arguments as an object.

    Nothing becomes {}; an object that was encoded twice is taken out of its string; what is no object, or no JSON at
    all, is kept whole under the one name `arguments`, so that the model sees what it wrote.
    """
    text = part.arguments.strip()
    if not text or text == "null":
        return b"{}"
    if part.kind == "custom":
        return _encode({"input": part.arguments})
    if _is_object(text):
        return text.encode()
    if text[0] == '"' and is_json(text):
        inner = _ANY.decode(text)
        if isinstance(inner, str) and _is_object(inner):
            return inner.encode()
    return _encode({"arguments": part.arguments})


def _is_object(text: str) -> bool:
    try:
        _OBJECT.decode(text)
    except (*UNREADABLE, UnicodeEncodeError):
        return False
    return True


def is_json(text: str) -> bool:
    """Whether the text is one value of JSON."""
    try:
        _ANY.decode(text)
    except (*UNREADABLE, UnicodeEncodeError):
        return False
    return True


# --- citations ---


class _Place(msgspec.Struct):
    """The places of Anthropic's citations in a document."""

    type: str = ""
    document_index: int = 0
    start_char_index: int = 0
    end_char_index: int = 0
    start_page_number: int = 0
    end_page_number: int = 0
    start_block_index: int = 0
    end_block_index: int = 0


_PLACE = msgspec.json.Decoder(_Place)


def citation_out(citation: Citation) -> Block | None:
    """Another dialect's citation as Bedrock's, which has places for the web and for Anthropic's in documents."""
    if citation.dialect == NAME:
        return Raw(citation.raw)
    location: dict[str, Any] | None = None
    if citation.url:
        location = {"web": {"url": citation.url}}
    elif citation.dialect == "anthropic" and citation.raw:
        location = _document_place(citation.raw)
    if location is None:
        return None
    written: dict[str, Any] = {"location": location}
    if citation.title:
        written["title"] = citation.title
    if citation.quote:
        written["sourceContent"] = [{"text": citation.quote}]
    return written


def _document_place(raw: bytes) -> dict[str, Any] | None:
    try:
        place = _PLACE.decode(raw)
    except UNREADABLE:
        return None
    kinds = {
        "char_location": ("documentChar", place.start_char_index, place.end_char_index),
        "page_location": ("documentPage", place.start_page_number, place.end_page_number),
        "content_block_location": ("documentChunk", place.start_block_index, place.end_block_index),
    }
    if place.type not in kinds:
        return None
    name, start, end = kinds[place.type]
    return {name: {"documentIndex": place.document_index, "start": start, "end": end}}


__all__ = [
    "CLAUDE_FORMAT",
    "Block",
    "cache_point",
    "call_input",
    "citation_out",
    "foreign",
    "is_json",
    "reasoning",
    "redacted",
    "signature_for_caller",
    "thought_for_caller",
    "tool_id",
    "tool_use",
]
