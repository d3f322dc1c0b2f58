"""Fields that change no answer are no part of a key: neither by what they say nor by being there."""

import json
from typing import Any

import pytest
from spoken_requests import request_of

from gateway.cache.keys import exact_key, namespace_key

BODIES: dict[str, dict[str, Any]] = {
    "chat_completions": {"model": "m", "messages": [{"role": "user", "content": "hello"}]},
    "responses": {"model": "m", "input": "hello"},
    "messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]},
}


def keys_of(name: str, more: dict[str, Any]) -> tuple[bytes, bytes]:
    body = json.dumps({**BODIES[name], **more}).encode()
    request = request_of(name, body)
    return exact_key(request, b"s", "m", body=body), namespace_key(request, b"s", "m", body=body)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("chat_completions", {"store": False}),
        ("chat_completions", {"prompt_cache_key": "a"}),
        ("chat_completions", {"prompt_cache_key": "a", "prompt_cache_retention": "24h", "store": False}),
        ("chat_completions", {"user": "u", "metadata": {"a": "b"}, "prompt_cache_key": "a"}),
        ("responses", {"store": False}),
        ("responses", {"prompt_cache_key": "a"}),
        ("messages", {"metadata": {"user_id": "u"}}),
    ],
)
def test_to_say_what_changes_no_answer_is_to_say_nothing(name: str, more: dict[str, Any]) -> None:
    assert keys_of(name, more) == keys_of(name, {})


@pytest.mark.parametrize(
    "more",
    [
        {"logit_bias": {"7": 1}},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"reasoning_effort": "low"},
        {"verbosity": "low", "store": False},
        {"zzz": 1, "prompt_cache_key": "a"},
    ],
)
def test_beside_them_all_else_still_counts(more: dict[str, Any]) -> None:
    assert keys_of("chat_completions", more)[0] != keys_of("chat_completions", {})[0]
