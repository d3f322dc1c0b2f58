"""Entries as bytes: a version, then msgpack. What is read back is hostile: whatever is odd is no entry."""

import msgspec

from gateway.schemas.caching import Entry

VERSION = 1
"""Grows with every change of what an entry or a log holds: older ones are no entries."""

HEAD = bytes((VERSION,))
"""What stands before each."""
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)
encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


def pack(entry: Entry) -> bytes:
    """The bytes of an entry."""
    return HEAD + encode(entry)


def unpack(payload: bytes) -> Entry | None:
    """The entry in these bytes; None for those of another version, and for damaged ones."""
    if payload[:1] != HEAD:
        return None
    try:
        return _decode(memoryview(payload)[1:])
    except _UNREADABLE:
        return None
