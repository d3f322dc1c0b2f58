"""Reads OpenAI's `annotations`: the sources of an answer, and of one that a caller sends back."""

import msgspec
from msgspec import Raw

from gateway.schemas.chat import Citation, Message, Text
from gateway.schemas.wire import openai_chat_answers as answers
from gateway.schemas.wire.common import given

NAME = "openai_chat"

_notes = msgspec.json.Decoder(list[answers.Annotation]).decode


def read_citations(annotations: list[answers.Annotation] | None) -> tuple[Citation, ...]:
    if not annotations:
        return ()
    found = [note.url_citation for note in annotations if note.url_citation is not None]
    return tuple(
        [
            Citation(
                each.url or "", each.title or "", each.content or "", each.start_index, each.end_index, NAME
            )
            for each in found
        ]
    )


def with_sources(message: Message, annotations: Raw) -> Message:
    """An earlier answer with the sources that it came with, on its first text. Those of a shape that nobody knows are
    one citation without words."""
    if not given(annotations):
        return message
    try:
        cited = read_citations(_notes(annotations))
    except msgspec.ValidationError:
        cited = (Citation(dialect=NAME, raw=bytes(annotations)),)
    place = next((place for place, part in enumerate(message.parts) if isinstance(part, Text)), None)
    if place is None or not cited:
        return message
    parts = list(message.parts)
    parts[place] = msgspec.structs.replace(parts[place], citations=cited)
    return msgspec.structs.replace(message, parts=tuple(parts))
