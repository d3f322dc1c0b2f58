"""Edits of a passing body change what they say, and not one byte besides."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import jsonscan_oracle as oracle

from gateway._speedups.jsonscan import members, request_facts, set_key, splice, top_level
from gateway.errors import BadRequest

ODD = (
    b'{ "z\\u0065ta" : 1.50E+03 ,"model":"gpt-4o-mini", "unknown":{"b":[ 1,2 ],"a":"\\u00e9\\/"},'
    b'\n  "messages":[{"role":"user","content":"\xf0\x9f\x98\x80 hi"}] , "stream" :true }  '
)


@given(st.binary(max_size=40), st.data())
def test_property_splice_is_what_slicing_says(body: bytes, data: st.DataObject) -> None:
    marks = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pairs = list(zip(marks[::2], marks[1::2], strict=False))
    edits = [(start, end, data.draw(st.binary(max_size=5))) for start, end in pairs]
    expected = body
    for start, end, new in reversed(edits):
        expected = expected[:start] + new + expected[end:]
    assert splice(body, edits) == expected
    if len(set(pairs)) == len(pairs):
        assert splice(body, data.draw(st.permutations(edits))) == expected


@pytest.mark.parametrize("edits", [[(0, 3, b""), (2, 4, b"")], [(3, 2, b"")], [(0, 99, b"")], [(-1, 1, b"")]])
def test_splice_refuses_edits_that_overlap_or_leave_the_body(edits: list[tuple[int, int, bytes]]) -> None:
    with pytest.raises(ValueError, match="edits overlap"):
        splice(b"abcdef", edits)


BODIES = st.dictionaries(
    st.sampled_from(["model", "n", "stream", "stream_options", "x", "é", "logit_bias", 'q"\\']),
    st.one_of(st.none(), st.text(max_size=4), st.integers(), st.lists(st.integers(), max_size=2)),
)


@given(BODIES, st.sampled_from(["model", "new", "é"]), st.booleans())
def test_property_set_key_sets_that_key_alone(content: dict[str, Any], key: str, spaced: bool) -> None:
    body = json.dumps(content, indent=2 if spaced else None).encode()
    edited = splice(body, set_key(body, top_level(body), key, b'{"set": 1}'))
    assert json.loads(edited) == {**content, key: {"set": 1}}
    assert list(json.loads(edited)) == list({**content, key: None})
    kept = raw_values(body)
    kept.pop(key, None)
    left = raw_values(edited)
    del left[key]
    assert left == kept


def raw_values(body: bytes) -> dict[str, bytes]:
    return {key: body[start:end] for key, (start, end) in oracle.spans(body).items()}


def test_set_key_inside_a_nested_object() -> None:
    body = b'{"o": { }, "p":{"a":1}}'
    spans = top_level(body)
    edits = set_key(body, members(body, spans["o"]), "k", b"1", spans["o"])
    edits += set_key(body, members(body, spans["p"]), "k", b"2", spans["p"])
    assert splice(body, edits) == b'{"o": {"k":1 }, "p":{"a":1,"k":2}}'


def test_rewriting_the_model_keeps_every_other_byte() -> None:
    rewritten = request_facts(ODD).rewrite("llama-3.1-8b")
    assert rewritten == ODD.replace(b'"gpt-4o-mini"', b'"llama-3.1-8b"')


def test_nothing_to_rewrite_gives_the_same_object() -> None:
    assert request_facts(ODD).rewrite() is ODD
    assert request_facts(ODD).rewrite("gpt-4o-mini", drop=("absent",)) is ODD


def test_a_model_name_cannot_break_out_of_its_string() -> None:
    name = 'a","stream":false,"x":"\\ \u20ac\n'
    assert json.loads(request_facts(ODD).rewrite(name)) == {**json.loads(ODD), "model": name}


@pytest.mark.parametrize(
    ("options", "edited"),
    [
        (b"", b',"stream_options":{"include_usage":true}'),
        (b',"stream_options": null', b',"stream_options": {"include_usage":true}'),
        (b',"stream_options": {}', b',"stream_options": {"include_usage":true}'),
        (b',"stream_options":{"include_usage":false}', b',"stream_options":{"include_usage":true}'),
        (b',"stream_options":{"include_usage":null}', b',"stream_options":{"include_usage":true}'),
        (b',"stream_options":{"include_usage": true}', b',"stream_options":{"include_usage": true}'),
        (
            b',"stream_options":{ "include_obfuscation" : false }',
            b',"stream_options":{ "include_obfuscation" : false,"include_usage":true }',
        ),
    ],
)
def test_usage_is_asked_for_whatever_the_options_were(options: bytes, edited: bytes) -> None:
    before = b'{"model":"a" , "stream":true' + options + b" }"
    after = b'{"model":"bb" , "stream":true' + edited + b" }"
    assert request_facts(before).rewrite("bb", include_usage=True) == after


@given(BODIES, st.sets(st.sampled_from(["n", "x", "é", 'q"\\', "logit_bias", "absent"])), st.booleans())
def test_property_dropping_members_leaves_the_others(
    content: dict[str, Any], names: set[str], spaced: bool
) -> None:
    content.update(model="m", stream_options=None, stream=True)
    body = json.dumps(content, indent=1 if spaced else None).encode()
    edited = request_facts(body).rewrite("other", include_usage=True, drop=tuple(names))
    expected = {key: value for key, value in content.items() if key not in names}
    expected.update(model="other", stream_options={"include_usage": True})
    assert list(oracle.document(edited)) == list(oracle.document(json.dumps(expected).encode()))


@pytest.mark.parametrize(
    ("drop", "left"),
    [
        (("a",), b'{ "b": 2, "c": 3 }'),
        (("b",), b'{ "a": 1, "c": 3 }'),
        (("c",), b'{ "a": 1, "b": 2 }'),
        (("a", "b"), b'{ "c": 3 }'),
        (("b", "c"), b'{ "a": 1 }'),
        (("a", "b", "c"), b"{  }"),
    ],
)
def test_a_dropped_member_takes_one_comma_along(drop: tuple[str, ...], left: bytes) -> None:
    assert request_facts(b'{ "a": 1, "b": 2, "c": 3 }').rewrite(drop=drop) == left


def test_a_model_cannot_be_put_where_there_is_none() -> None:
    with pytest.raises(BadRequest, match="model is required"):
        request_facts(b"{}").rewrite("m")
