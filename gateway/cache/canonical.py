"""What an entry says, in the neutral form: one reply, whichever dialect it was told in, whole or streamed.

An entry is written as it was told: most are never asked for again, and callers of the same endpoint are told the same
words (`_speedups/verbatim`). To read that takes a few microseconds where it is a whole answer, and hundreds where it is
a stream: once it had to be read it is kept as a log, which is the reply that was read, so that later hits are cheap.
"""

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from gateway.cache.entries import pack, unpack
from gateway.cache.joining import Joiner
from gateway.cache.proofs import owned
from gateway.dialects.endpoints import CHAT, ENDPOINTS, Endpoint
from gateway.schemas.caching import Entry
from gateway.schemas.chat import Refusal, Reply, Text

_WHOLE = frozenset({"stop", "stop_sequence", "tool_calls"})
"""How an answer ends that is one: not cut short, filtered, declined, or ended for a reason that nobody knows."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Reply).decode
_elements = msgspec.json.Decoder(list[Raw]).decode


class Kept(msgspec.Struct, frozen=True):
    """An entry that can be told again. `again` is what to keep in its place, once: it is quicker to read."""

    entry: Entry
    reply: Reply
    again: bytes | None = None


def open_entry(payload: bytes) -> Kept | None:
    """None for what is no entry, or none to be told again: it can be forgotten."""
    entry = unpack(payload)
    if entry is None:
        return None
    try:
        return _opened(entry)
    except Exception:  # whatever stands on the disk and cannot be read is a miss
        return None


def _opened(entry: Entry) -> Kept | None:
    if entry.form == "log":
        return Kept(entry, _decode(entry.body))
    endpoint = ENDPOINTS[entry.endpoint]
    if endpoint.family != CHAT:
        return None
    model = entry.model or entry.answered_model
    if entry.form == "whole":
        reply = endpoint.codec.read_reply(entry.body, model)
    else:
        reply = _joined(entry.body, endpoint, model)
    reply = _named(reply, entry)
    if not is_servable(reply):
        return None
    # A whole answer is read in a few microseconds, and stays as it was told for callers of the same endpoint.
    return Kept(entry, reply, _logged(entry, reply) if entry.form == "stream" else None)


def is_servable(reply: Reply) -> bool:
    """Whether it is a whole answer that says something, and declines nothing."""
    return bool(reply.choices) and all(
        choice.finish in _WHOLE
        and any(not isinstance(part, Text) or part.text for part in choice.parts)
        and not any(isinstance(part, Refusal) for part in choice.parts)
        for choice in reply.choices
    )


def _named(reply: Reply, entry: Entry) -> Reply:
    """The reply with each thought in its maker's name; and with its model, date and usage where it was not told them: a
    dialect has no place for them, or the caller did not ask."""
    choices = tuple(
        [
            choice
            if (parts := owned(choice.parts, reply.dialect)) is choice.parts
            else replace(choice, parts=parts)
            for choice in reply.choices
        ]
    )
    model = reply.model or entry.answered_model or entry.model
    created, usage = reply.created or int(entry.created), reply.usage or entry.usage
    return replace(reply, choices=choices, model=model, created=created, usage=usage)


def _logged(entry: Entry, reply: Reply) -> bytes | None:
    """None where a text cannot be kept as one, as half of a surrogate pair cannot."""
    try:
        return pack(replace(entry, form="log", body=_encode(reply)))
    except UnicodeEncodeError:
        return None


def _joined(body: bytes, endpoint: Endpoint, model: str) -> Reply:
    """Raises GatewayError or Unjoinable for a stream that is no whole answer."""
    reader = endpoint.codec.reader(model)
    joiner = Joiner(endpoint.codec.name)
    if body[:1] == b"[":
        for element in _elements(body):
            joiner.add(reader.read("", bytes(element)))
    else:
        framing = endpoint.framing()
        for event in framing.feed(body):
            joiner.add(reader.read(event.name, event.data))
        last = framing.finish()
        if last is not None:
            joiner.add(reader.read(last.name, last.data))
    joiner.add(reader.end())
    return joiner.reply()
