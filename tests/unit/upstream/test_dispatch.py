"""A plan's journey over real sockets: whom it asks, what its caller gets, and that nothing is left behind."""

import asyncio
import contextlib
from pathlib import Path
from time import monotonic_ns

import pytest
from dispatching import CLOSE, EVENTS, GATE, HANG, STREAM, completion, delta, house, refusal, until, whole

from gateway import errors
from gateway._speedups.health import HALF_OPEN, OPEN, SHUT
from gateway.schemas.plan import Hedge, Plan, Target
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage
from gateway.upstream.replies import Stream, Whole


def outcomes(record: Record) -> list[tuple[str, str]]:
    return [(one.provider, one.cause or one.outcome) for one in record.attempts]


async def test_a_retry_then_the_next_target(tmp_path: Path) -> None:
    record = Record("r")
    async with house(tmp_path, "a", "b") as one:
        one.providers["a"].script(refusal(500))
        reply = await one.send(one.plan("a", "b"), record=record)
        assert isinstance(reply, Whole)
        assert (one.providers["a"].asked, one.providers["b"].asked) == (2, 1)
    assert outcomes(record) == [("a", "server_error"), ("a", "server_error"), ("b", "ok")]
    assert (record.provider, record.fallback) == ("b", True)
    assert ("next", "a", "fallback") in one.watched.told


async def test_an_open_target_is_passed_over_and_costs_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b") as one:
        one.open_it("a")
        record = Record("r")
        await one.send(one.plan("a", "b"), record=record)
        assert one.providers["a"].asked == 0
        assert (outcomes(record), record.fallback) == ([("b", "ok")], False)


async def test_when_all_are_open_the_first_is_tried(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b") as one:
        one.open_it("a")
        one.open_it("b")
        await one.send(one.plan("a", "b"))
        assert (one.providers["a"].asked, one.providers["b"].asked) == (1, 0)
        assert one.health("a").state(1) == OPEN  # an answer to what was sent while it was open proves nothing


async def test_a_plan_of_one_is_tried_while_it_is_open(tmp_path: Path) -> None:
    async with house(tmp_path, "a") as one:
        one.open_it("a")
        await one.send(one.plan("a"))
        assert one.providers["a"].asked == 1


async def test_one_probe_at_a_time_and_an_answer_shuts(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b") as one:
        one.open_it("a", rest=0)
        one.providers["a"].script([HANG])
        probe = asyncio.create_task(one.send(one.plan("a", "b")))
        await one.providers["a"].came.wait()
        for _ in range(5):
            await one.send(one.plan("a", "b"))
        assert (one.providers["a"].asked, one.providers["b"].asked) == (1, 5)
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        one.providers["a"].script(completion())
        await one.send(one.plan("a", "b"))  # the claim came back with the cancellation
        assert one.providers["a"].asked == 2
        assert one.health("a").state(1) == SHUT


@pytest.mark.parametrize("answer", [refusal(400), refusal(409), refusal(404)], ids=["400", "409", "404"])
async def test_a_probe_of_which_nobody_is_to_blame_gives_its_claim_back(
    tmp_path: Path, answer: list[bytes]
) -> None:
    async with house(tmp_path, "a", "b") as one:
        one.open_it("a", rest=0)
        one.providers["a"].script(answer)
        with contextlib.suppress(errors.UpstreamStatus):
            await one.send(one.plan("a", "b", retries=0))
        assert one.health("a").state(1 << 60) == HALF_OPEN
        one.providers["a"].script(completion())
        await one.send(one.plan("a", "b"))
        assert one.health("a").state(1) == SHUT


async def test_a_probe_keeps_its_claim_over_its_keys(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b", keys=2) as one:
        one.open_it("a", rest=0)
        one.providers["a"].script(refusal(401), [HANG])
        probe = asyncio.create_task(one.send(one.plan("a", "b")))
        await until(lambda: one.providers["a"].asked == 2)
        await one.send(one.plan("a", "b"))
        assert (one.providers["a"].asked, one.providers["b"].asked) == (2, 1)
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        assert one.health("a").admit(monotonic_ns()) == 2


async def test_what_a_target_cannot_serve_goes_on_without_a_try(tmp_path: Path) -> None:
    """No flight, no claim, and no attempt to read a cause from."""
    async with house(tmp_path, "a", "b") as one:
        one.open_it("a", rest=0)
        record = Record("r")
        plan = one.plan("a", "b")
        one.connections["a"]._lanes.clear()
        one.connections["a"]._families.clear()
        await one.send(plan, record=record)
        assert outcomes(record) == [("b", "ok")]
        assert one.health("a").admit(monotonic_ns()) == 2


async def test_the_next_key_at_once_and_the_refused_one_benched(tmp_path: Path) -> None:
    async with house(tmp_path, "a", keys=2) as one:
        one.providers["a"].script(refusal(401), completion())
        for _ in range(6):
            await one.send(one.plan("a"))
        refused, *rest = one.providers["a"].keys
        assert set(rest) == {"key0", "key1"} - {refused}
        assert one.slept == []
        assert [told for told in one.watched.told if told[0] == "bench"] == [
            ("bench", "a", refused[-1], "60.0")
        ]


async def test_a_benched_key_comes_back_after_its_time(tmp_path: Path) -> None:
    async with house(tmp_path, "a", keys=2) as one:
        for _ in range(10):  # again and again: no longer each time
            one.connections["a"].bench(one.connections["a"].first_credential, 0.5)
        await one.send(one.plan("a"))
        assert one.providers["a"].keys == ["key1"]
        await asyncio.sleep(0.51)
        for _ in range(40):
            await one.send(one.plan("a"))
        assert set(one.providers["a"].keys) == {"key0", "key1"}
        assert [told[2:] for told in one.watched.told if told[0] == "bench"] == [("0", "0.5"), ("0", "0.0")]


async def test_all_keys_limited_leaves_the_target_alone_for_as_long_as_it_asks(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b", keys=2) as one:
        one.providers["a"].script(refusal(429, retry_after="7"))
        record = Record("r")
        await one.send(one.plan("a", "b"), record=record)
        assert outcomes(record) == [("a", "rate_limited")] * 2 + [("b", "ok")]
        assert one.slept == []
        seconds = (one.health("a").open_until - asyncio.get_running_loop().time() * 1e9) / 1e9
        assert 5 < seconds <= 7


@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [
        (refusal(429, retry_after="40"), refusal(429, retry_after="90"), b"40"),
        (refusal(429, retry_after="90"), refusal(529, retry_after="40"), b"40"),
        (refusal(429), refusal(429, retry_after_ms="20500"), b"21"),
        (refusal(429, retry_after="9"), refusal(500), None),
        (
            refusal(429),
            refusal(429, x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="6m"),
            b"360",
        ),
    ],
)
async def test_the_caller_learns_the_shortest_wait(
    tmp_path: Path, first: list[bytes], second: list[bytes], seconds: bytes | None
) -> None:
    async with house(tmp_path, "a", "b", retries=0) as one:
        one.providers["a"].script(first)
        one.providers["b"].script(second)
        with pytest.raises(errors.UpstreamStatus) as failure:
            await one.send(one.plan("a", "b"))
        told = dict(failure.value.headers)
        wait = told.get(b"retry-after") or b"%d" % -(-int(told.get(b"retry-after-ms", b"0")) // 1000)
        assert (wait if wait != b"0" else None) == seconds


async def test_the_caller_learns_when_a_target_that_was_passed_over_is_back(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b", retries=0) as one:
        one.open_it("a", rest=10)
        one.providers["b"].script(refusal(429, retry_after="50"))
        with pytest.raises(errors.UpstreamStatus) as failure:
            await one.send(one.plan("a", "b"))
        assert dict(failure.value.headers)[b"retry-after"] == b"10"


async def test_a_prompt_that_was_too_long_needs_a_larger_window(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b", "c") as one:
        targets = (Target("a", "small"), Target("b", "small"), Target("b", "equal"), Target("c", "large"))
        one.windows = {("a", "small"): 8, ("b", "equal"): 8, ("c", "large"): 32}
        one.providers["a"].script(refusal(400, "context_length_exceeded"))
        record = Record("r")
        await one.send(Plan(targets), record=record)
        assert [(try_.provider, try_.model) for try_ in record.attempts] == [("a", "small"), ("c", "large")]


async def test_a_stream_that_breaks_after_it_began_counts_against_its_target(tmp_path: Path) -> None:
    record = Record("r")
    async with house(tmp_path, "a", "b") as one:
        one.providers["a"].script([EVENTS, delta("he"), CLOSE])
        stream = await one.send(one.plan("a", "b"), stream=True, record=record)
        assert isinstance(stream, Stream)
        assert one.health("a").in_flight == 1
        assert b"he" in await stream.chunk()
        for _ in range(2):
            with pytest.raises(errors.UpstreamClosed):
                await stream.chunk()
        stream.abort()
        stream.abort()
        await stream.close()
        assert one.providers["b"].asked == 0
    assert outcomes(record) == [("a", "closed")]
    assert [told for told in one.watched.told if told[0] == "error"] == [("error", "a", "closed")]


async def test_a_stream_is_in_flight_until_it_is_over(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b") as one:
        one.providers["a"].script(STREAM)
        stream = await one.send(one.plan("a", "b"), stream=True)
        assert isinstance(stream, Stream)
        while await stream.chunk():
            assert one.health("a").in_flight == 1
        await stream.close()


async def test_usage_of_a_stream_that_never_came_to_content_is_written_down(tmp_path: Path) -> None:
    record = Record("r")
    usage = {"prompt_tokens": 30, "completion_tokens": 0, "total_tokens": 30}
    async with house(tmp_path, "a", "b", retries=0) as one:
        one.providers["a"].script([EVENTS, delta(usage=usage), CLOSE])
        await one.send(one.plan("a", "b"), record=record)
        one.providers["b"].script(STREAM)
        record = Record("r")
        stream = await one.send(one.plan("a", "b"), stream=True, record=record)
        assert isinstance(stream, Stream)
        stream.abort()
    assert [one.usage for one in record.attempts] == [Usage(input=30), None]


async def test_a_silent_target_is_not_asked_twice(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b", first_byte=0.3) as one:
        one.providers["a"].script([HANG])
        await one.send(one.plan("a", "b"))
        assert (one.providers["a"].asked, one.providers["b"].asked) == (1, 1)


async def test_the_time_for_all_tries_is_one(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b", total=0.05) as one:
        one.providers["a"].script([HANG])
        with pytest.raises(errors.UpstreamTimeout) as failure:
            await one.send(one.plan("a", "b"))
        assert failure.value.phase == "total"
        assert one.providers["b"].asked == 0
        assert one.health("a").opened == 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "answer", [[HANG], [EVENTS, HANG], refusal(500)[:1]], ids=["silent", "begun", "pause"]
)
async def test_a_caller_that_goes_away_takes_everything_along(
    tmp_path: Path, stream: bool, answer: list[bytes]
) -> None:
    """Before the first byte, before the first token, and in the pause between two tries."""
    async with house(tmp_path, "a", "b", keys=2) as one:
        asleep = one.sleeps_on = asyncio.Event()
        one.providers["a"].script(answer)
        record = Record("r")
        task = asyncio.create_task(one.send(one.plan("a", "b"), stream=stream, record=record))
        await one.providers["a"].came.wait()
        if answer[0].startswith(b"HTTP/1.1 500"):
            await asleep.wait()
        else:
            await asyncio.sleep(0.01)
            assert one.health("a").in_flight == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if not asleep.is_set():
            await until(lambda: one.providers["a"].open == 0)
            assert [try_.outcome for try_ in record.attempts] == ["dropped"]
        assert (one.providers["a"].asked, one.providers["b"].asked) == (1, 0)


async def test_limits_are_heeded_only_where_a_route_asks(tmp_path: Path) -> None:
    names = ("limit", "remaining", "reset")
    headers = {
        f"x_ratelimit_{name}_requests": said for name, said in zip(names, ("100", "25", "1m"), strict=True)
    }
    for heeds, room in ((False, 1.0), (True, 0.25)):
        folder = tmp_path / str(heeds)
        folder.mkdir()
        async with house(folder, "a", heeds_limits=heeds) as one:
            one.providers["a"].script(
                whole(200, {"choices": [], "usage": None}, **headers), refusal(400, **headers)
            )
            await one.send(one.plan("a"))
            assert one.health("a").headroom(int(asyncio.get_running_loop().time() * 1e9)) == room
            with pytest.raises(errors.UpstreamStatus):
                await one.send(one.plan("a"))


# --- hedges ---

NOW = Hedge(share=1.0, after=0.02)


async def test_the_second_try_wins_over_a_slow_one(tmp_path: Path) -> None:
    record = Record("r")
    async with house(tmp_path, "a", "b") as one:
        one.providers["a"].script([HANG])
        reply = await one.send(one.plan("a", "b", hedge=NOW), record=record)
        assert isinstance(reply, Whole)
        assert b"hi" in reply.body
        await until(lambda: one.providers["a"].open == 0)  # its connection is closed, not kept
    assert outcomes(record) == [("a", "hedge_lost"), ("b", "ok")]
    assert (record.provider, record.usage) == ("b", Usage(input=10, output=5))
    assert record.waited_ns >= 0.02e9
    assert ("hedge", "won") in one.watched.told


async def test_the_first_may_still_win(tmp_path: Path) -> None:
    record = Record("r")
    async with house(tmp_path, "a", "b") as one:
        one.providers["a"].script([GATE, *completion()])
        one.providers["b"].script([HANG])
        task = asyncio.create_task(one.send(one.plan("a", "b", hedge=NOW), record=record))
        await one.providers["b"].came.wait()
        one.providers["a"].gate.set()
        await task
        await until(lambda: one.providers["b"].open == 0)
    assert outcomes(record) == [("a", "ok"), ("b", "hedge_lost")]
    assert (record.provider, record.fallback) == ("a", False)
    assert ("hedge", "lost") in one.watched.told


async def test_a_target_that_always_loses_is_learnt_as_slow(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b") as one:
        one.providers["a"].script([HANG])
        await one.send(one.plan("a", "b", hedge=Hedge(share=1.0, after=0.3)))
        now = monotonic_ns()
        # Less than the hedge waited for: connecting takes its time.
        assert one.health("a").latency(now) > 0.1e9
        assert one.health("a").success == 1


async def test_a_caller_that_leaves_tells_how_long_it_waited(tmp_path: Path) -> None:
    async with house(tmp_path, "a") as one:
        one.providers["a"].script([HANG])
        task = asyncio.create_task(one.send(one.plan("a")))
        await one.providers["a"].came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert one.health("a").latency(monotonic_ns()) > 0


async def test_a_refusal_says_nothing_of_how_long_an_answer_takes(tmp_path: Path) -> None:
    async with house(tmp_path, "a") as one:
        one.providers["a"].script(refusal(400))
        with pytest.raises(errors.UpstreamStatus):
            await one.send(one.plan("a"))
        assert one.health("a").latency(monotonic_ns()) == 0


async def test_a_quick_first_is_not_hedged(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b") as one:
        await one.send(one.plan("a", "b", hedge=Hedge(share=1.0, after=5.0)))
        assert one.providers["b"].asked == 0
        assert one.watched.told == []


async def test_a_hedged_stream_belongs_to_the_callers_record(tmp_path: Path) -> None:
    record = Record("r")
    async with house(tmp_path, "a", "b") as one:
        one.providers["a"].script([EVENTS, delta(usage={"prompt_tokens": 30, "completion_tokens": 0}), HANG])
        one.providers["b"].script(STREAM)
        stream = await one.send(one.plan("a", "b", hedge=NOW), stream=True, record=record)
        assert isinstance(stream, Stream)
        assert record.first_token_ns > 0
        while await stream.chunk():
            pass
        stream.note(record)
        await stream.close()
        await until(lambda: one.providers["a"].open == 0)
    assert outcomes(record) == [("a", "hedge_lost"), ("b", "ok")]
    assert record.attempts[0].usage == Usage(input=30)  # what the loser used is not lost


async def test_both_fail_and_a_third_answers(tmp_path: Path) -> None:
    record = Record("r")
    async with house(tmp_path, "a", "b", "c", retries=0, first_byte=0.3) as one:
        one.providers["a"].script([HANG])
        one.providers["b"].script(refusal(500))
        reply = await one.send(one.plan("a", "b", "c", hedge=NOW), record=record)
        assert isinstance(reply, Whole)
    assert outcomes(record) == [("a", "timeout_first_byte"), ("b", "server_error"), ("c", "ok")]
    assert ("hedge", "failed") in one.watched.told
    assert one.providers["c"].asked == 1


async def test_what_is_the_callers_mistake_ends_the_race(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b", "c") as one:
        one.providers["a"].script([GATE, *refusal(400)])
        one.providers["b"].script([HANG])
        task = asyncio.create_task(one.send(one.plan("a", "b", "c", hedge=NOW)))
        await one.providers["b"].came.wait()
        one.providers["a"].gate.set()
        with pytest.raises(errors.UpstreamStatus):
            await task
        await until(lambda: one.providers["b"].open == 0)
        assert (one.providers["b"].asked, one.providers["c"].asked) == (1, 0)


async def test_hedges_are_a_share_of_traffic(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b", first_byte=0.03) as one:
        one.providers["a"].script([HANG])
        for _ in range(20):
            one.health("a").succeeded(1, 1)  # so that it stays in the plan
            with contextlib.suppress(errors.UpstreamTimeout):
                await one.send(one.plan("a", "b", hedge=Hedge(0.1, 0.001)))
        hedged = [told for told in one.watched.told if told[0] == "hedge"]
        assert 1 <= len(hedged) <= 3


async def test_nothing_is_known_of_a_new_target_and_so_it_is_not_slow(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b", first_byte=0.3) as one:
        one.providers["a"].script([HANG])
        await one.send(one.plan("a", "b", hedge=Hedge(share=1.0)))
        assert not [told for told in one.watched.told if told[0] == "hedge"]


@pytest.mark.parametrize("late", [0.0, 0.001, 0.03], ids=["at-once", "before-the-hedge", "in-the-race"])
async def test_a_caller_that_leaves_a_race_ends_both(tmp_path: Path, late: float) -> None:
    async with house(tmp_path, "a", "b") as one:
        one.open_it("a", rest=0)
        one.open_it("b", rest=0)
        one.providers["a"].script([HANG])
        one.providers["b"].script([HANG])
        task = asyncio.create_task(one.send(one.plan("a", "b", hedge=NOW)))
        await asyncio.sleep(late)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: one.providers["a"].open + one.providers["b"].open == 0)
        assert [one.health(name).admit(monotonic_ns()) for name in ("a", "b")] == [2, 2]  # no claim is left
