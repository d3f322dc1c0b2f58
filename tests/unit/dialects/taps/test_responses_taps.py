"""A passing stream of the Responses API is delivered to the byte, and what it says of itself is learned on the way."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.taps import ResponsesTap, responses_reply_facts
from gateway.errors import UpstreamProtocolError, UpstreamStatus
from gateway.schemas.usage import Usage


def event(kind: str, **content: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **content})}\n\n".encode()


USAGE = {
    "input_tokens": 22,
    "input_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 5},
    "output_tokens": 15,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 37,
}
COUNTED = Usage(input=22, output=15, cached=7, cache_write=5, reasoning=4)
EMPTY = {"model": "gpt-x", "status": "in_progress", "error": None, "output": [], "usage": None}
WHOLE = {**EMPTY, "status": "completed", "usage": USAGE}
CREATED = event("response.created", response=EMPTY) + event("response.in_progress", response=EMPTY)
TEXT = event("response.output_text.delta", delta="an error \N{GRINNING FACE}", output_index=0)
COMPLETED = event("response.completed", response=WHOLE)
STREAM = CREATED + TEXT + COMPLETED


@settings(max_examples=50)
@given(st.lists(st.integers(0, len(STREAM)), max_size=10), st.sampled_from([b"\n", b"\r\n"]))
def test_property_any_pieces_of_a_response_give_the_same_bytes_and_facts(cuts: list[int], end: bytes) -> None:
    stream = STREAM.replace(b"\n", end)
    marks = sorted(cuts)
    tap = ResponsesTap()
    pieces = [stream[a:b] for a, b in zip([0, *marks], [*marks, len(stream)], strict=True)]
    assert b"".join(tap.feed(piece) for piece in pieces) == stream
    assert (tap.model, tap.finish, tap.usage) == ("gpt-x", "completed", COUNTED)
    assert (tap.committed, tap.terminated, tap.complete) == (True, True, True)


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        event("response.reasoning_summary_text.delta", delta="Hm", output_index=0),
        event("response.output_item.added", item={"type": "function_call", "name": "f"}, output_index=0),
        event("response.web_search_call.searching", output_index=0),
        event("response.output_item.added", output_index=0),
    ],
)
def test_empty_beginnings_do_not_commit_and_content_does(content: bytes) -> None:
    tap = ResponsesTap()
    tap.feed(CREATED)
    for kind in ("reasoning", "message"):
        tap.feed(event("response.output_item.added", item={"type": kind, "content": []}, output_index=0))
    tap.feed(event("response.content_part.added", part={"type": "output_text", "text": ""}))
    assert not tap.committed
    tap.feed(content)
    assert tap.committed
    assert not tap.complete


def test_an_incomplete_response_is_a_right_end_with_its_reason() -> None:
    tap = ResponsesTap()
    response = {**WHOLE, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    tap.feed(CREATED + TEXT + event("response.incomplete", response=response))
    assert (tap.complete, tap.finish, tap.usage) == (True, "max_output_tokens", COUNTED)


def test_a_stream_without_its_last_event_is_not_complete() -> None:
    tap = ResponsesTap()
    assert tap.feed(CREATED + TEXT) == CREATED + TEXT
    assert tap.finish_bytes() == b""
    assert not tap.complete


@pytest.mark.parametrize(
    ("last", "status"),
    [
        (event("error", code="rate_limit_exceeded", message="Slow."), 429),
        (event("error", error={"type": "server_error", "message": "Slow."}), 500),
        (
            event(
                "response.failed",
                response={**EMPTY, "status": "failed", "error": {"code": "server_error", "message": "Slow."}},
            ),
            500,
        ),
    ],
)
def test_a_failure_in_the_stream_ends_it_with_its_status(last: bytes, status: int) -> None:
    tap = ResponsesTap()
    assert tap.feed(CREATED + last) == CREATED
    assert isinstance(tap.error, UpstreamStatus)
    assert (tap.error.http_status, tap.error.message) == (status, "Slow.")
    assert not tap.complete


def test_what_is_not_json_is_left_out() -> None:
    tap = ResponsesTap()
    assert tap.feed(b"data: {no}\n\n") == b""
    assert (tap.error, tap.skipped) == (None, 1)
    tap.feed(b'data: {"type":"response.function_call_arguments.delta\n\n')
    assert isinstance(tap.error, UpstreamProtocolError)


def test_facts_of_a_whole_response() -> None:
    facts = responses_reply_facts(json.dumps({**WHOLE, "output": [{"type": "message"}]}).encode())
    assert (facts.model, facts.finish, facts.usage, facts.error) == ("gpt-x", "completed", COUNTED, None)


def test_a_failed_response_is_an_error_though_its_status_was_200() -> None:
    failed = {**EMPTY, "status": "failed", "error": {"code": "rate_limit_exceeded", "message": "No."}}
    facts = responses_reply_facts(json.dumps(failed).encode())
    assert facts.error is not None
    assert (facts.error.http_status, facts.error.message) == (429, "No.")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"output":null}', b'{"output":"x"}'])
def test_what_is_no_response_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        responses_reply_facts(body)
