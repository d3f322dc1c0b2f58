"""What a vendor's own way of speech offers, and what it writes and reads."""

from collections.abc import Callable

import msgspec

from gateway.schemas.call import Call
from gateway.schemas.usage import Usage


class Packed(msgspec.Struct, frozen=True):
    """A request as the vendor takes it: `after` follows the endpoint's path, percent-encoded. `dropped` are the fields
    that did not fit, in the caller's words."""

    content_type: bytes
    body: bytes
    after: bytes = b""
    dropped: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """An answer in the caller's words."""

    content_type: bytes
    body: bytes
    usage: Usage | None = None


class Foreign(msgspec.Struct, frozen=True):
    """`write` makes the vendor's request of the caller's, for the target's model: it raises BadRequest for what nobody
    could serve, UnservedEndpoint for what this vendor cannot. `read` makes the caller's answer of the vendor's JSON: it
    raises UpstreamProtocolError. Audio is not read."""

    endpoint: str
    write: Callable[[Call, str], Packed]
    read: Callable[[bytes, Call], Answer]
