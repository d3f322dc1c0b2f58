"""A plain body has few kinds of keys, each once: compared with a naive reading."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups.plainness import MOST, PLAIN, TWO_BOUNDS, UNDERSCORE, look_at, names_in

USUAL = {
    "role",
    "content",
    "text",
    "type",
    "name",
    "parts",
    "ttl",
    "cache_control",
    "include_usage",
    "temperature",
}
USUAL |= {"topP", "topK", "maxOutputTokens", "stopSequences"}

names = st.sampled_from(
    [*sorted(USUAL), "model", "messages", "rol", "roles", "max_tokens", "max_completion_tokens", "é"]
)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)


def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)


documents = st.dictionaries(names, st.recursive(scalars, deeper, max_leaves=8), max_size=5)


def expected(document: dict[str, Any]) -> int:
    def usual(value: Any, depth: int) -> bool:
        if isinstance(value, dict):
            inner = list(value.values())
            if not set(value) <= USUAL:
                return False
        elif isinstance(value, list):
            inner = value
        else:
            return True
        return depth < 12 and all(usual(one, depth + 1) for one in inner)

    if not document or not all(usual(value, 1) for value in document.values()):
        return 0
    both = {"max_tokens", "max_completion_tokens"} <= set(document)
    return PLAIN | (TWO_BOUNDS if both else 0) | (UNDERSCORE if any("_" in name for name in document) else 0)


@given(document=documents, spaced=st.booleans())
def test_it_finds_what_a_naive_reading_finds(document: dict[str, Any], spaced: bool) -> None:
    body = json.dumps(document, ensure_ascii=False, indent=1 if spaced else None).encode()
    assert look_at(body) == expected(document)


@given(document=documents, at=st.integers(0, 10_000), what=st.binary(max_size=3))
def test_damage_is_never_plain_where_it_is_no_json(document: dict[str, Any], at: int, what: bytes) -> None:
    body = json.dumps(document, ensure_ascii=False).encode()
    at %= len(body) + 1
    damaged = body[:at] + what + body[at + len(what) :]
    if look_at(damaged):
        json.loads(damaged)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"a":1',
        b'{"a":1}x',
        b'{"a":1,}',
        b'{"a":[1,]}',
        b'{"a":{"role":1,"role":2}}',
        b'{"a":{"role":1,"r\\u006fle":2}}',
        b'{"\\u0061":1}',
        b'{"a":' + b"[" * 12 + b"1" + b"]" * 12 + b"}",
        b'{"a":"\xff"}',
        b'{"a":nul}',
        b'{"a":[1}',
    ],
)
def test_what_it_cannot_vouch_for_is_not_plain(body: bytes) -> None:
    assert look_at(body) == 0


def test_the_same_key_may_stand_in_two_objects() -> None:
    assert look_at(b'{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}') == PLAIN


def every_name(value: Any) -> set[bytes]:
    if isinstance(value, dict):
        return {name.encode() for name in value}.union(*map(every_name, value.values()))
    return set().union(*map(every_name, value)) if isinstance(value, list) else set()


@given(document=documents, spaced=st.booleans())
def test_it_finds_every_name_and_no_value(document: dict[str, Any], spaced: bool) -> None:
    body = json.dumps(document, ensure_ascii=False, indent=1 if spaced else None).encode()
    assert names_in(body) == every_name(document)


@given(body=st.binary(max_size=60))
def test_names_of_no_document_do_no_harm(body: bytes) -> None:
    assert isinstance(names_in(b'{"' + body), set | None)


def test_names_that_are_spelled_otherwise_are_none() -> None:
    assert names_in(b'{"a":"\\u0062"}') == {b"a"}
    assert names_in(b'{"\\u0061":1}') is None
    assert names_in(json.dumps({str(number): 1 for number in range(MOST)}).encode()) is not None
    assert names_in(json.dumps({str(number): 1 for number in range(MOST + 1)}).encode()) is None
