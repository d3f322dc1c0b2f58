"""A vendor's transcript in every form that OpenAI's callers ask for, and what a vendor's odd answers come to."""

import json
from typing import Any

import pytest

from gateway.dialects.forms import read_form
from gateway.dialects.parcels import FormFacts
from gateway.dialects.speech import FOREIGN, deepgram, elevenlabs
from gateway.dialects.speech.transcript import LONGEST_SEGMENT, Span, segments_of
from gateway.errors import BadRequest, UnservedEndpoint, UpstreamProtocolError
from gateway.schemas.call import Call

KIND = b"multipart/form-data; boundary=edge"
WORDS = [
    {"word": "good", "punctuated_word": "Good", "start": 0.0, "end": 0.5},
    {"word": "day", "punctuated_word": "day.", "start": 0.5, "end": 3661.0015},
]
HEARD: dict[str, Any] = {
    "metadata": {"duration": 3662.0},
    "results": {"channels": [{"alternatives": [{"transcript": "Good day.", "words": WORDS}]}]},
}


def asked(*fields: tuple[str, str], file: bool = True, stream: bool = False) -> Call:
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields
    ]
    if file:
        head = 'Content-Disposition: form-data; name="file"; filename="a.wav"'
        parts.append(f"--edge\r\n{head}\r\n\r\nAUDIO\r\n")
    body = ("".join(parts) + "--edge--\r\n").encode()
    facts = FormFacts(read_form(body, KIND), KIND)
    return Call("audio_transcriptions", "openai", body, facts, "nova-3", stream)


def heard(*fields: tuple[str, str], answer: Any = HEARD, stream: bool = False) -> Any:
    return deepgram.read_listening(json.dumps(answer).encode(), asked(*fields, stream=stream))


def test_plain_json_says_what_was_counted() -> None:
    answer = heard()
    assert answer.content_type == b"application/json"
    assert json.loads(answer.body) == {
        "text": "Good day.",
        "usage": {"type": "duration", "seconds": 3662.0},
    }
    assert answer.usage.audio_ms == 3_662_000


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("text", "Good day.\n"),
        ("srt", "1\n00:00:00,000 --> 01:01:01,002\nGood day.\n\n"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 01:01:01.002\nGood day.\n\n"),
    ],
)
def test_text_and_subtitles(kind: str, text: str) -> None:
    answer = heard(("response_format", kind))
    assert (answer.content_type, answer.body.decode()) == (b"text/plain; charset=utf-8", text)


def test_a_verbose_transcript_has_the_timestamps_that_were_asked_for() -> None:
    only_words = heard(("response_format", "verbose_json"), ("timestamp_granularities[]", "word"))
    content = json.loads(only_words.body)
    assert [word["word"] for word in content["words"]] == ["Good", "day."]
    assert "segments" not in content
    usual = json.loads(heard(("response_format", "verbose_json"), ("language", "en")).body)
    assert [segment["text"] for segment in usual["segments"]] == ["Good day."]
    assert (usual["language"], usual["duration"]) == ("en", 3662.0)


def test_words_cannot_end_their_cue() -> None:
    results = {
        "channels": [{"alternatives": [{"transcript": "x"}]}],
        "utterances": [{"start": 0, "end": 1, "transcript": "a\n\n2\n00:00 --> 00:01"}],
    }
    answer = heard(("response_format", "srt"), answer={"results": results})
    assert answer.body == b"1\n00:00:00,000 --> 00:00:01,000\na 2 00:00 -> 00:01\n\n"


def test_long_speech_without_sentences_is_cut_by_time() -> None:
    words = [Span("word", float(at), at + 1.0) for at in range(20)]
    found = segments_of(words)
    assert " ".join(one.text for one in found) == " ".join("word" for _ in words)
    assert all(one.end - one.start <= LONGEST_SEGMENT for one in found)
    assert segments_of([]) == ()


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"results": {"channels": []}},
        {"results": {"channels": [{"alternatives": []}]}},
        {"results": {"channels": [{"alternatives": [{"transcript": 1}]}]}},
        {
            "results": {
                "channels": [{"alternatives": [{"transcript": "x", "words": [{"start": -1, "end": 0}]}]}]
            }
        },
    ],
)
def test_what_is_no_transcript_is_the_providers_fault(answer: Any) -> None:
    with pytest.raises(UpstreamProtocolError):
        heard(answer=answer)


@pytest.mark.parametrize("write", [deepgram.write_listening, elevenlabs.write_listening])
def test_what_no_vendor_can_do_is_said(write: Any) -> None:
    with pytest.raises(BadRequest):
        write(asked(file=False), "m")
    with pytest.raises(UnservedEndpoint):
        write(asked(("response_format", "diarized_json")), "m")


def test_what_has_no_place_is_named_once() -> None:
    call = asked(("prompt", "x"), ("include[]", "logprobs"), ("include[]", "y"), ("temperature", "0"))
    assert deepgram.write_listening(call, "m").dropped == ("prompt", "include", "temperature")
    assert elevenlabs.write_listening(call, "m").dropped == ("prompt", "include")


def test_every_way_is_known_by_its_own_name() -> None:
    names = [foreign.endpoint for ways in FOREIGN.values() for foreign in ways]
    assert len(names) == len(set(names))
