"""Copies that somebody listens to: told what they are told, and whether they ended as an answer ends."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway._speedups.jsonscan import request_facts
from gateway.errors import UpstreamClosed
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record
from gateway.upstream.replies import Whole
from gateway.upstream.shadow import Shadows

TARGET = Target("other", "model")
CALL = Call("chat_completions", "openai", b"{}", request_facts(b"{}"), "m")


class Listener:
    def __init__(self) -> None:
        self.heard = b""
        self.endings: list[str] = []

    def hear(self, data: bytes) -> None:
        self.heard += data

    async def ended(self, record: Record) -> None:
        self.endings.append(f"ended {record.status}")

    def failed(self) -> None:
        self.endings.append("failed")


class Watcher:
    def __init__(self) -> None:
        self.outcomes: list[tuple[str, Record]] = []

    def shadow(self, record: Record, outcome: str) -> None:
        self.outcomes.append((outcome, record))

    def defect(self, record: Record, error: Exception) -> None:
        pytest.fail(str(error))


class Streamed:
    def __init__(self, *steps: bytes | Exception) -> None:
        self._steps = list(steps)

    async def chunk(self) -> bytes:
        step = self._steps.pop(0) if self._steps else b""
        if isinstance(step, Exception):
            raise step
        return step

    def note(self, record: Record) -> None:
        record.finish = "stop"

    async def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


class Sender:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.plans: list[Plan] = []

    async def send(self, plan: Plan, call: Call, record: Record) -> Any:
        self.plans.append(plan)
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def until(what: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not what():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)


CASES = [
    (Whole(b"all of it", []), b"all of it", "ended 200", "ok"),
    (Streamed(b"in ", b"pieces"), b"in pieces", "ended 200", "ok"),
    (Streamed(b"in ", UpstreamClosed("gone")), b"in ", "failed", "error"),
    (UpstreamClosed("gone"), b"", "failed", "error"),
]


@pytest.mark.parametrize(("answer", "heard", "ending", "outcome"), CASES)
async def test_what_a_copy_is_told_is_heard(answer: Any, heard: bytes, ending: str, outcome: str) -> None:
    sender, watcher, listener = Sender(answer), Watcher(), Listener()
    shadows = Shadows(sender, watcher, most=1, most_bytes=100)
    shadows.copy(TARGET, CALL, Record("id", key="k1"), listener)
    await until(lambda: watcher.outcomes)
    assert (listener.heard, listener.endings) == (heard, [ending])
    [(told, record)] = watcher.outcomes
    assert (told, record.key, record.shadow, record.cache) == (outcome, "k1", True, "checked")
    assert sender.plans == [Plan((TARGET,), retries=0)]


async def test_a_drain_ends_it_and_lets_no_other_begin() -> None:
    watcher, listener = Watcher(), Listener()
    shadows = Shadows(Sender(None), watcher, most=2, most_bytes=100)
    shadows.copy(TARGET, CALL, Record("id"), listener)
    await asyncio.sleep(0)
    shadows.cut()
    shadows.copy(TARGET, CALL, Record("id"), listener)
    await until(lambda: watcher.outcomes)
    await shadows.stop()
    assert listener.endings == ["failed"]
    assert [outcome for outcome, _ in watcher.outcomes] == ["cancelled"]


async def test_what_finds_no_room_is_dropped_unheard() -> None:
    watcher, listener = Watcher(), Listener()
    Shadows(Sender(None), watcher, most=0, most_bytes=100).copy(TARGET, CALL, Record("id"), listener)
    assert [outcome for outcome, _ in watcher.outcomes] == ["dropped"]
    assert listener.endings == []
