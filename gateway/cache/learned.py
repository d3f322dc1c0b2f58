"""What the shared log says of a question that can be found by its meaning: one frame, checked when it is read.

    version 1 | embedder's fingerprint 8 | namespace 16 | bytes of text 4 | of the note 4 | text | note | vector

The vector is left out where the embedder is as quick as reading it. Numbers are little-endian.
"""

import struct
from math import isfinite

import msgspec

from gateway._speedups.nearest import inner
from gateway.cache.embedding.base import FLOAT, MOST_DIMENSIONS

VERSION = 1
HEAD = struct.Struct("<B8s16sII")
SLACK = 1e-3
"""How far a vector's length may be from 1."""


class Learned(msgspec.Struct, frozen=True):
    """A question under its namespace. `note` is what guards know of it, `vector` empty where it is embedded anew."""

    fingerprint: bytes
    namespace: bytes
    text: bytes
    note: bytes = b""
    vector: bytes = b""


def pack(learned: Learned) -> bytes:
    head = HEAD.pack(VERSION, learned.fingerprint, learned.namespace, len(learned.text), len(learned.note))
    return head + learned.text + learned.note + learned.vector


def unpack(payload: bytes) -> Learned | None:
    """None for what was written by another version, or is damaged: never raises."""
    if len(payload) < HEAD.size:
        return None
    version, fingerprint, namespace, length, noted = HEAD.unpack_from(payload)
    end = HEAD.size + length
    if version != VERSION or not length or end + noted > len(payload):
        return None
    text, note, vector = payload[HEAD.size : end], payload[end : end + noted], payload[end + noted :]
    if not _is_text(text) or (vector and not is_direction(vector)):
        return None
    return Learned(fingerprint, namespace, text, note, vector)


def is_direction(vector: bytes) -> bool:
    """Whether these are float32 numbers of length 1, as many as a vector has at the most."""
    if not vector or len(vector) % FLOAT or len(vector) > FLOAT * MOST_DIMENSIONS:
        return False
    square = inner(vector, vector)
    return isfinite(square) and abs(square - 1.0) < 2 * SLACK


def _is_text(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
