"""The models by which the cache compares questions, as the configuration names them."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from gateway.cache.embedding.base import Embedder, EmbedderMissing
from gateway.cache.embedding.remote import Ask, RemoteEmbedder
from gateway.cache.embedding.verifier import OnnxVerifier, VerifierMissing
from gateway.config import Config, Problem
from gateway.schemas.caching import Semantic

DEADLINE = 0.1
"""Seconds after which a request goes on without the vector of its question, or without a verdict."""
REMOTE_DEADLINE = 0.25
"""The same, where a provider is asked for the vector."""


@cache
def static() -> Embedder:
    """The table, read once: before the fork it is every worker's. Raises EmbedderMissing."""
    from gateway.cache.embedding.static import installed  # only where its package is needed

    return installed()


def embedder_of(settings: Semantic, ask: Ask, left_alone: Callable[[bool], None]) -> Embedder:
    """Raises EmbedderMissing."""
    if settings.embedder == "static":
        return static()
    if settings.embedder == "onnx":
        from gateway.cache.embedding.onnx import OnnxEmbedder  # only where its package is needed

        return OnnxEmbedder(Path(settings.path), deadline=DEADLINE)
    return RemoteEmbedder(settings.embedder, ask, deadline=REMOTE_DEADLINE, warn=left_alone)


def verifier_of(settings: Semantic) -> OnnxVerifier | None:
    """None where none is wanted. Raises VerifierMissing."""
    wanted = settings.verifier
    return None if wanted is None else OnnxVerifier(Path(wanted.path), score=wanted.score, deadline=DEADLINE)


def wrong_models(config: Config) -> Iterator[Problem]:
    """Models that the configuration names and that cannot be used here: they are loaded for it."""
    found = None if config.cache is None else config.cache.settings.semantic
    if found is None:
        return
    where = "cache.semantic"
    try:
        if found.embedder in ("static", "onnx"):
            _ended(embedder_of(found, _nobody, _silent))
    except EmbedderMissing as error:
        yield Problem(config.source, 0, f"{where}.{'path' if found.path else 'embedder'}", str(error))
    try:
        _ended(verifier_of(found))
    except VerifierMissing as error:
        yield Problem(config.source, 0, f"{where}.verifier", str(error))


def _ended(model: object) -> None:
    end = getattr(model, "stop", None)  # the table has nothing to end
    if end is not None:
        end()


async def _nobody(_: list[str]) -> list[list[float]]:
    return []


def _silent(_: bool) -> None:
    """Nobody is there to be told."""
