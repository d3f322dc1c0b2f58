"""The job that keeps the lists: when it asks again, what it keeps, and whom it asks at all."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.config.model import Config, ProviderConfig, ProviderKey
from gateway.config.secret import Secret
from gateway.control.discovery import FIRST_RETRY, GATHER, Discovery, Round
from gateway.control.lists import ListFailed, Source, sources
from gateway.providers.discovered import read
from gateway.providers.offers import Offer

HOUR = 3600.0
SOURCE = Source("mine", "http://here/v1", "http://here/v1/models", "openai_chat", ((),))
Script = Sequence[dict[str, Offer] | ListFailed]


async def waits_of(script: Script, path: Path, published: list[int] | None = None) -> list[float]:
    """Runs the job until the script is over; returns how long it waited between its questions."""
    answers, waited, over = iter(script), list[float](), asyncio.Event()

    async def fetch(_: Source) -> dict[str, Offer]:
        answer = next(answers, None)
        if answer is None:
            over.set()
            await asyncio.Event().wait()
        if isinstance(answer, ListFailed):
            raise answer
        assert answer is not None
        return answer

    async def sleep(seconds: float) -> None:
        if seconds != GATHER:
            waited.append(seconds)
        await asyncio.sleep(0)

    calls = [] if published is None else published
    once = Round([SOURCE], HOUR)
    job = Discovery(once, path, fetch, lambda: calls.append(1), sleep=sleep, draw=lambda: 0.5)
    task = asyncio.ensure_future(job.run())
    await asyncio.wait_for(over.wait(), 5)
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return waited


async def test_a_failing_provider_is_asked_ever_later_and_never_later_than_usual(tmp_path: Path) -> None:
    failures = [ListFailed("down")] * 9
    waited = await waits_of([{"a": Offer()}, *failures, {"a": Offer()}], tmp_path / "models")
    doubled = [min(FIRST_RETRY * 2**number, HOUR) for number in range(9)]
    assert waited == [HOUR, *doubled, HOUR]


async def test_a_provider_without_a_list_is_not_pressed(tmp_path: Path) -> None:
    assert await waits_of([ListFailed("it answered 404", 404)], tmp_path / "models") == [HOUR]


async def test_the_file_is_written_when_something_changed(tmp_path: Path) -> None:
    published: list[int] = []
    path = tmp_path / "models"
    await waits_of([{"a": Offer()}, {"a": Offer()}, ListFailed("down"), {"a": Offer()}], path, published)
    assert list(read(path)["mine"].models) == ["a"]
    assert len(published) == 1
    await waits_of([{"a": Offer()}], path, published)
    assert len(published) == 2  # what is there already is said once at the start


def _config(**given: ProviderConfig) -> Config:
    return Config(providers=given)


def test_only_providers_that_have_a_list_are_asked() -> None:
    key = (ProviderKey(Secret("k")),)
    config = _config(
        openai=ProviderConfig("openai", "openai", keys=key),
        listed=ProviderConfig("listed", "openai", keys=key, models=("a",)),
        silent=ProviderConfig("silent", "openai", keys=key, discover=False),
        azure=ProviderConfig("azure", "azure", base_url="https://x.openai.azure.com", keys=key),
        voyage=ProviderConfig("voyage", "voyage", keys=key),
        lent=ProviderConfig("lent", "gemini"),
        ollama=ProviderConfig("ollama", "ollama"),
    )
    found = {source.provider: source for source in sources(config)}
    assert set(found) == {"openai", "ollama"}
    assert found["openai"].url == "https://api.openai.com/v1/models"
    assert found["openai"].credentials == (((b"authorization", b"Bearer k"),),)
    assert found["ollama"].credentials == ((),)


@pytest.mark.parametrize(
    ("kind", "path"), [("anthropic", "/v1/models"), ("gemini", "/v1beta/models"), ("cohere", "/v1/models")]
)
def test_each_vendor_is_asked_in_its_way(kind: str, path: str) -> None:
    [source] = sources(_config(one=ProviderConfig("one", kind, keys=(ProviderKey(Secret("canary")),))))
    assert source.url.endswith(path)
    assert source.dialect == kind
    assert "canary" not in source.url


async def test_others_are_asked_when_the_configuration_changes(tmp_path: Path) -> None:
    """New ones at once; a list goes with its provider, and with its address."""
    asked: list[str] = []
    turns: asyncio.Queue[Round] = asyncio.Queue()

    async def fetch(source: Source) -> dict[str, Offer]:
        asked.append(source.url)
        return {"a": Offer()}

    other = Source("other", "http://there/v1", "http://there/v1/models", "openai_chat", ((),))
    moved = Source("mine", "http://new/v1", "http://new/v1/models", "openai_chat", ((),))
    path = tmp_path / "models"

    async def until(names: list[str]) -> None:
        async with asyncio.timeout(5):
            while sorted((read(path) or {}) if path.exists() else {}) != names:  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.01)

    job = Discovery(Round([SOURCE], HOUR), path, fetch, str, turns.get)
    task = asyncio.ensure_future(job.run())
    await until(["mine"])
    turns.put_nowait(Round([SOURCE, other], HOUR))
    await until(["mine", "other"])
    assert asked == [SOURCE.url, other.url]
    turns.put_nowait(Round([moved], HOUR))
    await until(["mine"])
    async with asyncio.timeout(5):
        while read(path)["mine"].source != moved.address:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    assert asked == [SOURCE.url, other.url, moved.url]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_another_interval_holds_for_those_that_wait_already(tmp_path: Path) -> None:
    """Who was told to rest for an hour is asked when the new interval is over; nobody is asked twice for it."""
    turns: asyncio.Queue[Round] = asyncio.Queue()
    asked, waited, again = 0, list[float](), asyncio.Event()

    async def fetch(_: Source) -> dict[str, Offer]:
        nonlocal asked
        asked += 1
        return {}

    async def sleep(seconds: float) -> None:
        if seconds != GATHER:
            waited.append(seconds)
            again.set()
            if seconds > 600.0 or len(waited) > 2:
                await asyncio.Event().wait()

    path = tmp_path / "models"
    job = Discovery(Round([SOURCE], HOUR), path, fetch, str, turns.get, sleep=sleep, draw=lambda: 0.5)
    task = asyncio.ensure_future(job.run())
    async with asyncio.timeout(5):
        await again.wait()
        assert (asked, waited) == (1, [HOUR])
        turns.put_nowait(Round([SOURCE], 600.0))
        while len(waited) < 3:
            again.clear()
            await again.wait()
    assert asked == 2
    assert 500.0 < waited[1] <= 600.0  # what has passed of it is not waited for again
    assert waited[2] == 600.0
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
