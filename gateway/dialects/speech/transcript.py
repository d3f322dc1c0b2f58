"""A transcript, and the forms in which OpenAI's callers ask for it: json, text, srt, vtt, verbose_json, events."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.dialects.speech.asked import Listening
from gateway.dialects.speech.foreign import Answer
from gateway.schemas.usage import Usage

LONGEST_SEGMENT = 7.0
"""Seconds after which a segment of bare words ends at the next word."""
_SENTENCE_ENDS = (".", "?", "!", "。", "？", "！")


class Span(msgspec.Struct, frozen=True):
    """Words and when they were said, in seconds."""

    text: str
    start: float
    end: float


class Transcript(msgspec.Struct, frozen=True):
    """`language` is the vendor's word for it, `duration` in seconds; "" and None where it said nothing."""

    text: str
    language: str = ""
    duration: float | None = None
    words: tuple[Span, ...] = ()
    segments: tuple[Span, ...] = ()


def segments_of(words: Sequence[Span], joiner: str = " ") -> tuple[Span, ...]:
    """Words as segments: a sentence each, or about LONGEST_SEGMENT seconds."""
    found: list[Span] = []
    held: list[Span] = []
    for word in words:
        held.append(word)
        if word.text.rstrip().endswith(_SENTENCE_ENDS) or word.end - held[0].start >= LONGEST_SEGMENT:
            found.append(_joined(held, joiner))
            held = []
    return (*found, _joined(held, joiner)) if held else tuple(found)


def _joined(words: Sequence[Span], joiner: str) -> Span:
    return Span(joiner.join(word.text for word in words).strip(), words[0].start, words[-1].end)


def answer(transcript: Transcript, asked: Listening) -> Answer:
    """The transcript as it was asked for."""
    milliseconds = round((transcript.duration or 0) * 1000)
    usage = Usage(audio_ms=milliseconds) if milliseconds > 0 else None
    if asked.stream:
        return Answer(b"text/event-stream", _events(transcript), usage)
    if asked.format == "text":
        return Answer(_TEXT, transcript.text.encode() + b"\n", usage)
    if asked.format == "srt":
        return Answer(_TEXT, _srt(transcript.segments), usage)
    if asked.format == "vtt":
        return Answer(_TEXT, _vtt(transcript.segments), usage)
    content: dict[str, Any] = {"text": transcript.text}
    if asked.format == "verbose_json":
        content = _verbose(transcript, asked)
    if transcript.duration is not None:
        content["usage"] = {"type": "duration", "seconds": transcript.duration}
    return Answer(b"application/json", msgspec.json.encode(content), usage)


def _verbose(transcript: Transcript, asked: Listening) -> dict[str, Any]:
    """Without the decoder's inner figures (avg_logprob, tokens, …), which only Whisper has."""
    content: dict[str, Any] = {
        "task": "transcribe",
        "language": transcript.language,
        "duration": transcript.duration or (transcript.words[-1].end if transcript.words else 0.0),
        "text": transcript.text,
    }
    if "segment" in asked.granularities:
        content["segments"] = [
            {"id": at, "start": one.start, "end": one.end, "text": one.text}
            for at, one in enumerate(transcript.segments)
        ]
    if "word" in asked.granularities:
        content["words"] = [
            {"word": one.text, "start": one.start, "end": one.end} for one in transcript.words
        ]
    return content


def _events(transcript: Transcript) -> bytes:
    """The whole transcript as one delta and its end."""
    delta = {"type": "transcript.text.delta", "delta": transcript.text}
    done = {"type": "transcript.text.done", "text": transcript.text}
    return b"".join(b"data: " + msgspec.json.encode(event) + b"\n\n" for event in (delta, done))


def _srt(segments: Sequence[Span]) -> bytes:
    blocks = (
        f"{at}\n{_clock(one.start, ',')} --> {_clock(one.end, ',')}\n{_line(one.text)}\n\n"
        for at, one in enumerate(segments, 1)
    )
    return "".join(blocks).encode()


def _vtt(segments: Sequence[Span]) -> bytes:
    blocks = (
        f"{_clock(one.start, '.')} --> {_clock(one.end, '.')}\n{_line(one.text)}\n\n" for one in segments
    )
    return ("WEBVTT\n\n" + "".join(blocks)).encode()


def _line(text: str) -> str:
    """Text that cannot end its cue or begin another."""
    return " ".join(text.split()).replace("-->", "->")


def _clock(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(max(seconds, 0.0) * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{milliseconds:03}"


_TEXT = b"text/plain; charset=utf-8"
