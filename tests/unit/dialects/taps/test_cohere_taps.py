"""A passing Cohere stream is delivered to the byte, and what it says of itself is learned on the way."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects import cohere
from gateway.dialects.taps import CohereTap, cohere_reply_facts
from gateway.errors import GatewayError, UpstreamProtocolError, UpstreamStatus
from gateway.schemas.usage import Usage


def event(kind: str, *, named: bool = True, **content: Any) -> bytes:
    name = f"event: {kind}\n" if named else ""
    return f"{name}data: {json.dumps({'type': kind, **content})}\n\n".encode()


USAGE = {
    "billed_units": {"input_tokens": 10, "output_tokens": 5.0},
    "tokens": {"input_tokens": 600, "output_tokens": 7},
    "cached_tokens": 4,
}
COUNTED = Usage(input=10, output=5, cached=4)
START = event("message-start", id="c", delta={"message": {"role": "assistant"}})
BEGIN = event("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}})
TEXT = event("content-delta", index=0, delta={"message": {"content": {"text": "Hi \N{GRINNING FACE}"}}})
CLOSE = event("content-end", index=0)
END = event("message-end", delta={"finish_reason": "COMPLETE", "usage": USAGE})
STREAM = START + BEGIN + TEXT + CLOSE + END + b"data: [DONE]\n\n"


@given(st.lists(st.integers(0, len(STREAM)), max_size=10), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_property_any_pieces_of_a_cohere_stream_give_the_same(cuts: list[int], end: bytes) -> None:
    stream = STREAM.replace(b"\n", end)
    marks = sorted(cuts)
    tap = CohereTap()
    pieces = [stream[a:b] for a, b in zip([0, *marks], [*marks, len(stream)], strict=True)]
    assert b"".join(tap.feed(piece) for piece in pieces) == stream
    assert (tap.finish, tap.usage) == ("COMPLETE", COUNTED)
    assert tap.committed
    assert tap.terminated
    assert tap.complete


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        event("content-start", index=0, delta={"message": {"content": {"type": "text", "text": "Hi"}}}),
        event("content-start", index=0, delta={"message": {"content": {"type": "novel"}}}),
        event("content-start", index=0, delta={"message": "odd"}),
        event("tool-plan-delta", delta={"message": {"tool_plan": "I will"}}),
        event("tool-call-start", index=0, delta={"message": {"tool_calls": {"id": "t"}}}),
    ],
)
def test_a_cohere_start_does_not_commit_and_content_does(content: bytes) -> None:
    tap = CohereTap()
    tap.feed(START + BEGIN)
    assert not tap.committed
    tap.feed(content)
    assert tap.committed
    assert not tap.complete


def test_an_end_without_content_commits_a_cohere_stream() -> None:
    tap = CohereTap()
    tap.feed(START + END)
    assert tap.committed
    assert tap.complete


def test_a_cohere_stream_without_event_names_is_understood() -> None:
    tap = CohereTap()
    tap.feed(b"".join(line + b"\n" for line in STREAM.split(b"\n") if not line.startswith(b"event")))
    assert (tap.finish, tap.usage, tap.complete) == ("COMPLETE", COUNTED, True)


def test_a_cohere_stream_without_its_end_is_not_complete() -> None:
    tap = CohereTap()
    tap.feed(START + BEGIN + TEXT + CLOSE)
    tap.finish_bytes()
    assert not tap.complete
    assert tap.error is None


BARE = b'data: {"message": "too many tokens"}\n\n'
FAILURES = [
    (event("message-end", delta={"finish_reason": "ERROR", "error": "boom"}), 500, "boom"),
    (event("message-end", delta={"finish_reason": "TIMEOUT"}), 504, "in time"),
    (b'event: error\ndata: {"message": "overloaded"}\n\n', 500, "overloaded"),
]


@pytest.mark.parametrize(
    ("before", "last", "status", "message"),
    [
        (START, BARE, 500, "too many tokens"),
        *[(before, *failure) for before in (START, START + BEGIN + TEXT) for failure in FAILURES],
    ],
)
def test_a_failure_in_a_passing_cohere_stream_is_not_delivered(
    before: bytes, last: bytes, status: int, message: str
) -> None:
    tap = CohereTap()
    assert tap.feed(before + last) == before
    assert isinstance(tap.error, UpstreamStatus)
    assert tap.error.upstream_status == status
    assert message in tap.error.message
    assert not tap.complete


def test_what_is_not_json_is_left_out_of_a_cohere_stream() -> None:
    tap = CohereTap()
    assert tap.feed(START + b"data: <html>\n\n") == START
    assert (tap.error, tap.skipped) == (None, 1)
    tap.feed(b'data: {"type":"tool-call-delta\n\n')
    assert isinstance(tap.error, UpstreamProtocolError)


def test_the_facts_of_a_whole_cohere_answer() -> None:
    body = {"id": "c", "finish_reason": "MAX_TOKENS", "message": {"role": "assistant"}, "usage": USAGE}
    facts = cohere_reply_facts(json.dumps(body).encode())
    assert (facts.model, facts.finish, facts.usage, facts.error) == ("", "MAX_TOKENS", COUNTED, None)
    failed = cohere_reply_facts(json.dumps({**body, "finish_reason": "ERROR"}).encode())
    assert failed.error is not None
    assert failed.error.upstream_status == 500


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"message": "no"}', b"\xff"])
def test_what_is_no_cohere_answer_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        cohere_reply_facts(body)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"tokens": {"input_tokens": 3, "output_tokens": 2}}, Usage(3, 2)),
        ({"billed_units": {"output_tokens": 2}, "tokens": {"input_tokens": 3}}, Usage(3, 2)),
        ({"billed_units": {"input_tokens": 3}, "cached_tokens": 50}, Usage(3, 0, 3)),
        ({"billed_units": {"input_tokens": "x", "output_tokens": -1}}, None),
        ({"billed_units": 7}, None),
        (None, None),
    ],
)
def test_cohere_counts_are_read_alike_by_tap_and_codec(usage: Any, counted: Usage | None) -> None:
    body = json.dumps({"id": "c", "finish_reason": "COMPLETE", "message": {"content": []}, "usage": usage})
    assert cohere_reply_facts(body.encode()).usage == counted
    assert cohere.read_reply(body.encode()).usage == counted
    tap = CohereTap()
    tap.feed(START + event("message-end", delta={"finish_reason": "COMPLETE", "usage": usage}))
    assert tap.usage == counted


def test_the_end_of_a_failed_stream_is_read_as_a_failure() -> None:
    tap = CohereTap()
    tap.feed(START + BEGIN + TEXT + cohere.error_event(GatewayError("the provider went away")))
    assert tap.error is not None
    assert tap.error.message == "the provider went away"
