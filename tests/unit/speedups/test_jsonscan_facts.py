"""What the gateway reads of a request, and the types that it insists on."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import jsonscan_oracle as oracle

from gateway._speedups.jsonscan import Facts, request_facts
from gateway.errors import BadRequest


def test_the_facts_of_a_chat_request() -> None:
    facts = request_facts(
        b'{"model":"openai/gpt-4o","stream":true,"stream_options":{"include_usage":true},"n":2,"max_tokens":64}'
    )
    assert (facts.model, facts.stream, facts.include_usage) == ("openai/gpt-4o", True, True)
    assert (facts.choices, facts.max_tokens) == (2, 64)
    assert facts.model_span == (9, 24)
    assert list(facts.spans) == ["model", "stream", "stream_options", "n", "max_tokens"]


def test_what_a_request_leaves_out() -> None:
    facts = request_facts(b"{}")
    assert (facts.model, facts.model_span, facts.stream, facts.include_usage) == (None, None, False, False)
    assert (facts.choices, facts.max_tokens, facts.spans) == (1, None, {})


def test_explicit_nulls_say_nothing() -> None:
    facts = request_facts(b'{"model":"m","stream":null,"stream_options":null,"max_tokens":null,"n":null}')
    assert (facts.stream, facts.include_usage, facts.max_tokens, facts.choices) == (False, False, None, 1)


def test_keys_and_model_with_escapes_are_read_as_what_they_mean() -> None:
    facts = request_facts(
        b'{"mod\\u0065l":"\\u0067pt","str\\u0065am":true,"stream_options":{"include\\u005fusage":true}}'
    )
    assert (facts.model, facts.stream, facts.include_usage) == ("gpt", True, True)


@pytest.mark.parametrize(
    "body", [b'{"max_tokens":1,"max_completion_tokens":2}', b'{"max_completion_tokens":2,"max_tokens":1}']
)
def test_the_newer_spelling_of_max_tokens_wins(body: bytes) -> None:
    assert request_facts(body).max_tokens == 2


@pytest.mark.parametrize("value", [b"-1", b"1.5", b'"seven"', b'"\\ud800"', b"9999999999999999999", b"[]"])
def test_an_odd_max_tokens_is_left_to_the_provider(value: bytes) -> None:
    assert request_facts(b'{"max_tokens":' + value + b"}").max_tokens is None


@pytest.mark.parametrize("value", [b"1000", b"1e3", b"1000.0", b'"1000"', b'" 1e3 "', b'"\\u0031000"'])
def test_max_tokens_is_read_as_a_lenient_provider_would(value: bytes) -> None:
    assert request_facts(b'{"max_tokens":' + value + b"}").max_tokens == 1000
    assert request_facts(b'{"n":' + value + b"}").answers == 1000


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"model":1}', "model"),
        (b'{"model":null}', "model"),
        (b'{"model":["m"]}', "model"),
        (b'{"model":"\\ud800"}', "model"),
        (b'{"stream":"true"}', "stream"),
        (b'{"stream":1}', "stream"),
        (b'{"stream_options":[]}', "stream_options"),
        (b'{"stream_options":{"include_usage":"yes"}}', "stream_options.include_usage"),
        (b'{"stream_options":{"include_usage":true,"include_usage":false}}', "include_usage"),
        (b'{"model":"a","model":"b"}', "model"),
        (b'{"model":"a","m\\u006fdel":"b"}', "model"),
        (b'{"x":1,"y":2,"x":3}', "x"),
    ],
)
def test_a_wrong_type_or_a_repeated_key_names_its_parameter(body: bytes, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        request_facts(body)
    assert caught.value.param == param


@given(st.lists(st.text(max_size=3), max_size=60))
def test_property_repeated_keys_are_found_among_any_number(keys: list[str]) -> None:
    body = ("{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:0" for key in keys) + "}").encode()
    if len(set(keys)) == len(keys):
        assert request_facts(body).spans == oracle.spans(body)
    else:
        with pytest.raises(BadRequest, match="more than once"):
            request_facts(body)


@given(
    st.fixed_dictionaries(
        {"model": st.text()},
        optional={
            "stream": st.sampled_from([True, False, None]),
            "stream_options": st.sampled_from(
                [None, {}, {"include_usage": True}, {"include_usage": False, "x": 1}]
            ),
            "max_tokens": st.integers(0, 10**18 - 1),
            "other": st.dictionaries(st.sampled_from(["model", "stream"]), st.integers()),
        },
    )
)
def test_property_facts_are_what_json_says(content: dict[str, Any]) -> None:
    facts = request_facts(json.dumps(content).encode())
    assert facts.model == content["model"]
    assert facts.stream is bool(content.get("stream"))
    assert facts.include_usage is bool((content.get("stream_options") or {}).get("include_usage"))
    assert facts.max_tokens == content.get("max_tokens")


def test_facts_are_made_by_reading_alone() -> None:
    with pytest.raises(TypeError):
        Facts()


def test_many_facts_are_alive_at_once_with_more_members_than_fit_inside() -> None:
    bodies = [json.dumps({"model": f"m{i}", **{f"k{j}": j for j in range(i)}}).encode() for i in range(100)]
    alive = [request_facts(body) for body in bodies]
    for i, facts in enumerate(alive):
        assert facts.model == f"m{i}"
        assert facts.spans == oracle.spans(bodies[i])
