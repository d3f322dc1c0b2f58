"""jsonscan takes exactly strict JSON objects, and says where their members are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import jsonscan_oracle as oracle

from gateway._speedups.jsonscan import members, string_value, top_level
from gateway.errors import BadRequest

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.one_of(st.sampled_from(["model", "stream", "messages"]), st.text()), VALUES)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    value = draw(OBJECTS)
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n"), ("\n,", " : ")]))
    written = json.dumps(
        value,
        ensure_ascii=draw(st.booleans()),
        separators=separators,
        indent=draw(st.sampled_from([None, None, 1])),
    )
    before, after = draw(st.sampled_from(["", " ", "\n\t"])), draw(st.sampled_from(["", " \r\n"]))
    return (before + written + after).encode()


TOKENS = [
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"\\",
        b" ",
        b"\n",
        b"\t",
        b"\x00",
        b"\x0b",
        b"\x1f",
        b"\x7f",
    ),
    *(
        b"0",
        b"01",
        b"-",
        b"-0",
        b"1.",
        b".5",
        b"1.5e",
        b"1e5",
        b"1E-7",
        b"+1",
        b"NaN",
        b"Infinity",
        b"-Infinity",
    ),
    *(
        b"true",
        b"nul",
        b"null",
        b"False",
        b'"a"',
        b'"a":1',
        b'"model":"x"',
        b"\\u12",
        b"\\ud800",
        b"\\u00e9",
        b"\\x",
    ),
    *(
        b"\xc3\xa9",
        b"\xc0\xaf",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf0\x9f\x98\x80",
        b"\xff",
    ),
    *(b"\x80", b"\xe2\x82", b"\xef\xbb\xbf", b"\xc2\xa0", b"/**/", b"#", b"'a'"),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    body = draw(documents())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body)))
        to = min(len(body), at + draw(st.integers(0, 3)))
        body = body[:at] + draw(st.sampled_from([b"", *TOKENS])) + body[to:]
    return body


def agrees(body: bytes) -> None:
    try:
        expected = oracle.spans(body)
    except ValueError:
        with pytest.raises(BadRequest):
            top_level(body)
        return
    found = top_level(body)
    assert found == expected
    assert list(found) == list(expected)


@given(documents())
def test_property_spans_of_valid_documents(body: bytes) -> None:
    agrees(body)


@given(damaged())
def test_property_acceptance_of_damaged_documents(body: bytes) -> None:
    agrees(body)


@given(st.lists(st.sampled_from(TOKENS), max_size=12))
def test_property_acceptance_of_token_soup(tokens: list[bytes]) -> None:
    agrees(b'{"a":' + b"".join(tokens) + b"}")


@given(st.binary(max_size=80), st.integers(0, 70))
def test_property_acceptance_of_any_bytes_in_a_string(inside: bytes, padding: int) -> None:
    agrees(b'{"a":"' + b"x" * padding + inside + b'"}')


@given(st.text(), st.integers(0, 200), st.booleans())
def test_property_string_value_is_what_json_says(text: str, padding: int, ascii_only: bool) -> None:
    value = "p" * padding + text
    body = json.dumps({"a": value}, ensure_ascii=ascii_only).encode()
    assert string_value(body, top_level(body)["a"]) == value


WHOLE = '{"model": "m\\u00e9\u20ac", "a": [1.5e3, {"b": null}], "c": true}'.encode()


@pytest.mark.parametrize("end", range(len(WHOLE)))
def test_every_cut_of_a_document_is_refused(end: int) -> None:
    with pytest.raises(BadRequest):
        top_level(WHOLE[:end])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a": 1 "b": 2}', "expected ',' or '}' at byte 8 (line 1, column 9)"),
        (b'{"a": 1,\n "b": [1 2]}', "expected ',' or ']' at byte 18 (line 2, column 10)"),
        (b'{"a": 1,}', "expected a key in double quotes at byte 8"),
        (b'{"a" 1}', "expected ':' at byte 5"),
        (b'{"a": }', "expected a value at byte 6"),
        (b'{"a": [1,]}', "expected a value at byte 9"),
        (b'{"a": tru}', "expected true, false or null at byte 6"),
        (b'{"a": NaN}', "expected a value at byte 6"),
        (b'{"a": -x}', "malformed number at byte 7"),
        (b'{"a": 1.}', "malformed number at byte 8"),
        (b'{"a": "\\q"}', "malformed escape in a string at byte 7"),
        (b'{"a": "\n"}', "unescaped control character in a string at byte 7"),
        (b'{"a": "\xff"}', "invalid UTF-8 in a string at byte 7"),
        (b'{"a": "b', "unterminated string at byte 8"),
        (b'{"a": 1', "expected ',' or '}', but the body ends at byte 7"),
        (b'{"a": 1}x', "expected nothing more after the top-level object at byte 8"),
        (b"x", "expected '{' at byte 0"),
        (b'\xef\xbb\xbf{"a":1}', "begins with a byte order mark"),
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"[1]", "the body must be a JSON object"),
        (b'"text"', "the body must be a JSON object"),
    ],
)
def test_a_refusal_says_what_and_where(body: bytes, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        top_level(body)
    assert said in caught.value.message


def test_a_key_may_be_spelled_with_escapes() -> None:
    assert top_level(b'{"mod\\u0065l":1,"\\ud83d\\ude00":2}') == {"model": (14, 15), "\U0001f600": (31, 32)}


@pytest.mark.parametrize("again", [b'"model":"b"', b'"mod\\u0065l":"b"', b'"model":null'])
def test_a_key_written_twice_is_refused_however_it_is_spelled(again: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        top_level(b'{"model":"a","x":{"model":1},' + again + b"}")
    assert caught.value.message == 'the body has the key "model" more than once'
    assert caught.value.param == "model"


def test_a_nested_key_may_repeat_since_the_gateway_does_not_read_it() -> None:
    assert top_level(b'{"a":{"b":1,"b":2}}') == {"a": (5, 18)}


def test_depth_is_bounded_and_the_bound_is_reached() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"

    assert top_level(nested(512)) == {"a": (5, 5 + 2 * 511)}
    with pytest.raises(BadRequest, match="nested deeper than 512 levels at byte 516"):
        top_level(nested(513))
    with pytest.raises(BadRequest, match="nested deeper"):
        top_level(b'{"a":' * 1_000_000)


def test_any_number_of_keys() -> None:
    body = json.dumps({f"k{i}": i for i in range(5000)}).encode()
    assert top_level(body) == oracle.spans(body)


def test_a_lone_surrogate_passes_in_a_value_but_is_no_text() -> None:
    body = b'{"a":"\\ud800"}'
    span = top_level(body)["a"]
    with pytest.raises(BadRequest, match="model has an unpaired surrogate"):
        string_value(body, span, "model")


@pytest.mark.parametrize("value", [b"1", b"null", b"[]", b"{}", b"true"])
def test_string_value_refuses_other_types(value: bytes) -> None:
    body = b'{"a":' + value + b"}"
    with pytest.raises(BadRequest, match="model must be a string") as caught:
        string_value(body, top_level(body)["a"], "model")
    assert caught.value.param == "model"


@pytest.mark.parametrize("span", [(-1, 3), (0, 99), (3, 3), (4, 2)])
def test_a_span_outside_of_the_body_is_a_defect_of_the_caller(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="span outside"):
        string_value(b'{"a":"b"}', span)


def test_members_of_a_nested_object() -> None:
    body = b'{"x":1, "options": {"a": [1], "b" : "c"} }'
    assert members(body, top_level(body)["options"]) == {"a": (25, 28), "b": (36, 39)}
    with pytest.raises(BadRequest, match="expected a JSON object"):
        members(body, top_level(body)["x"])
