"""What a worker remembers of answers that were told: two hits differ in their ids, and the store has the last word."""

import json
from types import SimpleNamespace
from typing import Any

from caching_house import CHUNKS, USAGE, House, completion, play
from msgspec.structs import replace

from gateway._speedups.asking import LARGEST, Memory
from gateway.cache.entries import pack, unpack
from gateway.caching.ready import MOST, Place, remembered
from gateway.caching.replaying import Replay, hit_headers, next_mark
from gateway.dialects.endpoints import ENDPOINTS
from gateway.schemas.caching import Entry
from gateway.schemas.chat import Text
from gateway.schemas.events import TextDelta
from gateway.schemas.usage import Usage
from gateway.upstream.replies import Whole

FOUND: Any = SimpleNamespace(payload=b"", written=1.0, expires=9e9, id="ab" * 16)


def told(text: str, *, content_type: bytes = b"application/json", padding: int = 0) -> Replay:
    name = next_mark(FOUND.id)
    body = json.dumps({"id": name, "text": text, "also": name, "more": "x" * padding}).encode()
    entry = Entry("whole", "chat_completions", b"as it was told", "openai", "gpt-4o")
    return Replay(Whole(body, hit_headers(FOUND, 1.0), content_type), entry, ("logprobs",), name)


def place(number: int) -> Place:
    return number.to_bytes(32, "big"), "chat_completions", "gpt-4o", False, False


def test_another_entry_under_the_same_key_is_not_it() -> None:
    memory = Memory(MOST)
    remembered(memory, place(1), FOUND, told("old"))
    newer: Any = SimpleNamespace(**{**vars(FOUND), "written": 2.0})
    assert memory.find(place(1), newer.written) is None


def test_no_more_is_remembered_than_may_be() -> None:
    memory = Memory(10 * 2048)
    for number in range(50):
        remembered(memory, place(number), FOUND, told("x", padding=800))
    kept = [number for number in range(50) if memory.find(place(number), FOUND.written) is not None]
    assert kept == list(range(50 - len(kept), 50))
    assert 8 <= len(kept) <= 12
    for _ in range(50):  # what is told again and again takes its room once
        remembered(memory, place(49), FOUND, told("x", padding=800))
    assert len(
        [number for number in range(50) if memory.find(place(number), FOUND.written) is not None]
    ) == len(kept)


def test_large_and_binary_answers_are_not_remembered() -> None:
    memory = Memory(MOST)
    remembered(memory, place(1), FOUND, told("x", padding=LARGEST))
    remembered(memory, place(2), FOUND, told("x", content_type=b"application/vnd.amazon.eventstream"))
    assert memory.find(place(1), FOUND.written) is None
    assert memory.find(place(2), FOUND.written) is None


async def asked_once(house: House, text: str = "Hello", route: str = "") -> None:
    times = house.dispatcher.times + 1
    first = house.call("hi", headers={b"x-gateway-cache": b"refresh"}, route=route)
    await house.dispatcher.asked(times)
    house.dispatcher.answer(Whole(completion(text), []))
    await first


def test_hits_in_a_journey_differ_in_their_ids_alone() -> None:
    async def scene() -> None:
        house = House()
        await asked_once(house)
        ways = [await house.call("hi") for _ in range(4)]
        hits = [json.loads(way.body) for way in ways]
        assert len({hit.pop("id") for hit in hits}) == 4
        told = [dict(way.told) for way in ways]
        assert len({one[b"x-gateway-cache-id"] for one in told}) == 1
        assert {one[b"x-gateway-cache"] for one in told} == {b"hit"}
        records = [way.record for way in ways]
        assert {(one.provider, one.model, one.answered_model, one.finish) for one in records} == {
            ("openai", "gpt-4o", "gpt-4o", "stop")
        }
        assert {(one.cost_nano_usd, one.saved_nano_usd, one.usage) for one in records} == {(0, 7, USAGE)}
        assert all(hit == hits[0] for hit in hits)
        assert house.dispatcher.times == 1
        assert house.books.looked == ["hit"] * 4

    play(scene())


def test_what_is_remembered_is_no_answer_of_another_target() -> None:
    async def scene() -> None:
        house = House()
        await asked_once(house, route="any")
        for _ in range(3):
            assert (await house.call("hi", route="any")).record.cache == "hit"
        other = house.call("hi", providers=("azure",), route="any")
        await house.dispatcher.asked(house.dispatcher.times + 1)
        house.dispatcher.answer(Whole(completion("Salut"), []))
        assert b"Salut" in (await other).body

    play(scene())


def test_a_refreshed_answer_takes_the_place_of_what_is_remembered() -> None:
    async def scene() -> None:
        house = House()
        for text in ("old", "new"):
            await asked_once(house, text)
            for _ in range(3):
                assert text.encode() in (await house.call("hi")).body

    play(scene())


def test_kinds_of_the_same_answer_are_remembered_apart() -> None:
    async def scene() -> None:
        house = House()
        first = house.call("hi", stream=True)
        await house.dispatcher.asked(1)
        stream = house.dispatcher.begin()
        for chunk in CHUNKS:
            stream.say(chunk)
        stream.finish()
        await first
        plain = [(await house.call("hi")).body for _ in range(3)]
        bare = [(await house.call("hi", stream=True)).body for _ in range(3)]
        options = {"include_usage": True}
        counted = [(await house.call("hi", stream=True, stream_options=options)).body for _ in range(3)]
        assert all(json.loads(one)["choices"][0]["message"]["content"] == "Hello world" for one in plain)
        assert all(one.endswith(b"data: [DONE]\n\n") and b'"usage"' not in one for one in bare)
        assert all(one.endswith(b"data: [DONE]\n\n") and b'"usage"' in one for one in counted)

    play(scene())


# --- in the words in which it was told ---

OWN = {"system_fingerprint": "fp_1", "x_own": {"b": 1.50, "a": [None]}}
TURNS = {"max_tokens": 9}


def in_own_words(text: str) -> bytes:
    """A whole answer with members that no dialect has a place for, in a spelling of its own."""
    return json.dumps({**OWN, **json.loads(completion(text))}, indent=2).encode()


async def kept_as(house: House, body: bytes, text: str = "hi", **asked: Any) -> None:
    """The answer to the text was told."""
    times = house.dispatcher.times + 1
    first = house.call(text, **asked)
    await house.dispatcher.asked(times)
    house.dispatcher.answer(Whole(body, []))
    await first


async def streamed_as(house: House, chunks: list[bytes], text: str = "hi", **asked: Any) -> None:
    times = house.dispatcher.times + 1
    first = house.call(text, stream=True, **asked)
    await house.dispatcher.asked(times)
    stream = house.dispatcher.begin()
    for chunk in chunks:
        stream.say(chunk)
    stream.finish()
    await first


def known(house: House, *, endpoint: str = "chat_completions", stream: bool = False) -> list[bytes]:
    """The keys whose answers are remembered."""
    return [
        key
        for key, entry in house.entries().items()
        if house.caching.memory.find((key, endpoint, "gpt-4o", stream, False), entry.written) is not None
    ]


def test_a_hit_has_the_bytes_that_were_told_and_the_second_is_remembered() -> None:
    async def scene() -> None:
        house = House()
        await kept_as(house, in_own_words("Hello"))
        bodies = []
        for remembered_by_now in (0, 1, 1):
            way = await house.call("hi")
            bodies.append(way.body)
            assert way.record.cache == "hit"
            assert dict(way.told)[b"content-type"] == b"application/json"
            assert len(known(house)) == remembered_by_now
        ids = [json.loads(body)["id"] for body in bodies]
        assert len(set(ids)) == 3
        for body, name in zip(bodies, ids, strict=True):
            assert name.startswith("chatcmpl-cache-")
            # The only other change: the prompt's tokens are said to be read from a cache.
            told = body.replace(name.encode(), b"1")
            told = told.replace(b'"prompt_tokens_details":{"cached_tokens":10},', b"")
            assert told == in_own_words("Hello")
        assert house.dispatcher.times == 1

    play(scene())


def test_what_comes_from_memory_is_what_was_remembered() -> None:
    async def scene() -> None:
        house = House()
        await kept_as(house, in_own_words("Hello"))
        await house.call("hi")
        await house.call("hi")
        (key,) = known(house)
        entry = house.entries()[key]
        house.exchange(entry, b"nobody reads it any more")
        assert b"Hello" in (await house.call("hi")).body
        house.exchange(entry, b"", later=1)  # it is another one, and none that can be read
        again = house.call("hi")
        await house.dispatcher.asked(2)
        house.dispatcher.answer(Whole(completion("Salut"), []))
        assert b"Salut" in (await again).body

    play(scene())


def test_answers_that_are_told_once_are_not_remembered() -> None:
    async def scene() -> None:
        house = House()
        for number in range(20):
            await kept_as(house, completion("Hello"), f"question {number}")
        for number in range(20):
            assert (await house.call(f"question {number}")).record.cache == "hit"
        assert known(house) == []
        for number in range(10):
            await house.call(f"question {number}")
        assert len(known(house)) == 10

    play(scene())


def test_large_answers_are_told_and_not_remembered() -> None:
    async def scene() -> None:
        house = House()
        await kept_as(house, in_own_words("y" * LARGEST))
        for _ in range(3):
            way = await house.call("hi")
            assert way.record.cache == "hit"
            assert json.loads(way.body)["x_own"] == OWN["x_own"]
        assert known(house) == []
        assert house.dispatcher.times == 1

    play(scene())


def test_a_stream_is_told_in_its_own_events() -> None:
    async def scene() -> None:
        house = House()
        chunks = [chunk.replace(b'{"id"', b'{"x_own": 1.50, "id"') for chunk in CHUNKS]
        await streamed_as(house, chunks)
        for remembered_by_now in (0, 1, 1):
            way = await house.call("hi", stream=True)
            name = json.loads(way.body.split(b"\n")[0][6:])["id"]
            assert way.body.replace(name.encode(), b"1") == b"".join(chunks)
            assert dict(way.told)[b"content-type"].startswith(b"text/event-stream")
            assert len(known(house, stream=True)) == remembered_by_now

    play(scene())


def test_other_forms_and_dialects_of_it_are_translated() -> None:
    """From the words in which it was told they would be no answer."""

    async def scene() -> None:
        for form in ("whole", "stream"):
            for first in ("whole", "stream", "messages", "messages stream", "same"):
                house = House()
                if form == "whole":
                    await kept_as(house, in_own_words("Hello world"), **TURNS)
                else:
                    await streamed_as(house, CHUNKS, **TURNS)
                for way in (first, "whole", "stream", "messages", "messages stream"):
                    asked: dict[str, Any] = {"stream": "stream" in (form if way == "same" else way), **TURNS}
                    endpoint = "messages" if "messages" in way else "chat_completions"
                    told = await house.call("hi", endpoint=endpoint, **asked)
                    assert told.record.cache == "hit", (form, first, way)
                    assert said(told.body, endpoint, asked["stream"]) == "Hello world", (form, first, way)
                assert house.dispatcher.times == 1

    play(scene())


def said(body: bytes, endpoint: str, stream: bool) -> str:
    found = ENDPOINTS[endpoint]
    if not stream:
        (choice,) = found.codec.read_reply(body, "gpt-4o").choices
        return "".join([part.text for part in choice.parts if isinstance(part, Text)])
    reader = found.codec.reader("gpt-4o")
    events = [event for each in found.framing().feed(body) for event in reader.read(each.name, each.data)]
    return "".join([event.text for event in events if isinstance(event, TextDelta)])


def test_what_the_first_caller_lost_is_named_to_the_others() -> None:
    async def scene() -> None:
        house = House()
        first = house.call("hi")
        await house.dispatcher.asked(1)
        first.way.record.dropped = ("top_k", "reply.inlineData")
        house.dispatcher.answer(Whole(in_own_words("Hello"), []))
        await first
        for _ in range(3):
            way = await house.call("hi")
            assert json.loads(way.body)["x_own"] == OWN["x_own"]
            assert way.record.dropped == ("reply.inlineData",)
            assert dict(way.told)[b"x-gateway-dropped"] == b"reply.inlineData"

    play(scene())


def test_an_entry_with_counts_that_are_none_is_still_told() -> None:
    async def scene() -> None:
        house = House()
        await kept_as(house, completion("Hello"))
        (entry,) = house.entries().values()
        kept = unpack(entry.payload)
        assert kept is not None
        house.exchange(entry, pack(replace(kept, usage=Usage(input=2**63, output=1))))
        assert b"Hello" in (await house.call("hi")).body

    play(scene())
