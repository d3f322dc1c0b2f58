"""What a model said aloud, for callers whose dialect has no audio in answers: its transcript, as text.

The audio itself is named as lost (`losses`).
"""

from typing import Any

import msgspec

from gateway.dialects.decode import UNREADABLE
from gateway.dialects.leaves import as_text
from gateway.schemas.chat import Audio, Part, Reply, Text
from gateway.schemas.events import Event, Fragment, TextDelta

NAME = "openai_chat"
"""The dialect that has it."""
KIND = "audio"
"""The kind of a fragment that carries it."""


class _Said(msgspec.Struct):
    transcript: Any = None


_said = msgspec.json.Decoder(_Said).decode


def told(reply: Reply, dialect: str) -> Reply:
    """The reply as a caller of `dialect` can read it; the same where nothing was said aloud."""
    if dialect == NAME or not any(isinstance(part, Audio) for each in reply.choices for part in each.parts):
        return reply
    choices = [
        msgspec.structs.replace(each, parts=tuple([_written(part) for part in each.parts]))
        for each in reply.choices
    ]
    return msgspec.structs.replace(reply, choices=tuple(choices))


def _written(part: Part) -> Part:
    """Audio without a transcript stays what it is, and is passed over."""
    words = _transcript(part.raw) if isinstance(part, Audio) else ""
    return Text(words) if words else part


def text_of(event: Event, dialect: str) -> TextDelta | None:
    """A piece of a transcript; None for any other event, and for callers who get the audio."""
    if not isinstance(event, Fragment) or (event.dialect, event.kind) != (NAME, KIND) or dialect == NAME:
        return None
    words = _transcript(event.raw)
    return TextDelta(event.part, words, event.choice) if words else None


def _transcript(raw: bytes) -> str:
    try:
        return as_text(_said(raw).transcript)
    except UNREADABLE:
        return ""
