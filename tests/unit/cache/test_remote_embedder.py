"""A provider's vectors: gathered, remembered, and never waited for beyond the deadline."""

import asyncio
import math
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.embedding import remote
from gateway.cache.embedding.base import direction
from gateway.cache.embedding.remote import RemoteEmbedder
from tests.reference.embed_oracle import floats


class Provider:
    """Answers with the length of each text, once it is let."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None
        self.answer: Sequence[Sequence[float]] | None = None

    async def __call__(self, texts: list[str]) -> Sequence[Sequence[float]]:
        self.asked.append(texts)
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return [[float(len(text)), 1.0] for text in texts] if self.answer is None else self.answer


async def until(holds: Callable[[], object]) -> None:
    for _ in range(10_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    pytest.fail("it never came true")


async def test_texts_that_come_together_are_asked_together_and_once() -> None:
    provider = Provider()
    embedder = RemoteEmbedder("openai/small", provider)
    found = await asyncio.gather(*(embedder.embed(text) for text in ("a", "bb", "a")))
    assert provider.asked == [["a", "bb"]]
    assert found[0] == found[2] == direction([1.0, 1.0])
    assert found[1] == direction([2.0, 1.0])
    assert await embedder.embed("bb") == embedder.now("bb") == found[1]
    assert len(provider.asked) == 1


async def test_a_full_batch_does_not_wait_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "BATCH", 2)
    monkeypatch.setattr(remote, "GATHERING", 3600)
    provider = Provider()
    embedder = RemoteEmbedder("openai/small", provider, deadline=60)
    assert all(await asyncio.gather(embedder.embed("a"), embedder.embed("b")))


async def test_what_comes_too_late_is_a_miss_and_there_the_next_time() -> None:
    provider = Provider()
    provider.open.clear()
    embedder = RemoteEmbedder("openai/small", provider, deadline=0.01)
    assert await embedder.embed("a") is None
    assert embedder.now("a") is None
    provider.open.set()
    await until(partial(embedder.now, "a"))
    assert await embedder.embed("a") == direction([1.0, 1.0])


@pytest.mark.parametrize("answer", [[], [[1.0]], [[0.0, 0.0], [1.0, 0.0]], [[math.nan], [1.0]]])
async def test_an_answer_that_cannot_be_is_a_miss(answer: Sequence[Sequence[float]]) -> None:
    provider = Provider()
    provider.answer = answer
    embedder = RemoteEmbedder("openai/small", provider)
    first, _ = await asyncio.gather(embedder.embed("a"), embedder.embed("b"))
    assert first is None


async def test_a_failure_is_a_miss_and_the_next_may_succeed() -> None:
    provider = Provider()
    provider.failure = OSError("away")
    embedder = RemoteEmbedder("openai/small", provider)
    assert await embedder.embed("a") is None
    provider.failure = None
    assert await embedder.embed("a") is not None


async def test_a_caller_that_goes_away_leaves_the_others_theirs() -> None:
    provider = Provider()
    provider.open.clear()
    embedder = RemoteEmbedder("openai/small", provider, deadline=60)
    gone, waiting = (asyncio.ensure_future(embedder.embed("a")) for _ in range(2))
    await until(partial(len, provider.asked))
    gone.cancel()
    provider.open.set()
    assert await waiting is not None


async def test_no_more_wait_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MOST_WAITING", 1)
    provider = Provider()
    provider.open.clear()
    embedder = RemoteEmbedder("openai/small", provider, deadline=60)
    waiting = asyncio.ensure_future(embedder.embed("a"))
    await until(partial(len, provider.asked))
    assert await embedder.embed("b") is None
    embedder.stop()
    assert await waiting is None


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "REMEMBERED", 3)
    monkeypatch.setattr(remote, "GATHERING", 0)
    embedder = RemoteEmbedder("openai/small", Provider())
    for text in ("a", "b", "c", "d"):
        await embedder.embed(text)
    assert [text for text in "abcd" if embedder.now(text) is not None] == ["b", "c", "d"]


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20))
def test_vectors_have_length_one(values: list[float]) -> None:
    vector = direction(values)
    if vector is None:
        assert math.hypot(*values) < 1e-8
    else:
        assert math.hypot(*floats(vector)) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    "values", [[], [0.0], [math.inf], [math.nan], [1e308, 1e308], ["a"], [None], [1.0] * 4097]
)
def test_what_has_no_direction_is_no_vector(values: list[float]) -> None:
    assert direction(values) is None


async def test_who_fails_too_often_is_left_alone_until_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "REST", 3600.0)
    provider = Provider()
    told: list[bool] = []
    provider.failure = OSError("away")
    embedder = RemoteEmbedder("openai/small", provider, deadline=60, warn=told.append)
    for number in range(6):
        assert await embedder.embed(str(number)) is None
    assert (len(provider.asked), told) == (remote.PATIENCE, [True])
    embedder._rests_until = 0.0
    provider.failure = None
    assert await embedder.embed("a") is None, "nobody waits for the one that is tried"
    await until(lambda: not embedder.rests)
    assert told == [True, False]
    assert await embedder.embed("b") is not None
    assert embedder.now("a") is not None


async def test_who_is_always_late_is_left_alone_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "REST", 3600.0)
    provider = Provider()
    provider.open.clear()
    embedder = RemoteEmbedder("openai/small", provider, deadline=0.01)
    for number in range(remote.PATIENCE):
        assert await embedder.embed(str(number)) is None
    await until(lambda: embedder.rests)
    assert await embedder.embed("a") is None
    assert len(provider.asked) == remote.PATIENCE
    provider.open.set()
    await until(partial(embedder.now, "0"))
    assert embedder.rests, "a late answer is remembered, but shows nothing"


async def test_after_the_end_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider()
    embedder = RemoteEmbedder("openai/small", provider, deadline=0.01)
    waiting = asyncio.ensure_future(embedder.embed("a"))
    await asyncio.sleep(0)
    embedder.stop()
    assert await waiting is None
    assert provider.asked == []
