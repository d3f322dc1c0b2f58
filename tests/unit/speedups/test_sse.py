"""Events come out the same whatever pieces the stream arrives in, and nothing of a whole event waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import sse_oracle as oracle

from gateway._speedups.sse import Event, EventReader, Splitter, event_at
from gateway.errors import UpstreamProtocolError

LINES = [
    *(
        b"data: one",
        b"data:two",
        b"data:  spaced",
        b"data",
        b"data:",
        b"data: ",
        b"database: no",
        b" data: no",
    ),
    *(
        b"event: name",
        b"event:other",
        b"event",
        b"event: \xff",
        b"id: 1",
        b"retry: 5",
        b": comment",
        b":",
        b"nonsense",
    ),
    *(
        b'data: {"usage":{}}',
        "data: \N{GRINNING FACE} é".encode(),
        b"\xef\xbb\xbfdata: marked",
        b"data: [DONE]",
        b"",
    ),
]
STREAMS = st.builds(
    lambda mark, lines: mark + b"".join(line + end for line, end in lines),
    st.sampled_from([b"", b"", b"\xef\xbb\xbf"]),
    st.lists(
        st.tuples(st.sampled_from([*LINES, b"", b"", b""]), st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]))
    ),
)


@st.composite
def pieces(draw: st.DrawFn, streams: st.SearchStrategy[bytes] = STREAMS) -> list[bytes]:
    stream = draw(streams) + draw(st.sampled_from([b"", b"", b"data: cut", b"da", b"\xef\xbb"]))
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def as_pairs(events: list[Event]) -> list[tuple[str, bytes]]:
    return [(event.name, event.data) for event in events]


@given(pieces())
def test_property_events_are_the_oracles_in_any_pieces(parts: list[bytes]) -> None:
    reader = EventReader()
    got = list[Event]()
    seen = b""
    for part in parts:
        seen += part
        got += reader.feed(part)
        if not b"\xef\xbb\xbf".startswith(seen):
            assert as_pairs(got) == oracle.parse(seen)[0]
    last = reader.finish()
    closed = oracle.parse(seen + b"\n\n")[0]
    assert as_pairs([*got, *([last] if last else [])]) == closed
    assert reader.pending == 0


@given(pieces(st.lists(st.sampled_from([b"\n", b"\r", b"a", b":", b"data", b"\xef\xbb\xbf"])).map(b"".join)))
def test_property_events_of_line_end_soup(parts: list[bytes]) -> None:
    reader = EventReader()
    got = [event for part in parts for event in reader.feed(part)]
    assert as_pairs(got) == oracle.parse(b"".join(parts))[0]


@given(pieces())
def test_property_split_bytes_are_the_streams_and_whole_events_never_wait(parts: list[bytes]) -> None:
    splitter = Splitter(())
    splitter.everything = True
    seen = out = b""
    spans = 0
    for part in parts:
        seen += part
        released = splitter.feed(part)
        for start, end in splitter.flagged:
            event = event_at(released, start, end)
            assert event is not None
            assert (event.name, event.data) == oracle.parse(seen)[0][spans]
            spans += 1
        out += released
        assert seen.startswith(out)
        assert len(out) + splitter.pending == len(seen)
        assert spans == len(oracle.parse(out)[0]) == len(oracle.parse(seen)[0])
    rest = splitter.finish()
    assert out + rest == seen or (not out and b"\xef\xbb\xbf" + rest == seen)


STREAM = (
    b"\xef\xbb\xbf: hello\r\n\r\nevent: ping\r\ndata: {}\r\n\r\n"
    b'data: {"text":"'
    + "\N{GRINNING FACE}".encode()
    + b'"}\n\ndata: a\ndata: b\n\nevent:x\rdata:y\r\rdata: [DONE]\n\n'
)
EVENTS = [
    ("ping", b"{}"),
    ("", b'{"text":"' + "\N{GRINNING FACE}".encode() + b'"}'),
    ("", b"a\nb"),
    ("x", b"y"),
    ("", b"[DONE]"),
]


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_every_cut_in_two(cut: int) -> None:
    reader, splitter = EventReader(), Splitter(())
    assert as_pairs(reader.feed(STREAM[:cut]) + reader.feed(STREAM[cut:])) == EVENTS
    assert splitter.feed(STREAM[:cut]) + splitter.feed(STREAM[cut:]) == STREAM


def test_byte_by_byte() -> None:
    reader = EventReader()
    assert as_pairs([e for i in range(len(STREAM)) for e in reader.feed(STREAM[i : i + 1])]) == EVENTS


def test_a_piece_of_whole_events_passes_as_the_same_object() -> None:
    splitter = Splitter(())
    piece = b"data: {}\n\ndata: {}\n\n"
    assert splitter.feed(piece) is piece
    assert splitter.feed(b"data: ") == b""
    assert splitter.feed(b"{}\n\n") == b"data: {}\n\n"
    assert splitter.feed(piece) is piece


def test_an_event_ends_at_a_bare_cr_and_the_lf_behind_it_follows() -> None:
    splitter = Splitter(())
    assert splitter.feed(b"data: a\r\n\r") == b"data: a\r\n\r"
    assert splitter.feed(b"\n") == b"\n"
    assert splitter.feed(b"data: b\r") == b""
    assert splitter.feed(b"\n\r") == b"data: b\r\n\r"


def test_a_heartbeat_comment_does_not_wait_for_an_empty_line() -> None:
    splitter = Splitter(())
    assert splitter.feed(b": OPENROUTER PROCESSING\n") == b": OPENROUTER PROCESSING\n"
    assert splitter.feed(b"event: x\n: inside\n") == b""


MARKS = (b"usage", b"finish_reason", b"error")


@pytest.mark.parametrize(
    ("data", "flagged"),
    [
        (b'{"usage":{"a":1}}', True),
        (b'{"usage" : {"a":1}}', True),
        (b'{"choices":[{"finish_reason":"stop"}]}', True),
        (b'{"object":"error"}', True),
        (b'{"usage":null,"finish_reason": null,"error"\t:\tnull}', False),
        (b'{"content":"say \\"usage\\": {} and \\"error\\""}', False),
        (b'{"content":"usage error finish_reason"}', False),
        (b'{"usages":1,"_usage":2,"Usage":3,"usag":4}', False),
        (b'{"usage":nul', False),
        (b"[DONE]", True),
        (b"plain", True),
        (b"", True),
    ],
)
@pytest.mark.parametrize("padding", [0, 1, 5, 7, 8, 30])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_only_marked_events_are_flagged(data: bytes, flagged: bool, padding: int, end: bytes) -> None:
    if data.startswith(b"{"):
        data = b'{"' + b"p" * padding + b'":0,' + data[1:]
    if data.endswith(b"nul"):
        flagged = True
    event = b"data: " + data + end + end
    splitter = Splitter(MARKS)
    assert splitter.feed(b"data: {}\n\n" + event + b"data: {}\n\n") != b""
    assert splitter.flagged == ([(10, 10 + len(event))] if flagged else [])


@pytest.mark.parametrize(
    ("event", "flagged"),
    [
        (b"event: error\ndata: {}\n\n", True),
        (b"data: {}\nevent:error\n\n", True),
        (b"event: errors\ndata: {}\n\n", False),
        (b"event: content\ndata: {}\n\n", False),
        (b'data: {"a":\ndata: 1}\n\n', True),
        (b": only a comment\n\n", False),
        (b"event: ping\n\n", False),
    ],
)
def test_errors_by_name_and_data_of_many_lines_are_flagged(event: bytes, flagged: bool) -> None:
    splitter = Splitter(MARKS)
    splitter.feed(event)
    assert bool(splitter.flagged) is flagged


def test_flags_are_of_the_last_piece_alone() -> None:
    splitter = Splitter(MARKS)
    splitter.feed(b"data: [DONE]\n\n")
    splitter.feed(b"data: {}\n\n")
    assert splitter.flagged == []


@pytest.mark.parametrize("line", [b"data: ", b"event: ", b"x", b"data: a\n"])
def test_an_event_without_end_is_refused_at_the_bound(line: bytes) -> None:
    piece = line + b"." * 10
    for target in (EventReader(1000), Splitter((), 1000)):
        for _ in range(1000 // len(piece)):
            target.feed(piece)
        with pytest.raises(UpstreamProtocolError, match="larger than 1000 bytes"):
            target.feed(piece)


def test_an_event_of_many_pieces_is_searched_once() -> None:
    reader = EventReader()
    got = list[Event]()
    for piece in [b"data: ", *[b"x" * 64] * 50_000, b"\n\n"]:
        got += reader.feed(piece)
    assert [len(event.data) for event in got] == [64 * 50_000]


@pytest.mark.parametrize("rest", [b"", b"data: x", b"data: x\n", b"data: x\r\n", b"\xef\xbb\xbfdata: x"])
def test_finish_gives_the_event_whose_empty_line_never_came(rest: bytes) -> None:
    reader = EventReader()
    assert reader.feed(rest) == []
    assert reader.finish() == (Event("", b"x") if rest else None)
    assert reader.finish() is None


@pytest.mark.parametrize("span", [(-1, 2), (0, 9), (3, 2)])
def test_a_span_outside_of_the_data_is_a_defect_of_the_caller(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="span outside"):
        event_at(b"data: x\n", *span)


@pytest.mark.parametrize("marks", [(b"",), (b"x" * 33,), (b"a",) * 9])
def test_marks_are_few_and_short(marks: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="mark"):
        Splitter(marks)
