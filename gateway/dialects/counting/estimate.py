"""How many tokens a conversation has, roughly, where nobody counts them.

Text is cut by classes of characters, as tokenizers do: a word is a token for every seven letters or so and for each of
its capitals, numbers one for every three digits, Chinese, Japanese and Korean one a character, other scripts one for
every two letters, punctuation one for every two signs; a single space belongs to the word behind it. Images follow
their size where it is cheap to see, as Anthropic's formula has it (width × height / 750).
"""

import binascii
import re
from collections.abc import Iterator

from gateway.schemas.chat import (
    Audio,
    BuiltinTool,
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
    Tool,
    ToolCall,
    ToolResult,
)

_PIECE = re.compile(
    r"[A-Z]?[a-z]{1,7}"
    r"|[A-Z]{1,4}"
    r"|[0-9]{1,3}"
    r"|[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]"
    r"|[^\W\d_]{1,2}"
    r"|[!-/:-@\[-^`{-~]{1,2}"
    r"|[^\w\s]"
    r"|[_\d]"
    r"|\s{2,}|\n"
)

WHOLE = 200_000
"""Characters of one text that are looked at; a longer one is judged by its beginning and its end."""

MESSAGE = 4
TOOL = 12
CONVERSATION = 3
IMAGE = 1_100
SMALLEST_IMAGE = 85
LARGEST_IMAGE = 1_600
DOCUMENT = 1_500
"""Tokens for what surrounds each of them, or for one whose size cannot be seen."""

BYTES_PER_TOKEN = 500
"""Of audio: 32 tokens a second at 128 kbit/s."""

_HEAD = 64 * 1024
"""Base64 characters of an image in which its size is looked for."""


def estimated(model: str, request: ChatRequest) -> int:  # noqa: ARG001 - an exact counter needs the model
    """Tokens of the prompt: 0.75 to 1.2 times the real number for English and code, up to 2.3 for others."""
    total = CONVERSATION
    for message in request.messages:
        total += MESSAGE + sum(map(_part, message.parts))
    for tool in request.tools:
        total += TOOL + sum(map(text_tokens, _tool_texts(tool)))
    if request.output is not None:
        total += text_tokens(request.output.schema.decode("utf-8", "replace"))
    return total


def text_tokens(text: str) -> int:
    """Tokens of one text."""
    if len(text) <= WHOLE:
        return len(_PIECE.findall(text))
    half = WHOLE // 2
    seen = len(_PIECE.findall(text[:half])) + len(_PIECE.findall(text[-half:]))
    return seen * len(text) // WHOLE


def _tool_texts(tool: Tool | BuiltinTool) -> Iterator[str]:
    if isinstance(tool, BuiltinTool):
        yield tool.raw.decode("utf-8", "replace")
        return
    yield tool.name
    yield tool.description or ""
    yield (tool.parameters or tool.native or tool.format).decode("utf-8", "replace")


def _part(part: Part) -> int:
    if isinstance(part, Text | Refusal | Reasoning):
        return text_tokens(part.text)
    if isinstance(part, ToolCall):
        return TOOL + text_tokens(part.name) + text_tokens(part.arguments)
    if isinstance(part, ToolResult):
        return TOOL + sum(map(_part, part.parts))
    if isinstance(part, Image):
        return _image(part.source)
    if isinstance(part, Audio):
        return text_tokens(part.transcript) or len(part.source.data) * 3 // 4 // BYTES_PER_TOKEN
    if isinstance(part, File):
        return text_tokens(part.source.text) or DOCUMENT
    if isinstance(part, SealedReasoning):
        return len(part.data) // 4
    return _opaque(part)


def _opaque(part: Opaque) -> int:
    return text_tokens(part.text or part.raw.decode("utf-8", "replace"))


def _image(source: Source) -> int:
    size = image_size(source.data) if source.data else None
    if size is None:
        return IMAGE
    return min(max(size[0] * size[1] // 750, SMALLEST_IMAGE), LARGEST_IMAGE)


def image_size(data: str) -> tuple[int, int] | None:
    """Width and height of a PNG, GIF or JPEG in base64; None where its beginning does not tell."""
    head = data[:_HEAD]
    try:
        raw = binascii.a2b_base64(head[: len(head) // 4 * 4])
    except (ValueError, binascii.Error):
        return None
    if raw.startswith(b"\x89PNG\r\n\x1a\n") and len(raw) >= 24:
        return int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big")
    if raw[:4] == b"GIF8" and len(raw) >= 10:
        return int.from_bytes(raw[6:8], "little"), int.from_bytes(raw[8:10], "little")
    return _jpeg_size(raw) if raw.startswith(b"\xff\xd8") else None


def _jpeg_size(raw: bytes) -> tuple[int, int] | None:
    """From the frame header (ITU T.81, B.2.2); segments before it are stepped over."""
    at = 2
    while at + 9 <= len(raw) and raw[at] == 0xFF:
        marker, length = raw[at + 1], int.from_bytes(raw[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(raw[at + 7 : at + 9], "big"), int.from_bytes(raw[at + 5 : at + 7], "big")
        at += 2 + max(length, 2)
    return None
