"""Paths: which endpoint a method and a path mean, by exact match first."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

OPENAI_PREFIXES = (
    "/v1",
    "",
    "/openai/v1",
    "/openai",
    "/litellm/v1",
    "/litellm",
    "/langchain/v1",
    "/langchain",
)
ANTHROPIC_PREFIXES = ("/v1", "/anthropic/v1", "/litellm/v1", "/langchain/v1")

INFERENCE: dict[str, tuple[tuple[str, ...], str]] = {
    "chat_completions": (OPENAI_PREFIXES, "/chat/completions"),
    "completions": (OPENAI_PREFIXES, "/completions"),
    "embeddings": (OPENAI_PREFIXES, "/embeddings"),
    "messages": (ANTHROPIC_PREFIXES, "/messages"),
    "count_tokens": (ANTHROPIC_PREFIXES, "/messages/count_tokens"),
}
"""Endpoint name to the prefixes and the path under which SDKs look for it; all are POST."""

MODELS_PREFIXES = (
    "/v1",
    "/openai/v1",
    "/openai",
    "/litellm/v1",
    "/litellm",
    "/langchain/v1",
    "/langchain",
    "",
)


class Match(msgspec.Struct, frozen=True):
    """What a path means: a handler's name, the dialect of its errors, and a part of the path, decoded.

    `stream` tells that the path asks for a stream.
    """

    name: str
    methods: tuple[str, ...]
    dialect: str
    argument: str = ""
    stream: bool = False


def table(endpoints: Mapping[str, Any]) -> dict[str, Match]:
    """Every exact path; `endpoints` maps endpoint names to objects with a `dialect`."""
    paths: dict[str, Match] = {}
    for name, (prefixes, path) in INFERENCE.items():
        match = Match(name, ("POST",), endpoints[name].dialect)
        paths.update((prefix + path, match) for prefix in prefixes)
    models = Match("models", ("GET", "HEAD"), "openai")
    paths.update((prefix + "/models", models) for prefix in MODELS_PREFIXES)
    paths["/anthropic/v1/models"] = Match("models", ("GET", "HEAD"), "anthropic")
    for name in ("health", "ready", "metrics"):
        paths["/" + name] = Match(name, ("GET", "HEAD"), "openai")
    return paths


def find(paths: Mapping[str, Match], path: str) -> Match | None:
    """The match for a path that is not in the table as it stands: a trailing slash, or a model's own page."""
    trimmed = path.rstrip("/")
    match = paths.get(trimmed)
    if match is not None:
        return match
    for prefix in _sorted(MODELS_PREFIXES):
        start = f"{prefix}/models/"
        if path.startswith(start):
            return Match("model", ("GET", "HEAD"), "openai", trimmed[len(start) :])
    if trimmed.startswith("/anthropic/v1/models/"):
        return Match("model", ("GET", "HEAD"), "anthropic", trimmed[len("/anthropic/v1/models/") :])
    return None


def dialect_of(path: str) -> str:
    """The dialect in which to say that a path is unknown."""
    return "anthropic" if path.startswith(("/anthropic", "/v1/messages")) else "openai"


def _sorted(prefixes: Iterable[str]) -> list[str]:
    return sorted(prefixes, key=len, reverse=True)
