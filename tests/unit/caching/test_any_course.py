"""Whatever happens in whatever order: everybody comes to an end, is told what they asked for, and nothing is left."""

import asyncio
import random
import time
from contextlib import suppress
from typing import Any

import pytest
from caching_house import CHUNKS, USAGE, Calling, House, Stream, completion, play

from gateway.errors import ClientDisconnected, Unavailable
from gateway.upstream.replies import Whole

TEXTS = ("one", "two", "three")
WISHES: tuple[dict[bytes, bytes], ...] = (
    *({}, {}, {}),
    {b"x-gateway-cache": b"refresh"},
    {b"x-gateway-cache-ttl": b"0"},
)
ENDPOINTS = ("chat_completions", "chat_completions", "messages", "responses")
SEEDS = 120


class Course:
    """One house, and what is drawn to happen in it."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.house = House(scope="key")
        self.calls: list[tuple[str, bool, Calling]] = []
        self.told: list[tuple[Stream, list[bytes]]] = []

    def ask(self) -> None:
        text, endpoint = self.draw.choice(TEXTS), self.draw.choice(ENDPOINTS)
        stream = self.draw.random() < 0.5
        more: dict[str, Any] = {} if endpoint == "responses" else {"max_tokens": 9}
        headers = self.draw.choice(WISHES)
        call = self.house.call(text, stream=stream, endpoint=endpoint, headers=headers, **more)
        self.calls.append((text, stream, call))

    def answer(self, *, fails: float = 0.0) -> None:
        waiting = self.house.dispatcher._waiting
        if not waiting:
            return
        turn, record = waiting.pop(self.draw.randrange(len(waiting)))
        if turn.done():
            return  # whoever asked is gone
        text, stream = next((text, stream) for text, stream, call in self.calls if call.way.record is record)
        if self.draw.random() < fails:
            turn.set_exception(Unavailable("down"))
        elif stream:
            begun = Stream(record)
            self.told.append((begun, [piece.replace(b"Hello", text.encode()) for piece in CHUNKS]))
            turn.set_result(begun)
        else:
            record.usage, record.finish, record.answered_model = USAGE, "stop", "gpt-4o"
            turn.set_result(Whole(completion(text), []))

    def go_on(self, *, breaks: float = 0.0) -> None:
        if not self.told:
            return
        stream, left = one = self.draw.choice(self.told)
        if left and self.draw.random() >= breaks:
            stream.say(left.pop(0))
            return
        self.told.remove(one)
        if left:
            stream.break_off(Unavailable("broke off"))
        else:
            stream.finish()

    def leave(self) -> None:
        here = [call for _, _, call in self.calls if not call.task.done()]
        if here:
            with suppress(KeyError):  # it is over, and nobody watches it any more
                self.draw.choice(here).leave()

    def purge(self) -> None:
        for leader in self.house.flying.values():
            if leader.terms is not None:
                self.house.store.purge(leader.terms.owner, time.time())
                return

    async def run(self) -> None:
        for _ in range(60):
            which = self.draw.choices(
                (
                    self.ask,
                    lambda: self.answer(fails=0.15),
                    lambda: self.go_on(breaks=0.1),
                    self.leave,
                    self.purge,
                ),
                (8, 4, 4, 2, 1),
            )
            which[0]()
            for _ in range(self.draw.randrange(5)):
                await asyncio.sleep(0)
        while not all(call.task.done() for _, _, call in self.calls):
            self.answer()
            self.go_on()
            await asyncio.sleep(0)
        self.house.caching.settle()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_course(seed: int) -> None:
    async def run() -> None:
        course = Course(seed)
        await course.run()
        assert not course.house.flying
        for text, _, call in course.calls:
            if call.task.cancelled():
                continue
            error = call.task.exception()
            assert error is None or isinstance(error, Unavailable | ClientDisconnected)
            if error is None and not call.way.gone:
                others = [one for one in TEXTS if one != text]
                assert text.encode() in call.way.body
                assert not any(b'"%s"' % other.encode() in call.way.body for other in others)

    play(run())
