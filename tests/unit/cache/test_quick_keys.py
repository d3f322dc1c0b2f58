"""A plain request's key, made straight from its body, is the one that its neutral request has."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoken_requests import BODIES, ENDPOINT, key_of, request_of

from gateway._speedups.plain_keys import quick_key
from gateway.cache.keys import exact_key
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


@pytest.mark.parametrize(
    "twice",
    [
        b'{"model":"m","messages":[{"role":"user","content":"a","content":"b"}]}',
        b'{"model":"m","messages":[{"role":"user","role":"user","content":"b"}]}',
        b'{"model":"m","model":"m","messages":[{"role":"user","content":"a"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"a"}],"top_p":null,"top_p":1}',
        b'{"model":"m","messages":[{"role":"user","content":"a"}],"messages":[{"role":"user","content":"b"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"a","con\\u0074ent":"b"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokens":1,"max_completion_tokens":2}',
    ],
)
def test_what_is_said_twice_is_read_as_usual(twice: bytes) -> None:
    for name in PLAIN:
        assert quick_key(name, twice, b"s", "m") is None


@pytest.mark.parametrize("name", list(BODIES))
def test_requests_that_use_everything_are_none(name: str) -> None:
    assert quick_key(ENDPOINT.get(name, name), json.dumps(BODIES[name]).encode(), b"s", "m") is None


# --- spellings ---

SHORT = {
    '"': '\\"',
    "\\": "\\\\",
    "/": "\\/",
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\b": "\\b",
    "\f": "\\f",
}


def turned(raw: bytes, more: bytes = b"") -> bytes:
    """A request whose only turn says `raw`, a JSON text as it is spelled."""
    return b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":%s}]%s}' % (raw, more)


def quick_and_slow(name: str, body: bytes) -> tuple[bytes | None, bytes]:
    return quick_key(name, body, b"scope", "maker/model"), key_of(name, body)


@st.composite
def spelled(draw: st.DrawFn) -> bytes:
    """A text, each character of it in one of its spellings."""
    said = ""
    for letter in draw(st.text(min_size=1, max_size=12) | st.text('"\\/\n\té😀', min_size=1, max_size=40)):
        ways = [json.dumps(letter)[1:-1], json.dumps(letter, ensure_ascii=False)[1:-1]]
        ways += [
            SHORT.get(letter, ways[0]),
            f"\\u{ord(letter):04X}" if ord(letter) < 0x10000 else ways[0].upper(),
        ]
        said += draw(st.sampled_from(ways)).replace("\\U", "\\u")
    return f'"{said}"'.encode()


@given(name=st.sampled_from(sorted(PLAIN)), text=spelled(), stop=spelled())
def test_texts_are_plain_however_they_are_spelled(name: str, text: bytes, stop: bytes) -> None:
    member = b"stop" if name == "chat_completions" else b"stop_sequences"
    quick, slow = quick_and_slow(name, turned(text, b',"%s":[%s,"x"]' % (member, stop)))
    assert quick == slow
    quick, slow = quick_and_slow(name, turned(text))
    assert quick == slow
    assert quick == key_of(name, turned(json.dumps(json.loads(text)).encode()))


@pytest.mark.parametrize(
    "half", [b"\\ud83d", b"\\ude00", b"\\ud83dx", b"\\ud83d\\u0041", b"\\ude00\\ud83d", b"\\ud83d\\n"]
)
def test_half_a_surrogate_pair_is_read_as_usual(half: bytes) -> None:
    text = b'"a%s"' % half
    assert quick_key("chat_completions", turned(text), b"s", "m") is None
    assert quick_key("chat_completions", turned(b'"a"', b',"user":' + text), b"s", "m") is None
    assert quick_key("chat_completions", turned(b'"a"', b',"stop":' + text), b"s", "m") is None
    assert quick_key("messages", turned(b'"a"', b',"system":' + text), b"s", "m") is None


WHOLE = [0, 1, 31, 32, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 10**17, 10**18 - 1]
WHOLE += [-1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1, -(10**18) + 1]


@pytest.mark.parametrize("number", WHOLE)
def test_whole_numbers_of_every_length(number: int) -> None:
    quick, slow = quick_and_slow(
        "chat_completions", turned(b'"a"', b',"seed":%d,"top_p":%d' % (number, number))
    )
    assert quick == slow
    quick, slow = quick_and_slow("messages", turned(b'"a"', b',"top_k":%d' % number))
    assert quick == slow


@pytest.mark.parametrize(
    "spelling",
    [
        *("0.0", "-0.0", "-0", "0e9", "1", "1.0", "1E0", "10e-1", "0.1", "0.30000000000000004", "1e-400"),
        *(
            "4.9e-324",
            "2.2250738585072014e-308",
            "1.7976931348623157e308",
            "9007199254740993",
            "1e22",
            "1e23",
        ),
        *("0.1234567890123456789012345678", "123456789012345678901234567890", "8.41", "12345678.9012345"),
        *("123456789012345.6", "0.000001234567890", "-1.5", "7e+1", "18446744073709551616"),
    ],
)
def test_numbers_with_a_point_in_every_spelling(spelling: str) -> None:
    for name in PLAIN:
        quick, slow = quick_and_slow(name, turned(b'"a"', f',"temperature" : {spelling} '.encode()))
        assert quick == slow
        assert quick == key_of(name, turned(b'"a"', b',"temperature":%r' % (float(spelling) + 0.0)))


@given(number=st.floats(allow_nan=False, allow_infinity=False), places=st.integers(0, 25))
def test_numbers_are_rounded_right(number: float, places: int) -> None:
    for spelling in (repr(number), f"{number:.{places}e}", f"{number % 1000:.{places}f}"):
        body = turned(b'"a"', f',"temperature":{spelling}'.encode())
        if float(spelling) in (float("inf"), float("-inf")):
            assert quick_key("chat_completions", body, b"scope", "maker/model") is None
        else:
            assert quick_key("chat_completions", body, b"scope", "maker/model") == key_of(
                "chat_completions", body
            )


@pytest.mark.parametrize(
    "number", ["1" * 19, "9" * 30, "1.0", "1e2", "true", '"1"', "01", "-", "+1", ".5", "1.", "NaN"]
)
def test_other_numbers_are_read_as_usual(number: str) -> None:
    assert quick_key("chat_completions", turned(b'"a"', f',"seed":{number}'.encode()), b"s", "m") is None


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1" * 400, "01", "1.", "Infinity", "0x1", "true", '"1"']
)
def test_what_is_no_number_is_read_as_usual(number: str) -> None:
    assert quick_key("chat_completions", turned(b'"a"', f',"top_p":{number}'.encode()), b"s", "m") is None


@pytest.mark.parametrize("length", [1, 31, 32, 255, 256, 4000, 9000, 65535, 65536])
def test_texts_of_every_length(length: int) -> None:
    for name in PLAIN:
        for letter in ("x", "\n", "é", "\0"):
            quick, slow = quick_and_slow(name, turned(json.dumps(letter * length).encode()))
            assert quick == slow


@pytest.mark.parametrize("count", [1, 7, 8, 15, 16, 300, 33000])
def test_conversations_of_every_length(count: int) -> None:
    said = json.dumps([{"content": str(turn), "role": "user"} for turn in range(count)])
    stops = json.dumps([str(turn) for turn in range(count)])
    body = (
        f'{{"messages":{said},"system":"{"S" * count}","stop_sequences":{stops},"max_tokens":1,"model":"m"}}'
    )
    quick, slow = quick_and_slow("messages", body.encode())
    assert quick == slow


@given(name=st.sampled_from(sorted(PLAIN)), order=st.randoms(use_true_random=False))
def test_members_come_in_any_order(name: str, order: Any) -> None:
    members = list(PLAIN[name].items())
    order.shuffle(members)
    raw = json.dumps(dict(members), indent=order.choice((None, 0, 2))).encode()
    assert quick_key(name, raw, b"scope", "maker/model") == key_of(name, json.dumps(PLAIN[name]).encode())


def test_what_is_null_or_empty_is_as_if_it_were_not_there() -> None:
    chat = b',"temperature":null,"top_p":null,"n":null,"stop":null,"stream":null,"stream_options":null,"user":null'
    claude = b',"temperature":null,"top_p":null,"top_k":null,"system":null,"stop_sequences":[],"stream":false'
    for name, more in (("chat_completions", chat), ("messages", claude), ("messages", b',"system":""')):
        quick, slow = quick_and_slow(name, turned(b'"a"', more))
        assert quick == slow == quick_key(name, turned(b'"a"'), b"scope", "maker/model")
    for text in (b'""', b"null", b"[]", b"1"):
        assert quick_key("messages", turned(text), b"s", "m") is None


def test_one_stop_is_a_list_of_one() -> None:
    quick, slow = quick_and_slow("chat_completions", turned(b'"a"', b',"stop":"\\n"'))
    assert quick == slow == key_of("chat_completions", turned(b'"a"', b',"stop":["\\n"]'))
    assert quick != key_of("chat_completions", turned(b'"a"', b',"stop":[]'))


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_what_is_cut_or_followed_by_anything_is_read_as_usual(name: str) -> None:
    raw = json.dumps({**PLAIN[name], "temperature": 0.5}).encode()
    assert quick_key(name, b"\n " + raw + b"\n ", b"scope", "maker/model") == key_of(name, raw)
    for end in range(len(raw)):
        assert quick_key(name, raw[:end], b"s", "m") is None
    for more in (b"}", b",", b"\0", b"{}", b"x"):
        assert quick_key(name, raw + more, b"s", "m") is None


@given(name=st.sampled_from(sorted(PLAIN)), place=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_byte_that_is_another_is_read_alike(name: str, place: int, byte: int) -> None:
    raw = bytearray(json.dumps({**PLAIN[name], "top_p": 0.5}).encode())
    raw[place % len(raw)] = byte
    quick = quick_key(name, bytes(raw), b"scope", "maker/model")
    if quick is not None:
        assert quick == key_of(name, bytes(raw))


HEADERS = [
    (),
    ((b"user-agent", b"x"),),
    ((b"anthropic-version", b"2023-06-01"), (b"anthropic-beta", b"b")),
    ((b"anthropic-version", b"2026-10-21"),),
    ((b"anthropic-version", b"2023-01-01"),),
    ((b"x", b"y"), (b"anthropic-beta", b"b"), (b"openai-beta", b"o" * 300), (b"anthropic-beta", b"a")),
]


@pytest.mark.parametrize("headers", HEADERS)
def test_scopes_models_and_headers_of_every_length(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    for name in PLAIN:
        body = turned(b'"a"')
        for length in (0, 15, 16, 31, 32, 255, 256, 70000):
            given_names = (b"s" * length, "é" * length, headers)
            slow = exact_key(request_of(name, body), *given_names[:2], body=body, headers=given_names[2])
            assert quick_key(name, body, *given_names) == slow
