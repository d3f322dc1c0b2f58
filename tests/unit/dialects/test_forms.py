"""Forms that pass: every field is found where it stands, and what two parsers could read differently is refused."""

from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.forms import MAX_PART_HEAD, MAX_PARTS, MAX_TEXT, boundary_of, read_form
from gateway.errors import BadRequest

KIND = b"multipart/form-data; boundary=edge"
AUDIO = b"\x00\r\n\xff--edg\r\n-edge\r\n--edg"


def part(name: bytes, value: bytes, disposition: bytes = b"", more: bytes = b"") -> bytes:
    return b'--edge\r\nContent-Disposition: form-data; name="%s"%s\r\n%s\r\n%s\r\n' % (
        name,
        disposition,
        more,
        value,
    )


def form(*parts: bytes, end: bytes = b"--edge--\r\n") -> bytes:
    return b"".join(parts) + end


FILE = part(b"file", AUDIO, b'; filename="a b.mp3"', b"Content-Type: audio/mpeg\r\n")


def test_fields_are_found_where_they_stand() -> None:
    found = read_form(form(part(b"model", b"whisper-1"), FILE, part(b"empty", b"")), KIND)
    assert found.text("model") == "whisper-1"
    assert found.text("empty") == ""
    assert found.text("absent") is None
    audio = found.part("file")
    assert audio is not None
    assert (audio.filename, audio.content_type) == ("a b.mp3", "audio/mpeg")
    assert found.body[audio.start : audio.end] == AUDIO


def test_only_the_model_changes() -> None:
    body = form(FILE, part(b"model", b"provider/whisper-1"), part(b"after", b"x"))
    assert read_form(body, KIND).with_text("model", "ä") == body.replace(b"provider/whisper-1", "ä".encode())


def test_repeated_fields_are_lists() -> None:
    twice = form(part(b"a[]", b"1"), part(b"a[]", b"2"), part(b"a", b"3"))
    assert read_form(twice, KIND).texts("a") == ["1", "2", "3"]


NAMES = st.text("abcdefghij_[]", min_size=1, max_size=8)
VALUES = st.binary(max_size=60).filter(lambda value: b"\r\n--edge" not in b"\r\n" + value)


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=6))
def test_another_parser_finds_the_same(fields: list[tuple[str, bytes]]) -> None:
    body = form(
        *(
            part(name.encode(), value, b'; filename="f"', b"Content-Transfer-Encoding: binary\r\n")
            for name, value in fields
        )
    )
    found = read_form(body, KIND)
    assert [(one.name, body[one.start : one.end]) for one in found.parts] == fields
    parsed = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + KIND + b"\r\n\r\n" + body)
    others = [one for one in parsed.get_payload() if isinstance(one, Message)]
    assert [one.get_param("name", header="content-disposition") for one in others] == [
        name for name, _ in fields
    ]


@given(st.binary(max_size=300))
def test_bytes_that_are_no_form_are_refused_and_nothing_else(junk: bytes) -> None:
    try:
        found = read_form(b"--edge\r\n" + junk, KIND)
    except BadRequest:
        return
    assert found.body.rstrip(b"\r\n").endswith(b"--edge--")


@given(st.data())
def test_a_form_that_is_cut_anywhere_is_refused(data: st.DataObject) -> None:
    body = form(part(b"model", b"whisper-1"), FILE, end=b"--edge--")
    at = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(BadRequest):
        read_form(body[:at], KIND)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"preamble\r\n" + form(FILE),
        form(FILE) + b"epilogue",
        form(FILE, end=b"--edge--x"),
        form(part(b"model", b"a"), end=b"--edge \r\n"),
        form(FILE).replace(b"\r\n", b"\n"),
        form(part(b"model", b"a\r\n--edgeX\r\nb")),
        form(part(b"model", b"a", b'; name="model"')),
        form(part(b"mo\\del", b"a")),
        form(part(b"mo%64el", b"a")),
        form(part(b"model", b"a", b"; name*=utf-8''other")),
        form(part(b"model", b"a", b"", b'Content-Disposition: form-data; name="x"\r\n')),
        form(part(b"model", b"a", b"", b" folded: line\r\n")),
        form(part(b"model", b"a", b"", b"no colon\r\n")),
        form(part(b"model", b"a", b"", b"bare: \x00\r\n")),
        form(part(b"inner", b"a", b"", b"Content-Type: multipart/mixed; boundary=y\r\n")),
        form(part(b"_charset_", b"utf-16")),
        form(b"--edge\r\n\r\nno head\r\n"),
        form(b"--edge\r\nContent-Disposition: attachment; name=x\r\n\r\na\r\n"),
        form(part(b"model", b"a", b"", b"x: %s\r\n" % (b"y" * MAX_PART_HEAD))),
        form(*[part(b"a", b"b")] * (MAX_PARTS + 1)),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_form(body, KIND)


@pytest.mark.parametrize(
    "body",
    [
        form(part(b"model", b"a"), part(b"model", b"b")),
        form(part(b"model", b"a", b'; filename="f"')),
        form(part(b"model", b"YQ==", b"", b"Content-Transfer-Encoding: base64\r\n")),
        form(part(b"model", b"a\x00", b"", b"Content-Type: text/plain; charset=utf-16\r\n")),
        form(part(b"model", b"\xff")),
        form(part(b"model", b"x" * (MAX_TEXT + 1))),
    ],
)
def test_a_model_that_is_no_plain_text_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_form(body, KIND).text("model")


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b"multipart/form-data; boundary=a-b_c", b"a-b_c"),
        (b'Multipart/Form-Data;charset=utf-8; BOUNDARY="a b?c"', b"a b?c"),
    ],
)
def test_a_boundary_is_read_as_it_is_written(content_type: bytes, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b"application/json",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b'multipart/form-data; boundary=""',
        b"multipart/form-data; boundary=a; boundary=b",
        b"multipart/form-data; boundary=a\x00b",
        b"multipart/form-data; boundary=" + b"a" * 71,
        b"multipart/mixed; boundary=a",
    ],
)
def test_a_boundary_that_is_none_is_refused(content_type: bytes) -> None:
    with pytest.raises(BadRequest):
        boundary_of(content_type)
