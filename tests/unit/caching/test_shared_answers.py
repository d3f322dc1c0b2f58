"""Requests that are the same and under way at once share one answer: whole, streamed, whoever goes away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from caching_house import CHUNKS, House, asked_for, completion, play

from gateway.errors import LimitExceeded, Unavailable, UpstreamClosed, UpstreamStatus
from gateway.upstream.replies import Whole


@asynccontextmanager
async def house(**settings: Any) -> AsyncIterator[House]:
    made = House(**settings)
    yield made
    await made.rest()


def test_identical_requests_ask_once() -> None:
    async def run() -> None:
        async with house() as one:
            calls = [one.call("hello") for _ in range(50)]
            await one.dispatcher.asked(1)
            one.dispatcher.answer(Whole(completion("hi"), []))
            ways = [await call for call in calls]
            assert one.dispatcher.times == 1
            assert {way.body for way in ways} == {completion("hi")}
            assert sorted(way.record.cache for way in ways) == ["coalesced"] * 49 + ["miss"]
            assert [way.record.attempts for way in ways if way.record.cache == "coalesced"] == [[]] * 49
            assert {way.record.cost_nano_usd for way in ways if way.record.cache == "coalesced"} == {0}
            assert not one.flying

    play(run())


def test_requests_that_differ_ask_each() -> None:
    async def run() -> None:
        async with house() as one:
            calls = [one.call(text) for text in ("a", "b")]
            await one.dispatcher.asked(2)
            one.dispatcher.answer(Whole(completion("1"), []))
            one.dispatcher.answer(Whole(completion("2"), []))
            assert [(await call).body for call in calls] == [completion("1"), completion("2")]

    play(run())


def test_a_late_joiner_hears_the_beginning_too() -> None:
    async def run() -> None:
        async with house() as one:
            first = one.call("hello", stream=True)
            await one.dispatcher.asked(1)
            stream = one.dispatcher.begin()
            stream.say(CHUNKS[0])
            await one.until(lambda: first.way.body == CHUNKS[0])
            late = one.call("hello", stream=True)
            await one.until(lambda: late.way.body == CHUNKS[0])
            for data in CHUNKS[1:]:
                stream.say(data)
            await one.until(lambda: late.way.body == b"".join(CHUNKS))
            stream.finish()
            assert (await first).body == (await late).body == b"".join(CHUNKS)
            assert one.dispatcher.times == 1
            assert late.way.record.cache == "coalesced"
            assert late.way.record.usage == first.way.record.usage is not None

    play(run())


@pytest.mark.parametrize("begun", [False, True])
def test_the_first_ones_going_away_ends_nothing(begun: bool) -> None:
    async def run() -> None:
        async with house() as one:
            first = one.call("hello", stream=True)
            await one.dispatcher.asked(1)
            others = [one.call("hello", stream=True) for _ in range(3)]
            await one.settled()
            if begun:
                stream = one.dispatcher.begin()
                stream.say(CHUNKS[0])
                await one.until(lambda: all(other.way.body for other in others))
                first.leave()
            else:
                first.leave()
                await one.settled()
                stream = one.dispatcher.begin()
                stream.say(CHUNKS[0])
            for data in CHUNKS[1:]:
                stream.say(data)
            stream.finish()
            assert {(await other).body for other in others} == {b"".join(CHUNKS)}
            await first.over()
            assert first.way.body in (b"", CHUNKS[0])
            assert first.way.record.usage is not None  # whoever asked first pays for it
            assert one.dispatcher.times == 1
            assert not stream.aborted

    play(run())


def test_the_last_ones_going_away_ends_it() -> None:
    async def run() -> None:
        async with house() as one:
            first = one.call("hello", stream=True)
            await one.dispatcher.asked(1)
            other = one.call("hello", stream=True)
            stream = one.dispatcher.begin()
            stream.say(CHUNKS[0])
            await one.until(lambda: other.way.body == CHUNKS[0])
            first.leave()
            await one.settled()
            assert not stream.aborted
            other.leave()
            await first.over()
            await other.over()
            assert stream.aborted
            assert not one.flying

    play(run())


def test_nobody_is_left_waiting_before_it_begins() -> None:
    async def run() -> None:
        async with house() as one:
            first, other = one.call("hello"), one.call("hello")
            await one.dispatcher.asked(1)
            await one.settled()
            first.leave()
            await one.settled()
            assert not first.task.done()
            other.leave()
            await first.over()
            assert one.dispatcher.cancelled == 1
            assert not one.flying

    play(run())


@pytest.mark.parametrize(
    ("failure", "shared"),
    [
        (UpstreamStatus(400, "too long", upstream_code="context_length_exceeded"), True),
        (UpstreamStatus(500, "down"), False),
        (UpstreamStatus(401, "not your key"), False),
        (UpstreamClosed("gone"), False),
        (LimitExceeded("its own limit", None, []), False),
    ],
)
def test_only_what_would_meet_all_is_shared(failure: Any, shared: bool) -> None:
    async def run() -> None:
        async with house() as one:
            first, other = one.call("hello"), one.call("hello")
            await one.dispatcher.asked(1)
            await one.settled()
            one.dispatcher.fail(failure)
            with pytest.raises(type(failure)):
                await first
            if shared:
                with pytest.raises(type(failure)):
                    await other
                assert one.dispatcher.times == 1
                return
            await one.dispatcher.asked(2)
            one.dispatcher.answer(Whole(completion("hi"), []))
            assert (await other).body == completion("hi")
            assert other.way.record.cache == "miss"

    play(run())


def test_a_stream_that_breaks_is_told_to_all_and_kept_for_nobody() -> None:
    async def run() -> None:
        async with house() as one:
            first, other = one.call("hello", stream=True), one.call("hello", stream=True)
            await one.dispatcher.asked(1)
            await one.settled()
            stream = one.dispatcher.begin()
            stream.say(CHUNKS[0])
            await one.until(lambda: other.way.body == CHUNKS[0])
            stream.break_off(UpstreamClosed("gone"))
            for call in (first, other):
                with pytest.raises(UpstreamClosed):
                    await call
            assert not one.entries()
            assert not one.flying

    play(run())


def test_another_kind_waits_for_the_end_and_finds_it_kept() -> None:
    async def run() -> None:
        async with house() as one:
            first = one.call("hello", stream=True)
            await one.dispatcher.asked(1)
            plain = one.call("hello")
            await one.settled()
            stream = one.dispatcher.begin()
            for data in CHUNKS:
                stream.say(data)
            stream.finish()
            await first
            assert b"Hello world" in (await plain).body
            assert plain.way.record.cache == "hit"
            assert one.dispatcher.times == 1

    play(run())


def test_a_slow_first_reader_holds_nobody_back() -> None:
    async def run() -> None:
        async with house() as one:
            first = one.call("hello", stream=True, stuck=True)
            await one.dispatcher.asked(1)
            other = one.call("hello", stream=True)
            await one.settled()
            stream = one.dispatcher.begin()
            for data in CHUNKS:
                stream.say(data)
            stream.finish()
            assert (await other).body == b"".join(CHUNKS)
            assert not first.task.done()
            first.way.go_on()
            assert (await first).body == b"".join(CHUNKS)

    play(run())


@pytest.mark.parametrize("leads", [True, False])
def test_who_is_too_far_behind_is_given_up_and_the_others_go_on(leads: bool) -> None:
    async def run() -> None:
        async with house(max_entry=1000) as one:
            calls = [one.call("hello", stream=True, stuck=leads)]
            await one.dispatcher.asked(1)
            calls.append(one.call("hello", stream=True, stuck=not leads))
            await one.settled()
            stream = one.dispatcher.begin()
            data = b"data: " + b"x" * 400 + b"\n\n"
            slow, quick = calls if leads else reversed(calls)
            for _ in range(100):
                stream.say(data)
                await one.settled()
            stream.finish()
            assert (await quick).body == data * 100
            assert not slow.task.done()
            slow.way.go_on()
            with pytest.raises(Unavailable):
                await slow
            assert len(slow.way.body) < 4000
            assert calls[0].way.record.usage is not None  # who asked pays for all of it
            assert not one.entries()

    play(run())


def test_slow_readers_are_waited_for_where_there_are_no_others() -> None:
    async def run() -> None:
        async with house(max_entry=1000) as one:
            calls = [one.call("hello", stream=True, stuck=True) for _ in range(2)]
            await one.dispatcher.asked(1)
            await one.settled()
            stream = one.dispatcher.begin()
            data = b"data: " + b"x" * 400 + b"\n\n"
            for _ in range(100):
                stream.say(data)
            await one.settled()
            assert stream.read < 10
            stream.finish()
            for call in calls:
                call.way.go_on()
            assert {(await call).body for call in calls} == {data * 100}

    play(run())


def test_what_an_echoing_answer_repeats_is_nobody_elses() -> None:
    """An answer of the Responses API repeats metadata of its request: only the very same bytes share it."""

    async def run() -> None:
        async with house() as one:
            calls = [
                one.call("hello", endpoint="responses", stream=True, metadata={"who": who}) for who in "ab"
            ]
            await one.dispatcher.asked(1)
            await one.settled()
            one.dispatcher.begin().break_off(UpstreamClosed("gone"))
            with suppress(UpstreamClosed):
                await calls[0]
            await one.dispatcher.asked(2)
            one.dispatcher.begin().break_off(UpstreamClosed("gone"))
            with suppress(UpstreamClosed):
                await calls[1]

    play(run())


@pytest.mark.parametrize("change", [{"coalesce": False}, {"headers": {b"x-gateway-cache": b"refresh"}}])
def test_who_wants_an_answer_of_their_own_gets_one(change: dict[str, Any]) -> None:
    async def run() -> None:
        headers = change.pop("headers", {})
        async with house(**change) as one:
            calls = [one.call("hello", headers=headers) for _ in range(2)]
            await one.dispatcher.asked(2)
            for text in "12":
                one.dispatcher.answer(Whole(completion(text), []))
            assert {(await call).body for call in calls} == {completion("1"), completion("2")}

    play(run())


def test_a_request_that_may_go_elsewhere_asks_itself() -> None:
    async def run() -> None:
        async with house() as one:
            calls = [one.call("hello", providers=(name,), route="fast") for name in ("openai", "other")]
            await one.dispatcher.asked(2)
            for text in "12":
                one.dispatcher.answer(Whole(completion(text), []))
            assert [(await call).body for call in calls] == [completion("1"), completion("2")]

    play(run())


def test_a_hit_is_no_call_upstream() -> None:
    async def run() -> None:
        async with house() as one:
            first = one.call("hello")
            await one.dispatcher.asked(1)
            one.dispatcher.answer(Whole(completion("hi"), []))
            await first
            again = await one.call("hello")
            assert again.record.cache == "hit"
            assert again.record.attempts == []
            assert again.record.cost_nano_usd == 0
            assert again.record.saved_nano_usd == 7
            assert b'"hi"' in again.body
            assert one.dispatcher.times == 1

    play(run())


def test_the_caller_of_another_target_gets_no_hit() -> None:
    async def run() -> None:
        async with house() as one:
            first = one.call("hello", route="fast")
            await one.dispatcher.asked(1)
            one.dispatcher.answer(Whole(completion("1"), []))
            await first
            other = one.call("hello", route="fast", providers=("other",))
            await one.dispatcher.asked(2)
            one.dispatcher.answer(Whole(completion("2"), []))
            assert (await other).body == completion("2")

    play(run())


def test_only_kept_answers_are_wanted() -> None:
    async def run() -> None:
        from gateway.errors import NotCached

        async with house() as one:
            with pytest.raises(NotCached):
                await one.call("hello", headers={b"x-gateway-cache": b"only"})
            assert one.dispatcher.times == 0

    play(run())


def test_asked_for_is_what_the_house_says() -> None:
    call, _ = asked_for("hello", stream=True)
    assert call.stream
    assert call.model == "gpt-4o"


def test_who_asks_in_the_turn_in_which_an_answer_came_has_it() -> None:
    async def run() -> None:
        async with house() as one:
            first = one.call("hello")
            await one.dispatcher.asked(1)
            one.dispatcher.answer(Whole(completion("hi"), []))
            calls = []
            while not first.task.done():
                calls.append(one.call("hello"))
                await asyncio.sleep(0)
            assert one.dispatcher.times == 1
            assert {(await call).record.cache for call in calls} <= {"coalesced", "hit"}
            assert not one.flying

    play(run())


def test_an_answer_that_cannot_be_kept_reaches_its_caller_all_the_same() -> None:
    async def run() -> None:
        async with house() as one:
            told: list[Exception] = []
            one.books.defect = lambda record, error: told.append(error)  # type: ignore[method-assign]
            one.books.failure = RuntimeError("no")
            call = one.call("hello")
            await one.dispatcher.asked(1)
            one.dispatcher.answer(Whole(completion("hi"), []))
            assert (await call).body == completion("hi")
            await one.settled()
            assert [str(error) for error in told] == ["no"]
            assert not one.flying

    play(run())


def test_an_answer_under_another_status_is_not_kept() -> None:
    async def run() -> None:
        async with house() as one:
            call = one.call("hello")
            await one.dispatcher.asked(1)
            call.way.record.status = 206
            one.dispatcher.answer(Whole(completion("hi"), []))
            await call
            await one.settled()
            assert not one.entries()
            assert not one.flying

    play(run())
