"""Reads requests into strict wire structs; what these do not know is set aside and named, never silently skipped.

The common case is one pass of the strict decoder. Only when that fails is the JSON walked along the struct's types: an
unknown field is cut out, a part of unknown type is wrapped as `gateway.opaque`, and the rest, byte for byte as it came,
is decoded again. What is still wrong is the caller's mistake.
"""

from typing import Any, Generic, TypeVar, get_origin

import msgspec
from msgspec import Raw, inspect

from gateway.errors import BadRequest
from gateway.schemas.chat import Extra
from gateway.schemas.wire.common import ABSENT, OpaquePart

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are no JSON, no UTF-8, of the wrong types, or nested without end."""

NAMED = 32
"""How many unknown fields are named; a body full of them must not fill a header."""

SAID = 160
"""How many characters of a value, or of a path, an error repeats."""

_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_ITEMS = msgspec.json.Decoder(list[Raw])
_OPAQUE = OpaquePart.__struct_config__.tag


class Decoded(msgspec.Struct, Generic[T], frozen=True):
    """A wire struct; unknown fields of its own level as `extras`, those further down by name."""

    value: T
    extras: tuple[Extra, ...] = ()
    unknown: tuple[str, ...] = ()


class RequestDecoder(Generic[T]):
    """Decodes one wire struct. Raises BadRequest with the path of the first field that is wrong."""

    def __init__(self, wire: type[T]) -> None:
        self._decode = msgspec.json.Decoder(wire).decode
        self._info = inspect.type_info(wire)

    def decode(self, body: bytes | Raw, under: str = "") -> Decoded[T]:
        """`under` is the path of `body` in the whole request."""
        try:
            return Decoded(self._decode(body))
        except msgspec.ValidationError:
            pass
        except msgspec.DecodeError as error:
            raise BadRequest(f"the body is not valid JSON: {error}") from error
        except UnicodeDecodeError as error:
            raise BadRequest(f"the body is not valid UTF-8: {error.reason} at byte {error.start}") from error
        except RecursionError as error:
            raise BadRequest("the body is nested too deeply") from error
        return self._decode_pruned(bytes(body), under)

    def _decode_pruned(self, body: bytes, under: str) -> Decoded[T]:
        walk = _Walk(under)
        try:
            pruned = walk.top(body, self._info)
            return Decoded(self._decode(pruned), tuple(walk.extras), tuple(walk.unknown))
        except msgspec.ValidationError as error:
            raise mistake(error, under) from error
        except UNREADABLE as error:
            raise BadRequest("the body is not valid JSON, or nested too deeply") from error


def mistake(error: msgspec.ValidationError, under: str = "") -> BadRequest:
    """The caller's mistake as msgspec found it. Its message ends with the path: "... - at `$.messages[0].role`"."""
    text, _, path = str(error).rpartition(" - at `$")
    if not text:
        text, path = path, ""
    text, path = shortened(text), shortened(path.rstrip("`").lstrip("."))
    if not path and text.startswith("Object missing required field `"):
        path = text.split("`")[1]
    param = f"{under}.{path}" if under and path else under or path
    where = f" at `{param}`" if param else ""
    return BadRequest(f"Invalid request: {text[:1].lower()}{text[1:]}{where}", param=param or None)


def shortened(text: str) -> str:
    """A value that stands where a known word belongs is repeated in what msgspec says of it, and may be an image."""
    return text if len(text) <= SAID else f"{text[:SAID]}..."


class _Walk:
    """One pass along the types of a body that the strict decoder refused."""

    def __init__(self, under: str) -> None:
        self.extras: list[Extra] = []
        self.unknown: list[str] = []
        self._under = under

    def top(self, body: bytes, info: inspect.Type) -> bytes:
        if not isinstance(info, inspect.StructType) or not body.lstrip().startswith(b"{"):
            return body
        known = {field.encode_name: field.type for field in info.fields}
        kept: list[bytes] = []
        for name, raw in _FIELDS.decode(body).items():
            if name in known:
                kept.append(_member(name, self._value(bytes(raw), known[name], self._path("", name))))
            elif bytes(raw) != b"null":
                self.extras.append(Extra(name, bytes(raw)))
        return b"{" + b",".join(kept) + b"}"

    def _value(self, raw: bytes, info: inspect.Type, path: str) -> bytes:
        options = info.types if isinstance(info, inspect.UnionType) else (info,)
        if raw[:1] == b"[":
            for option in options:
                if isinstance(option, inspect.ListType):
                    return self._list(raw, option.item_type, path)
        if raw[:1] == b"{":
            structs = [option for option in options if isinstance(option, inspect.StructType)]
            if structs:
                return self._object(raw, structs, path)
        return raw

    def _list(self, raw: bytes, info: inspect.Type, path: str) -> bytes:
        if isinstance(info, inspect.RawType):
            return raw
        return b"[" + b",".join([self._value(bytes(item), info, path) for item in _ITEMS.decode(raw)]) + b"]"

    def _object(self, raw: bytes, structs: list[inspect.StructType], path: str) -> bytes:
        fields = _FIELDS.decode(raw)
        info = _choose(fields, structs)
        if info is None:
            kind = bytes(fields["type"])
            return b'{"type":"' + str(_OPAQUE).encode() + b'","kind":' + kind + b',"raw":' + raw + b"}"
        known = {field.encode_name: field.type for field in info.fields}
        kept: list[bytes] = []
        for name, value in fields.items():
            if name in known:
                kept.append(_member(name, self._value(bytes(value), known[name], self._path(path, name))))
            elif name == info.tag_field:
                kept.append(_member(name, bytes(value)))
            elif _strict(info.cls):
                self._name(self._path(path, name), bytes(value))
        return b"{" + b",".join(kept) + b"}"

    def _path(self, path: str, name: str) -> str:
        above = path or self._under
        return f"{above}.{name}" if above else name

    def _name(self, path: str, value: bytes) -> None:
        if value != b"null" and path not in self.unknown and len(self.unknown) < NAMED:
            self.unknown.append(path[:100])


def _strict(wire: Any) -> bool:
    """Whether a struct, generic or not, refuses unknown fields."""
    config: msgspec.structs.StructConfig = (get_origin(wire) or wire).__struct_config__
    return config.forbid_unknown_fields


def _choose(fields: dict[str, Raw], structs: list[inspect.StructType]) -> inspect.StructType | None:
    """The struct whose tag the object carries; None for a part of unknown type, which is wrapped.

    Without a type it is taken for the first, so that decoding says what is missing.
    """
    if len(structs) == 1 and structs[0].tag_field is None:
        return structs[0]
    wraps = any(struct.tag == _OPAQUE for struct in structs)
    tag: Any = None
    raw = fields.get(structs[0].tag_field or "", ABSENT)
    if bytes(raw)[:1] == b'"':
        tag = msgspec.json.decode(raw)
    for struct in structs:
        if struct.tag == tag and tag != _OPAQUE:
            return struct
    return None if wraps and isinstance(tag, str) else structs[0]


def _member(name: str, value: bytes) -> bytes:
    return msgspec.json.encode(name) + b":" + value
