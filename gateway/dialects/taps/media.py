"""What the gateway reads of OpenAI's answers that are media or about media: images, speech, transcripts.

Source: the SDK's `ImagesResponse`, `Transcription`, and the stream events of images, speech and transcription.
"""

from typing import Any, ClassVar

import msgspec

from gateway._speedups.sse import Event
from gateway.dialects.leaves import ABSENT, UNREADABLE, as_count, as_text, read_reply, said
from gateway.dialects.taps.failure import in_band
from gateway.dialects.taps.reply import ReplyFacts
from gateway.dialects.taps.stream import DONE, StreamTap
from gateway.dialects.usage import openai_usage
from gateway.schemas.usage import Usage

DIALECT = "openai"
_ENDS = (".done", ".completed")


class InputDetails(msgspec.Struct, gc=False):
    """Images say `cached_tokens`, transcripts `audio_tokens`."""

    cached_tokens: Any = None
    audio_tokens: Any = None


class MediaUsage(msgspec.Struct, gc=False):
    """Images spell the details `input_tokens_details`, transcripts `input_token_details`; Whisper counts seconds."""

    input_tokens: Any = None
    output_tokens: Any = None
    input_tokens_details: InputDetails | None = None
    input_token_details: InputDetails | None = None
    seconds: Any = None


class Said(msgspec.Struct):
    type: Any = None
    model: Any = None
    usage: msgspec.Raw = ABSENT
    error: Any = None
    object: Any = None


_usage = msgspec.json.Decoder(MediaUsage)
_said = msgspec.json.Decoder(Said)


def media_usage(raw: msgspec.Raw) -> Usage | None:
    """None for null, for an absent or unreadable object, and for one without any count."""
    if not said(raw):
        return None
    try:
        wire = _usage.decode(raw)
    except UNREADABLE:
        return None
    details = wire.input_token_details or wire.input_tokens_details or InputDetails()
    usage = Usage(
        input=as_count(wire.input_tokens),
        output=as_count(wire.output_tokens),
        cached=as_count(details.cached_tokens),
        input_audio=as_count(details.audio_tokens),
        audio_ms=_milliseconds(wire.seconds),
    )
    return usage if usage.input or usage.output or usage.audio_ms else openai_usage(raw)


def _milliseconds(seconds: Any) -> int:
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 1e9:
        return round(seconds * 1000)
    return 0


def media_reply_facts(body: bytes) -> ReplyFacts:
    """Of a whole JSON answer. UpstreamProtocolError when it is no JSON object."""
    wire = read_reply(_said, body)
    if wire.error or wire.object == "error":
        return ReplyFacts(model=as_text(wire.model), error=in_band(wire.error, body, DIALECT))
    return ReplyFacts(model=as_text(wire.model), usage=media_usage(wire.usage))


class MediaTap(StreamTap):
    """A stream of images, speech or transcript: it is complete once an event says `.done` or `.completed`."""

    MARKS: ClassVar = (b".done", b".completed", b"[DONE]", b"error", b"usage")

    __slots__ = ()

    def _see(self, event: Event) -> bool:
        data = event.data
        if data.startswith(DONE):
            self.terminated = self.finished = self.committed = True
        elif event.name == "error":
            self.error = in_band(None, data, DIALECT)
        elif data:
            return self._see_event(data)
        return False

    def _see_event(self, data: bytes) -> bool:
        try:
            wire = _said.decode(data)
        except UNREADABLE:
            return self._leaves_out(data)
        kind = as_text(wire.type)
        if wire.error or wire.object == "error" or kind == "error":
            self.error = in_band(wire.error, data, DIALECT)
            return False
        self.committed = True
        self.model = self.model or as_text(wire.model)
        self.usage = media_usage(wire.usage) or self.usage
        if kind.endswith(_ENDS):
            self.finished, self.finish = True, kind
        return False
