"""A passing Gemini stream is delivered to the byte, and what it says of itself is learned on the way."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups.jsonscan import request_facts
from gateway.dialects.taps import GeminiTap, gemini_choices, gemini_count_facts, gemini_reply_facts
from gateway.errors import UpstreamProtocolError, UpstreamStatus
from gateway.schemas.usage import Usage

EARLY = {"promptTokenCount": 10, "totalTokenCount": 10}
LATE = {
    "promptTokenCount": 10,
    "cachedContentTokenCount": 4,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 3,
}
COUNTED = Usage(input=10, output=8, cached=4, reasoning=3)


def chunk(text: str, finish: str = "", usage: dict[str, int] = EARLY, index: int = 0) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": index}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-x", "responseId": "r"}


def sse(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\r\n\r\n"


STREAM = sse(chunk("Hi 👋")) + sse(chunk(" finishReason error")) + sse(chunk("", "STOP", LATE))


@given(st.lists(st.integers(0, len(STREAM)), max_size=10))
def test_property_any_pieces_of_geminis_give_the_same_bytes_and_facts(cuts: list[int]) -> None:
    marks = sorted(cuts)
    tap = GeminiTap()
    pieces = [STREAM[a:b] for a, b in zip([0, *marks], [*marks, len(STREAM)], strict=True)]
    assert b"".join(tap.feed(piece) for piece in pieces) == STREAM
    assert (tap.model, tap.finish, tap.usage) == ("gemini-x", "STOP", COUNTED)
    assert tap.committed
    assert tap.complete


def test_a_gemini_stream_is_cut_without_a_finish_reason() -> None:
    tap = GeminiTap()
    tap.feed(sse(chunk("a")))
    assert tap.committed
    assert not tap.complete
    assert tap.usage == Usage(input=10)


def test_every_candidate_asked_for_must_finish() -> None:
    tap = GeminiTap(choices=2)
    complete = []
    for part in (chunk("a", "STOP"), chunk("b", "MAX_TOKENS", index=1)):
        tap.feed(sse(part))
        complete.append(tap.complete)
    assert complete == [False, True]
    assert tap.finish == "STOP"


def test_an_error_in_a_gemini_stream_is_not_delivered() -> None:
    tap = GeminiTap()
    error = {"error": {"message": "overloaded", "status": "UNAVAILABLE"}}
    assert tap.feed(sse(chunk("a")) + sse(error)) == sse(chunk("a"))
    assert isinstance(tap.error, UpstreamStatus)
    assert tap.error.http_status == 503
    assert tap.error.upstream_type == "UNAVAILABLE"


def test_a_blocked_prompt_is_complete() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": EARLY}
    tap = GeminiTap(choices=2)
    tap.feed(sse(blocked))
    assert tap.complete
    assert tap.finish == "SAFETY"
    facts = gemini_reply_facts(json.dumps(blocked).encode())
    assert (facts.finish, facts.usage) == ("SAFETY", Usage(input=10))


def test_what_is_no_json_is_left_out() -> None:
    tap = GeminiTap()
    assert tap.feed(b"data: <html>\r\n\r\n") == b""
    assert (tap.error, tap.skipped) == (None, 1)
    tap.feed(b'data: {"candidates":[{"content":{"parts":[{"functionCall":\r\n\r\n')
    assert isinstance(tap.error, UpstreamProtocolError)


def test_facts_of_a_whole_answer() -> None:
    facts = gemini_reply_facts(json.dumps(chunk("a", "MAX_TOKENS", LATE)).encode())
    assert (facts.model, facts.finish, facts.usage) == ("gemini-x", "MAX_TOKENS", COUNTED)
    failed = gemini_reply_facts(b'{"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}')
    assert failed.error is not None
    assert failed.error.http_status == 429


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}"])
def test_what_is_no_answer_of_geminis_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        gemini_reply_facts(body)
    with pytest.raises(UpstreamProtocolError):
        gemini_count_facts(body)


def test_counting_tokens_consumes_nothing() -> None:
    assert gemini_count_facts(b'{"totalTokens": 31}').usage is None


@pytest.mark.parametrize(
    ("body", "choices"),
    [
        (b'{"contents":[]}', 1),
        (b'{"generationConfig":{"candidateCount":3}}', 3),
        (b'{"generation_config":{"candidate_count":2}}', 2),
        (b'{"generationConfig":{"candidateCount":"3"}}', 1),
        (b'{"generationConfig":{"candidateCount":0}}', 1),
        (b'{"generationConfig":[1]}', 1),
    ],
)
def test_a_request_says_how_many_candidates_must_finish(body: bytes, choices: int) -> None:
    assert gemini_choices(request_facts(body)) == choices


def test_a_stream_of_two_candidates_is_complete_when_both_are() -> None:
    tap = GeminiTap(False, 2)
    tap.feed(b"data: " + json.dumps(chunk("a", "STOP")).encode() + b"\n\n")
    assert not tap.complete
    tap.feed(b"data: " + json.dumps(chunk("b", "STOP", index=1)).encode() + b"\n\n")
    assert tap.complete
