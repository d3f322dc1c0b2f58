"""What requests that belong together share, as a number."""

from collections.abc import Mapping
from hashlib import blake2b

import msgspec

from gateway._speedups.jsonscan import members
from gateway.config.model import Sticky
from gateway.errors import BadRequest
from gateway.routing.needs import SHAPES
from gateway.schemas.call import Call

SESSION = b"x-gateway-session"

_SESSION_FIELDS = ("session_id", "prompt_cache_key", "conversation")
_USER_FIELDS = ("user", "safety_identifier")
_SYSTEM_FIELDS = ("system", "instructions", "systemInstruction", "system_instruction")
_SYSTEM_ROLES = ("system", "developer")


def hashed(data: bytes) -> int:
    """64 bits that are the same in every worker and on every machine; never 0."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little") or 1


def sticky_of(call: Call, headers: Mapping[bytes, bytes], how: Sticky) -> int:
    """A hash of what the request shares with those that belong to it; 0 where it says nothing of the kind."""
    if how.by.startswith("header:"):
        return _hashed(headers.get(how.by[7:].encode("ascii"), b""))
    if how.by == "session":
        return _hashed(headers.get(SESSION) or _field(call, _SESSION_FIELDS))
    if how.by == "user":
        return _hashed(_field(call, _USER_FIELDS) or _field_within(call, "metadata", "user_id"))
    return _hashed(_prefix(call, how.prefix))


def _hashed(data: bytes) -> int:
    return hashed(data) if data else 0


def _spans(call: Call) -> Mapping[str, tuple[int, int]]:
    spans: Mapping[str, tuple[int, int]] = getattr(call.facts, "spans", _NONE)
    return spans


def _field(call: Call, names: tuple[str, ...]) -> bytes:
    spans = _spans(call)
    for name in names:
        if name in spans:
            start, end = spans[name]
            return b"" if call.body[start:end] in (b"null", b'""') else call.body[start:end]
    return b""


def _field_within(call: Call, outer: str, name: str) -> bytes:
    span = _spans(call).get(outer)
    try:
        inner = None if span is None else members(call.body, span).get(name)
    except BadRequest:  # no object: the provider says so
        return b""
    return b"" if inner is None else call.body[inner[0] : inner[1]]


def _prefix(call: Call, size: int) -> bytes:
    """The first bytes of what a provider caches first: the system's words, and the first message after them."""
    shape, spans = SHAPES.get(call.endpoint), _spans(call)
    if shape is None:
        return b""
    parts = [
        call.body[start:end][:size]
        for start, end in (spans[name] for name in _SYSTEM_FIELDS if name in spans)
    ]
    conversation = call.facts.span(shape.conversation)
    if conversation is not None:
        start, end = conversation
        parts.append(_opening(call.body[start:end]))
    return b"\n".join(parts)[:size]


def _opening(conversation: bytes) -> bytes:
    """The first message, and all before it that is the system's."""
    try:
        found = msgspec.json.decode(conversation, type=list[msgspec.Raw])
    except msgspec.DecodeError:
        return conversation  # a text alone is one message
    kept = []
    for message in found:
        kept.append(bytes(message))
        if not _is_system(message):
            break
    return b"\n".join(kept)


class _Role(msgspec.Struct):
    role: str = ""


def _is_system(message: msgspec.Raw) -> bool:
    try:
        return msgspec.json.decode(message, type=_Role).role in _SYSTEM_ROLES
    except msgspec.DecodeError:
        return False


_NONE: dict[str, tuple[int, int]] = {}
