"""A passing Anthropic stream is delivered to the byte, and what it says of itself is learned on the way."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.taps import AnthropicTap
from gateway.errors import UpstreamProtocolError, UpstreamStatus
from gateway.schemas.usage import Usage


def event(kind: str, *, named: bool = True, **content: Any) -> bytes:
    name = f"event: {kind}\n" if named else ""
    return f"{name}data: {json.dumps({'type': kind, **content})}\n\n".encode()


START_USAGE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 5,
    "cache_read_input_tokens": 7,
    "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3},
    "output_tokens": 1,
}
START = event(
    "message_start", message={"type": "message", "model": "claude-x", "content": [], "usage": START_USAGE}
)
PING = event("ping")
BLOCK = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
TEXT = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hi \N{GRINNING FACE}"})
BLOCK_STOP = event("content_block_stop", index=0)
CHANGE = event(
    "message_delta",
    delta={"stop_reason": "end_turn", "stop_sequence": None},
    usage={"output_tokens": 15, "output_tokens_details": {"thinking_tokens": 4}},
)
STOP = event("message_stop")
STREAM = START + PING + BLOCK + TEXT + BLOCK_STOP + CHANGE + STOP
COUNTED = Usage(input=22, output=15, cached=7, cache_write=5, reasoning=4, cache_write_1h=3)


@given(st.lists(st.integers(0, len(STREAM)), max_size=10), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_property_any_pieces_give_the_same_bytes_and_facts(cuts: list[int], end: bytes) -> None:
    stream = STREAM.replace(b"\n", end)
    marks = sorted(cuts)
    tap = AnthropicTap()
    pieces = [stream[a:b] for a, b in zip([0, *marks], [*marks, len(stream)], strict=True)]
    assert b"".join(tap.feed(piece) for piece in pieces) == stream
    assert (tap.model, tap.finish, tap.usage) == ("claude-x", "end_turn", COUNTED)
    assert tap.committed
    assert tap.terminated
    assert tap.complete


def test_the_start_and_pings_and_an_empty_block_do_not_commit_and_text_does() -> None:
    tap = AnthropicTap()
    tap.feed(START + BLOCK + PING)
    assert not tap.committed
    tap.feed(TEXT)
    assert tap.committed
    assert not tap.finished


def test_the_start_of_a_tool_call_commits() -> None:
    tap = AnthropicTap()
    tap.feed(
        START + event("content_block_start", index=0, content_block={"type": "tool_use", "name": "find"})
    )
    assert tap.committed


def test_a_stream_without_event_names_is_understood() -> None:
    tap = AnthropicTap()
    stream = b"".join(line + b"\n" for line in STREAM.split(b"\n") if not line.startswith(b"event"))
    tap.feed(stream)
    assert (tap.finish, tap.usage, tap.complete) == ("end_turn", COUNTED, True)


def test_a_reason_to_stop_finishes_even_without_the_last_event() -> None:
    tap = AnthropicTap()
    tap.feed(START + BLOCK + TEXT + BLOCK_STOP + CHANGE)
    assert tap.complete
    assert not tap.terminated


def test_a_cut_stream_is_not_complete() -> None:
    tap = AnthropicTap()
    tap.feed(START + BLOCK + TEXT + BLOCK_STOP)
    tap.feed(CHANGE[:-40])
    assert tap.finish_bytes() == b""
    assert not tap.complete


def test_later_counts_replace_earlier_ones_and_zeros_do_not() -> None:
    tap = AnthropicTap()
    tap.feed(START + TEXT)
    usage = {
        "input_tokens": 12,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": None,
        "output_tokens": 9,
    }
    tap.feed(event("message_delta", delta={"stop_reason": None}, usage=usage))
    assert tap.usage == Usage(input=24, output=9, cached=7, cache_write=5, cache_write_1h=3)
    assert not tap.finished


def test_counts_that_only_come_at_the_end() -> None:
    tap = AnthropicTap()
    tap.feed(
        event("message_start", message={"model": "m", "usage": {"input_tokens": 0, "output_tokens": 0}})
        + TEXT
    )
    tap.feed(
        event(
            "message_delta", delta={"stop_reason": "end_turn"}, usage={"input_tokens": 30, "output_tokens": 4}
        )
    )
    assert tap.usage == Usage(input=30, output=4)


@pytest.mark.parametrize("before", [START, START + BLOCK + TEXT])
@pytest.mark.parametrize(
    ("failure", "status", "message", "kind"),
    [
        (
            event("error", error={"type": "overloaded_error", "message": "Overloaded"}, request_id="r"),
            *(529, "Overloaded", "overloaded_error"),
        ),
        (
            event("error", named=False, error={"type": "rate_limit_error", "message": "Slow"}),
            *(429, "Slow", "rate_limit_error"),
        ),
        (b"event: error\ndata: it broke\n\n", 502, "it broke", None),
        (b'event: error\ndata: {"message": "it broke"}\n\n', 502, "it broke", None),
        (b"event: error\ndata: [[[\n\n", 502, "[[[", None),
        (b'data: {"error": {"type": "api_error", "message": "x"}}\n\n', 500, "x", "api_error"),
    ],
)
def test_an_error_event_stops_delivery_before_it(
    before: bytes, failure: bytes, status: int, message: str, kind: str | None
) -> None:
    tap = AnthropicTap()
    assert tap.feed(before + failure + STOP) == before
    assert isinstance(tap.error, UpstreamStatus)
    assert (tap.error.upstream_status, tap.error.message, tap.error.upstream_type) == (status, message, kind)
    assert tap.error.dialect == "anthropic"
    assert tap.committed is (before != START)
    assert tap.feed(STOP) == b""
    assert not tap.complete


def test_text_that_speaks_of_ends_and_errors_is_text() -> None:
    tap = AnthropicTap()
    words = ['{"type":"message_stop"}', "message_stop", "error", '"stop_reason":"x"']
    stream = b"".join(
        event("content_block_delta", delta={"type": "text_delta", "text": word}) for word in words
    )
    assert tap.feed(BLOCK + stream) == BLOCK + stream
    assert tap.feed(stream) is stream
    assert (tap.error, tap.finished) == (None, False)


def test_an_event_that_is_no_json_is_left_out() -> None:
    tap = AnthropicTap()
    assert tap.feed(START + b"event: content_block_delta\ndata: <html>\n\n") == START
    assert (tap.error, tap.committed, tap.skipped) == (None, False, 1)
    assert tap.feed(TEXT) == TEXT
    assert tap.committed


def test_a_broken_piece_of_a_call_breaks_the_stream() -> None:
    tap = AnthropicTap()
    assert tap.feed(START + b'data: {"type":"content_block_delta","delta":{"partial_json\n\n' + TEXT) == START
    assert isinstance(tap.error, UpstreamProtocolError)


def test_events_of_unknown_kinds_and_shapes_pass() -> None:
    tap = AnthropicTap()
    odd = (
        event("new_kind", usage=7)
        + b"data: 5\n\n"
        + b'event: message_start\ndata: {"message": 5}\n\ndata: [DONE]\n\n'
    )
    assert tap.feed(odd) is odd
    assert tap.error is None
    assert not tap.committed
