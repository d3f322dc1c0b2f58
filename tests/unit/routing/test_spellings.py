"""A setting holds however a request spells what it is about: one parameter has several names in a dialect."""

import json
from typing import Any

import pytest
from rule_calls import HELLO, call_of

from gateway.routing.settings import settle
from gateway.schemas.call import Call
from gateway.wiring.governing import edit

CAP = (("max_tokens", b"7"),)
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


def forced(call: Call, *settings: tuple[str, bytes]) -> dict[str, Any]:
    edit(call, (), settings or CAP)
    found: dict[str, Any] = json.loads(call.body)
    return found


@pytest.mark.parametrize(
    "body",
    [
        {"max_tokens": 99999, "max_completion_tokens": 5},
        {"max_tokens": 5, "max_completion_tokens": 99999},
        {"max_tokens": 5, "max_completion_tokens": 1e5},
        {"max_tokens": 5, "max_completion_tokens": "99999"},
        {"max_tokens": 99999, "max_completion_tokens": None},
        {"max_tokens": -1},
        {},
    ],
)
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_a_forced_bound_is_the_only_one_of_a_chat_completion(name: str, body: dict[str, Any]) -> None:
    found = forced(call_of(**body), (name, b"7"))
    bounds = [value for key, value in found.items() if key.startswith("max_")]
    assert bounds == [7]


@pytest.mark.parametrize("body", [{"max_tokens": 3}, {"max_completion_tokens": 3}])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_a_lower_bound_of_the_callers_stays(name: str, body: dict[str, Any]) -> None:
    call = call_of(**body)
    before = call.body
    edit(call, (), ((name, b"7"),))
    assert call.body == before


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"generationConfig": None},
        {"generationConfig": {"maxOutputTokens": 99999}},
        {"generationConfig": {"max_output_tokens": 99999}},
        {"generation_config": {"max_output_tokens": 99999}},
        {"generation_config": {"maxOutputTokens": 99999}},
        {"generationConfig": {"maxOutputTokens": 3, "max_output_tokens": 99999}},
        {"generationConfig": {"maxOutputTokens": 3}, "generation_config": {"maxOutputTokens": 99999}},
        {"generation_Config": {"max_Output__tokens": 99999}},
        {"generationConfig": {"maxOutputTokens": "99999"}},
    ],
)
def test_a_forced_bound_is_the_only_one_of_a_gemini_request(config: dict[str, Any]) -> None:
    found = forced(call_of("generate_content", "gemini-x", **GEMINI, **config))
    del found["contents"]
    assert found
    for inner in found.values():
        assert list(inner.values()) == [7]


@pytest.mark.parametrize("outer", ["generationConfig", "generation_config"])
@pytest.mark.parametrize("inner", ["maxOutputTokens", "max_output_tokens"])
def test_a_lower_bound_stays_in_either_spelling(outer: str, inner: str) -> None:
    found = forced(call_of("generate_content", "gemini-x", **GEMINI, **{outer: {inner: 3, "topK": 2}}))
    assert found == {**GEMINI, outer: {inner: 3, "topK": 2}}


def test_the_number_of_answers_is_forced_in_geminis_words() -> None:
    call = call_of("generate_content", "gemini-x", **GEMINI, generation_config={"candidate_count": 8})
    assert forced(call, ("n", b"1")) == {**GEMINI, "generation_config": {"candidate_count": 1}}


@pytest.mark.parametrize("forced_name", ["safety_settings", "safetySettings"])
@pytest.mark.parametrize("said", ["safety_settings", "safetySettings", "safety_Settings"])
def test_any_field_of_geminis_is_forced_in_either_spelling(said: str, forced_name: str) -> None:
    call = call_of("generate_content", "gemini-x", **GEMINI, **{said: ["none"]})
    assert forced(call, (forced_name, b'["all"]')) == {**GEMINI, said: ["all"]}
    settle(call, ((forced_name, b""),))
    assert json.loads(call.body) == GEMINI


def test_a_lower_bound_of_a_completion_stays() -> None:
    for asked, sent in ((3, 3), (99999, 7)):
        found = forced(call_of("completions", prompt="x", max_tokens=asked))
        assert found["max_tokens"] == sent


@pytest.mark.parametrize("endpoint", ["embeddings", "moderations", "rerank", "images_generations"])
def test_what_does_not_write_gets_no_parameters_of_writing(endpoint: str) -> None:
    call = call_of(endpoint, input="x")
    before = call.body
    settle(call, (("max_tokens", b"7"), ("temperature", b"0"), ("stop", b'"x"')))
    assert call.body == before
    settle(call, (("dimensions", b"8"),))
    assert json.loads(call.body)["dimensions"] == 8


def test_a_default_is_for_what_is_said_in_no_spelling() -> None:
    chat = call_of(max_completion_tokens=9)
    google = call_of("generate_content", "gemini-x", **GEMINI, generation_config={"max_output_tokens": 9})
    for call in (chat, google):
        before = call.body
        edit(call, CAP, ())
        assert call.body == before
    bare = call_of()
    edit(bare, CAP, ())
    assert json.loads(bare.body) == {"model": "auto", "messages": HELLO, "max_tokens": 7}
