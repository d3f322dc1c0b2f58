"""The texts and the tokens in which a model of OpenAI is told of its tools.

Source: "How to count tokens with tiktoken" of OpenAI's cookbook, with the numbers that its answers confirm. What it
leaves out (objects within objects, alternatives) is counted by the same rules or as its JSON.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.schemas.chat import Tool
from gateway.tokens.encodings import CL100K
from gateway.tokens.models import Reading

TOOLS = 12
"""Around all tools."""
PROPERTIES = 3
PROPERTY = 3
ENUM = -3
ENUM_VALUE = 3

_DEEPEST = 8

Piece = str | int
"""A text to count, or tokens."""


def tool_pieces(tool: Tool, reading: Reading) -> Iterator[Piece]:
    """What one tool consists of; TOOLS are not among them."""
    yield 10 if reading.encoding == CL100K else 7
    yield f"{tool.name}:{(tool.description or '').removesuffix('.')}"
    schema = tool.parameters or tool.native
    try:
        read = msgspec.json.decode(schema) if schema else {}
    except (ValueError, RecursionError):
        read = None
    if isinstance(read, dict):
        yield from _properties(read, 0)
    else:
        yield schema.decode("utf-8", "replace")
    yield tool.format.decode("utf-8", "replace")


def _properties(schema: dict[str, Any], depth: int) -> Iterator[Piece]:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not properties:
        return
    yield PROPERTIES
    for name, what in properties.items():
        yield PROPERTY
        yield from _property(name, what, depth) if isinstance(what, dict) else (name,)


def _property(name: str, what: dict[str, Any], depth: int) -> Iterator[Piece]:
    kind = what.get("type")
    if not isinstance(kind, str) or depth == _DEEPEST:
        yield f"{name}:{msgspec.json.encode(what).decode()}"
        return
    values = what.get("enum")
    if isinstance(values, list):
        yield ENUM
        for value in values:
            yield ENUM_VALUE
            yield str(value)
    yield f"{name}:{kind}:{str(what.get('description', '')).removesuffix('.')}"
    yield from _properties(what, depth + 1)
    items = what.get("items")
    if isinstance(items, dict):
        yield from _property("", items, depth + 1)
