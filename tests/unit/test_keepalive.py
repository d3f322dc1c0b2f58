"""The way back to a caller who waits: silent while the answer is quick, alive while it is slow."""

import asyncio
from typing import Any

import pytest

from gateway.dialects.endpoints import ARRAYS, ENDPOINTS
from gateway.keepalive import Living, living
from gateway.schemas.record import Record

SIGN = b": keep-alive\n\n"
OFTEN = 0.02


class Wire:
    """A door's `Send` that remembers; with `slow` it does not take what it is given until told."""

    def __init__(self) -> None:
        self.started = False
        self.told: list[Any] = []
        self.free = asyncio.Event()
        self.free.set()
        self.speaking = 0

    async def whole(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.told.append(("whole", status))

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.started = True
        self.told.append(("start", status, dict(headers)[b"content-type"]))

    async def chunk(self, data: bytes) -> None:
        assert self.speaking == 0, "two speak at once"
        self.speaking += 1
        await self.free.wait()
        self.speaking -= 1
        self.told.append(data)

    async def cut(self) -> None:
        self.told.append("cut")

    async def end(self) -> None:
        self.told.append("end")


def made(wire: Wire, every: float = OFTEN, endpoint: str = "chat_completions") -> Living:
    found = living(wire, ENDPOINTS[endpoint], True, every, Record("r"))
    assert found is not None
    return found


async def until(wire: Wire, count: int) -> None:
    async with asyncio.timeout(5):
        while len(wire.told) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def test_a_quick_answer_has_no_signs() -> None:
    wire = Wire()
    send = made(wire, 60.0)
    await send.start(200, [(b"content-type", b"text/event-stream")])
    await send.chunk(b"one")
    await send.end()
    assert wire.told == [("start", 200, b"text/event-stream"), b"one", "end"]


async def test_a_quick_failure_keeps_its_status() -> None:
    wire = Wire()
    send = made(wire)
    assert not send.started
    await send.whole(429, [], b"{}")
    await asyncio.sleep(OFTEN * 3)
    assert wire.told == [("whole", 429)]


async def test_a_slow_answer_begins_with_signs_and_its_head_once() -> None:
    wire = Wire()
    send = made(wire)
    await until(wire, 3)
    assert send.started
    await send.start(200, [(b"content-type", b"other")])
    await send.chunk(b"one")
    await send.end()
    told = len(wire.told)
    assert wire.told[:3] == [("start", 200, b"text/event-stream"), SIGN, SIGN]
    assert wire.told[-2:] == [b"one", "end"]
    await asyncio.sleep(OFTEN * 3)
    assert len(wire.told) == told


async def test_signs_come_between_tokens_too_and_never_while_something_is_said() -> None:
    wire = Wire()
    send = made(wire)
    await send.start(200, [(b"content-type", b"x")])
    await send.chunk(b"one")
    await until(wire, 4)
    assert wire.told[1:4] == [b"one", SIGN, SIGN]
    wire.free.clear()
    async with asyncio.timeout(5):
        while not wire.speaking:  # noqa: ASYNC110 - a sign is on its way to a caller who does not read
            await asyncio.sleep(0.002)
    saying = asyncio.ensure_future(send.chunk(b"two"))
    await asyncio.sleep(OFTEN)
    wire.free.set()
    await saying
    assert wire.told[-1] == b"two"
    await send.end()


async def test_a_caller_who_is_gone_leaves_nothing_behind() -> None:
    wire = Wire()
    wire.free.clear()
    send = made(wire)
    await until(wire, 1)
    before = asyncio.all_tasks()
    send.rest()
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == {asyncio.current_task()} < before
    wire.free.set()
    await asyncio.sleep(OFTEN * 3)
    assert len(wire.told) == 1


@pytest.mark.parametrize(
    "name", ["chat_completions", "completions", "responses", "messages", "generate_content", "cohere_chat"]
)
async def test_dialects_that_allow_it(name: str) -> None:
    send = made(Wire(), 60.0, name)
    send.rest()


async def test_where_nothing_may_be_said() -> None:
    wire, record = Wire(), Record("r")
    assert living(wire, ENDPOINTS["converse"], True, 1.0, record) is None
    assert living(wire, ARRAYS["generate_content"], True, 1.0, record) is None
    assert living(wire, ENDPOINTS["chat_completions"], False, 1.0, record) is None
    assert living(wire, ENDPOINTS["chat_completions"], True, 0.0, record) is None
