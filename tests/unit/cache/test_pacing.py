"""A kept answer is told at a reader's pace: the same words, when they are due, for as long as somebody reads."""

import asyncio
import json
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from caller_answers import CALLERS
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from told_answers import ID, kept, stream

from gateway.cache.canonical import Kept
from gateway.cache.pacing import Pace, Paced, _pieces, paced
from gateway.dialects.endpoints import ARRAYS, Endpoint
from gateway.schemas.chat import ChatRequest
from gateway.schemas.events import Event, ReasoningDelta, TextDelta

WORDS = "one two three four five six seven eight nine ten"


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def read(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def pace(self, rate: float) -> Pace:
        return Pace(rate, self.read, self.sleep)


def answer() -> Kept:
    message = {"role": "assistant", "content": WORDS, "reasoning_content": "Let me count."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 14}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "gpt", "usage": usage}
    return kept("chat_completions", json.dumps({**body, "choices": [choice]}).encode(), stream=False)


def told(endpoint: Endpoint, request: ChatRequest, pace: Pace) -> Paced:
    found = paced(answer(), endpoint, request, ID, pace)
    assert found is not None
    return found


@pytest.mark.parametrize("called", CALLERS)
async def test_at_a_pace_the_same_is_said(called: str) -> None:
    caller, clock = CALLERS[called], Clock()
    chunks = [data async for data in told(caller.endpoint, caller.request, clock.pace(50)).chunks]
    assert len(chunks) > len(WORDS.split())
    assert all(chunks)
    assert caller.join(b"".join(chunks)) == caller.join(stream(answer(), caller))


async def test_words_come_when_they_are_due() -> None:
    caller, clock = CALLERS["chat_completions"], Clock()
    times = [
        (clock.now, data)
        async for data in told(caller.endpoint, caller.request, clock.pace(10)).chunks
        if b'"content":" ' in data
    ]
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(times)]
    assert gaps
    assert all(0.09 < gap < 0.3 for gap in gaps)


async def test_what_is_due_at_once_goes_out_together() -> None:
    caller, clock = CALLERS["chat_completions"], Clock()
    chunks = [data async for data in told(caller.endpoint, caller.request, clock.pace(1000)).chunks]
    assert 1 < len(chunks) < len(WORDS.split())


async def test_a_slow_reader_is_not_kept_waiting_twice() -> None:
    caller, clock = CALLERS["chat_completions"], Clock()
    async for _ in told(caller.endpoint, caller.request, clock.pace(10)).chunks:
        clock.now += 60
    assert len(clock.slept) == 1


async def test_a_reader_who_goes_ends_it() -> None:
    caller = CALLERS["messages"]
    began = asyncio.Event()

    async def forever(_: float) -> None:
        began.set()
        await asyncio.Event().wait()

    found = told(caller.endpoint, caller.request, Pace(1, Clock().read, forever))

    async def read() -> None:
        async for _ in found.chunks:
            pass

    task = asyncio.create_task(read())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [data async for data in found.chunks] == []


async def test_an_array_is_told_at_a_pace() -> None:
    endpoint, caller, clock = ARRAYS["generate_content"], CALLERS["generate_content"], Clock()
    chunks = [data async for data in told(endpoint, caller.request, clock.pace(50)).chunks]
    texts = [
        part["text"]
        for element in json.loads(b"".join(chunks))
        for part in element["candidates"][0]["content"]["parts"]
        if not part.get("thought")
    ]
    assert "".join(texts) == WORDS
    assert len(texts) > len(WORDS.split())


@given(st.text(max_size=200))
def test_words_make_the_text(text: str) -> None:
    pieces = [piece for piece, _ in _pieces(TextDelta(3, text))]
    assert "".join([piece.text for piece in pieces if isinstance(piece, TextDelta)]) == text
    assert all(isinstance(piece, TextDelta) and piece.part == 3 for piece in pieces)


@given(st.text(max_size=80), st.text(max_size=9))
def test_a_thought_keeps_its_proof_to_its_end(text: str, signature: str) -> None:
    pieces = [piece for piece, _ in _pieces(ReasoningDelta(0, text, signature, "i", "f"))]
    thoughts = [piece for piece in pieces if isinstance(piece, ReasoningDelta)]
    assert "".join([thought.text for thought in thoughts]) == text
    assert [thought.signature for thought in thoughts] == [""] * (len(thoughts) - 1) + [signature]
    assert all((thought.id, thought.format) == ("i", "f") for thought in thoughts)


class Breaking:
    """A writer that finds no words for the third event."""

    def __init__(self) -> None:
        self.left = 2

    def write(self, event: Event) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise ValueError("no words")
        return b"word "


def test_what_cannot_be_told_is_a_miss_before_anything_was_told() -> None:
    """What was kept is hostile: an answer that breaks off in the middle is none."""
    caller, clock = CALLERS["messages"], Clock()
    codec: Any = SimpleNamespace(name=caller.endpoint.codec.name, writer=lambda *_, **__: Breaking())
    endpoint = replace(caller.endpoint, codec=codec)
    assert paced(answer(), endpoint, caller.request, ID, clock.pace(50)) is None
