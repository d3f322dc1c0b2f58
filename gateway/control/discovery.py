"""The job that keeps the providers' lists of models: asks in turn, keeps the last good list, tells the workers."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from gateway.control.files import discovered
from gateway.control.lists import ListFailed, Source
from gateway.providers.discovered import Listing, listing, write
from gateway.providers.offers import Offer
from gateway.telemetry.logs import log

FIRST_RETRY = 30.0
"""Seconds until a provider that failed is asked again, doubled with every failure up to the usual interval."""
JITTER = 0.2
GATHER = 0.1
"""Seconds in which further lists are waited for, so that the file is written once for all."""
AT_ONCE = 8

Fetch = Callable[[Source], Awaitable[dict[str, Offer]]]


class Round(NamedTuple):
    """Who is asked, and how often: `every` is in seconds."""

    sources: list[Source]
    every: float


Changes = Callable[[], Awaitable[Round]]
"""Waits until others are to be asked than before, or at other times, and says so."""


async def never() -> Round:
    """All stays as in the beginning."""
    await asyncio.Event().wait()
    return Round([], 0.0)


class Discovery:
    """`publish` is called when the file at `path` is a new one."""

    def __init__(
        self,
        first: Round,
        path: Path,
        fetch: Fetch,
        publish: Callable[[], object],
        changes: Changes = never,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._round = first
        self._path = path
        self._fetch = fetch
        self._publish = publish
        self._changes = changes
        self._sleep = sleep
        self._draw = draw
        self._kept = kept(path, first.sources)
        self._changed = asyncio.Event()
        self._turned = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Runs until it is cancelled."""
        if self._kept:
            self._publish()  # a predecessor may have ended between writing the file and saying so
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._write_changes())
            following: dict[str, tuple[Source, asyncio.Task[None]]] = {}
            while True:
                self._turn_to(self._round.sources, following, tasks)
                self._round = await self._changes()
                turned, self._turned = self._turned, asyncio.Event()
                turned.set()

    def _turn_to(
        self,
        wanted: list[Source],
        following: dict[str, tuple[Source, asyncio.Task[None]]],
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Follows these alone. A list is forgotten with its provider, and where it was another one's."""
        asked = {source.provider: source for source in wanted}
        for name, (source, task) in tuple(following.items()):
            if asked.get(name) != source:
                task.cancel()
                del following[name]
        for name, listed in tuple(self._kept.items()):
            if name not in asked or asked[name].address != listed.source:
                del self._kept[name]
                self._changed.set()
        for name, source in asked.items():
            if name not in following:
                following[name] = source, tasks.create_task(self._follow(source))

    async def _follow(self, source: Source) -> None:
        failures = 0
        while True:
            try:
                async with self._slots:
                    offers = await self._fetch(source)
            except ListFailed as error:
                failures += 1
                self._say(source, error, failures)
                if error.status in (404, 405, 410):
                    failures = max(failures, 32)  # it has no list: asked again at the usual interval
            else:
                failures = 0
                self._take(source, offers)
            await self._rest(failures)

    async def _rest(self, failures: int) -> None:
        """Until it is time to ask again, by what is said of that by then."""
        began, past, share = time.monotonic(), 0.0, 1 + JITTER * (2 * self._draw() - 1)
        while True:
            over = asyncio.ensure_future(self._sleep(max(0.0, self._wait(failures) * share - past)))
            turned = asyncio.ensure_future(self._turned.wait())
            try:
                await asyncio.wait((over, turned), return_when=asyncio.FIRST_COMPLETED)
                if over.done():
                    return
                past = time.monotonic() - began
            finally:
                over.cancel()
                turned.cancel()

    def _take(self, source: Source, offers: dict[str, Offer]) -> None:
        found = listing(source.address, offers)
        if found != self._kept.get(source.provider):
            self._kept[source.provider] = found
            self._changed.set()
            log.info("models_discovered", provider=source.provider, models=len(offers))

    def _say(self, source: Source, error: ListFailed, failures: int) -> None:
        level = "warning" if failures == 1 else "debug"
        hint = (
            "the last list is kept" if source.provider in self._kept else "its models are asked for by name"
        )
        log.write(level, "discovery_failed", {"provider": source.provider, "error": str(error), "hint": hint})

    def _wait(self, failures: int) -> float:
        every = self._round.every
        return min(every, FIRST_RETRY * 2 ** min(failures - 1, 16)) if failures else every

    async def _write_changes(self) -> None:
        while True:
            await self._changed.wait()
            await self._sleep(GATHER)
            self._changed.clear()
            try:
                write(self._path, self._kept)
            except OSError as error:
                log.warning("models_not_kept", file=str(self._path), error=error.strerror)
            else:
                self._publish()


def kept(path: Path, sources: list[Source]) -> dict[str, Listing]:
    """What is on disk of these sources."""
    addresses = {source.provider: source.address for source in sources}
    found = discovered(path) or {}
    return {name: one for name, one in found.items() if addresses.get(name) == one.source}
