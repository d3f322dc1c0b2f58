"""Messages of a binary event stream come out the same in whatever pieces, and nothing broken is believed."""

import json
import struct
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st
from reference import eventstream_oracle as oracle

from gateway._speedups.eventstream import Message, MessageReader, frame
from gateway.errors import UpstreamProtocolError

NAMES = st.sampled_from([*sorted(oracle.NAMES), b":content-type", b"x", b""])
STRINGS = st.one_of(
    st.sampled_from(["event", "exception", "error", "messageStart", ""]).map(oracle.text),
    st.text(max_size=9).map(oracle.text),
    st.just(oracle.text(b"\xff")),
)
FIELDS = st.one_of(
    st.tuples(NAMES, st.just(7), STRINGS),
    st.sampled_from([(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)]).flatmap(
        lambda kind: st.tuples(NAMES, st.just(kind[0]), st.binary(min_size=kind[1], max_size=kind[1]))
    ),
    st.tuples(NAMES, st.just(6), st.binary(max_size=5).map(oracle.text)),
)
MESSAGES = st.builds(oracle.message, st.lists(FIELDS, max_size=5), st.binary(max_size=40))
STREAMS = st.lists(MESSAGES, max_size=4).map(b"".join)
PLAIN = [frame("messageStart", b'{"role":"assistant"}'), frame("metadata", b"{}"), frame("x", b"")]


@st.composite
def pieces(draw: st.DrawFn, streams: st.SearchStrategy[bytes] = STREAMS) -> list[bytes]:
    stream = draw(streams)
    stream = stream[: draw(st.integers(0, len(stream)))] if draw(st.booleans()) else stream
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=9)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A stream with a changed byte, or with changed lengths or headers under checksums that are right."""
    stream = bytearray(draw(STREAMS.filter(bool)))
    at = draw(st.integers(0, len(stream) - 1))
    if draw(st.booleans()):
        stream[at] ^= draw(st.integers(1, 255))
        return bytes(stream)
    total = struct.unpack(">I", stream[:4])[0]
    at %= total
    stream[at] ^= draw(st.integers(1, 255))
    stream[8:12] = struct.pack(">I", crc32(stream[:8]))
    stream[total - 4 : total] = struct.pack(">I", crc32(stream[: total - 4]))
    return bytes(stream)


def read(parts: list[bytes]) -> tuple[list[oracle.Read], int]:
    reader, found = MessageReader(), []
    for part in parts:
        messages = reader.feed(part)
        assert [reader.passed[m.start : m.end] for m in messages] == split(reader.passed)
        found += messages
    assert reader.finish() is None
    return [as_read(message) for message in found], reader.pending


def as_read(message: Message) -> oracle.Read:
    return message.kind, message.name, message.data


def split(stream: bytes) -> list[bytes]:
    found = []
    while stream:
        total = struct.unpack(">I", stream[:4])[0]
        found.append(stream[:total])
        stream = stream[total:]
    return found


@given(pieces())
def test_property_messages_are_those_of_the_oracle_in_any_pieces(parts: list[bytes]) -> None:
    try:
        expected, rest = oracle.parse(b"".join(parts))
    except oracle.Wrong:
        with pytest.raises(UpstreamProtocolError):
            read(parts)
    else:
        assert read(parts) == (expected, len(rest))


@given(pieces(spoiled()))
def test_property_spoiled_streams_are_judged_as_by_the_oracle(parts: list[bytes]) -> None:
    try:
        expected, rest = oracle.parse(b"".join(parts))
    except oracle.Wrong:
        with pytest.raises(UpstreamProtocolError):
            read(parts)
    else:
        assert read(parts) == (expected, len(rest))


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_property_garbage_never_does_more_than_fail(parts: list[bytes]) -> None:
    try:
        oracle.parse(b"".join(parts))
    except oracle.Wrong:
        with pytest.raises(UpstreamProtocolError):
            read(parts)
    else:
        read(parts)


def test_single_bytes_give_each_message_when_its_last_byte_comes() -> None:
    reader = MessageReader()
    for whole in PLAIN:
        counts = [len(reader.feed(whole[at : at + 1])) for at in range(len(whole))]
        assert counts == [0] * (len(whole) - 1) + [1]
        assert reader.passed == whole
        assert reader.pending == 0


def test_a_piece_that_is_whole_passes_as_the_same_object() -> None:
    reader = MessageReader()
    data = b"".join(PLAIN)
    reader.feed(data)
    assert reader.passed is data


def test_what_came_before_a_broken_message_can_be_salvaged() -> None:
    reader = MessageReader()
    broken = bytearray(PLAIN[1])
    broken[-1] ^= 1
    messages, error = reader.salvage(PLAIN[0] + bytes(broken))
    assert [message.name for message in messages] == ["messageStart"]
    assert reader.passed == PLAIN[0]
    assert isinstance(error, UpstreamProtocolError)
    with pytest.raises(UpstreamProtocolError):  # it stays broken
        reader.feed(PLAIN[2])


def test_a_wrong_prelude_is_refused_before_its_body_is_waited_for() -> None:
    prelude = struct.pack(">III", 1 << 30, 0, 0)
    with pytest.raises(UpstreamProtocolError, match="checksum"):
        MessageReader().feed(prelude)


@pytest.mark.parametrize(("total", "inner"), [(15, 0), (0, 0), (16, 1), (1 << 31, 0), (1 << 20, 200_000)])
def test_impossible_lengths_are_refused_at_once(total: int, inner: int) -> None:
    head = struct.pack(">II", total, inner)
    with pytest.raises(UpstreamProtocolError, match=r"lengths|larger"):
        MessageReader().feed(head + struct.pack(">I", crc32(head)))


def test_a_message_over_the_bound_is_refused() -> None:
    whole = frame("x", b"y" * 100)
    assert len(MessageReader(len(whole)).feed(whole)) == 1
    with pytest.raises(UpstreamProtocolError, match="larger"):
        MessageReader(len(whole) - 1).feed(whole)


def test_an_error_outside_of_the_model_tells_its_code_and_words() -> None:
    fields = [
        (b":message-type", 7, oracle.text("error")),
        (b":error-code", 7, oracle.text("InternalError")),
        (b":error-message", 7, oracle.text("it broke")),
    ]
    [message] = MessageReader().feed(oracle.message(fields, b""))
    assert (message.kind, message.name) == ("error", ":error")
    assert json.loads(message.data) == {"code": "InternalError", "message": "it broke"}


@given(st.from_regex(r"\A[a-zA-Z]{1,40}\Z"), st.binary(max_size=200), st.sampled_from(["event", "exception"]))
def test_property_what_is_written_is_read_by_botocore_and_here(name: str, payload: bytes, kind: str) -> None:
    whole = frame(name, payload, kind)  # type: ignore[arg-type]
    [message] = MessageReader().feed(whole)
    assert as_read(message) == (kind, name, payload)
    buffer = EventStreamBuffer()
    buffer.add_data(whole)
    [theirs] = list(buffer)
    assert theirs.payload == payload
    assert theirs.headers == {
        f":{kind}-type": name,
        ":content-type": "application/json",
        ":message-type": kind,
    }


@pytest.mark.parametrize("name", ["", "é", "n" * 256])
def test_a_name_that_is_no_header_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        frame(name, b"")
