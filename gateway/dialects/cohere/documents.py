"""Cohere's documents in plain words, for dialects that have no place for them."""

from typing import Any

import msgspec

from gateway.dialects.decode import UNREADABLE


def words_of(raw: bytes) -> str:
    """One document, or a list of them: strings, or objects of an `id` and `data`, whose members callers name."""
    try:
        value = msgspec.json.decode(raw)
    except UNREADABLE:
        return ""
    documents = value if isinstance(value, list) else [value]
    return "\n\n".join([text for each in documents if (text := _one(each))])


def _one(document: Any) -> str:
    if not isinstance(document, dict):
        return document if isinstance(document, str) else ""
    data = document.get("data", document)
    head = [f"id: {document['id']}"] if "data" in document and document.get("id") else []
    return "\n".join([*head, *_lines(data)])


def _lines(data: Any) -> list[str]:
    if isinstance(data, dict):
        return [f"{name}: {_spelled(value)}" for name, value in data.items() if value is not None]
    return [_spelled(data)]


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
