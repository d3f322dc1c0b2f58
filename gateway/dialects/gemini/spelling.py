"""Google's JSON takes every field in two spellings, camelCase and snake_case; here the second becomes the first.

Only the names that a wire struct knows are respelled, along its types: what is `Raw` there (arguments, schemas) may
have names of the caller's own.
"""

from contextlib import suppress
from typing import Generic, TypeVar

import msgspec
from msgspec import Raw, inspect

from gateway.dialects.decode import UNREADABLE, Decoded, RequestDecoder

T = TypeVar("T")

_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_ITEMS = msgspec.json.Decoder(list[Raw])


def camel(name: str) -> str:
    """`max_output_tokens` as `maxOutputTokens`."""
    first, *rest = name.split("_")
    return first + "".join([word[:1].upper() + word[1:] for word in rest]) if first else name


def respelled(raw: bytes, info: inspect.Type) -> bytes:
    """`raw` with the fields that its type knows in camelCase. Raises msgspec.DecodeError for what is no JSON."""
    return _value(raw.strip(), info)


def _value(raw: bytes, info: inspect.Type) -> bytes:
    for option in info.types if isinstance(info, inspect.UnionType) else (info,):
        if isinstance(option, inspect.StructType) and raw[:1] == b"{":
            return _object(raw, option)
        if isinstance(option, inspect.ListType) and raw[:1] == b"[":
            item = option.item_type
            return b"[" + b",".join([_value(bytes(each), item) for each in _ITEMS.decode(raw)]) + b"]"
    return raw


def _object(raw: bytes, info: inspect.StructType) -> bytes:
    known = {field.encode_name: field.type for field in info.fields}
    found: dict[str, bytes] = {}
    for name, value in _FIELDS.decode(raw).items():
        chosen = name if name in known else camel(name)
        if chosen in known:
            found[chosen] = _value(bytes(value), known[chosen])
        else:
            found[name] = bytes(value)
    return (
        b"{" + b",".join([msgspec.json.encode(name) + b":" + value for name, value in found.items()]) + b"}"
    )


class SpelledDecoder(Generic[T]):
    """A `RequestDecoder` that takes both spellings. Raises BadRequest with the path of the field that is wrong."""

    def __init__(self, wire: type[T]) -> None:
        self._info = inspect.type_info(wire)
        self._decode = msgspec.json.Decoder(wire).decode
        self._patient = RequestDecoder(wire)

    def decode(self, body: bytes | Raw, under: str = "") -> Decoded[T]:
        """`under` is the path of `body` in the whole request."""
        try:
            return Decoded(self._decode(body))
        except UNREADABLE:
            pass
        with suppress(*UNREADABLE):  # the decoder says what is wrong
            body = respelled(bytes(body), self._info)
        return self._patient.decode(body, under)
