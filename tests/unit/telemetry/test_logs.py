"""What a log line looks like, and what never gets into one or stops a request."""

import json
import logging
import os
import pty
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Secret
from gateway.telemetry.logs import LONGEST_LINE, Forward, Log


class Pipe:
    """A log that writes into a pipe, and the pipe's other end."""

    def __init__(self, level: str = "info", style: str = "json") -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.log = Log(self.writer)
        self.log.configure(level, style)

    def text(self) -> str:
        try:
            return os.read(self.reader, 1 << 20).decode()
        except BlockingIOError:
            return ""

    def records(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text().split("\n")[:-1]]

    def close(self) -> None:
        for end in (self.reader, self.writer):
            os.close(end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def test_a_line_is_json_with_time_level_event_and_fields(pipe: Pipe) -> None:
    pipe.log.warning("upstream_retry", provider="openai", attempt=2, wait=0.5, last=False, cost=None)
    [record] = pipe.records()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(record.pop("time")))
    assert list(record.items()) == [
        ("level", "warning"),
        ("event", "upstream_retry"),
        ("provider", "openai"),
        ("attempt", 2),
        ("wait", 0.5),
        ("last", False),
        ("cost", None),
    ]


def test_the_readable_style_says_the_same(pipe: Pipe) -> None:
    pipe.log.configure("info", "text")
    pipe.log.info("listening", url="http://127.0.0.1:8080", note="two words", trace="a\n  b")
    line = re.sub(r"^\S+Z ", "", pipe.text())
    assert line == 'info    listening url=http://127.0.0.1:8080 note="two words"\n    | a\n    |   b\n'


@pytest.mark.parametrize(("level", "expected"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_lower_levels_are_left_out(pipe: Pipe, level: str, expected: int) -> None:
    pipe.log.configure(level, "json")
    for name in ("debug", "info", "warning", "error"):
        getattr(pipe.log, name)("event")
    assert len(pipe.records()) == expected
    assert pipe.log.debugs == (level == "debug")


def test_auto_is_json_in_a_pipe_and_coloured_text_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    main, terminal = pty.openpty()
    try:
        log = Log(terminal)
        log.info("event", a=1)
        assert "\x1b[32minfo" in _line(main)
        monkeypatch.setenv("NO_COLOR", "1")
        log.configure("info", "auto")
        log.info("event", a=1)
        assert _line(main).endswith("Z info    event a=1\r\n")
    finally:
        os.close(main)
        os.close(terminal)
    pipe = Pipe(style="auto")
    pipe.log.info("event")
    assert pipe.records()[0]["event"] == "event"
    pipe.close()


def _line(terminal: int) -> str:
    """What was written, whole: a terminal gives it out in pieces of its own."""
    read = b""
    while not read.endswith(b"\n"):
        read += os.read(terminal, 4096)
    return read.decode()


@pytest.mark.parametrize("style", ["json", "text"])
@given(text=st.text())
def test_property_a_value_ends_no_line_and_drives_no_terminal(style: str, text: str) -> None:
    pipe = Pipe(style=style)
    pipe.log.info("event", value=text, items=[text], nested={text: text})
    written = pipe.text()
    pipe.close()
    assert written.count("\n") == 1
    assert written.endswith("\n")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", written)


@given(
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200).filter(
        lambda t: "sk-" not in t
    )
)
def test_property_a_json_value_comes_back(text: str) -> None:
    pipe = Pipe()
    pipe.log.info("event", value=text)
    [record] = pipe.records()
    pipe.close()
    assert record["value"] == text


@given(
    fields=st.dictionaries(
        st.sampled_from(["a", "b", "trace", "time", "level", "event", "list"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text()
            | st.binary()
            | st.complex_numbers(),
            lambda inner: (
                st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner)
            ),
        ),
    )
)
def test_property_any_field_is_written(fields: dict[str, object]) -> None:
    pipe = Pipe()
    pipe.log.write("info", "event", fields)
    [record] = pipe.records()
    pipe.close()
    assert record["event"] == "event"
    assert record["level"] == "info"


@pytest.mark.parametrize("style", ["json", "text"])
@pytest.mark.parametrize(
    "value", ["x" * 100_000, "\x00" * 100_000, "\U0001f600" * 100_000, ["\x00" * 900] * 30]
)
def test_a_line_is_bounded(style: str, value: object) -> None:
    pipe = Pipe(style=style)
    pipe.log.error("defect", **{f"field{i}": value for i in range(40)}, trace=str(value))
    written = pipe.text()
    pipe.close()
    assert 0 < len(written.encode()) <= LONGEST_LINE
    assert "defect" in written


def test_the_end_of_a_long_trace_is_kept(pipe: Pipe) -> None:
    pipe.log.error("defect", trace="start\n" + "row\n" * 5000 + "ValueError: the cause")
    [record] = pipe.records()
    assert str(record["trace"]).endswith("ValueError: the cause")
    assert "start" not in str(record["trace"])


def test_no_credential_is_written(pipe: Pipe) -> None:
    pipe.log.configure("info", "json")
    for style in ("json", "text"):
        pipe.log.configure("info", style)
        pipe.log.info(
            "event",
            secret_value=Secret("canary"),
            listed=[Secret("canary")],
            nested={"x": Secret("canary"), "api-key": "canary"},
            authorization="canary",
            message="Incorrect API key provided: sk-canary-12345678. Bearer canary.12345678 AIzacanary1234567",
            error=ValueError("sk-ant-canary-1234"),
            raw=b"Bearer canary12345",
        )
        written = pipe.text()
        assert "canary" not in written
        assert "Incorrect API key provided: sk-***" in written


def test_a_full_pipe_holds_up_nothing_and_the_loss_is_told(pipe: Pipe) -> None:
    for number in range(1000):
        pipe.log.info("event", number=number, filling="x" * 900)
    first = pipe.records()
    assert 0 < len(first) < 1000
    pipe.log.info("after")
    after, loss = pipe.records()
    assert after["event"] == "after"
    assert (loss["event"], loss["count"]) == ("log_lines_dropped", 1000 - len(first))


@pytest.mark.parametrize("end", ["reader", "writer"])
def test_a_closed_stream_is_no_error(pipe: Pipe, end: str) -> None:
    nowhere = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nowhere, getattr(pipe, end))  # closed, and its number nobody else's
    os.close(nowhere)
    pipe.log.error("event")


def test_values_that_cannot_be_printed_are_named_by_their_type(pipe: Pipe) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    pipe.log.info("event", value=Broken(), error=KeyError())
    [record] = pipe.records()
    assert (record["value"], record["error"]) == ("<Broken>", "KeyError")


def test_what_libraries_log_comes_in_the_same_form(pipe: Pipe) -> None:
    logger = logging.Logger("somebody")
    logger.addHandler(Forward(pipe.log))
    logger.warning("it is %s", "late")
    logger.warning("it is %d", "wrong")
    logger.critical("it is over")
    try:
        raise ValueError("cause")
    except ValueError:
        logger.exception("it broke")
    first, wrong, over, broke = pipe.records()
    assert (first["event"], first["level"]) == ("library", "warning")
    assert (first["logger"], first["message"]) == ("somebody", "it is late")
    assert wrong["message"] == "it is %d"
    assert over["level"] == "error"
    assert "ValueError: cause" in str(broke["trace"])
