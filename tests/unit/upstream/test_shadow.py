"""Shadows: a copy's answer is read and recorded, and whatever becomes of it, no request waits for it."""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway._speedups.jsonscan import request_facts
from gateway.errors import UpstreamClosed
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Shadow, Target
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage
from gateway.upstream.replies import Whole
from gateway.upstream.shadow import Shadows

TARGET = Target("other", "model")
ALWAYS = (Shadow(TARGET, 1.0),)


class Told:
    def __init__(self) -> None:
        self.records: list[tuple[str, Record]] = []
        self.defects: list[Exception] = []

    def shadow(self, record: Record, outcome: str) -> None:
        self.records.append((outcome, record))

    def defect(self, record: Record, error: Exception) -> None:
        self.defects.append(error)

    @property
    def outcomes(self) -> list[str]:
        return [outcome for outcome, _ in self.records]


class Streamed:
    """An answer that comes in pieces; the last step may be what breaks it."""

    def __init__(self, steps: list[bytes | Exception]) -> None:
        self._steps = steps
        self.ended = ""

    async def chunk(self) -> bytes:
        await asyncio.sleep(0)
        step = self._steps.pop(0) if self._steps else b""
        if isinstance(step, Exception):
            raise step
        return step

    def note(self, record: Record) -> None:
        record.usage, record.finish = Usage(input=3, output=4), "stop"

    async def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"


class Sender:
    """Stands in for the dispatcher: answers when the gate is open."""

    def __init__(self, answer: Callable[[], Any] = lambda: Whole(b"{}", [])) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.seen: list[tuple[Plan, bytes]] = []
        self._answer = answer

    async def send(self, plan: Plan, call: Call, record: Record) -> Any:
        self.seen.append((plan, call.body))
        await self.gate.wait()
        return self._answer()


def call_of(size: int = 0) -> Call:
    body = json.dumps({"model": "m", "messages": [], "pad": "x" * size}).encode()
    return Call("chat_completions", "openai", body, request_facts(body), "m")


def shadows(sender: Any, told: Told, **bounds: Any) -> Shadows:
    return Shadows(sender, told, **{"most": 4, "most_bytes": 10_000, **bounds})


async def until(what: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not what():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)


async def test_a_copy_goes_out_once_without_retries_and_is_recorded() -> None:
    sender, told = Sender(), Told()
    record = Record("abc", key="key-1", requested_model="fast", rule="r")
    shadows(sender, told).cast(ALWAYS, call_of(), record)
    assert sender.seen == [], "the copy must not go before the request's own answer does"
    await until(lambda: told.records)
    assert sender.seen == [(Plan((TARGET,), retries=0), call_of().body)]
    outcome, copy = told.records[0]
    assert (outcome, copy.request_id, copy.shadow, copy.status) == ("ok", "abc-shadow", True, 200)
    assert (copy.endpoint, copy.key, copy.requested_model, copy.rule) == (
        "chat_completions",
        "key-1",
        "fast",
        "r",
    )
    assert copy.total_ns > 0
    assert record == msgspec.structs.replace(record), "the request's own record is not touched"
    assert not record.shadow


async def test_a_stream_is_read_to_its_end() -> None:
    reply, told = Streamed([b"a", b"b"]), Told()
    shadows(Sender(lambda: reply), told).cast(ALWAYS, call_of(), Record("id"))
    await until(lambda: told.records)
    assert (told.outcomes, reply.ended, told.records[0][1].usage) == (
        ["ok"],
        "closed",
        Usage(input=3, output=4),
    )


async def test_a_stream_that_breaks_is_an_error_of_the_copy_alone() -> None:
    reply, told = Streamed([b"a", UpstreamClosed("cut")]), Told()
    shadows(Sender(lambda: reply), told).cast(ALWAYS, call_of(), Record("id"))
    await until(lambda: told.records)
    assert (told.outcomes, reply.ended) == (["error"], "aborted")
    assert (told.records[0][1].error, told.records[0][1].status) == ("upstream_closed", 502)


async def test_a_defect_is_told_and_harms_nobody() -> None:
    def broken() -> Any:
        raise ValueError("a defect")

    told = Told()
    shadows(Sender(broken), told).cast(ALWAYS, call_of(), Record("id"))
    await until(lambda: told.records)
    assert (told.outcomes, [str(one) for one in told.defects]) == (["error"], ["a defect"])


async def test_the_share_decides() -> None:
    points = iter([0.04, 0.05, 0.9, 0.0])
    sender, told = Sender(), Told()
    running = shadows(sender, told, draw=lambda: next(points))
    for _ in range(4):
        running.cast((Shadow(TARGET, 0.05),), call_of(), Record("id"))
    await until(lambda: len(told.records) == 2)
    assert len(sender.seen) == 2


@pytest.mark.parametrize(("bounds", "room"), [({"most": 2}, 2), ({"most_bytes": 3 * 140}, 3)])
async def test_beyond_the_bounds_copies_are_dropped_and_counted(bounds: dict[str, int], room: int) -> None:
    sender, told = Sender(), Told()
    sender.gate.clear()
    running = shadows(sender, told, **bounds)
    call = call_of(140 - len(call_of().body))
    for _ in range(5):
        running.cast(ALWAYS, call, Record("id"))
    assert told.outcomes == ["dropped"] * (5 - room)
    sender.gate.set()
    await until(lambda: len(told.records) == 5)
    running.cast(ALWAYS, call, Record("id"))
    await until(lambda: len(told.records) == 6)
    assert told.outcomes[-1] == "ok", "the room is there again"


async def test_a_drain_ends_all_and_lets_no_other_begin() -> None:
    sender, told = Sender(), Told()
    sender.gate.clear()
    running = shadows(sender, told)
    running.cast(ALWAYS, call_of(), Record("id"))
    await asyncio.sleep(0)
    running.cut()
    running.cast(ALWAYS, call_of(), Record("id"))
    await running.stop()
    await until(lambda: told.records)
    assert told.outcomes == ["cancelled"]
    assert len(sender.seen) == 1


async def test_the_callers_going_away_does_not_matter() -> None:
    sender, told = Sender(), Told()
    sender.gate.clear()
    running = shadows(sender, told)

    async def caller() -> None:
        running.cast(ALWAYS, call_of(), Record("id"))
        await asyncio.sleep(60)

    task = asyncio.get_running_loop().create_task(caller())
    await until(lambda: sender.seen)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    sender.gate.set()
    await until(lambda: told.records)
    assert told.outcomes == ["ok"]


async def test_the_body_is_let_go_when_the_answer_begins() -> None:
    """What holds a copy while its answer is read is its record, not its body."""
    hold = asyncio.Event()

    class Slow(Streamed):
        async def chunk(self) -> bytes:
            await hold.wait()
            return b""

    alive: list[Call] = []

    class Watching(Sender):
        async def send(self, plan: Plan, call: Call, record: Record) -> Any:
            alive.append(call)
            return Slow([])

    told = Told()
    shadows(Watching(), told).cast(ALWAYS, call_of(), Record("id"))
    await until(lambda: alive)
    await asyncio.sleep(0)
    holders = sys.getrefcount(alive[0])
    assert holders == 2, "this list, and the argument"
    hold.set()
    await until(lambda: told.records)
