"""Embeddings are kept an input at a time: what is known is not asked again, and what is told is what was asked for."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.embedded import MOST, Answered, Partly, answered, item_keys, partly
from gateway.cache.vectors_kept import KeptVector, pack, unpack
from gateway.dialects.endpoints import ENDPOINTS, Endpoint
from gateway.schemas.embedding import EmbedRequest

OPENAI, COHERE = ENDPOINTS["embeddings"], ENDPOINTS["cohere_embed"]
VECTORS = {"a": [0.5, -0.25, 1.0], "b": [0.1, 0.2, 0.3], "c": [1.0, 2.0, 3.5]}
SCOPE = b"s" * 16


def read(endpoint: Endpoint, **fields: Any) -> EmbedRequest:
    form = endpoint.form
    assert form is not None
    request = form.read_request(json.dumps({"model": "m", **fields}).encode(), "m")
    assert isinstance(request, EmbedRequest)
    return request


def asks(*texts: str, **fields: Any) -> EmbedRequest:
    return read(OPENAI, input=list(texts), **fields)


def keys(request: EmbedRequest, **fields: Any) -> tuple[bytes, ...]:
    found = item_keys(request, fields.get("scope", SCOPE), fields.get("model", "m"))
    assert found is not None
    return found


def told(request: EmbedRequest, model: str = "maker-1", tokens: int = 10) -> bytes:
    """A provider's answer."""
    data = [
        {"object": "embedding", "index": place, "embedding": VECTORS[item[0].text]}
        for place, item in enumerate(request.items)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json.dumps({"object": "list", "data": data, "model": model, "usage": usage}).encode()


class Shelf(dict[bytes, bytes]):
    """A store."""

    def look(self, request: EmbedRequest) -> Partly:
        found = keys(request)
        return partly(request, found, [self.get(key) for key in found])

    def tell(self, known: Partly, body: bytes | None, endpoint: Endpoint = OPENAI) -> Answered | None:
        found = answered(known, endpoint, body, "m", "cache-1-1")
        if found is not None:
            self.update(found.entries)
        return found

    def learn(self, *texts: str, **fields: Any) -> None:
        known = self.look(asks(*texts))
        assert known.rest is not None
        assert self.tell(known, told(known.rest, **fields)) is not None


def vectors(found: Answered | None) -> list[Any]:
    assert found is not None
    return [each["embedding"] for each in json.loads(found.body)["data"]]


def test_only_what_is_not_known_is_asked() -> None:
    shelf = Shelf()
    shelf.learn("a")
    known = shelf.look(asks("b", "a", "c"))
    assert known.rest is not None
    assert [item[0].text for item in known.rest.items if hasattr(item[0], "text")] == ["b", "c"]
    assert (known.hits, known.is_new) == (1, False)
    found = shelf.tell(known, told(known.rest))
    assert vectors(found) == [VECTORS["b"], VECTORS["a"], VECTORS["c"]]
    assert len(shelf) == 3


def test_what_is_known_needs_nobody() -> None:
    shelf = Shelf()
    shelf.learn("a", "b")
    known = shelf.look(asks("b", "a", "b"))
    assert known.rest is None
    found = shelf.tell(known, None)
    assert vectors(found) == [VECTORS["b"], VECTORS["a"], VECTORS["b"]]
    assert found is not None
    assert found.entries == ()
    assert json.loads(found.body)["model"] == "maker-1"


def test_the_same_input_is_asked_once() -> None:
    shelf = Shelf()
    known = shelf.look(asks("a", "b", "a"))
    assert known.rest is not None
    assert len(known.rest.items) == 2
    assert not known.is_new
    found = shelf.tell(known, told(known.rest))
    assert vectors(found) == [VECTORS["a"], VECTORS["b"], VECTORS["a"]]
    assert found is not None
    assert len(found.entries) == 2


def test_a_request_of_which_nothing_is_known_is_itself() -> None:
    shelf = Shelf()
    known = shelf.look(asks("a", "b"))
    assert known.is_new
    assert known.rest == known.request
    body = told(known.request)
    found = shelf.tell(known, body)
    assert found is not None
    assert (found.body, len(shelf)) == (body, 2)


def test_tokens_of_the_parts_are_those_of_the_whole() -> None:
    shelf = Shelf()
    shelf.learn("a", "b", "c", tokens=11)
    found = shelf.tell(shelf.look(asks("c", "b", "a")), None)
    assert found is not None
    assert json.loads(found.body)["usage"] == {"prompt_tokens": 11, "total_tokens": 11}


@pytest.mark.parametrize("changed", [{"model": "maker-2"}, {"short": True}])
def test_vectors_of_two_models_never_stand_in_one_answer(changed: dict[str, Any]) -> None:
    shelf = Shelf()
    shelf.learn("a")
    known = shelf.look(asks("a", "b"))
    assert known.rest is not None
    body = told(known.rest, changed.get("model", "maker-1"))
    if "short" in changed:
        body = body.replace(b"[0.1, 0.2, 0.3]", b"[0.1, 0.2]")
    assert shelf.tell(known, body) is None


def test_known_vectors_of_two_models_are_not_mixed() -> None:
    shelf = Shelf()
    shelf.learn("a", model="maker-1")
    shelf.learn("b", model="maker-2")
    known = shelf.look(asks("a", "b"))
    assert (known.hits, known.places) == (1, (-1, 0))


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"data":[]}', b'{"data":[{"embedding":[null]}]}'])
def test_an_answer_that_cannot_be_read_is_none(body: bytes) -> None:
    shelf = Shelf()
    assert shelf.tell(shelf.look(asks("a")), body) is None
    assert not shelf


def test_base64_and_floats_are_one_vector() -> None:
    shelf = Shelf()
    shelf.learn("a")
    plain = shelf.tell(shelf.look(asks("a")), None)
    coded = shelf.tell(shelf.look(asks("a", encoding_format="base64")), None)
    assert vectors(plain) == [VECTORS["a"]]
    assert vectors(coded) == ["AAAAPwAAgL4AAIA/"]


def test_another_dialect_finds_the_same_vector() -> None:
    shelf = Shelf()
    request = asks("a", input_type="document")
    known = shelf.look(request)
    assert shelf.tell(known, told(request)) is not None
    same = read(COHERE, texts=["a"], input_type="search_document", embedding_types=["float"])
    found = shelf.tell(shelf.look(same), None, COHERE)
    assert found is not None
    assert json.loads(found.body)["embeddings"] == {"float": [VECTORS["a"]]}


@pytest.mark.parametrize(
    "changed",
    [
        {"dimensions": 2},
        {"input_type": "query"},
        {"truncation": True},
    ],
)
def test_what_changes_a_vector_changes_its_key(changed: dict[str, Any]) -> None:
    assert keys(asks("a", **changed)) != keys(asks("a"))


def test_who_asks_and_whom_changes_the_key() -> None:
    base = keys(asks("a"))
    assert keys(asks("a"), scope=b"t" * 16) != base
    assert keys(asks("a"), model="n") != base
    assert keys(asks("a", user="somebody")) == base
    assert keys(read(OPENAI, input=[[97]])) != base
    assert item_keys(asks("a"), SCOPE, "m", headers=[(b"openai-beta", b"x")]) != base
    assert len(set(keys(asks("a", "b")))) == 2


def test_fields_that_nobody_knows_are_not_looked_up() -> None:
    assert item_keys(asks("a", novelty=1), SCOPE, "m") is None


def test_a_great_many_inputs_are_not_looked_up() -> None:
    assert item_keys(asks(*["a"] * MOST), SCOPE, "m") is not None
    assert item_keys(asks(*["a"] * (MOST + 1)), SCOPE, "m") is None


FLOATS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9)
SINGLE = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=9)
WHOLE = st.lists(st.integers(-128, 127), min_size=1, max_size=9)
COUNTS = st.lists(st.integers(0, 300), min_size=1, max_size=9)


@given(
    st.dictionaries(
        st.sampled_from(["float", "int8", "ubinary"]), FLOATS | SINGLE | WHOLE | COUNTS, min_size=1
    )
)
def test_a_vector_comes_back_as_it_was(found: dict[str, Any]) -> None:
    kept = KeptVector("m", 3, found)
    assert unpack(pack(kept)) == kept


def test_floats_that_fit_are_half_as_large() -> None:
    exact, more = KeptVector("m", 0, {"float": [0.5] * 100}), KeptVector("m", 0, {"float": [0.1] * 100})
    assert len(pack(more)) - len(pack(exact)) == 400


def test_damaged_vectors_are_none() -> None:
    payload = pack(KeptVector("m", 3, {"float": [0.5, 0.1], "int8": [1, -1]}))
    assert all(unpack(payload[:end]) is None for end in range(len(payload)))
    for place in range(len(payload)):
        for value in (0, 0x7F, 0xFF):
            unpack(payload[:place] + bytes((value,)) + payload[place + 1 :])


@given(st.binary(max_size=60))
def test_no_bytes_raise(payload: bytes) -> None:
    unpack(payload)
    unpack(b"\xe1" + payload)
