"""A conversation as a key has it: roles and what they say, whichever dialect put it into which messages."""

from typing import Any

from gateway.cache.meanings import meaning
from gateway.schemas.chat import (
    Audio,
    Citation,
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

_INSTRUCTIONS = b'"instructions"'
"""OpenAI's Responses API has a member of this name for a system message, which says no more than that."""

JSON_RESULTS = frozenset(("bedrock", "gemini"))
"""Dialects whose tools give back JSON, which the neutral request has as the text that it was."""


def turns_of(messages: tuple[Message, ...], dialect: str) -> list[Any]:
    """A role and a text, or a role and a list, for each turn. The results of tools are turns of their own."""
    found: list[Any] = []
    ids: dict[str, int] = {}
    names: dict[str, str] = {}
    for message in messages:
        parts = message.parts
        if len(parts) == 1 and not message.name and (not message.rest or message.rest == _INSTRUCTIONS):
            part = parts[0]
            if type(part) is Text and not part.citations:
                found.append(message.role)
                found.append(part.text)
                continue
        _append(found, message, dialect, ids, names)
    return found


def _append(
    found: list[Any], message: Message, dialect: str, ids: dict[str, int], names: dict[str, str]
) -> None:
    results = [part for part in message.parts if type(part) is ToolResult]
    for result in results:
        found += ("tool", [_result(result, dialect, ids, names)])
    others = [part for part in message.parts if type(part) is not ToolResult]
    rest = meaning(message.rest)
    if others or message.name or rest or not results:
        written: list[Any] = [_part(part, dialect, ids, names) for part in others]
        if message.name or rest:
            written.append(("message", message.name, (dialect, rest) if rest else None))
        found += (message.role, written[0] if len(written) == 1 and type(written[0]) is str else written)


def _part(part: Part, dialect: str, ids: dict[str, int], names: dict[str, str]) -> Any:
    """What a part says: no two kinds begin alike, and a text alone is one."""
    match part:
        case Text():
            return (
                ("text", part.text, [_citation(one) for one in part.citations])
                if part.citations
                else part.text
            )
        case ToolCall():
            return _call(part, dialect, ids, names)
        case ToolResult():
            return _result(part, dialect, ids, names)
        case Image():
            return ("image", _source(part.source), part.detail, *_own(dialect, part.options))
        case Audio():
            raw = _own(dialect, part.raw)
            return ("audio", _source(part.source), part.format, part.transcript, *raw)
        case File():
            return ("file", _source(part.source), part.name, part.context, part.cite)
        case Reasoning():
            return ("reasoning", part.text, part.signature, part.id, part.format, part.summary)
        case SealedReasoning():
            return ("sealed", part.data, part.id, part.format)
        case Refusal():
            return ("refusal", part.text)
        case Opaque():
            return ("opaque", part.dialect, part.kind, meaning(part.raw), part.text)


def _citation(one: Citation) -> tuple[Any, ...]:
    return (one.url, one.title, one.quote, one.start, one.end, one.dialect, meaning(one.raw))


def _source(source: Source) -> tuple[str, ...]:
    media = (source.media_type, source.data, source.text, source.url)
    return (*media, source.file_id, source.dialect) if source.file_id else media


def _own(dialect: str, raw: bytes) -> tuple[Any, ...]:
    return (dialect, meaning(raw)) if raw else ()


def _call(call: ToolCall, dialect: str, ids: dict[str, int], names: dict[str, str]) -> tuple[Any, ...]:
    """Its id is known by its place: whoever names the calls otherwise says the same."""
    names[call.id] = call.name
    number = ids.setdefault(call.id, len(ids))
    text = call.arguments
    said = text if call.kind == "custom" else (meaning(text.encode("utf-8", "surrogatepass")),)
    rest = (meaning(call.origin), meaning(call.rest)) if call.origin or call.rest else ()
    return ("call", number, call.kind, call.name, said, call.signature, (dialect, *rest) if rest else None)


def _result(result: ToolResult, dialect: str, ids: dict[str, int], names: dict[str, str]) -> tuple[Any, ...]:
    """The tool's name is said only where it is not that of its call."""
    number = ids.setdefault(result.call_id, len(ids))
    name = "" if names.get(result.call_id) == result.name else result.name
    parts = [_part(part, dialect, ids, names) for part in result.parts]
    if dialect in JSON_RESULTS:
        parts = [("json", meaning(part.encode())) if type(part) is str else part for part in parts]
    return ("result", number, parts, result.is_error, name, *_own(dialect, result.rest))
