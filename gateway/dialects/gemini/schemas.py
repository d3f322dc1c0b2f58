"""Google's own words for schemas (`Schema` of the API reference) as JSON schema.

Google writes types in capitals, says `nullable`, orders properties, and writes 64-bit numbers as strings.
"""

from typing import Any

import msgspec

from gateway.dialects.gemini.spelling import camel

_NUMBERS = frozenset(
    {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties", "minimum", "maximum"}
)
_DROPPED = frozenset({"propertyOrdering", "nullable"})


def json_schema(raw: bytes) -> bytes:
    """A schema of Google's as JSON schema; one that is that already stays as it is in meaning."""
    return msgspec.json.encode(_schema(msgspec.json.decode(raw)))


def _schema(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    spelled = {name if name.startswith("$") else camel(name): inner for name, inner in value.items()}
    out: dict[str, Any] = {}
    for name, inner in spelled.items():
        if name in _DROPPED or (name == "type" and inner == "TYPE_UNSPECIFIED"):
            continue
        if name == "format" and inner == "enum":
            continue
        out["examples" if name == "example" else name] = _member(name, inner)
    if spelled.get("nullable") is True and isinstance(out.get("type"), str):
        out["type"] = [out["type"], "null"]
        if isinstance(out.get("enum"), list) and None not in out["enum"]:
            out["enum"] = [*out["enum"], None]
    return out


def _member(name: str, value: Any) -> Any:
    if name == "type":
        return value.lower() if isinstance(value, str) else value
    if name in ("properties", "$defs", "defs") and isinstance(value, dict):
        return {key: _schema(inner) for key, inner in value.items()}
    if name in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(value, list):
        return [_schema(inner) for inner in value]
    if name in ("items", "additionalProperties"):
        return _schema(value)
    if name == "example":
        return [value]
    if name in _NUMBERS and isinstance(value, str):
        return int(value) if value.lstrip("-").isdigit() and value.isascii() else value
    return value
