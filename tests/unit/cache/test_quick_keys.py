"""A plain request's key, made straight from its body, is the one that its neutral request has."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoken_requests import BODIES, ENDPOINT, key_of

from gateway.cache.quick import quick_key
from gateway.errors import BadRequest

PLAIN: dict[str, dict[str, Any]] = {
    "chat_completions": {
        "model": "m",
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}],
        "temperature": 0,
        "max_tokens": 9,
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "u",
    },
    "messages": {
        "model": "m",
        "system": "S",
        "messages": [{"role": "user", "content": "Q"}],
        "max_tokens": 9,
        "temperature": 0.0,
    },
}

roles = st.sampled_from(("system", "developer", "user", "assistant", "tool", "function", "x"))
contents = st.text(max_size=5) | st.none() | st.just([{"type": "text", "text": "a"}])
turns = st.fixed_dictionaries(
    {"role": roles, "content": contents}, optional={"name": st.just("n"), "refusal": st.just("r")}
)
numbers = st.none() | st.integers(-2, 2**70) | st.sampled_from((0.0, -0.0, 0.5, 1.0))
words = st.none() | st.text(max_size=3)
fields = {
    "temperature": numbers,
    "max_tokens": numbers,
    "max_completion_tokens": numbers,
    "top_p": numbers,
    "top_k": numbers,
    "presence_penalty": numbers,
    "frequency_penalty": numbers,
    "seed": numbers,
    "n": numbers,
    "stream": st.none() | st.booleans(),
    "stream_options": st.none() | st.just({"include_usage": True}) | st.just({"zzz": 1}),
    "user": words,
    "safety_identifier": words,
    "system": words | st.just([{"type": "text", "text": "S"}]),
    "stop": words | st.lists(st.text(max_size=2), max_size=2),
    "stop_sequences": st.none() | st.lists(st.text(max_size=2), max_size=2),
    "store": st.booleans(),
    "metadata": st.just({"name": "x"}),
    "tools": st.just([]),
    "zzz": st.just(1),
}


PLAIN_FIELDS = [
    "max_tokens",
    "temperature",
    "top_p",
    "stream",
    "seed",
    "n",
    "top_k",
    "stop_sequences",
    "system",
]
plain_turns = st.fixed_dictionaries(
    {"role": st.sampled_from(("user", "assistant", "system")), "content": st.text(min_size=1, max_size=5)}
)


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly what is plain, and what is nearly so."""
    plain = draw(st.booleans())
    names = PLAIN_FIELDS if plain else sorted(fields)
    chosen = draw(st.lists(st.sampled_from(names), max_size=4, unique=True))
    said = draw(st.lists(plain_turns if plain else turns, max_size=3))
    return {"model": "m", "messages": said, **{name: draw(fields[name]) for name in chosen}}


@given(name=st.sampled_from(sorted(PLAIN)), body=bodies(), ascii_only=st.booleans())
def test_it_is_the_key_of_the_neutral_request(name: str, body: dict[str, Any], ascii_only: bool) -> None:
    raw = json.dumps(body, ensure_ascii=ascii_only).encode()
    quick = quick_key(name, raw, b"scope", "maker/model")
    if quick is None:
        return
    try:
        slow = key_of(name, raw)
    except BadRequest:
        return  # the provider refuses it: no answer is kept
    assert quick == slow


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_what_most_requests_are_is_quick(name: str) -> None:
    raw = json.dumps(PLAIN[name]).encode()
    assert quick_key(name, raw, b"scope", "maker/model") == key_of(name, raw)
    assert quick_key(name, raw, b"other", "maker/model") != key_of(name, raw)


@pytest.mark.parametrize(
    "more",
    [
        {"store": True},
        {"tools": []},
        {"zzz": 1},
        {"stop": "x", "thinking": {"type": "enabled"}},
        {"messages": [{"role": "user", "content": "a", "name": "n"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}]},
    ],
)
def test_anything_else_is_read_as_usual(more: dict[str, Any]) -> None:
    for name, body in PLAIN.items():
        assert quick_key(name, json.dumps({**body, **more}).encode(), b"s", "m") is None


def test_a_key_written_twice_is_read_as_usual() -> None:
    twice = b'{"model":"m","messages":[{"role":"user","content":"a","content":"b"}]}'
    assert quick_key("chat_completions", twice, b"s", "m") is None


@pytest.mark.parametrize("name", list(BODIES))
def test_requests_that_use_everything_are_none(name: str) -> None:
    assert quick_key(ENDPOINT.get(name, name), json.dumps(BODIES[name]).encode(), b"s", "m") is None
