"""The cache of a worker: its hand on the shared store, and what holds for whom."""

import asyncio

from gateway._speedups.asking import Asked
from gateway._speedups.ledger import Ledger
from gateway.cache.store import Shelf, Store
from gateway.cache.verdicts import told_apart
from gateway.caching.checking import Checks, Copies
from gateway.caching.journey import Caching
from gateway.caching.rooms import Callers, Dispatch
from gateway.config import Config
from gateway.config.caching_model import CacheConfig, settings_for
from gateway.control.keeping import opened
from gateway.schemas.caching import Settings
from gateway.telemetry.caching import CacheCounts
from gateway.telemetry.settle import Telemetry
from gateway.wiring.asking import Asking
from gateway.wiring.meaning import Meanings

CHECK = 10
"""Beats between two looks at the store's files."""
MEMO = 4096
"""Callers whose settings are remembered."""


class Cached:
    """What of the cache lives as long as a worker: its store, its counts, and the answers on their way."""

    def __init__(self, shelf: Shelf, ledger: Ledger, callers: Callers, telemetry: Telemetry) -> None:
        self._shelf = shelf
        self._callers = callers
        self._telemetry = telemetry
        self._ledger = ledger
        self._counts: CacheCounts | None = None
        self._flying: dict[bytes, Asked] = {}
        self._store: Store | None = None
        self._journey: Caching | None = None
        self._meanings: Meanings | None = None
        self._asking: Asking | None = None
        self._sizes = ("", Settings())
        self._beats = 0

    def furnished(self, config: Config, dispatcher: Dispatch, copies: Copies | None) -> Caching | None:
        """The cache by this configuration; None where it has none. Without `copies` no hits are checked."""
        self._settle()
        if config.cache is None or not is_used(config, config.cache):
            self.close()
            return None
        self._counts = self._counts or CacheCounts(self._ledger)
        rules = Rules(config, config.cache)
        store = self._opened(config, config.cache.settings)
        if self._meanings is None:
            self._meanings = self._meant(store, config.cache.settings)
        if self._asking is not None:
            self._asking.dispatcher = dispatcher
        self._journey = Caching(
            *(store, rules, dispatcher, self._callers, self._telemetry, self._counts, self._flying),
            meaning=self._meanings.meaning,
            checks=self._checks(self._meanings, copies, self._counts, config),
        )
        return self._journey

    def _meant(self, store: Store, settings: Settings) -> Meanings:
        name = "" if settings.semantic is None else settings.semantic.embedder
        self._asking = Asking(name, self._telemetry)
        return Meanings(store, settings, asyncio.get_running_loop(), self._ledger, self._asking)

    def _checks(
        self, meanings: Meanings, copies: Copies | None, counts: CacheCounts, config: Config
    ) -> Checks | None:
        if meanings.verification is None or copies is None:
            return None
        return Checks(meanings.verification, meanings.same, copies, counts, told_apart(config.models))

    def _opened(self, config: Config, settings: Settings) -> Store:
        sizes = (config.data, settings)
        if self._store is None or self._sizes != sizes:
            self.close()
            self._store, self._sizes = opened(self._shelf, config, settings), sizes
        return self._store

    def beat(self) -> None:
        """To be called now and then."""
        self._beats += 1
        if self._store is not None and self._beats % CHECK == 0:
            self._store.check()
        if self._meanings is not None and self._beats % CHECK == 0:
            self._meanings.heed()
        if self._meanings is not None and not self._meanings.behind:
            self._meanings.follow()

    def _settle(self) -> None:
        """What was told a moment ago is kept."""
        if self._journey is not None:
            self._journey.settle()
            self._journey = None

    def close(self) -> None:
        """Gives the store's files back."""
        self._settle()
        if self._meanings is not None:
            self._meanings.stop()
            self._meanings = None
        if self._store is not None:
            self._store.close()
            self._store = None


class Rules:
    """What holds for requests of a route, a key and a team."""

    def __init__(self, config: Config, cache: CacheConfig) -> None:
        self._routes = {name: one.cache for name, one in config.models.items()}
        self._cache = cache
        self._known: dict[tuple[str, str, str], Settings] = {}

    def __call__(self, route: str, key: str, team: str) -> Settings:
        """The settings."""
        found = self._known.get((route, key, team))
        if found is None:
            if len(self._known) >= MEMO:
                self._known.clear()
            found = settings_for(self._cache, self._routes.get(route), key, team)
            self._known[route, key, team] = found
        return found


def is_used(config: Config, cache: CacheConfig) -> bool:
    """Whether anybody's requests may be answered by it."""
    if cache.settings.mode != "off":
        return True
    changes = [
        *cache.accounts.values(),
        *(one.cache for one in config.models.values() if one.cache is not None),
    ]
    return any(one.mode not in (None, "off") for one in changes)
