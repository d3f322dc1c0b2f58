"""What the taps decode of a provider's JSON: partial structs whose leaves take anything, since vendors vary.

Only the nesting is typed. A leaf is judged where it is read, so that an odd `model` or `finish_reason` never costs a
caller the answer.
"""

from typing import Any, TypeVar

import msgspec

from gateway.errors import UpstreamProtocolError

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
ABSENT = msgspec.Raw()
MAX_COUNT = 1 << 53


def read_reply(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """A whole answer. UpstreamProtocolError when it is empty, HTML, not JSON, or not of the dialect's shape."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise UpstreamProtocolError(f"the provider's answer has an unknown shape: {error}") from error
    except UNREADABLE as error:
        raise UpstreamProtocolError(f"the provider's answer is {instead_of_json(body)}") from error


def instead_of_json(body: bytes) -> str:
    start = body[:64].lstrip()
    if not start:
        return "empty"
    return "HTML instead of JSON" if start.startswith(b"<") else "not JSON"


def is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except UNREADABLE:
        return False
    return True


def said(raw: msgspec.Raw) -> bool:
    """Whether a member was there and not null."""
    value = bytes(raw)
    return value not in (b"", b"null")


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def as_count(value: Any) -> int:
    """A count of tokens; whatever is not one counts nothing. Some servers write whole numbers as 12.0."""
    if value is None:
        return 0
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < MAX_COUNT else 0
