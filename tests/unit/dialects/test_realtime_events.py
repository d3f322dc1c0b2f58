"""What a handshake's query may say, and what the events of a session say of usage."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.realtime import Tally, accepted, beta, offered_key, wanted
from gateway.errors import BadRequest
from gateway.schemas.usage import Usage

KEY = "openai-insecure-api-key."


def done(**usage: Any) -> str:
    return json.dumps({"event_id": "e", "type": "response.done", "response": {"output": [], "usage": usage}})


def transcribed(**usage: Any) -> str:
    kind = "conversation.item.input_audio_transcription.completed"
    return json.dumps({"type": kind, "transcript": "x", "usage": usage})


def tally_of(*events: str, transcribes: bool = False) -> Tally:
    tally = Tally(transcribes)
    for event in events:
        tally.see(event)
    return tally


def test_the_usage_of_every_response_is_added() -> None:
    details = {
        "input_token_details": {"cached_tokens": 20, "text_tokens": 30, "audio_tokens": 70},
        "output_token_details": {"audio_tokens": 40, "text_tokens": 10},
    }
    event = done(total_tokens=150, input_tokens=100, output_tokens=50, **details)
    assert tally_of(event, event).usage == Usage(
        input=200, output=100, cached=40, input_audio=140, output_audio=80
    )


def test_white_space_and_the_order_of_members_do_not_hide_an_event() -> None:
    event = json.dumps({"event_id": "e", **json.loads(done(input_tokens=3, output_tokens=4))}, indent=2)
    assert tally_of(event).usage == Usage(input=3, output=4)


@pytest.mark.parametrize(
    "event",
    [
        "",
        "not json",
        '{"type":"response.done"',
        '{"type":"response.done"}',
        '{"type":"response.done","response":null}',
        '{"type":"response.done","response":{"usage":null}}',
        '{"type":"response.done","response":[1]}',
        '{"type":"response.done","response":{"usage":{"input_tokens":{}}}}' + "x",
        json.dumps({"type": "response.output_text.delta", "delta": done(input_tokens=9)}),
        json.dumps({"type": "x", "item": json.loads(done(input_tokens=9))}),
    ],
)
def test_other_and_broken_events_count_nothing(event: str) -> None:
    assert tally_of(event).usage is None


def test_odd_counts_are_no_counts() -> None:
    event = done(input_tokens="7", output_tokens=-3, input_token_details={"audio_tokens": True})
    assert tally_of(event, done(input_tokens=5.0, output_tokens=10**30)).usage is not None
    usage = tally_of(event).usage
    assert usage is not None
    assert (usage.output, usage.input_audio) == (0, 0)


def test_transcripts_are_counted_where_they_are_all_that_there_is() -> None:
    event = transcribed(type="tokens", input_tokens=9, output_tokens=3)
    assert tally_of(event).usage is None
    assert tally_of(event, transcribes=True).usage == Usage(input=9, output=3)
    heard = tally_of(transcribed(type="duration", seconds=1.25), transcribes=True).usage
    assert heard == Usage(audio_ms=1250)


def test_a_session_tells_its_model_and_what_it_is_for() -> None:
    audio = {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}
    created = {"type": "session.created", "session": {"type": "transcription", "audio": audio}}
    tally = tally_of(json.dumps(created), transcribed(input_tokens=9, output_tokens=3))
    assert (tally.model, tally.usage) == ("gpt-4o-transcribe", Usage(input=9, output=3))
    older = {"input_audio_transcription": {"model": "whisper-1"}}
    event = json.dumps({"type": "transcription_session.updated", "session": older})
    assert tally_of(event, transcribes=True).model == "whisper-1"
    spoken = {"type": "realtime", "model": "gpt-realtime", "audio": audio}
    assert tally_of(json.dumps({"type": "session.updated", "session": spoken})).model == "gpt-realtime"


def test_vllm_counts_as_it_does_elsewhere() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}
    event = json.dumps({"type": "transcription.done", "text": "x", "usage": usage})
    assert tally_of(event).usage == Usage(input=5, output=6)


@given(st.text())
def test_no_event_breaks_a_session(event: str) -> None:
    tally_of(event, '{"type":"response.done"' + event, transcribes=True)


# --- the handshake ---


@pytest.mark.parametrize(
    ("query", "model", "rest"),
    [
        (b"", "", b""),
        (b"model=openai%2Fgpt-realtime", "openai/gpt-realtime", b""),
        (b"a=1&model=x&call_id=rtc%2B1&&b", "x", b"a=1&call_id=rtc%2B1&b"),
        (b"api-version=1&deployment=d&intent=transcription", "d", b"intent=transcription"),
        (b"model=x&deployment=x", "x", b""),
        (b"mod%65l=x", "x", b""),
    ],
)
def test_the_model_is_taken_out_of_the_query(query: bytes, model: str, rest: bytes) -> None:
    found = wanted(query)
    assert (found.model, found.query) == (model, rest)


@pytest.mark.parametrize(
    "query",
    [b"model=a&model=b", b"api-key=x", b"API%2Dkey=x", b"model=%ff", b"a=\xe9", b"a= b", b"a=\r\nb", b"a#b"],
)
def test_what_cannot_travel_is_refused(query: bytes) -> None:
    with pytest.raises(BadRequest):
        wanted(query)


def test_only_an_intent_of_its_own_makes_a_transcription() -> None:
    assert wanted(b"model=x&intent=transcription").transcribes
    assert not wanted(b"model=x&my_intent=transcription").transcribes


@pytest.mark.parametrize(
    ("offered", "key", "agreed"),
    [
        ([], "", None),
        (["realtime", KEY + "k", "openai-beta.realtime-v1"], "k", "realtime"),
        ([KEY + "k", "openai-beta.realtime-v1"], "k", "openai-beta.realtime-v1"),
        ([KEY + "realtime"], "realtime", None),
        (["other", "openai-project.p"], "", None),
    ],
)
def test_a_key_is_never_agreed_on(offered: list[str], key: str, agreed: str | None) -> None:
    assert (offered_key(offered), accepted(offered)) == (key, agreed)


def test_a_browser_says_by_a_subprotocol_what_others_say_by_a_header() -> None:
    assert beta(["openai-beta.realtime-v1"]) == ((b"openai-beta", b"realtime=v1"),)
    assert beta(["openai-beta.something-else"]) == ()


def piece(kind: str, text: str) -> str:
    return json.dumps(
        {
            "type": f"response.{kind}.delta",
            "event_id": "event_BxAbCdEfGhIjKlMnOpQrS",
            "response_id": "resp_BxAbCdEfGhIjKlMnOpQrS",
            "item_id": "item_BxAbCdEfGhIjKlMnOpQrS",
            "output_index": 0,
            "content_index": 0,
            "delta": text,
        }
    )


def session_of(**settings: Any) -> str:
    return json.dumps({"type": "session.created", "session": {"type": "realtime", "model": "m", **settings}})


WORDS = [piece("output_audio_transcript", " word")] * 30
ASKED = done(
    input_tokens=100, output_tokens=50, input_token_details={"cached_tokens": 60, "audio_tokens": 30}
)


@pytest.mark.parametrize(
    ("opening", "kind", "second"),
    [
        (session_of(), "output_audio", 64_000),  # characters of a second of audio, as base64
        (session_of(), "audio", 64_000),
        (session_of(output_audio_format="g711_ulaw"), "audio", 10_667),
        (session_of(audio={"output": {"format": {"type": "audio/pcma"}}}), "output_audio", 10_667),
        (session_of(audio={"output": {"format": {"type": "audio/pcm", "rate": 24000}}}), "audio", 64_000),
    ],
)
def test_a_response_that_is_cut_is_counted_as_far_as_it_came(opening: str, kind: str, second: int) -> None:
    said = [piece(kind, "A" * (second // 5))] * 10  # two seconds, of twenty tokens each
    tally = tally_of(opening, ASKED, *WORDS, *said)
    before = tally.usage
    assert before is not None
    assert not tally.estimated
    tally.end()
    tally.end()
    assert tally.usage is not None
    assert tally.estimated
    assert abs(tally.usage.output_audio - 40) <= 1
    assert tally.usage.output == before.output + 30 + tally.usage.output_audio
    assert (tally.usage.input, tally.usage.cached, tally.usage.input_audio) == (200, 120, 60)


def test_a_response_that_tells_no_usage_is_counted_by_its_size() -> None:
    for counts in (None, {}, {"input_tokens": 0, "output_tokens": 0}):
        event = json.dumps({"type": "response.done", "response": {"usage": counts}})
        tally = tally_of(*WORDS, event)
        assert tally.usage is not None
        assert (tally.usage.output, tally.estimated) == (30, True)


def test_what_was_told_to_its_end_is_counted_once() -> None:
    tally = tally_of(*WORDS, ASKED)
    tally.end()
    assert tally.usage == Usage(100, 50, 60, input_audio=30)
    assert not tally.estimated


def test_long_pieces_are_more_than_a_token() -> None:
    tally = tally_of(piece("output_text", "letter" * 1000))
    tally.end()
    assert tally.usage is not None
    assert 1300 <= tally.usage.output <= 1501
