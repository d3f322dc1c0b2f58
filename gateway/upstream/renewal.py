"""A provider's lent credential: renewed ahead of its end by one task, read by every request."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import inf
from random import random
from time import time
from typing import TypeVar

from gateway.errors import NoProviderCredential
from gateway.providers.auth import BadSecret, NoCredentials
from gateway.providers.leases import Fetch, Lease
from gateway.telemetry.logs import log

T = TypeVar("T")

LONGEST = 30.0
"""Seconds that getting a lease may take."""

SLOWEST = 60.0
"""Seconds between two tries while the old lease still lives."""

QUICKEST = 5.0
"""The same while there is none: a request that needs it fails at once meanwhile."""

FORCED = 30.0
"""Seconds between two renewals that a provider's refusals cause."""


class Renewed:
    """Holds one lease. `start` begins to renew it; until then, and until the first is there, requests wait."""

    def __init__(
        self,
        provider: str,
        fetch: Fetch,
        *,
        clock: Callable[[], float] = time,
        draw: Callable[[], float] = random,
    ) -> None:
        self._provider = provider
        self._fetch = fetch
        self._clock = clock
        self._draw = draw
        self._lease: Lease | None = None
        self._failure = ""
        self._failures = 0
        self._settled = asyncio.Event()
        self._wake = asyncio.Event()
        self._refused = False
        self._forced_at = -inf
        self._task: asyncio.Task[None] | None = None
        self.secrets: tuple[bytes, ...] = ()

    def start(self) -> None:
        """Begins to get and to renew the lease."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        """Ends the renewing."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def lease(self, patience: float) -> Lease:
        """A lease that lives; waits up to `patience` seconds while it is being got. Raises NoProviderCredential."""
        lease = self._living()
        return lease if lease is not None else await self._wait(patience)

    def refused(self) -> None:
        """The provider did not take the credential: renew it early, but not for every refusal."""
        now = self._clock()
        if now - self._forced_at >= FORCED:
            self._forced_at = now
            self._refused = True
            self._wake.set()

    def _living(self) -> Lease | None:
        lease = self._lease
        return lease if lease is not None and lease.expires > self._clock() else None

    async def _wait(self, patience: float) -> Lease:
        if not self._failure:
            if self._lease is not None:  # it ended unseen, as on a machine that slept
                self._settled.clear()
                self._wake.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._settled.wait()
        lease = self._living()
        if lease is None:
            why = self._failure or "it did not come in time"
            raise NoProviderCredential(f"the provider {self._provider!r} has no usable credential: {why}")
        return lease

    async def _keep(self) -> None:
        while True:
            refused, self._refused = self._refused, False
            self._wake.clear()
            await self._renew(refused)
            self._settled.set()
            pause = self._pause()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if pause == inf else pause):
                    await self._wake.wait()

    async def _renew(self, refused: bool) -> None:
        try:
            lease = await in_thread(partial(self._fetch, refused), LONGEST)
            if lease.expires <= self._clock():
                raise NoCredentials("the credential that was given has ended already")
        except (NoCredentials, BadSecret) as error:
            self._failed(str(error))
        except TimeoutError:
            self._failed("nobody gave it in time")
        except Exception as error:  # a library's defect may not end the renewing
            self._failed(f"getting it failed: {type(error).__name__}")
        else:
            if self._failures:
                log.info("credential_renewed", provider=self._provider)
            old = () if self._lease is None else self._lease.secrets
            self._lease, self._failure, self._failures = lease, "", 0
            self.secrets = tuple(dict.fromkeys((*lease.secrets, *old)))

    def _failed(self, why: str) -> None:
        self._failures += 1
        self._failure = why
        log.warning(
            "credential_not_renewed",
            provider=self._provider,
            why=why,
            failures=self._failures,
            usable=self._living() is not None,
        )

    def _pause(self) -> float:
        """Seconds until the next renewal: when four fifths of the rest of the life are over, give or take."""
        lease = self._living()
        if self._failures:
            longest = QUICKEST if lease is None else SLOWEST
            return min(longest, 2.0 ** min(self._failures - 1, 10)) * (0.5 + 0.5 * self._draw())
        assert lease is not None  # it has just come
        if lease.poll is not None:
            return lease.poll * (0.8 + 0.2 * self._draw())
        left = lease.expires - self._clock()
        return left if left == inf else max(left * (0.75 + 0.1 * self._draw()), 0.1)


async def in_thread(work: Callable[[], T], seconds: float) -> T:
    """What `work` returns or raises, from a thread that keeps neither the loop nor the process waiting."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(set_outcome: Callable[[], None]) -> None:
        if not done.done():
            set_outcome()

    def run() -> None:
        try:
            outcome = partial(done.set_result, work())
        except Exception as error:
            outcome = partial(done.set_exception, error)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, name="credential", daemon=True).start()
    async with asyncio.timeout(seconds):
        return await done
