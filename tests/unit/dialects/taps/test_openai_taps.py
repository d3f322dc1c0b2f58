"""A passing OpenAI stream is delivered to the byte, and what it says of itself is learned on the way."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.taps import OpenAIChatTap, OpenAICompletionTap
from gateway.errors import UpstreamProtocolError, UpstreamStatus
from gateway.schemas.usage import Usage

BASE = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024"}
COUNTS = {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 2, "cache_write_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 6, "audio_tokens": 1},
}
COUNTED = Usage(input=19, output=10, cached=4, cache_write=3, reasoning=6, input_audio=2, output_audio=1)
DONE = b"data: [DONE]\n\n"


def event(content: Any) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def chunk(
    delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **more: Any
) -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return event({**BASE, "choices": [choice], **more})


ROLE = chunk({"role": "assistant", "content": ""})
TEXT = chunk({"content": "Hi \N{GRINNING FACE}"}, usage=None)
STOP = chunk({}, "stop")
USAGE = event({**BASE, "choices": [], "usage": COUNTS})
STREAM = ROLE + TEXT + STOP + USAGE + DONE


def in_pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    marks = sorted(cut % (len(stream) + 1) for cut in cuts)
    return [stream[a:b] for a, b in zip([0, *marks], [*marks, len(stream)], strict=True)]


@given(st.lists(st.integers(0, 10_000), max_size=10), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.booleans())
def test_property_any_pieces_give_the_same_bytes_and_facts(cuts: list[int], end: bytes, hide: bool) -> None:
    tap = OpenAIChatTap(hide)
    given_stream = STREAM.replace(b"\n", end)
    delivered = b"".join(tap.feed(piece) for piece in in_pieces(given_stream, cuts)) + tap.finish_bytes()
    expected = given_stream.replace(USAGE.replace(b"\n", end), b"") if hide else given_stream
    # A piece may part the hidden event's last CR from its LF, which then stands alone as one more empty line.
    assert delivered.replace(b"\n", b"").replace(b"\r", b"") == expected.replace(b"\n", b"").replace(
        b"\r", b""
    )
    if not hide or end != b"\r\n":
        assert delivered == expected
    assert (tap.model, tap.finish, tap.usage) == ("gpt-4o-2024", "stop", COUNTED)
    assert tap.committed
    assert tap.terminated
    assert tap.complete


def test_a_piece_of_whole_events_is_delivered_as_the_same_object() -> None:
    tap = OpenAIChatTap()
    assert tap.feed(ROLE) is ROLE
    assert tap.feed(TEXT) is TEXT
    assert tap.feed(STOP) is STOP


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x"},
        {"content": [{"type": "thinking", "thinking": []}]},
        {"reasoning_content": "x"},
        {"reasoning": "x"},
        {"reasoning_details": [{}]},
        {"refusal": "no"},
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]},
        {"function_call": {"name": "f"}},
        {"audio": {"id": "a"}},
        {"images": [{"type": "image_url"}]},
    ],
)
def test_content_commits(delta: dict[str, Any]) -> None:
    tap = OpenAIChatTap()
    tap.feed(ROLE)
    assert not tap.committed
    tap.feed(chunk(delta))
    assert tap.committed
    assert not tap.finished


@pytest.mark.parametrize(
    "given_bytes",
    [
        ROLE,
        b": OPENROUTER PROCESSING\n\n",
        chunk({"content": None, "tool_calls": [], "refusal": None, "reasoning": ""}),
        event({**BASE, "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}),
        event([]),
        b"data:\n\n",
        b"event: ping\ndata: {}\n\n",
    ],
)
def test_what_is_no_content_does_not_commit(given_bytes: bytes) -> None:
    tap = OpenAIChatTap()
    assert tap.feed(given_bytes) is given_bytes
    assert not tap.committed
    assert not tap.complete
    assert tap.error is None


@pytest.mark.parametrize("end", [STOP, DONE])
def test_a_right_end_commits_and_completes(end: bytes) -> None:
    tap = OpenAIChatTap()
    tap.feed(end)
    assert tap.committed
    assert tap.complete
    assert tap.terminated is (end == DONE)


def test_a_cut_stream_is_not_complete() -> None:
    tap = OpenAIChatTap()
    tap.feed(ROLE + TEXT + STOP[:-30])
    assert tap.finish_bytes() == b""
    assert not tap.complete
    assert tap.error is None


def test_each_of_several_choices_must_finish_before_the_stream_is_complete_without_terminator() -> None:
    tap = OpenAIChatTap(choices=2)
    tap.feed(TEXT + chunk({"content": "b"}, index=1) + STOP)
    assert not tap.complete
    tap.feed(chunk({}, "length", index=1))
    assert tap.complete
    assert tap.finish == "stop"


@pytest.mark.parametrize("missing", [1, 2])
def test_a_last_event_without_its_empty_line_is_completed(missing: int) -> None:
    tap = OpenAIChatTap()
    tap.feed(TEXT)
    assert tap.feed(STOP[:-missing]) == b""
    assert tap.finish_bytes() == STOP[:-missing] + b"\n\n"
    assert tap.complete


def test_a_hidden_last_event_without_its_empty_line_stays_hidden() -> None:
    tap = OpenAIChatTap(hide_usage=True)
    tap.feed(TEXT + STOP + USAGE[:-1])
    assert tap.finish_bytes() == b""
    assert tap.usage == COUNTED


# --- usage -----------------------------------------------------------------------------------------------------------


def test_only_the_chunk_that_is_nothing_but_usage_is_hidden() -> None:
    last = chunk({}, "stop", usage=COUNTS)
    moderation = event({**BASE, "choices": [], "usage": COUNTS, "moderation": {"input": {}}})
    filters = event({**BASE, "choices": [], "prompt_filter_results": []})
    tap = OpenAIChatTap(hide_usage=True)
    stream = filters + TEXT + last + moderation + DONE
    assert tap.feed(stream) is stream
    assert tap.feed(USAGE + TEXT + USAGE) == TEXT
    assert tap.usage == COUNTED


@pytest.mark.parametrize(
    ("more", "usage"),
    [
        (
            {"usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}},
            Usage(input=5, output=2),
        ),
        (
            {"x_groq": {"id": "r", "usage": {"prompt_tokens": 5, "completion_tokens": 2}}},
            Usage(input=5, output=2),
        ),
        ({"usage": None, "x_groq": {"usage": {"prompt_tokens": 5}}}, Usage(input=5)),
        (
            {"usage": {"prompt_tokens": 5, "completion_tokens": 2, "prompt_cache_hit_tokens": 3}},
            Usage(input=5, output=2, cached=3),
        ),
        (
            {"usage": {"prompt_tokens": 5, "completion_tokens": 2, "cached_tokens": 3}},
            Usage(input=5, output=2, cached=3),
        ),
        (
            {
                "usage": {
                    "prompt_tokens": 5,
                    "completion_tokens": 2,
                    "total_tokens": 17,
                    "completion_tokens_details": {"reasoning_tokens": 10},
                }
            },
            Usage(input=5, output=12, reasoning=10),
        ),
        (
            {
                "usage": {
                    "prompt_tokens": 5,
                    "completion_tokens": 12,
                    "total_tokens": 17,
                    "completion_tokens_details": {"reasoning_tokens": 10},
                }
            },
            Usage(input=5, output=12, reasoning=10),
        ),
        (
            {"usage": {"prompt_tokens": 5.0, "completion_tokens": "2", "prompt_tokens_details": None}},
            Usage(input=5),
        ),
        ({"usage": {"prompt_tokens": -5, "completion_tokens": True}}, None),
        ({"usage": {"prompt_tokens": 0, "completion_tokens": 0}}, None),
        ({"usage": "none"}, None),
        ({"usage": None}, None),
    ],
)
def test_usage_in_the_spellings_of_vendors(more: dict[str, Any], usage: Usage | None) -> None:
    tap = OpenAIChatTap()
    tap.feed(TEXT)
    last = chunk({}, "stop", **more)
    assert tap.feed(last) is last
    assert tap.usage == usage
    assert tap.finish == "stop"


def test_usage_within_a_choice() -> None:
    tap = OpenAIChatTap()
    tap.feed(TEXT)
    choice = {
        "index": 0,
        "delta": {},
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }
    tap.feed(event({**BASE, "choices": [choice]}))
    assert tap.usage == Usage(input=5, output=2)


def test_of_cumulative_usage_the_last_word_counts() -> None:
    tap = OpenAIChatTap()
    for count in range(1, 5):
        tap.feed(chunk({"content": "x"}, usage={"prompt_tokens": 9, "completion_tokens": count}))
    assert tap.usage == Usage(input=9, output=4)


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize(
    ("failure", "status", "message", "code", "kind"),
    [
        (
            event({"error": {"message": "Sorry", "type": "server_error", "code": None, "param": None}}),
            *(500, "Sorry", None, "server_error"),
        ),
        (
            event({"error": {"message": "Slow down", "type": "tokens", "code": "rate_limit_exceeded"}}),
            *(429, "Slow down", "rate_limit_exceeded", "tokens"),
        ),
        (
            chunk({"content": ""}, "error", error={"code": 503, "message": "Provider gone"}),
            *(503, "Provider gone", "503", None),
        ),
        (
            event({"object": "error", "message": "too long", "type": "BadRequestError", "code": 400}),
            *(400, "too long", "400", "BadRequestError"),
        ),
        (event({"error": "it broke"}), 502, "it broke", None, None),
        (event({"error": {"reason": 7}}), 502, '{"reason":7}', None, None),
        (b'event: error\ndata: {"error":{"message":"no","code":"429"}}\n\n', 429, "no", "429", None),
        (b'event: error\ndata: {"message":"no"}\n\n', 502, "no", None, None),
        (b"event: error\ndata: it broke\n\n", 502, "it broke", None, None),
        (
            event({**BASE, "choices": [{"index": 0, "delta": {}, "error": {"code": 502, "message": "cut"}}]}),
            *(502, "cut", "502", None),
        ),
    ],
)
def test_an_error_in_the_stream_stops_delivery_before_it(
    failure: bytes, status: int, message: str, code: str | None, kind: str | None, committed: bool
) -> None:
    tap = OpenAIChatTap()
    first = TEXT if committed else ROLE
    if committed:
        tap.feed(TEXT)
    assert tap.feed(first + failure + TEXT + DONE) == first
    assert isinstance(tap.error, UpstreamStatus)
    assert (tap.error.upstream_status, tap.error.message) == (status, message)
    assert (tap.error.upstream_code, tap.error.upstream_type) == (code, kind)
    assert tap.error.dialect == "openai"
    assert tap.committed is committed
    assert tap.feed(DONE) == b""
    assert tap.finish_bytes() == b""
    assert not tap.complete


@pytest.mark.parametrize("nothing", [None, "", {}])
def test_an_empty_error_member_is_no_error(nothing: Any) -> None:
    tap = OpenAIChatTap()
    piece = chunk({"content": "x"}, error=nothing)
    assert tap.feed(piece) is piece
    assert tap.error is None


def test_text_that_speaks_of_errors_is_text() -> None:
    tap = OpenAIChatTap()
    piece = chunk({"content": '{"error": {"message": "x"}, "usage": {"prompt_tokens": 1}} data: [DONE]'})
    word = chunk({"content": "error"}) + chunk({"content": "usage"})
    assert tap.feed(TEXT + piece + word) == TEXT + piece + word
    assert (tap.error, tap.usage, tap.finished) == (None, None, False)


@pytest.mark.parametrize(
    "garbage",
    [b"data: <html>\n\n", b"data: {\n\n", b'data: {"model":"\xff"}\n\n', b"data: " + b"[" * 5000 + b"\n\n"],
)
def test_an_event_that_is_no_json_is_left_out(garbage: bytes) -> None:
    tap = OpenAIChatTap()
    assert tap.feed(ROLE + garbage) == ROLE
    assert (tap.error, tap.committed, tap.skipped) == (None, False, 1)
    assert tap.feed(TEXT) == TEXT
    assert tap.committed


def test_a_broken_piece_of_a_call_breaks_the_stream() -> None:
    tap = OpenAIChatTap()
    assert tap.feed(ROLE + b'data: {"choices":[{"delta":{"tool_calls":[{\n\n' + TEXT) == ROLE
    assert isinstance(tap.error, UpstreamProtocolError)


def test_an_endless_event_is_an_error_and_not_raised() -> None:
    tap = OpenAIChatTap()
    tap.feed(b"data: ")
    for _ in range(17):
        tap.feed(b"x" * (1 << 20))
    assert isinstance(tap.error, UpstreamProtocolError)


def test_a_page_of_html_in_place_of_a_stream_delivers_nothing_and_is_not_complete() -> None:
    tap = OpenAIChatTap()
    assert tap.feed(b"<html>\n<body>Bad gateway</body></html>") == b""
    assert tap.finish_bytes() == b""
    assert not tap.complete


# --- legacy completions ----------------------------------------------------------------------------------------------


def test_a_legacy_completion_stream() -> None:
    def text(value: str, finish: str | None = None, **more: Any) -> bytes:
        choices = [{"index": 0, "text": value, "logprobs": None, "finish_reason": finish}]
        return event({"id": "cmpl", "object": "text_completion", "model": "m", "choices": choices, **more})

    tap = OpenAICompletionTap(True)
    assert tap.feed(text("")) == text("")
    assert not tap.committed
    tap.feed(text("Hello"))
    assert tap.committed
    usage = event({"model": "m", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    assert tap.feed(text("", "length") + usage + DONE) == text("", "length") + DONE
    assert (tap.model, tap.finish, tap.usage) == ("m", "length", Usage(input=1, output=2))
    assert tap.complete


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_property_no_bytes_make_a_tap_raise_or_invent(noise: bytes, cuts: list[int]) -> None:
    tap = OpenAIChatTap()
    stream = TEXT + b"data: {" + noise + b"}\n\n" + noise
    delivered = b"".join(tap.feed(piece) for piece in in_pieces(stream, cuts))
    left = iter(stream)
    assert all(byte in left for byte in delivered)
    assert tap.skipped or stream.startswith(delivered)
    tap.finish_bytes()
