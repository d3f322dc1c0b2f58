"""What a key names of requests: the endpoints that it may use, and parameters with their values."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gateway.config.problems import nearest

ENDPOINTS = (
    *("chat_completions", "completions", "responses", "messages", "generate_content", "converse", "invoke"),
    *("cohere_chat", "embeddings", "embed_content", "batch_embed_contents", "cohere_embed"),
    *("rerank", "cohere_rerank", "moderations", "input_tokens", "count_tokens", "gemini_count_tokens"),
    *("bedrock_count_tokens", "images_generations", "images_edits", "images_variations", "audio_speech"),
    *("audio_transcriptions", "audio_translations", "realtime", "client_secrets", "realtime_sessions"),
    *("transcription_sessions", "files", "batches", "uploads", "stored_responses", "anthropic_files"),
    *("message_batches", "passthrough"),
)
"""All that a key can be allowed."""

UNTOUCHABLE = ("model", "stream", "stream_options")
"""Fields that the gateway itself acts on: nobody sets them for a caller."""


class Wrong(NamedTuple):
    """What is wrong at a place: the name of a parameter, or a number in a list."""

    at: str | int
    message: str
    hint: str


def wrong_endpoints(names: Iterable[str]) -> Iterator[Wrong]:
    """Those of these names that no endpoint has."""
    for number, name in enumerate(names):
        if name not in ENDPOINTS:
            near = nearest(name, ENDPOINTS)
            meant = f"did you mean {near}?" if near else f"there are {', '.join(ENDPOINTS)}"
            yield Wrong(number, "is no endpoint", meant)


def wrong_parameters(given: dict[str, object]) -> Iterator[Wrong]:
    """Those that no request can have so. Parameters that are not known here are the provider's business."""
    for name, value in given.items():
        if name in UNTOUCHABLE:
            yield Wrong(name, "is not for a key to set", "its models, and routes, say where requests go")
        elif value is not None and name in _KINDS and not _KINDS[name].holds(value):
            yield Wrong(name, f"must be {_KINDS[name].said}", f"such as {_KINDS[name].example}")


class _Kind(NamedTuple):
    said: str
    example: str
    holds: Callable[[object], bool]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_bound(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


_BOUND = _Kind("a whole number of at least 1", "500", _is_bound)
_WHOLE = _Kind("a whole number", "1", _is_whole)
_NUMBER = _Kind("a number", "0.5", _is_number)
_SWITCH = _Kind("true or false", "false", _is_switch)
_TEXT = _Kind("a text", "low", _is_text)
_TEXTS = _Kind("a text, or a list of texts", '["END"]', _is_texts)
_KINDS = {
    **dict.fromkeys(("max_tokens", "max_completion_tokens", "max_output_tokens", "n", "best_of"), _BOUND),
    **dict.fromkeys(("seed", "top_k", "top_logprobs", "dimensions"), _WHOLE),
    **dict.fromkeys(("temperature", "top_p", "presence_penalty", "frequency_penalty"), _NUMBER),
    **dict.fromkeys(("store", "parallel_tool_calls"), _SWITCH),
    **dict.fromkeys(("user", "reasoning_effort", "service_tier"), _TEXT),
    "stop": _TEXTS,
}
