"""What finds answers by their meaning: the embedder that the configuration names, and the index."""

import asyncio
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

from gateway.cache.agreement import Agreement
from gateway.cache.embedding.base import Embedder, EmbedderMissing
from gateway.cache.semantic import Semantic
from gateway.cache.store import Store
from gateway.cache.vectors import Vectors
from gateway.config import Config
from gateway.schemas.caching import Semantic as SemanticSettings
from gateway.schemas.caching import Settings
from gateway.telemetry.logs import log

if TYPE_CHECKING:
    from gateway.cache.graph import Graphs

DEADLINE = 0.1
"""Seconds after which a request goes on without the vector of its question."""
MEMORY = 160 << 20
"""Bytes of vectors in one worker."""
MOST = 100_000
"""Vectors of one namespace."""
SOON = 0.01
"""Seconds until more of what other workers wrote is learned."""


@cache
def static() -> Embedder:
    """The table, read once: before the fork it is every worker's. Raises EmbedderMissing."""
    from gateway.cache.embedding.static import installed  # only where its package is needed

    return installed()


def learn(config: Config) -> None:
    """Loads before the fork what all workers share."""
    found = config.cache
    if found is None or found.settings.semantic is None or found.settings.semantic.embedder != "static":
        return
    try:
        static()
        import gateway.cache.graph  # noqa: F401 - loaded here, it is every worker's
    except (EmbedderMissing, ImportError):
        return  # said where it is used


class Meanings:
    """A worker's index of questions; `meaning` is None where it cannot be had."""

    def __init__(self, store: Store, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._graphs: Graphs | None = None
        self._again: asyncio.TimerHandle | None = None
        self._embedder: Embedder | None = None
        self.meaning = self._made(store, settings)

    def _made(self, store: Store, settings: Settings) -> Semantic | None:
        if settings.semantic is None:
            return None
        try:
            embedder = embedder_of(settings.semantic)
        except EmbedderMissing as error:
            log.error(
                "cache_without_meaning", error=str(error), hint="requests are answered exactly or not at all"
            )
            return None
        self._embedder, self._graphs = embedder, graphs(_warn)
        vectors = Vectors(
            embedder.dimensions, memory=MEMORY, most=MOST, life=settings.ttl, indexing=self._graphs
        )
        return Semantic(embedder, store, Agreement(), vectors)

    def follow(self) -> None:
        """Learns what any worker wrote; goes on soon where that was more than a slice."""
        self._again = None
        if self.meaning is None:
            return
        try:
            more = self.meaning.follow(time())
        except Exception as error:  # the index is a help: requests go on without what it did not learn
            log.error("cache_index_failed", error=error, trace=traceback.format_exc())
            return
        if more:
            self._again = self._loop.call_later(SOON, self.follow)

    @property
    def behind(self) -> bool:
        """Whether it goes on by itself."""
        return self._again is not None

    def stop(self) -> None:
        """Nothing more is learned."""
        self.meaning = None
        if self._again is not None:
            self._again.cancel()
        if self._graphs is not None:
            self._graphs.stop()
        end = getattr(self._embedder, "stop", None)  # the table has nothing to end
        if end is not None:
            end()


def embedder_of(settings: SemanticSettings) -> Embedder:
    """Raises EmbedderMissing."""
    if settings.embedder == "static":
        return static()
    if settings.embedder == "onnx":
        from gateway.cache.embedding.onnx import OnnxEmbedder  # only where its package is needed

        return OnnxEmbedder(Path(settings.path), deadline=DEADLINE)
    raise EmbedderMissing(f"the embedder {settings.embedder!r} cannot be used yet: use static or onnx")


def graphs(warn: Callable[[str], None]) -> "Graphs | None":
    """What makes indexes of many vectors; None where its package is missing, then the newest are looked at."""
    try:
        from gateway.cache.graph import Graphs
    except ImportError:
        log.warning("cache_without_index", hint="install the extra: pip install 'ai-gateway[cache]'")
        return None
    return Graphs(warn)


def _warn(what: str) -> None:
    log.warning("cache_index", error=what)
