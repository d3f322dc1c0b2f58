"""A shape captures what Python's JSON reads, and never fits what is not strictly of it."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference import translate_oracle as oracle

from gateway._speedups.translate import Shape, framed

KEYS: dict[str, Any] = {
    "type": ("piece", "end"),
    "id": "some text",
    "at": "some number",
    "list": [{"index": "number", "delta": {"text": "text", "call": {"arguments": "text"}}, "*": "nothing"}],
    "none": "nothing",
    "logprobs": "empty",
    "rest": "anything",
}
SHAPE = Shape(KEYS)

texts = st.text(st.characters(codec="utf-8") | st.sampled_from('"\\/\n\r\t\x00\x1f\x7f€😀'), max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**16)
    | st.sampled_from([1.5, 1e300, 10**400, 0, 999999999999999, "piece", "end", ""])
    | texts
)
deltas = st.dictionaries(
    st.sampled_from(["text", "call", "other"]), texts | scalars | st.fixed_dictionaries({"arguments": texts})
)
items = st.dictionaries(st.sampled_from(["index", "delta", "role"]), st.integers(0, 9) | deltas | st.none())
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner), max_leaves=8
)
documents = st.dictionaries(
    st.sampled_from([*KEYS, "unknown", "tex", "texts"]),
    anything | st.lists(items, max_size=2),
)
fitting = st.fixed_dictionaries(
    {"type": st.sampled_from(["piece", "end"])},
    optional={
        "id": st.none() | st.text("abc-_.0", max_size=9),
        "at": st.integers(0, 10**15 - 1),
        "list": st.fixed_dictionaries(
            {"delta": st.fixed_dictionaries({}, optional={"text": texts, "call": st.none()})},
            optional={"index": st.integers(0, 7)},
        ).map(lambda item: [item]),
        "logprobs": st.sampled_from([None, [], {}]),
        "rest": anything,
        "unknown": anything,
    },
)


def written(document: Any, ascii_only: bool, loose: bool) -> bytes:
    return json.dumps(
        document, ensure_ascii=ascii_only, separators=(" , ", " : ") if loose else None
    ).encode()


def plain(data: bytes) -> bool:
    """Without what a shape leaves to the codec: keys and words that are spelled with escapes, big exponents."""
    return b"\\" not in data


@given(documents | fitting, st.booleans(), st.booleans())
def test_captures_what_the_oracle_captures(document: Any, ascii_only: bool, loose: bool) -> None:
    data = written(document, ascii_only, loose)
    found, expected = SHAPE.match(data), oracle.match(KEYS, data)
    assert found == expected if plain(data) else found in (None, expected)


@given(st.fixed_dictionaries({"delta": st.fixed_dictionaries({"text": texts})}), st.booleans(), st.booleans())
def test_captures_any_text_however_it_is_escaped(item: Any, ascii_only: bool, loose: bool) -> None:
    data = written({"type": "piece", "list": [item]}, ascii_only, loose)
    assert SHAPE.match(data) == ("piece", None, item["delta"]["text"], None)


@given(fitting, st.booleans(), st.data())
def test_broken_bytes_fit_only_when_they_are_read_the_same(
    document: Any, ascii_only: bool, data: Any
) -> None:
    whole = bytearray(written(document, ascii_only, False))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        how = data.draw(st.sampled_from(["set", "cut", "insert", "twice"]))
        if how == "set":
            whole[at] = data.draw(st.sampled_from(b'\x00\xff\xc3\xed"\\{}[],:0-.eE \n') | st.integers(0, 255))
        elif how == "cut":
            del whole[at + 1 :]
        elif how == "insert":
            whole[at:at] = data.draw(
                st.sampled_from([b"\\ud800", b'"', b"\\u0000", b"\xed\xa0\x80", b"0", b"\\"])
            )
        else:
            whole[at:at] = whole[at : at + 9]
    found = SHAPE.match(bytes(whole))
    assert found is None or found == oracle.match(KEYS, bytes(whole))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"type":"piece"}x',
        b'{"type":"piece"}\x00',
        b'{"type":"piece",}',
        b'{"type":"piece" "id":"a"}',
        b'{"type":"piece","type":"piece"}',
        b'{"type":"pi\\u0065ce"}',
        b'{"ty\\u0070e":"piece"}',
        b'{"type":"other"}',
        b'{"none":false}',
        b'{"none":[]}',
        b'{"at":01}',
        b'{"at":-1}',
        b'{"at":1.0}',
        b'{"at":1e5}',
        b'{"at":1000000000000000}',
        b'{"id":"\\n"}',
        b'{"id":"\xff"}',
        b'{"list":[]}',
        b'{"list":[{},{}]}',
        b'{"list":[1]}',
        b'{"list":[{"role":"x"}]}',
        b'{"list":[{"delta":{"text":"\\ud83d"}}]}',
        b'{"list":[{"delta":{"text":"\\ud83d\\u0041"}}]}',
        b'{"list":[{"delta":{"text":"\\udc00\\ud800"}}]}',
        b'{"list":[{"delta":{"text":"\xed\xa0\x80"}}]}',
        b'{"list":[{"delta":{"text":"\x00"}}]}',
        b'{"list":[{"delta":{"text":"\n"}}]}',
        b'{"list":[{"delta":{"text":5}}]}',
        b'{"unknown":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"unknown":' + b'{"a":' * 100_000,
        b'{"unknown":tru}',
        b'{"unknown":"\\x"}',
    ],
)
def test_does_not_fit(data: bytes) -> None:
    assert SHAPE.match(data) is None


def test_long_text_with_escapes_is_whole() -> None:
    text = 'é"\n😀' * 5000
    data = json.dumps({"type": "end", "list": [{"delta": {"text": text}}]}).encode()
    assert SHAPE.match(data) == ("end", None, text, None)


def test_raw_json_is_captured_as_it_came() -> None:
    shape = Shape({"raw": "raw", "n": "number"})
    assert shape.match(b'{ "n" : 3 , "raw" : [ 1, {"a":"\\u00e9"} ] }') == (b'[ 1, {"a":"\\u00e9"} ]', 3)
    assert shape.match(b'{"raw":null}') == (None, None)


@pytest.mark.parametrize(
    "keys",
    [
        {"a": "no kind"},
        {'"': "text"},
        {"": "text"},
        {"a\\b": "text"},
        {"*": "text"},
        {str(number): "nothing" for number in range(33)},
        {str(number): "text" for number in range(17)},
    ],
)
def test_shape_that_cannot_be_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        Shape(keys)


@given(texts, st.binary(max_size=9), st.binary(max_size=9))
@example("\x00\x1f\x7f\x80" * 9, b"", b"")
@example('"' * 64, b"a", b"b")
def test_text_is_framed_as_json(text: str, head: bytes, tail: bytes) -> None:
    assert framed(head, text, tail) == oracle.framed(head, text, tail)


def test_lone_surrogate_is_not_written() -> None:
    with pytest.raises(UnicodeEncodeError):
        framed(b"", "a\ud800", b"")
