"""Reads the parts of Gemini's answers, whole or streamed.

Google signs texts and calls; a call's signature travels twice (see `signatures`).
"""

import msgspec
from msgspec import Raw

from gateway.schemas.wire import gemini as wire
from gateway.schemas.wire.common import given

decode_part = msgspec.json.Decoder(wire.ReplyPart).decode
_FIELDS = msgspec.json.Decoder(dict[str, Raw])

_READ = frozenset({"content", "finishReason", "index"})
"""The members of a candidate that the neutral form has a place for."""


def odd_kind(raw: Raw) -> str:
    """What a part of a kind that only Gemini knows is called: its first member."""
    return next((name for name in _FIELDS.decode(raw) if name != "thoughtSignature"), "part")


def rest_of(raw: Raw) -> bytes:
    """What else a candidate says (safety, citations, grounding, logprobs) as one JSON object; b"" for nothing."""
    kept = {name: value for name, value in _FIELDS.decode(raw).items() if name not in _READ and given(value)}
    return msgspec.json.encode(kept) if kept else b""
