"""What the wire structs of all dialects share: how strict they are, and the marks for absent and unknown JSON."""

import msgspec
from msgspec import Raw

ABSENT = Raw()
"""The value of a `Raw` field that was not in the JSON; never written."""


class Wire(msgspec.Struct, gc=False, omit_defaults=True):
    """JSON of which the gateway reads some fields and lets the others be."""


class Strict(msgspec.Struct, gc=False, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """JSON of which the gateway answers for every field: one that it does not know has to be named."""


class OpaquePart(Strict, tag="gateway.opaque", tag_field="type"):
    """Stands for a part whose type the wire struct does not know; put in by `gateway.dialects.decode`."""

    kind: str
    raw: Raw


def given(raw: Raw) -> bool:
    """Whether a `Raw` field was there and not null."""
    return raw is not ABSENT and bytes(raw) not in (b"", b"null")
