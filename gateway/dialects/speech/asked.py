"""OpenAI's requests for speech and for a transcript, as a vendor's way needs to know them.

Source: the SDK's `SpeechCreateParams` and `TranscriptionCreateParams`.
"""

from typing import Any

import msgspec

from gateway.dialects.forms import Form, Part
from gateway.dialects.leaves import UNREADABLE
from gateway.dialects.parcels import FormFacts
from gateway.errors import BadRequest, UnservedEndpoint
from gateway.schemas.call import Call

FORMATS = ("json", "text", "srt", "vtt", "verbose_json")


class Voice(msgspec.Struct):
    id: str


class Speech(msgspec.Struct):
    """`language` is beyond OpenAI's own fields."""

    input: str
    voice: str | Voice = ""
    response_format: str | None = None
    speed: float | None = None
    language: str | None = None
    stream_format: str | None = None

    @property
    def voice_name(self) -> str:
        return self.voice.id if isinstance(self.voice, Voice) else self.voice


class Listening(msgspec.Struct, frozen=True):
    """A request for a transcript: `audio` is where the file stands in the form."""

    form: Form
    audio: Part
    format: str
    granularities: tuple[str, ...]
    language: str
    stream: bool

    @property
    def data(self) -> memoryview:
        """The audio, not copied."""
        return memoryview(self.form.body)[self.audio.start : self.audio.end]


def speech(call: Call) -> Speech:
    """Raises BadRequest; UnservedEndpoint where events are asked for instead of audio."""
    try:
        asked = msgspec.json.decode(call.body, type=Speech)
    except UNREADABLE as error:
        raise BadRequest(f"the request for speech cannot be read: {error}") from None
    if asked.stream_format == "sse":
        raise UnservedEndpoint("this provider sends audio, not events: leave `stream_format` out")
    return asked


def unsaid(call: Call, known: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the request's fields that are not among the `known`."""
    names: Any = (
        (part.name.removesuffix("[]") for part in call.facts.form.parts)
        if isinstance(call.facts, FormFacts)
        else call.facts.spans
    )
    return tuple(dict.fromkeys(name for name in names if name not in known))


def listening(call: Call) -> Listening:
    """Raises BadRequest; UnservedEndpoint for a format that only OpenAI's own models give."""
    if not isinstance(call.facts, FormFacts):
        raise BadRequest("send the audio as multipart/form-data with a `file`", param="file")
    form = call.facts.form
    audio = form.part("file")
    if audio is None or audio.filename is None or audio.encoded:
        raise BadRequest("the form has no `file`", param="file")
    asked = form.text("response_format") or "json"
    if asked not in FORMATS:
        raise UnservedEndpoint(f"this provider's transcripts do not come as {asked[:40]!r}")
    granularities = tuple(form.texts("timestamp_granularities")) or ("segment",)
    return Listening(form, audio, asked, granularities, form.text("language") or "", call.stream)
