"""Naive readings of what `gateway._speedups.translate` does, to compare it with: through Python's own JSON."""

import json
from typing import Any

from msgspec import Raw

from gateway.dialects.anthropic.content import call_input, tool_id
from gateway.schemas.chat import Message, Part, Text, ToolCall, ToolResult
from gateway.schemas.wire import anthropic, openai_chat

MISSING = object()


class NoFit(Exception):
    """The document does not have the shape."""


class Pairs(dict[str, Any]):
    """An object that remembers keys written twice."""

    twice: frozenset[str] = frozenset()


def _pairs(items: list[tuple[str, Any]]) -> Pairs:
    made = Pairs(items)
    names = [name for name, _ in items]
    made.twice = frozenset(name for name in names if names.count(name) > 1)
    return made


def _refuse(word: str) -> None:
    raise ValueError(word)


def match(keys: dict[str, Any], data: bytes) -> tuple[Any, ...] | None:
    """What a shape captures of a document. Escaped keys, which a shape refuses, are read here."""
    try:
        document = json.loads(data.decode(), object_pairs_hook=_pairs, parse_constant=_refuse)
        return tuple(_object(keys, document))
    except (NoFit, ValueError, RecursionError):
        return None


def _object(keys: dict[str, Any], value: Any) -> list[Any]:
    if value is MISSING or value is None:
        value = Pairs()
    if not isinstance(value, Pairs) or value.twice & set(keys):
        raise NoFit
    others = keys.get("*", "anything")
    if any(name not in keys and not _plain(others, each) for name, each in value.items()):
        raise NoFit
    return [
        found
        for name, kind in keys.items()
        if name != "*"
        for found in _value(kind, value.get(name, MISSING))
    ]


def _value(kind: Any, value: Any) -> list[Any]:
    absent = value is MISSING or value is None
    if isinstance(kind, dict):
        return _object(kind, value)
    if isinstance(kind, list):
        if not absent and not (isinstance(value, list) and len(value) == 1 and isinstance(value[0], Pairs)):
            raise NoFit
        return _object(kind[0], MISSING if absent else value[0])
    if isinstance(kind, tuple):
        if not absent and value not in kind:
            raise NoFit
        return [None if absent else value]
    if kind in ("text", "number"):
        if not absent and not (_text(value) if kind == "text" else _number(value)):
            raise NoFit
        return [None if absent else value]
    if not _plain(kind, value):
        raise NoFit
    return []


def _plain(kind: str, value: Any) -> bool:
    """Whether a value that nobody reads fits."""
    if kind == "anything" or value is MISSING or value is None:
        return True
    if kind == "empty":
        return value in ([], {})
    return _text(value) if kind == "some text" else _number(value) if kind == "some number" else False


def _text(value: Any) -> bool:
    return isinstance(value, str) and not any(0xD800 <= ord(letter) < 0xE000 for letter in value)


def _number(value: Any) -> bool:
    return type(value) is int and 0 <= value < 10**15


def framed(head: bytes, text: str, tail: bytes) -> bytes:
    """Python's JSON spells control characters as the wire does."""
    return head + json.dumps(text, ensure_ascii=False).encode() + tail


def message(said: openai_chat.Message) -> Message:
    """A plain message, field by field."""
    parts: list[Part] = [Text(said.content)] if isinstance(said.content, str) else []
    if said.role == "tool":
        result = ToolResult(said.tool_call_id or "", tuple(parts), bool(said.is_error), said.name or "")
        return Message("tool", (result,))
    if said.role == "assistant":
        parts = [part for part in parts if isinstance(part, Text) and part.text]
        for call in said.tool_calls or ():
            assert call.function is not None
            arguments = json.loads(bytes(call.function.arguments))
            parts.append(ToolCall(call.id or "", call.function.name or "", arguments))
    return Message(said.role, tuple(parts), said.name or "")


def block(part: Part) -> anthropic.Block:
    """The wire block of a plain part."""
    if isinstance(part, Text):
        return anthropic.TextBlock(text=part.text)
    if isinstance(part, ToolCall):
        return anthropic.ToolUseBlock(id=tool_id(part.id), name=part.name, input=Raw(call_input(part)))
    assert isinstance(part, ToolResult)
    (text,) = part.parts
    assert isinstance(text, Text)
    return anthropic.ToolResultBlock(tool_use_id=tool_id(part.call_id), content=text.text)
