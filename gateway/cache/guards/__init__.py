"""The guards of the semantic cache: two texts share an answer only where nothing that turns an answer differs.

Likeness of vectors cannot tell "5 miles" from "7 miles", nor "is" from "is not". The guards read both texts into a gist
and demand that numbers, negations, words, names, question, tense, roles and order agree. They are strict: what they do
not understand must be the same word for word.
"""

import msgspec

from gateway.cache.guards.gist import Gist
from gateway.cache.guards.reading import gist_of
from gateway.cache.guards.verdict import objection, rewords, signature

__all__ = ["GUARDS", "Gist", "agree", "gist_of", "objection", "pack", "rewords", "signature", "unpack", "why"]

GUARDS = (
    "language", "numbers", "negation", "antonyms", "units", "formats", "names", "words", "question", "tense", "quotes",
    "shades", "roles", "order",
)  # fmt: skip
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Gist)


def agree(asked: str, kept: str) -> bool:
    """Whether the answer kept for one text may be told for the other. Reflexive, symmetric, never raises."""
    return why(asked, kept) == ""


def why(asked: str, kept: str) -> str:
    """The guard that objects, one of GUARDS; "" where the texts agree."""
    return "" if asked == kept else objection(gist_of(asked), gist_of(kept))


def pack(gist: Gist) -> bytes:
    """A gist as bytes, some 100 to 300 of them."""
    return _ENCODER.encode(gist)


def unpack(data: bytes) -> Gist | None:
    """The gist that `pack` wrote; None where the bytes are damaged."""
    try:
        gist = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    size = len(gist.line)
    whole = len(gist.roles) == len(gist.groups) == len(gist.proud) == len(gist.forms) == size
    return gist if whole else None
