"""The cache as control has it: its upkeep under the configuration of the moment, and what an operator asks of it."""

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from gateway._speedups.ledger import Ledger, Table
from gateway._speedups.shelf import EVERYBODY
from gateway.cache.files import Erasure, enroll, mark
from gateway.cache.keys import owner_of, scope_named
from gateway.cache.store import Shelf, Store
from gateway.cache.verdicts import Checked, Verdicts, by_route, edition_of
from gateway.cache.verification import ALL, Tally, risen
from gateway.config import Config
from gateway.control.caching import Caching
from gateway.schemas.caching import Settings
from gateway.telemetry.caching import RESULTS, Figures, looked_up

PULSE = 0.5
"""Seconds between two looks at the configuration."""
HEAD = 4096
"""Bytes that an entry may have beside its body."""
MOST_MEMBERS = 512
"""Of a tenant that are purged with it one by one."""


def cache_folder(config: Config) -> Path:
    """Where the entries are."""
    return Path(config.data) / "cache"


def opened(shelf: Shelf, config: Config, settings: Settings) -> Store:
    """A process's own hand on the store."""
    most = settings.max_entry + HEAD
    return Store(shelf, cache_folder(config), max_size=settings.max_size, max_entry=most)


def shelf_for(config: Config) -> Shelf:
    """The memory that all processes share, with what lies in the folder counted, so that its bound holds at once."""
    shelf = Shelf()
    with suppress(OSError):  # there is no folder yet
        enroll(shelf, cache_folder(config))
    return shelf


def figures(shelf: Shelf, ledger: Ledger, config: Config) -> Figures:
    """What the store holds and how careful it is, by what all processes count."""
    counts = shelf.counts()
    size = sum([one.size for one in shelf.get_lines()])
    trouble = {name: counts[name] for name in ("refused", "lost", "damaged")}
    threshold, groups, routes = _checked(ledger, config)
    return Figures(counts["entries"], size, counts["evicted"], threshold, groups, **trouble, routes=routes)


def _checked(ledger: Ledger, config: Config) -> tuple[float, int, tuple[Checked, ...]]:
    """How alike questions must be now, where hits are checked, how many groups of them more than others, and what came
    of it for each route."""
    semantic = None if config.cache is None else config.cache.settings.semantic
    if semantic is None or not semantic.verify:
        return 0.0, 0, ()
    verdicts = Verdicts(ledger, edition_of(semantic))
    total = verdicts.get(ALL) or Tally()
    groups = sum([tally.rises > total.rises for _, tally in verdicts.all()])
    own = {name: one.cache.threshold if one.cache else None for name, one in config.models.items()}
    thresholds = {name: one or semantic.threshold for name, one in own.items()}
    routes = by_route(verdicts, thresholds, semantic.threshold)
    return risen(semantic.threshold, total.rises), groups, tuple(routes)


class Keeping:
    """`store` is there while the configuration has a cache."""

    def __init__(self, shelf: Shelf, config: Callable[[], Config]) -> None:
        self._shelf = shelf
        self.config = config
        self.store: Store | None = None

    async def run(self) -> None:
        """Runs until it is cancelled. Raises what the upkeep raises."""
        while True:
            cache = self.config().cache
            if cache is None:
                await asyncio.sleep(PULSE)
                continue
            await self._keep(cache.settings)

    async def _keep(self, settings: Settings) -> None:
        """Until other settings hold."""
        config = self.config()
        self.store = opened(self._shelf, config, settings)
        job = asyncio.ensure_future(Caching(self.store).run())
        try:
            while not job.done() and self._holds(config, settings):
                await asyncio.wait((job,), timeout=PULSE)
        finally:
            self.store = None
            job.cancel()
            with suppress(asyncio.CancelledError):
                await job

    def _holds(self, config: Config, settings: Settings) -> bool:
        now = self.config()
        return now is config or (now.cache is not None and now.cache.settings == settings)


class Desk:
    """What an operator asks of the cache."""

    def __init__(self, shelf: Shelf, ledger: Ledger, keeping: Keeping) -> None:
        self._shelf = shelf
        self._ledger = ledger
        self._events = Table(ledger, "events")
        self._keeping = keeping

    @property
    def is_open(self) -> bool:
        """Whether there is a cache."""
        return self._keeping.store is not None

    @property
    def is_used(self) -> bool:
        """Whether there is a cache, or was one."""
        config = self._keeping.config()
        return config.cache is not None or cache_folder(config).is_dir()

    def forget(self, id: str) -> bool:
        """Nobody is told this entry any more; False where there is none of this id."""
        store = self._keeping.store
        return store is not None and store.forget(id)

    def purge(self, kind: str, name: str, members: Collection[tuple[str, str]] = ()) -> bool:
        """Nobody is told any more what was kept for this tenant and these members of it up to now; False where it has
        to be asked again. Of `all`, and of more members than can be told apart, that holds of everybody's. Where the
        cache is not open, its folder remembers it. Raises OSError."""
        tenants = {(kind, name), *members}
        owners = [owner_of(scope_named(*one)) for one in sorted(tenants)]
        if kind == "all" or len(owners) > MOST_MEMBERS:
            owners = [EVERYBODY]
        store = self._keeping.store
        if store is not None:
            now = time.time()
            refused = [owner for owner in owners if not store.purge(owner, now)]
            return not refused
        folder = cache_folder(self._keeping.config())
        if folder.is_dir():
            mark(folder, *(Erasure(owner, "", time.time_ns()) for owner in owners))
        return True

    def held(self) -> Figures:
        """What the store holds."""
        return figures(self._shelf, self._ledger, self._keeping.config())

    def figures(self) -> dict[str, int]:
        """What it holds, and how often it said what."""
        now, looked = self.held(), looked_up(self._events)
        cache = self._keeping.config().cache
        held = {"entries": now.entries, "bytes": now.bytes, "evicted": now.evicted}
        held["max_size"] = 0 if cache is None else cache.settings.max_size
        trouble = {"refused": now.refused, "lost": now.lost, "damaged": now.damaged}
        return held | {result: looked[result] for result in RESULTS} | trouble
