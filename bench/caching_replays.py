"""The command `python -m bench.caching_replays`: what it costs to keep an answer and to tell it again, in microseconds.

Each number is the least of several repeats, for one answer of about 1 KB of text.
"""

from collections.abc import Callable
from functools import partial
from time import perf_counter_ns

from gateway._speedups.asking import mark
from gateway.cache.canonical import Kept, open_entry
from gateway.cache.entries import pack
from gateway.cache.hearing import Keeper
from gateway.cache.replay import plain, streamed
from gateway.cache.telling import events_of
from gateway.dialects.endpoints import CHAT, ENDPOINTS, Endpoint
from gateway.schemas.chat import ChatRequest, Choice, Reply, Text
from gateway.schemas.events import Event, TextDelta
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage

REPEATS = 7
BUSY = 20_000_000
"""Nanoseconds of a repeat, about."""

TEXT = "The quick brown fox jumps over the lazy dog while the band plays on. " * 15
WORDS = TEXT.split()
REPLY = Reply(
    dialect="openai_chat",
    id="chatcmpl-1",
    model="gpt-4o",
    choices=(Choice((Text(TEXT),)),),
    created=1_750_000_000,
    usage=Usage(50, len(WORDS)),
)
REQUEST = ChatRequest(dialect="openai_chat", model="gpt-4o", messages=(), stream_usage=True)
RECORD = Record("request", status=200, provider="openai", model="gpt-4o", finish="stop")
TELLER = ENDPOINTS["chat_completions"]


def least(function: Callable[[], object]) -> float:
    """Microseconds of one call."""
    before = perf_counter_ns()
    function()
    loops = max(1, BUSY // max(1, perf_counter_ns() - before))
    found = []
    for _ in range(REPEATS):
        before = perf_counter_ns()
        for _ in range(loops):
            function()
        found.append((perf_counter_ns() - before) / loops / 1000)
    return min(found)


def heard(chunks: list[bytes], stream: bool) -> bytes:
    """What a miss does."""
    keeper = Keeper(TELLER.name, stream, 1 << 20)
    for chunk in chunks:
        keeper.hear(chunk)
    entry = keeper.entry(RECORD)
    assert entry is not None
    return pack(entry)


def opened(payload: bytes) -> Kept:
    found = open_entry(payload)
    assert found is not None
    return found


def chunks() -> list[bytes]:
    """The answer as a model streams it: a word each."""
    writer = TELLER.codec.writer(REQUEST, reply_id="1", created=1)
    events: list[Event] = []
    for event in events_of(REPLY):
        events += [TextDelta(0, f"{word} ") for word in WORDS] if isinstance(event, TextDelta) else [event]
    return [writer.write(event) for event in events]


def hit(payload: bytes, endpoint: Endpoint) -> bytes:
    """All of a plain hit, but for looking it up and for reading the request."""
    told = plain(opened(payload), endpoint, REQUEST, mark("0a1b2c3d", 7))
    assert told is not None
    return told.body


def main() -> None:
    """Prints one line for each."""
    body, words = TELLER.codec.write_reply(REPLY), chunks()
    whole, stream = heard([body], stream=False), heard(words, stream=True)
    log = opened(whole).again
    assert log is not None
    print(f"a miss, plain, {len(body)} bytes        {least(lambda: heard([body], stream=False)):8.2f} us")
    print(f"a miss, {len(words)} chunks               {least(lambda: heard(words, stream=True)):8.2f} us")
    for name, payload in (("whole", whole), ("stream", stream), ("log", log)):
        size = len(payload)
        print(f"opening a {name:6} of {size:6} bytes {least(partial(opened, payload)):8.2f} us")
    found, identity = opened(log), mark("0a1b2c3d", 7)
    for endpoint in ENDPOINTS.values():
        if endpoint.family != CHAT:
            continue
        at_once = least(partial(streamed, found, endpoint, REQUEST, identity))
        every = least(partial(hit, log, endpoint))
        print(f"a hit for {endpoint.name:16} plain {every:8.2f} us, streamed at once {at_once:8.2f} us")


if __name__ == "__main__":
    main()
