"""Paths: which endpoint a method and a path mean, by exact match first."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.dialects.stores import STORES as STORED
from gateway.dialects.stores import Store

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
    "moderations": (OPENAI_PREFIXES, "/moderations"),
    "images_generations": (OPENAI_PREFIXES, "/images/generations"),
    "rerank": (OPENAI_PREFIXES, "/rerank"),
    "cohere_rerank": (("/cohere/v2", "/v2"), "/rerank"),
    "cohere_embed": (("/cohere/v2", "/v2"), "/embed"),
    "input_tokens": (OPENAI_PREFIXES, "/responses/input_tokens"),
    "responses": (OPENAI_PREFIXES, "/responses"),
    "cohere_chat": (("/cohere/v2", "/v2"), "/chat"),
    "messages": (ANTHROPIC_PREFIXES, "/messages"),
    "count_tokens": (ANTHROPIC_PREFIXES, "/messages/count_tokens"),
}
"""Endpoint name to the prefixes and the path under which SDKs look for it; all are POST."""

PARCELS: dict[str, str] = {
    "audio_speech": "/audio/speech",
    "audio_transcriptions": "/audio/transcriptions",
    "audio_translations": "/audio/translations",
    "images_edits": "/images/edits",
    "images_variations": "/images/variations",
}
"""Endpoints of OpenAI's whose bodies are not JSON both ways; all are POST."""

STORES: dict[str, tuple[tuple[str, ...], str]] = {
    "files": (OPENAI_PREFIXES, "/files"),
    "batches": (OPENAI_PREFIXES, "/batches"),
    "uploads": (OPENAI_PREFIXES, "/uploads"),
    "stored_responses": (OPENAI_PREFIXES, "/responses"),
    "anthropic_files": (("/anthropic/v1",), "/files"),
    "message_batches": (ANTHROPIC_PREFIXES, "/messages/batches"),
    "client_secrets": (OPENAI_PREFIXES, "/realtime/client_secrets"),
    "realtime_sessions": (OPENAI_PREFIXES, "/realtime/sessions"),
    "transcription_sessions": (OPENAI_PREFIXES, "/realtime/transcription_sessions"),
}
"""What providers keep: each path and all below it."""

SESSIONS = frozenset(prefix + "/realtime" for prefix in OPENAI_PREFIXES)
"""Where WebSockets are taken."""

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


OTHER_MODELS_PREFIXES = (
    ("/anthropic/v1", "anthropic"),
    ("/v1beta", "gemini"),
    ("/genai/v1beta", "gemini"),
    ("/genai/v1", "gemini"),
    ("/cohere/v1", "cohere"),
)
"""Where the other SDKs look for the list of models, and in which dialect."""


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
    for name, path in PARCELS.items():
        paths.update((prefix + path, Match(name, ("POST",), "openai")) for prefix in OPENAI_PREFIXES)
    models = Match("models", ("GET", "HEAD"), "openai")
    paths.update((prefix + "/models", models) for prefix in MODELS_PREFIXES)
    for prefix, dialect in OTHER_MODELS_PREFIXES:
        paths[prefix + "/models"] = Match("models", ("GET", "HEAD"), dialect)
    for name in ("health", "ready", "metrics"):
        paths["/" + name] = Match(name, ("GET", "HEAD"), "openai")
    return paths


def find(paths: Mapping[str, Match], path: str) -> Match | None:
    """The match for a path that is not in the table as it stands: a trailing slash, or a model's name in it."""
    trimmed = path.rstrip("/")
    return paths.get(trimmed) or _asks_model(trimmed) or _model_page(trimmed)


def _asks_model(path: str) -> Match | None:
    """A conversation whose model and kind of answer stand in the path: Gemini's and Bedrock's."""
    for prefix, verbs in BY_MODEL:
        if path.startswith(prefix):
            for ending, match in verbs.items():
                model = path[len(prefix) : -len(ending)]
                if path.endswith(ending) and model:
                    return msgspec.structs.replace(match, argument=model)
    return None


def _model_page(path: str) -> Match | None:
    for prefix, dialect in _MODEL_PAGES:
        start = f"{prefix}/models/"
        if path.startswith(start):
            return Match("model", ("GET", "HEAD"), dialect, path[len(start) :])
    return None


def is_session(path: str) -> bool:
    """Whether a WebSocket at this path is a realtime session."""
    return path.rstrip("/") in SESSIONS


def find_store(raw_path: bytes, from_anthropic: bool) -> tuple[Store, bytes] | None:
    """The store that a path means, and what stands below it, still encoded. Anthropic's SDKs ask for files at the same
    path as OpenAI's, and are known by their headers."""
    for start, name in _STORE_STARTS:
        rest = raw_path[len(start) :]
        if raw_path.startswith(start) and (not rest or rest.startswith(b"/")):
            store = STORED["anthropic_files" if name == "files" and from_anthropic else name]
            rest = rest.rstrip(b"/")
            first = rest[1:].partition(b"/")[0]
            if (store.needs_id and not first) or first in store.not_these:
                return None
            return store, rest
    return None


_STORE_STARTS = sorted(
    [((prefix + path).encode(), name) for name, (prefixes, path) in STORES.items() for prefix in prefixes],
    key=lambda start: -len(start[0]),
)


def dialect_of(path: str) -> str:
    """The dialect in which to say that a path is unknown."""
    return next((dialect for start, dialect in _STARTS if path.startswith(start)), "openai")


_STARTS = (
    ("/bedrock", "bedrock"),
    ("/v1beta", "gemini"),
    ("/genai", "gemini"),
    ("/anthropic", "anthropic"),
    ("/v1/messages", "anthropic"),
    ("/cohere", "cohere"),
    ("/v2/chat", "cohere"),
    ("/v2/embed", "cohere"),
    ("/v2/rerank", "cohere"),
)


_MODEL_PAGES = sorted(
    [*((prefix, "openai") for prefix in MODELS_PREFIXES), *OTHER_MODELS_PREFIXES],
    key=lambda page: -len(page[0]),
)
"""Longest prefix first."""

_GEMINI = {
    ":generateContent": Match("generate_content", ("POST",), "gemini"),
    ":streamGenerateContent": Match("generate_content", ("POST",), "gemini", stream=True),
    ":countTokens": Match("gemini_count_tokens", ("POST",), "gemini"),
    ":embedContent": Match("embed_content", ("POST",), "gemini"),
    ":batchEmbedContents": Match("batch_embed_contents", ("POST",), "gemini"),
}

_BEDROCK = {
    "/converse": Match("converse", ("POST",), "bedrock"),
    "/converse-stream": Match("converse", ("POST",), "bedrock", stream=True),
    "/invoke": Match("invoke", ("POST",), "bedrock"),
    "/count-tokens": Match("bedrock_count_tokens", ("POST",), "bedrock"),
}

BY_MODEL: tuple[tuple[str, dict[str, Match]], ...] = (
    ("/bedrock/model/", _BEDROCK),
    ("/v1beta/models/", _GEMINI),
    ("/genai/v1beta/models/", _GEMINI),
    ("/genai/v1/models/", _GEMINI),
    ("/genai/models/", _GEMINI),
    ("/v1/models/", _GEMINI),
)
"""Prefix of a path, and what its ending means; the model's name stands between."""
