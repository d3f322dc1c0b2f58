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
