"""ElevenLabs: a voice stands in the path, the audio's format in the query, and transcripts come word by word.

Source: https://elevenlabs.io/docs/api-reference/text-to-speech/stream and …/speech-to-text/convert.
"""

from typing import Annotated, Any
from urllib.parse import quote

import msgspec

from gateway.dialects.forms import boundary_of
from gateway.dialects.leaves import read_reply
from gateway.dialects.speech import asked, transcript
from gateway.dialects.speech.deepgram import read_speech
from gateway.dialects.speech.foreign import Answer, Foreign, Packed
from gateway.errors import BadRequest, UnservedEndpoint
from gateway.schemas.call import Call

FORMATS = {
    "mp3": "mp3_44100_128",
    "opus": "opus_48000_128",
    "pcm": "pcm_24000",
}
"""OpenAI's formats; its `pcm` is 24 kHz, 16 bit, without a head."""

PASSED = ("voice_settings", "language_code", "seed", "apply_text_normalization", "previous_text", "next_text")
"""The vendor's own fields, which a caller may add to OpenAI's."""

Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e7)]


class Word(msgspec.Struct):
    """`type` is word, spacing or audio_event."""

    text: str
    start: Seconds | None = None
    end: Seconds | None = None
    type: str = "word"


class Heard(msgspec.Struct):
    text: str
    language_code: str | None = None
    words: list[Word] | None = None
    audio_duration_secs: Seconds | None = None


_heard = msgspec.json.Decoder(Heard)


def write_speech(call: Call, model: str) -> Packed:
    """OpenAI's request for speech as ElevenLabs'."""
    request = asked.speech(call)
    wanted = request.response_format or "mp3"
    if wanted not in FORMATS:
        raise UnservedEndpoint(f"ElevenLabs makes no {wanted[:40]!r}")
    voice = request.voice_name
    if voice in ("", ".", "..") or not voice.isprintable():
        raise BadRequest("`voice` must name a voice of ElevenLabs", param="voice")
    given = msgspec.json.decode(call.body, type=dict[str, msgspec.Raw])
    content: dict[str, Any] = {"text": request.input, "model_id": model}
    content.update((name, given[name]) for name in PASSED if name in given)
    if request.language and "language_code" not in given:
        content["language_code"] = request.language
    dropped = asked.unsaid(
        call,
        (*PASSED, "model", "input", "voice", "response_format", "speed", "language", "stream_format"),
    )
    if request.speed is not None:
        if "voice_settings" in given:
            dropped = ("speed", *dropped)
        else:
            content["voice_settings"] = {"speed": request.speed}
    after = f"/{quote(voice, safe='')}/stream?output_format={FORMATS[wanted]}"
    return Packed(b"application/json", msgspec.json.encode(content), after.encode("ascii"), dropped)


def write_listening(call: Call, model: str) -> Packed:
    """OpenAI's request for a transcript as ElevenLabs': another form with the same file, behind the same boundary,
    which is known not to stand in it."""
    request = asked.listening(call)
    boundary = boundary_of(call.facts.content_type)
    fields = {"model_id": model, "timestamps_granularity": "word"}
    if request.language:
        fields["language_code"] = request.language
    temperature = request.form.text("temperature")
    if temperature is not None:
        fields["temperature"] = temperature
    pieces: list[bytes | memoryview] = [_field(boundary, name, value) for name, value in fields.items()]
    pieces += (_file_head(boundary, request), request.data, b"\r\n--" + boundary + b"--\r\n")
    known = ("model", "file", "language", "temperature", "response_format")
    dropped = asked.unsaid(call, (*known, "timestamp_granularities", "stream"))
    return Packed(call.facts.content_type, b"".join(pieces), dropped=dropped)


def _field(boundary: bytes, name: str, value: str) -> bytes:
    head = f'\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n'
    return b"--" + boundary + head.encode() + value.encode() + b"\r\n"


def _file_head(boundary: bytes, request: asked.Listening) -> bytes:
    name = "".join(char for char in request.audio.filename or "" if char not in '"\\\r\n') or "audio"
    kind = request.audio.content_type or "application/octet-stream"
    head = (
        f'\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\ncontent-type: {kind}\r\n\r\n'
    )
    return b"--" + boundary + head.encode()


def read_listening(body: bytes, call: Call) -> Answer:
    """ElevenLabs' transcript as it was asked for."""
    heard = read_reply(_heard, body)
    request = asked.listening(call)
    words = tuple(
        transcript.Span(word.text, word.start, word.end)
        for word in heard.words or ()
        if word.type == "word" and word.start is not None and word.end is not None
    )
    return transcript.answer(
        transcript.Transcript(
            heard.text,
            heard.language_code or request.language,
            heard.audio_duration_secs,
            words,
            transcript.segments_of(words),
        ),
        request,
    )


SPEAK = Foreign("elevenlabs_speak", write_speech, read_speech)
LISTEN = Foreign("elevenlabs_listen", write_listening, read_listening)
