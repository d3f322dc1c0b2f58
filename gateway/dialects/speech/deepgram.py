"""Deepgram: a voice is a model, settings stand in the query, and audio is sent as it is.

Source: https://developers.deepgram.com/reference/text-to-speech-api/speak and …/speech-to-text-api/listen;
https://developers.deepgram.com/docs/tts-media-output-settings for what encoding goes with what container;
https://developers.deepgram.com/docs/tts-voice-controls for `speed`.
"""

from typing import Annotated
from urllib.parse import urlencode

import msgspec

from gateway.dialects.leaves import read_reply
from gateway.dialects.speech import asked, transcript
from gateway.dialects.speech.foreign import Answer, Foreign, Packed
from gateway.errors import UnservedEndpoint, UpstreamProtocolError
from gateway.schemas.call import Call

ENCODINGS: dict[str, dict[str, str]] = {
    "mp3": {"encoding": "mp3"},
    "opus": {"encoding": "opus", "container": "ogg"},
    "aac": {"encoding": "aac"},
    "flac": {"encoding": "flac"},
    "wav": {"encoding": "linear16", "container": "wav"},
    "pcm": {"encoding": "linear16", "container": "none", "sample_rate": "24000"},
}
"""OpenAI's formats; its `pcm` is 24 kHz, 16 bit, without a head."""

FAMILIES = ("aura", "aura-2")
"""Models that are no voice yet: with the voice `thalia` they are `aura-2-thalia-en`."""

Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e7)]


class Word(msgspec.Struct):
    start: Seconds
    end: Seconds
    word: str = ""
    punctuated_word: str | None = None


class Alternative(msgspec.Struct):
    transcript: str
    words: list[Word] = []


class Channel(msgspec.Struct):
    alternatives: list[Alternative]
    detected_language: str | None = None


class Utterance(msgspec.Struct):
    start: Seconds
    end: Seconds
    transcript: str


class Results(msgspec.Struct):
    channels: list[Channel]
    utterances: list[Utterance] | None = None


class Metadata(msgspec.Struct):
    duration: Seconds | None = None


class Heard(msgspec.Struct):
    results: Results
    metadata: Metadata = msgspec.field(default_factory=Metadata)


_heard = msgspec.json.Decoder(Heard)


def write_speech(call: Call, model: str) -> Packed:
    """OpenAI's request for speech as Deepgram's."""
    request = asked.speech(call)
    wanted = request.response_format or "mp3"
    if wanted not in ENCODINGS:
        raise UnservedEndpoint(f"Deepgram makes no {wanted[:40]!r}")
    voice = request.voice_name
    speed = {} if request.speed is None else {"speed": f"{request.speed:g}"}
    known = ("model", "input", "voice", "response_format", "speed", "stream_format")
    dropped = asked.unsaid(call, known)
    if model in FAMILIES:
        model = f"{model}-{voice}" if "-" in voice else f"{model}-{voice}-en"
    elif voice and voice not in model:
        dropped = ("voice", *dropped)
    query = urlencode({"model": model, **ENCODINGS[wanted], **speed})
    body = msgspec.json.encode({"text": request.input})
    return Packed(b"application/json", body, b"?" + query.encode("ascii"), dropped)


def write_listening(call: Call, model: str) -> Packed:
    """OpenAI's request for a transcript as Deepgram's."""
    request = asked.listening(call)
    language = {"language": request.language} if request.language else {"detect_language": "true"}
    query = urlencode({"model": model, "smart_format": "true", "utterances": "true", **language})
    known = ("model", "file", "language", "response_format", "timestamp_granularities", "stream")
    return Packed(
        request.audio.content_type.encode("latin-1") or b"application/octet-stream",
        bytes(request.data),
        b"?" + query.encode("ascii"),
        asked.unsaid(call, known),
    )


def read_listening(body: bytes, call: Call) -> Answer:
    """Deepgram's transcript as it was asked for."""
    heard = read_reply(_heard, body)
    if not heard.results.channels or not heard.results.channels[0].alternatives:
        raise UpstreamProtocolError("the provider's answer has no transcript")
    channel = heard.results.channels[0]
    best = channel.alternatives[0]
    request = asked.listening(call)
    words = tuple(
        transcript.Span(word.punctuated_word or word.word, word.start, word.end) for word in best.words
    )
    said = tuple(
        transcript.Span(one.transcript, one.start, one.end) for one in heard.results.utterances or ()
    )
    return transcript.answer(
        transcript.Transcript(
            best.transcript,
            channel.detected_language or request.language,
            heard.metadata.duration,
            words,
            said or transcript.segments_of(words),
        ),
        request,
    )


def read_speech(body: bytes, _: Call) -> Answer:
    """Deepgram answers with audio; anything else with a good status is no speech."""
    raise UpstreamProtocolError(f"the provider answered with text instead of audio: {body[:200]!r}")


SPEAK = Foreign("deepgram_speak", write_speech, read_speech)
LISTEN = Foreign("deepgram_listen", write_listening, read_listening)
