"""The response parser agrees with independent parsers on any answer in any split, or refuses it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups.http1_parser import ResponseParser
from gateway.errors import UpstreamError
from tests.reference.http1_readers import Answer, read_with_h11, read_with_httptools

TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789!#$%&'*+-.^_`|~", min_size=1, max_size=12)
VISIBLE = st.text([chr(c) for c in range(0x21, 0x7F)], max_size=20)
FRAMING = {"content-length", "transfer-encoding", "connection"}


@st.composite
def fields(draw: st.DrawFn) -> bytes:
    pairs = draw(st.lists(st.tuples(TOKEN, VISIBLE), max_size=4))
    blank = draw(st.sampled_from(["", " ", "\t ", "  "]))
    lines = [f"{name}:{blank}{value}{blank}\r\n" for name, value in pairs if name.lower() not in FRAMING]
    return "".join(lines).encode()


@st.composite
def chunked(draw: st.DrawFn, body: bytes) -> bytes:
    out = b""
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=4)))
    for start, end in itertools.pairwise([0, *cuts, len(body)]):
        extension = draw(st.sampled_from([b"", b";a", b";a=b", b';a="b c"']))
        if end > start:
            out += draw(st.sampled_from([b"%x", b"%X", b"00%x"])) % (end - start) + extension
            out += b"\r\n" + body[start:end] + b"\r\n"
    trailers = draw(st.sampled_from([b"", b"x-sum: 1\r\n", b"a: b\r\nc: \r\n"]))
    return out + b"0\r\n" + trailers + b"\r\n"


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """A valid response of any framing; it ends with the connection."""
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", hints * 2]))
    status = draw(st.sampled_from([200, 201, 204, 304, 404, 429, 500, 529]))
    reason = draw(st.sampled_from([b"", b"OK", b"Very Bad, indeed"]))
    body = draw(st.binary(max_size=60)) if status not in (204, 304) else b""
    kind = draw(st.sampled_from(["length", "chunked", "eof"]))
    head = draw(fields())
    if body == b"" and status in (204, 304):
        payload = b""
    elif kind == "length":
        head += b"Content-Length: %d\r\n" % len(body)
        payload = body
    elif kind == "chunked":
        head += b"transfer-ENCODING: chunked\r\n"
        payload = draw(chunked(body))
    else:
        payload = body
    return interim + b"HTTP/1.1 %d %s\r\n" % (status, reason) + head + draw(fields()) + b"\r\n" + payload


def read(pieces: list[bytes], method: bytes = b"GET") -> Answer:
    """What the gateway's parser reads when `pieces` arrive one after another and the connection closes."""
    parser = ResponseParser()
    parser.begin(method)
    body = b"".join([parser.feed(piece) for piece in pieces])
    if not parser.complete:
        parser.eof()
    return Answer(parser.status, parser.headers, body, parser.surplus)


@given(raw=responses())
def test_every_split_in_two_reads_as_h11_reads_the_whole(raw: bytes) -> None:
    expected = read_with_h11(raw)
    assert expected is not None
    for at in range(len(raw) + 1):
        assert read([raw[:at], raw[at:]]) == expected


@given(raw=responses())
def test_byte_by_byte_reads_as_h11_reads_the_whole(raw: bytes) -> None:
    assert read([raw[i : i + 1] for i in range(len(raw))]) == read_with_h11(raw)


@given(raw=responses())
def test_httptools_reads_the_same(raw: bytes) -> None:
    expected = read_with_httptools(raw)
    assert read([raw]) == expected


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=3000), max_size=12),
    cuts=st.lists(st.integers(0, 40_000), max_size=20),
)
def test_large_chunked_bodies_survive_any_split(chunks: list[bytes], cuts: list[int]) -> None:
    raw = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    raw += b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    bounds = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    answer = read([raw[a:b] for a, b in itertools.pairwise(bounds)])
    assert answer.body == b"".join(chunks)


SPLICES = [
    b"\r",
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b"\0",
    b":",
    b",",
    b";",
    b"0",
    b"f",
    b"-",
    b"+",
    b"\x80",
    b"5, 5",
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    raw = draw(responses())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(raw) - 1)))
        kind = draw(st.sampled_from(["flip", "insert", "delete", "cut", "double"]))
        if kind == "flip" and raw:
            raw = raw[:at] + bytes([raw[at] ^ draw(st.integers(1, 255))]) + raw[at + 1 :]
        elif kind == "insert":
            raw = raw[:at] + draw(st.sampled_from(SPLICES)) + raw[at:]
        elif kind == "delete":
            raw = raw[:at] + raw[at + draw(st.integers(1, 4)) :]
        elif kind == "cut":
            raw = raw[:at]
        else:
            raw = raw[:at] + raw[at : at + 20] + raw[at:]
    return raw


@given(raw=mutated(), at=st.integers(0, 400))
def test_mutated_answers_are_refused_or_read_as_h11_reads_them(raw: bytes, at: int) -> None:
    try:
        answer = read([raw[:at], raw[at:]])
    except UpstreamError:
        return
    expected = read_with_h11(raw)
    assert expected is not None
    assert same_value_case(answer) == same_value_case(expected)


@given(raw=mutated(), cuts=st.lists(st.integers(0, 400), max_size=6))
def test_no_split_changes_what_is_accepted(raw: bytes, cuts: list[int]) -> None:
    bounds = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    assert outcome([raw]) == outcome([raw[a:b] for a, b in itertools.pairwise(bounds)])


def same_value_case(answer: Answer) -> Answer:
    """h11 reports the value of a framing field in lower case."""
    answer.headers = [(name, value.lower()) for name, value in answer.headers]
    return answer


def outcome(pieces: list[bytes]) -> Answer | None:
    try:
        return read(pieces)
    except UpstreamError:
        return None


@pytest.mark.parametrize("status", [200, 404])
def test_a_head_request_gets_no_body_whatever_the_fields_say(status: int) -> None:
    raw = b"HTTP/1.1 %d x\r\ncontent-length: 5\r\n\r\n" % status
    assert read([raw], b"HEAD") == read_with_h11(raw, "HEAD")
