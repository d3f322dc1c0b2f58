"""A naive reader and writer of AWS's binary event stream, after Smithy's specification, to compare with."""

import json
import struct
from zlib import crc32

SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
Read = tuple[str, str, bytes]


class Wrong(Exception):
    """The bytes are no event stream."""


def parse(stream: bytes, longest: int = 16 * 1024 * 1024) -> tuple[list[Read], bytes]:
    """The (kind, name, data) of every whole message, and what follows the last of them."""
    messages = []
    while len(stream) >= 12:
        total, inner, check = struct.unpack(">III", stream[:12])
        if crc32(stream[:8]) != check:
            raise Wrong("prelude")
        if not 16 <= total <= longest or inner > min(total - 16, 128 * 1024):
            raise Wrong("lengths")
        if len(stream) < total:
            break
        if crc32(stream[: total - 4]) != struct.unpack(">I", stream[total - 4 : total])[0]:
            raise Wrong("message")
        messages.append(named(headers(stream[12 : 12 + inner]), stream[12 + inner : total - 4]))
        stream = stream[total:]
    return messages, stream


def headers(block: bytes) -> dict[bytes, str]:
    """The headers that say what a message is."""
    found = {}
    while block:
        name, rest = block[1 : 1 + block[0]], block[1 + block[0] :]
        if not rest:
            raise Wrong("header")
        kind, rest = rest[0], rest[1:]
        if kind in (6, 7):
            if len(rest) < 2:
                raise Wrong("header")
            size, rest = struct.unpack(">H", rest[:2])[0], rest[2:]
        elif kind in SIZES:
            size = SIZES[kind]
        else:
            raise Wrong("type")
        if len(rest) < size:
            raise Wrong("header")
        if kind == 7 and name in NAMES:
            try:
                found[name] = rest[:size].decode()
            except UnicodeDecodeError as error:
                raise Wrong("text") from error
        block = rest[size:]
    return found


def named(text: dict[bytes, str], payload: bytes) -> Read:
    kind = text.get(b":message-type") or "event"
    if kind == "error":
        said = {"code": text.get(b":error-code", ""), "message": text.get(b":error-message", "")}
        return kind, ":error", json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
    if kind == "exception":
        return kind, text.get(b":exception-type") or ":error", payload
    return kind, text.get(b":event-type", ""), payload


NAMES = {b":message-type", b":event-type", b":exception-type", b":error-code", b":error-message"}


def message(fields: list[tuple[bytes, int, bytes]], payload: bytes) -> bytes:
    """One message; a field is a name, a type and a value as it stands after the type."""
    block = b"".join(bytes([len(name)]) + name + bytes([kind]) + value for name, kind, value in fields)
    head = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    whole = head + struct.pack(">I", crc32(head)) + block + payload
    return whole + struct.pack(">I", crc32(whole))


def text(value: str | bytes) -> bytes:
    """A string header's value."""
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(raw)) + raw
