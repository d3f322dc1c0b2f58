"""A lent credential is got once, renewed ahead of its end, and missed loudly."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from math import inf

import pytest

from gateway.errors import NoProviderCredential
from gateway.providers.auth import NoCredentials
from gateway.providers.leases import Lease
from gateway.upstream.renewal import Renewed

PATIENCE = 5.0


class Lender:
    """Lends numbered tokens, or fails as it is told. `asked` holds what each request said of the last lease."""

    def __init__(self) -> None:
        self.asked: list[bool] = []
        self.lifetime = inf
        self.failure: Exception | None = None
        self.open = threading.Event()
        self.open.set()
        self.now = 1000.0

    def __call__(self, refused: bool) -> Lease:
        self.open.wait(10)
        self.asked.append(refused)
        if self.failure is not None:
            raise self.failure
        token = b"token-%d" % len(self.asked)
        return Lease(((b"authorization", token),), expires=self.now + self.lifetime, secrets=(token,))

    def clock(self) -> float:
        return self.now


@pytest.fixture
def lender() -> Lender:
    return Lender()


@pytest.fixture
async def renewed(lender: Lender) -> AsyncIterator[Renewed]:
    made = Renewed("vertex", lender, clock=lender.clock, draw=lambda: 1.0)
    yield made
    lender.open.set()
    await made.stop()


async def token(renewed: Renewed) -> bytes:
    return (await renewed.lease(PATIENCE)).headers[0][1]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a thread makes it true
            await asyncio.sleep(0.001)


async def test_requests_wait_for_the_first_lease_and_share_it(lender: Lender, renewed: Renewed) -> None:
    lender.open.clear()
    renewed.start()
    waiting = [asyncio.ensure_future(token(renewed)) for _ in range(5)]
    await asyncio.sleep(0)
    lender.open.set()
    assert await asyncio.gather(*waiting) == [b"token-1"] * 5
    assert lender.asked == [False]


async def test_waiting_has_an_end(lender: Lender, renewed: Renewed) -> None:
    lender.open.clear()
    renewed.start()
    with pytest.raises(
        NoProviderCredential, match="'vertex' has no usable credential: it did not come in time"
    ):
        await renewed.lease(0.01)


async def test_a_failure_is_told_at_once_and_the_next_success_heals_it(
    lender: Lender, renewed: Renewed
) -> None:
    lender.failure = NoCredentials("the chain is empty")
    renewed.start()
    with pytest.raises(NoProviderCredential, match="the chain is empty"):
        await renewed.lease(PATIENCE)
    lender.failure = None
    await until(lambda: bool(renewed.secrets))
    assert await token(renewed) == b"token-%d" % len(lender.asked)


async def test_a_foreign_defect_neither_ends_the_renewing_nor_shows_its_words(
    lender: Lender, renewed: Renewed
) -> None:
    lender.failure = RuntimeError("secret-canary")
    renewed.start()
    with pytest.raises(NoProviderCredential, match="getting it failed: RuntimeError") as failed:
        await renewed.lease(PATIENCE)
    assert "canary" not in str(failed.value)
    lender.failure = None
    await until(lambda: bool(renewed.secrets))


async def test_the_old_lease_serves_while_renewing_fails(lender: Lender, renewed: Renewed) -> None:
    lender.lifetime = 0.2  # renewed after most of it, by the loop's time; the clock of the test stands still
    renewed.start()
    assert await token(renewed) == b"token-1"
    lender.failure = NoCredentials("down")
    await until(lambda: len(lender.asked) >= 2)
    assert await token(renewed) == b"token-1"
    lender.now += 1
    with pytest.raises(NoProviderCredential, match="down"):
        await renewed.lease(PATIENCE)


async def test_a_renewed_lease_replaces_the_old_one_whose_secrets_are_still_known(
    lender: Lender, renewed: Renewed
) -> None:
    lender.lifetime = 0.2
    renewed.start()
    await until(lambda: len(renewed.secrets) == 2)
    newest, older = renewed.secrets
    assert await token(renewed) == newest
    assert older != newest


async def test_a_lease_that_ended_unseen_is_waited_for(lender: Lender, renewed: Renewed) -> None:
    lender.lifetime = 3600
    renewed.start()
    assert await token(renewed) == b"token-1"
    lender.now += 4000  # the machine slept; the loop's own clock did not run
    assert await token(renewed) == b"token-2"


async def test_refusals_renew_once_for_a_while(lender: Lender, renewed: Renewed) -> None:
    renewed.start()
    await token(renewed)
    for _ in range(20):
        renewed.refused()
    await until(lambda: len(lender.asked) == 2)
    renewed.refused()
    lender.now += 31
    renewed.refused()
    await until(lambda: len(lender.asked) == 3)
    assert lender.asked == [False, True, True]


async def test_a_lease_that_has_ended_already_is_none(lender: Lender, renewed: Renewed) -> None:
    lender.lifetime = -1
    renewed.start()
    with pytest.raises(NoProviderCredential, match="ended already"):
        await renewed.lease(PATIENCE)


async def test_no_repr_shows_a_lease() -> None:
    assert "canary" not in repr(Lease(((b"authorization", b"canary"),), secrets=(b"canary",)))
