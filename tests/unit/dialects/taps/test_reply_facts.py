"""Of a whole answer the gateway learns model, usage and finish, or what went wrong in it."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.taps import (
    ReplyFacts,
    anthropic_count_facts,
    anthropic_reply_facts,
    openai_embeddings_facts,
    openai_reply_facts,
)
from gateway.errors import UpstreamProtocolError, UpstreamStatus
from gateway.schemas.usage import Usage

Reader = Callable[[bytes], ReplyFacts]
READERS = [openai_reply_facts, openai_embeddings_facts, anthropic_reply_facts, anthropic_count_facts]

CHAT = {
    "id": "c",
    "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
TEXT = {"model": "m", "choices": [{"text": "Hi", "finish_reason": "length"}], "usage": None}
VECTORS = {
    "object": "list",
    "model": "e",
    "data": [{"embedding": [0.5], "index": 0}],
    "usage": {"total_tokens": 8},
}
MESSAGE = {
    "type": "message",
    "model": "claude",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 2},
}


@pytest.mark.parametrize(
    ("read", "body", "facts"),
    [
        (openai_reply_facts, CHAT, ReplyFacts("gpt-4o", Usage(input=3, output=2), "stop")),
        (openai_reply_facts, TEXT, ReplyFacts("m", None, "length")),
        (openai_reply_facts, {"choices": [], "error": None}, ReplyFacts()),
        (openai_reply_facts, {**CHAT, "model": 7, "usage": []}, ReplyFacts("", None, "stop")),
        (openai_embeddings_facts, VECTORS, ReplyFacts("e", Usage(input=8))),
        (
            anthropic_reply_facts,
            MESSAGE,
            ReplyFacts("claude", Usage(input=7, output=2, cached=4), "end_turn"),
        ),
        (anthropic_count_facts, {"input_tokens": 12}, ReplyFacts()),
    ],
)
def test_facts_of_right_answers(read: Reader, body: dict[str, Any], facts: ReplyFacts) -> None:
    assert read(json.dumps(body).encode()) == facts


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"<html><body>502</body></html>",
        b"ok",
        b"{",
        b"[]",
        b"null",
        b"7",
        b"{}",
        b"\xff",
        b"[" * 9999,
    ],
)
def test_what_is_no_answer_of_the_dialect_is_a_protocol_error(read: Reader, body: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        read(body)


@pytest.mark.parametrize("body", [b"<!doctype html>", b" \n<html>"])
def test_html_is_called_html(body: bytes) -> None:
    with pytest.raises(UpstreamProtocolError, match="HTML instead of JSON"):
        openai_reply_facts(body)


@pytest.mark.parametrize("read", READERS)
def test_an_error_in_an_answer_of_status_200_is_reported(read: Reader) -> None:
    error = {"type": "rate_limit_error", "message": "Slow down", "code": None, "param": "model"}
    body = json.dumps({"type": "error", "error": error}).encode()
    found = read(body).error
    assert isinstance(found, UpstreamStatus)
    assert (found.http_status, found.message, found.upstream_type, found.param) == (
        *(429, "Slow down", "rate_limit_error", "model"),
    )
    assert found.body == body


def test_what_is_kept_of_an_errors_body_is_bounded() -> None:
    found = openai_reply_facts(json.dumps({"error": {"message": "x" * 1_000_000}}).encode()).error
    assert found is not None
    assert len(found.body) == 65536


@given(st.binary(max_size=60), st.sampled_from(READERS), st.sampled_from([CHAT, MESSAGE, VECTORS]), st.data())
def test_property_damaged_answers_give_facts_or_a_protocol_error(
    noise: bytes, read: Reader, whole: dict[str, Any], data: st.DataObject
) -> None:
    body = json.dumps(whole).encode()
    at = data.draw(st.integers(0, len(body)))
    with suppress(UpstreamProtocolError):
        assert isinstance(read(body[:at] + noise + body[at + data.draw(st.integers(0, 9)) :]), ReplyFacts)
