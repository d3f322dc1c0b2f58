"""A stream that breaks after its first content is gone on with: one answer for the caller, each character once."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dispatching import CLOSE, DONE, EVENTS, HANG, PAUSE, House, delta, event, house, refusal

from gateway.errors import GatewayError, UpstreamTimeout
from gateway.schemas.record import Record
from gateway.upstream.replies import Stream

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
BROKEN = [EVENTS, delta("one "), delta("two"), CLOSE]
AGAIN = [EVENTS, delta("one t"), delta("wo three"), delta(" four"), delta(finish="stop", usage=USAGE), DONE]
TOOL = event(
    b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c",'
    b'"type":"function","function":{"name":"f","arguments":"{"}}]},"finish_reason":null}]}\n\n'
)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, "a", "b", retries=0, idle=0.3) as made:
        yield made


def ways(made: House, **prefills: str) -> None:
    """How the providers take an answer's beginning."""
    for name, way in prefills.items():
        connection = made.connections[name]
        connection.quirks = msgspec.structs.replace(connection.quirks, prefills=way)


async def read(made: House, *names: str, record: Record | None = None) -> tuple[bytes, GatewayError | None]:
    """All that the caller gets, and what ended it."""
    record = record or Record("r")
    reply = await made.send(made.plan(*names, mid_stream="resume"), True, record)
    assert isinstance(reply, Stream)
    out = b""
    try:
        while data := await reply.chunk():
            out += data
    except GatewayError as error:
        reply.abort()
        reply.note(record)
        return out, error
    reply.note(record)
    await reply.close()
    return out, None


def said(out: bytes) -> tuple[str, list[Any], set[str]]:
    """The text, the finish reasons and the ids of a stream."""
    events = [json.loads(line[6:]) for line in out.split(b"\n") if line.startswith(b"data: {")]
    choices = [choice for one in events for choice in one["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    finishes = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    return text, finishes, {one["id"] for one in events}


async def test_the_next_target_says_it_again_and_only_what_is_new_is_told(two: House) -> None:
    two.providers["a"].script(BROKEN)
    two.providers["b"].script(AGAIN)
    record = Record("r")
    out, error = await read(two, "a", "b", record=record)
    assert error is None
    assert said(out) == ("one two three four", ["stop"], {"chatcmpl-1"})
    assert out.count(b": resumed\n\n") == 1
    assert out.count(b"[DONE]") == 1
    assert out.count(b'"role"') == 1
    assert [one.outcome for one in record.attempts] == ["upstream_closed", "ok"]
    assert (record.resumed, record.fallback, record.provider) == (1, True, "b")


@pytest.mark.parametrize(
    "broken",
    [
        [EVENTS, delta("one "), delta("two"), b"0\r\n\r\n"],
        [EVENTS, delta("one "), delta("two"), event(b'data: {"error":{"message":"full","code":503}}\n\n')],
        [EVENTS, delta("one "), delta("two"), b"zz\r\n"],
        [EVENTS, delta("one "), delta("two"), HANG],
    ],
    ids=["ended", "in-band error", "no HTTP", "stall"],
)
async def test_whatever_breaks_a_stream(two: House, broken: list[bytes]) -> None:
    two.providers["a"].script(broken)
    two.providers["b"].script(AGAIN)
    out, error = await read(two, "a", "b")
    assert error is None
    assert said(out)[0] == "one two three four"


async def test_another_answer_is_no_continuation(two: House) -> None:
    two.providers["a"].script(BROKEN)
    two.providers["b"].script([EVENTS, delta("one too"), delta(finish="stop"), DONE])
    record = Record("r")
    out, error = await read(two, "a", "b", record=record)
    assert error is not None
    assert error.code == "upstream_closed"
    assert said(out)[:2] == ("one two", [])
    assert b"[DONE]" not in out
    assert [one.outcome for one in record.attempts] == ["upstream_closed", "answer_disagrees"]
    assert (record.resumed, record.provider) == (0, "a")


async def test_an_answer_that_ends_before_what_was_said_disagrees(two: House) -> None:
    two.providers["a"].script(BROKEN)
    two.providers["b"].script([EVENTS, delta("one"), delta(finish="stop"), DONE])
    out, error = await read(two, "a", "b")
    assert error is not None
    assert said(out)[:2] == ("one two", [])


@pytest.mark.parametrize(
    ("way", "answer"),
    [
        ("continue", (" three",)),
        ("prefix", ("one t", "wo three")),
        ("prefix", (" th", "ree")),
        ("prefix", ("on", "e two three")),
    ],
)
async def test_a_target_that_takes_a_beginning_goes_on_with_it(
    two: House, way: str, answer: tuple[str, ...]
) -> None:
    ways(two, b=way)
    two.providers["a"].script(BROKEN)
    two.providers["b"].script([EVENTS, *map(delta, answer), delta(finish="stop"), DONE])
    out, error = await read(two, "a", "b")
    assert error is None
    assert said(out)[0] == "one two three"


async def test_what_was_no_repetition_is_told(two: House) -> None:
    """The prefix is expected again; what began like it by chance belongs to the answer."""
    ways(two, b="prefix")
    two.providers["a"].script(BROKEN)
    two.providers["b"].script([EVENTS, delta("on"), delta(" and on"), delta(finish="stop"), DONE])
    assert said((await read(two, "a", "b"))[0])[0] == "one twoon and on"


async def test_a_target_that_refuses_a_beginning_is_asked_for_the_whole(two: House) -> None:
    ways(two, b="continue")
    two.providers["a"].script(BROKEN)
    two.providers["b"].script(refusal(400, message="does not support assistant message prefill"), AGAIN)
    out, error = await read(two, "a", "b")
    assert error is None
    assert said(out)[0] == "one two three four"
    assert two.providers["b"].asked == 2


async def test_never_inside_a_tool_call(two: House) -> None:
    two.providers["a"].script([EVENTS, delta("one "), TOOL, CLOSE])
    two.providers["b"].script(AGAIN)
    _, error = await read(two, "a", "b")
    assert error is not None
    assert two.providers["b"].asked == 0


async def test_a_second_break_is_resumed_too(tmp_path: Path) -> None:
    async with house(tmp_path, "a", "b", "c", retries=0) as made:
        used = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
        made.providers["a"].script([EVENTS, delta("one ", usage=used), delta("two"), CLOSE])
        made.providers["b"].script([EVENTS, delta("one two"), delta(" three"), CLOSE])
        made.providers["c"].script(AGAIN)
        record = Record("r")
        out, error = await read(made, "a", "b", "c", record=record)
        assert error is None
        assert said(out)[0] == "one two three four"
        assert record.resumed == 2
        assert record.usage is not None
        assert record.usage.output == 5
        assert [one.usage.output if one.usage else None for one in record.attempts] == [2, None, None]


async def test_with_nobody_left_the_stream_ends_with_its_error(two: House) -> None:
    two.providers["a"].script(BROKEN)
    out, error = await read(two, "a")
    assert error is not None
    assert said(out)[:2] == ("one two", [])
    assert two.providers["a"].asked == 1


async def test_nobody_is_asked_when_the_failure_is_the_callers(two: House) -> None:
    two.providers["a"].script(
        [
            EVENTS,
            delta("one"),
            event(b'data: {"error":{"message":"no","code":"content_filter","type":"x"}}\n\n'),
        ]
    )
    _, error = await read(two, "a", "b")
    assert error is not None
    assert two.providers["b"].asked == 0


async def test_a_caller_that_goes_away_meanwhile_leaves_nothing_behind(two: House) -> None:
    two.providers["a"].script(BROKEN)
    two.providers["b"].script([EVENTS, delta("one"), HANG])
    task = asyncio.create_task(read(two, "a", "b"))
    async with asyncio.timeout(5):
        await two.providers["b"].came.wait()
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await two.at_rest()
    async with asyncio.timeout(5):
        while two.providers["b"].open:  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def test_signs_of_life_are_no_tokens(two: House) -> None:
    two.providers["a"].script([EVENTS, delta("one"), *[event(b": ping\n\n"), PAUSE] * 200])
    reply = await two.send(two.plan("a"), True)
    assert isinstance(reply, Stream)
    assert await reply.chunk()
    with pytest.raises(UpstreamTimeout) as caught:
        await drained(reply)
    reply.abort()
    assert caught.value.phase == "idle"


async def drained(reply: Stream) -> None:
    while await reply.chunk():
        pass


async def test_an_event_that_is_no_json_is_left_out(two: House) -> None:
    two.providers["a"].script(
        [
            EVENTS,
            event(b"data: {broken\n\n"),
            delta("one"),
            event(b'data: {"x\n\n'),
            delta(" two"),
            delta(finish="stop"),
            DONE,
        ]
    )
    record = Record("r")
    out, error = await read(two, "a", record=record)
    assert error is None
    assert said(out)[0] == "one two"
    assert record.skipped == 2
