"""Answers as they are told to callers, kept, opened and told again, for the tests of this directory."""

from typing import Any

from caller_answers import CALLERS, Caller
from msgspec.structs import replace

from gateway._speedups.asking import mark
from gateway.cache.canonical import Kept, open_entry
from gateway.cache.entries import pack
from gateway.cache.hearing import Keeper
from gateway.cache.replay import Told, cached, plain, streamed
from gateway.dialects.endpoints import ENDPOINTS
from gateway.schemas.caching import Entry
from gateway.schemas.record import Record
from gateway.upstream.sources import Passed, Translated

ID = mark("0a1b", 7)
MODEL = "the-model"
CREATED = 1_750_000_000
NAMES = tuple(CALLERS)


def record(**fields: Any) -> Record:
    return Record(
        "req-1",
        wall_ns=CREATED * 10**9,
        provider="someone",
        model=MODEL,
        answered_model=MODEL,
        status=200,
        finish="stop",
        **fields,
    )


def heard(endpoint: str, told: bytes, stream: bool, size: int = 700) -> Entry | None:
    """The entry of an answer that went by in pieces of this size."""
    keeper = Keeper(endpoint, stream, 1 << 20)
    for place in range(0, len(told), size):
        keeper.hear(told[place : place + size])
    return keeper.entry(record())


def kept(endpoint: str, told: bytes, stream: bool) -> Kept:
    """The answer as it is opened at its first hit."""
    entry = heard(endpoint, told, stream)
    assert entry is not None
    found = open_entry(pack(entry))
    assert found is not None
    return found


def whole(found: Kept, caller: Caller) -> bytes:
    return body(plain(found, caller.endpoint, caller.request, ID))


def stream(found: Kept, caller: Caller) -> bytes:
    return body(streamed(found, caller.endpoint, caller.request, ID))


def body(told: Told | None) -> bytes:
    assert told is not None
    return told.body


def translated_whole(teller: str, told: bytes, caller: Caller) -> bytes:
    """What a translation of the told answer says, under a hit's id and with a hit's usage."""
    reply = ENDPOINTS[teller].codec.read_reply(told, MODEL)
    reply = replace(reply, id=ID, usage=cached(reply.usage), model=reply.model or MODEL)
    return caller.endpoint.codec.write_reply(reply, created=CREATED, request=caller.request)


def translated_stream(teller: str, told: bytes, caller: Caller) -> bytes:
    source = Translated(ENDPOINTS[teller], caller.endpoint, caller.request, ID, CREATED, MODEL)
    out = source.feed(told) + source.end()
    assert source.failure is None
    return out


def passed(endpoint: str, sent: bytes) -> bytes:
    """What a caller gets of a stream of its own dialect: with the end that some providers leave out."""
    tap = ENDPOINTS[endpoint].tap
    assert tap is not None
    source = Passed(tap(False, 1))
    out = source.feed(sent) + source.end()
    assert source.failure is None
    return out
