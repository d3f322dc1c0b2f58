"""What finds answers by their meaning: the embedder that the configuration names, and the index."""

import asyncio
import traceback
from time import time

from gateway._speedups.ledger import Ledger
from gateway.cache.agreement import Agreement
from gateway.cache.embedding.base import Embedder, EmbedderMissing
from gateway.cache.embedding.remote import Ask
from gateway.cache.embedding.verifier import OnnxVerifier, VerifierMissing
from gateway.cache.graph import Graphs
from gateway.cache.semantic import Bounds, Questions, Semantic
from gateway.cache.store import Store
from gateway.cache.vectors import Vectors
from gateway.cache.verdicts import Verdicts, edition_of
from gateway.cache.verification import Verification, same_answer
from gateway.cache.worded import Worded
from gateway.config import Config
from gateway.schemas.caching import Semantic as SemanticSettings
from gateway.schemas.caching import Settings
from gateway.telemetry.logs import log
from gateway.wiring.models import embedder_of, static, verifier_of

MEMORY = 160 << 20
"""Bytes of questions in one worker."""
MOST = 200_000
"""Questions of one namespace, where vectors are searched."""
SOON = 0.0025
"""Seconds until more of what other workers wrote is learned."""


def learn(config: Config) -> None:
    """Loads before the fork what all workers share."""
    found = config.cache
    if found is None or found.settings.semantic is None or found.settings.semantic.embedder != "static":
        return
    try:
        static()
    except EmbedderMissing:
        return  # said where it is used


class Meanings:
    """A worker's index of questions; `meaning` is None where it cannot be had, `verification` where none is wanted."""

    def __init__(
        self, store: Store, settings: Settings, loop: asyncio.AbstractEventLoop, ledger: Ledger, ask: Ask
    ) -> None:
        """`ask` gets a provider's vectors, for an embedder that is one."""
        self._loop = loop
        self._ask = ask
        self._ledger = ledger
        self._verdicts: Verdicts | None = None
        self.verification: Verification | None = None
        self._graphs: Graphs | None = None
        self._again: asyncio.TimerHandle | None = None
        self._embedder: Embedder | None = None
        self._verifier: OnnxVerifier | None = None
        self.meaning = self._made(store, settings)

    def _made(self, store: Store, settings: Settings) -> Semantic | None:
        if settings.semantic is None:
            return None
        try:
            embedder = embedder_of(settings.semantic, self._ask, _left_alone)
            self._verifier = verifier_of(settings.semantic)
        except (EmbedderMissing, VerifierMissing) as error:
            log.error(
                "cache_without_meaning", error=str(error), hint="requests are answered exactly or not at all"
            )
            return None
        self._embedder, self._guards = embedder, Agreement()
        if settings.semantic.verify:
            self._verdicts, self.verification = _verified(settings.semantic, self._ledger)
        return self._found_by(embedder, store, settings.semantic, settings.ttl)

    def _found_by(
        self, embedder: Embedder, store: Store, settings: SemanticSettings, life: float
    ) -> Semantic:
        searched = None
        if settings.verifier is not None and settings.verifier.reworded:
            self._graphs = Graphs(_warn)
            sizes = {"memory": MEMORY, "most": MOST}
            searched = Vectors(embedder.dimensions, **sizes, life=life, indexing=self._graphs)
        questions: Questions = Worded(memory=MEMORY, life=life, now=time()) if searched is None else searched
        return Semantic(
            *(embedder, store, self._guards, questions),
            bounds=Bounds(settings.threshold, settings.same_words),
            verifier=self._verifier,
            reworded=searched,
        )

    async def same(self, kept: str, fresh: str) -> bool | None:
        """Whether two answers say the same, as far as can be told."""
        if self._embedder is None:
            return None
        return await same_answer(kept, fresh, self._embedder, self._guards)

    def heed(self) -> None:
        """Learns what other workers found out about hits."""
        if self._verdicts is not None:
            self._verdicts.refresh()

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
        if self.meaning is not None:
            self.meaning.stop()
        self.meaning = None
        if self._again is not None:
            self._again.cancel()
        if self._graphs is not None:
            self._graphs.stop()
        for model in (self._embedder, self._verifier):
            end = getattr(model, "stop", None)  # the table has nothing to end
            if end is not None:
                end()


def _verified(settings: SemanticSettings, ledger: Ledger) -> tuple[Verdicts, Verification]:
    verdicts = Verdicts(ledger, edition_of(settings))
    return verdicts, Verification(settings.verify, settings.error_bound, tallies=verdicts)


def _left_alone(rests: bool) -> None:
    """Tells that a provider's vectors are done without, or are back."""
    if rests:
        log.warning(
            "cache_embedder_rests", hint="the provider of vectors fails or is too slow: nobody waits for it"
        )
    else:
        log.info("cache_embedder_back")


def _warn(what: str) -> None:
    log.warning("cache_index", error=what)
