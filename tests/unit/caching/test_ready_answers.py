"""What a worker remembers of answers that were told: two hits differ in their ids, and the store has the last word."""

import json
from types import SimpleNamespace
from typing import Any

from caching_house import CHUNKS, USAGE, House, completion, play

from gateway._speedups.asking import Memory
from gateway.caching.ready import LARGEST, MOST, Place, remembered
from gateway.caching.replaying import Replay, hit_headers, next_mark
from gateway.schemas.caching import Entry
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
