"""OpenAI's realtime sessions: what a handshake asks for, and what the few events that are read say of usage.

Read from the SDK's `types.realtime`, vLLM's https://docs.vllm.ai/en/latest/serving/online_serving/ and, for the way of
browsers, https://developers.openai.com/api/docs/guides/realtime-websocket, for tokens of audio
https://developers.openai.com/api/docs/guides/realtime-costs
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from gateway.dialects.leaves import MAX_COUNT, UNREADABLE, as_count, as_text
from gateway.dialects.stores import Store
from gateway.errors import BadRequest
from gateway.schemas.usage import Usage

REALTIME = Store("realtime", "openai")
"""Not kept anywhere, but like what is kept: without a model, the caller says which provider is meant."""

_KEY = "openai-insecure-api-key."
_BETA = "openai-beta.realtime-v1"
_BETA_HEADER = (b"openai-beta", b"realtime=v1")

_MODEL = ("model", "deployment")  # the latter is Azure's, in its dated API
_OURS = frozenset({*_MODEL, "api-version"})  # the provider's configuration knows its version
_CREDENTIALS = frozenset(
    {"api-key", "api_key", "apikey", "key", "token", "access_token", "authorization", "client_secret"}
)


class Wanted(msgspec.Struct, frozen=True):
    """What a handshake asks for. `query` is what travels on; `model` is empty where it names none."""

    model: str
    query: bytes

    @property
    def transcribes(self) -> bool:
        """The session is asked for transcripts alone."""
        return b"intent=transcription" in self.query.split(b"&")


def wanted(query: bytes) -> Wanted:
    """Reads the query of a handshake. Raises BadRequest for what cannot be passed on."""
    if any(byte <= 0x20 or byte >= 0x7F for byte in query) or b"#" in query:
        raise BadRequest("the query of a session is percent-encoded")
    pairs = [(_decoded(pair.partition(b"=")[0]), pair) for pair in query.split(b"&") if pair]
    for name, _ in pairs:
        if name.lower() in _CREDENTIALS:
            raise BadRequest("a key belongs into a header or a subprotocol, not into the query", param=name)
    models = {_decoded(pair.partition(b"=")[2]) for name, pair in pairs if name in _MODEL}
    if len(models) > 1:
        raise BadRequest("the query names several models", param="model")
    return Wanted(
        next(iter(models), ""),
        b"&".join(pair for name, pair in pairs if name not in _OURS),
    )


def _decoded(raw: bytes) -> str:
    try:
        return unquote_plus(raw.decode("ascii"), errors="strict")
    except UnicodeDecodeError:
        raise BadRequest("the query of a session is percent-encoded UTF-8") from None


def offered_key(subprotocols: Sequence[str]) -> str:
    """The credential that a browser can send in no other way; empty where there is none."""
    return next((one[len(_KEY) :] for one in subprotocols if one.startswith(_KEY)), "")


def accepted(subprotocols: Sequence[str]) -> str | None:
    """The subprotocol to agree on: never the one that holds a key."""
    return next((one for one in ("realtime", _BETA) if one in subprotocols), None)


def beta(subprotocols: Sequence[str]) -> tuple[tuple[bytes, bytes], ...]:
    """The header that says what a browser says by a subprotocol."""
    return (_BETA_HEADER,) if _BETA in subprotocols else ()


class Tally:
    """Adds up what a session consumed. `usage` is None until the provider has told any; `estimated` tells that some of
    it is known by its size alone: a response whose end did not come, or came without usage.

    In a conversation, transcripts of what the caller said come from another model with prices of its own: they are
    counted only where they are all that the session is for.
    """

    def __init__(self, transcribes: bool) -> None:
        self.usage: Usage | None = None
        self.model = ""
        self.estimated = False
        self._transcribes = transcribes
        self._said = _Said()
        self._audio_bytes = _PCM
        self._last = Usage()

    def see(self, event: str) -> None:
        """Looks at one of the provider's events; reads it only if it is one that tells usage or the model."""
        at = event.find(_PIECE, 0, _START)
        if at >= 0 and event.rfind(_RESPONSE, 0, at) >= 0:
            self._said.add(event.startswith("audio", at - 5), len(event))
            return
        if _TELLING.search(event, 0, _START) is None:
            return
        try:
            told = _event.decode(event)
        except UNREADABLE:
            return  # it passes all the same
        if told.session is not None:
            self._settle_session(told.session)
        elif told.type == "response.done" and told.response is not None:
            self._settle_response(told.response.usage)
        elif told.type == "transcription.done" or (self._transcribes and told.type == _TRANSCRIBED):
            self._add(told.usage)

    def end(self) -> None:
        """Nothing more is said: a response that was under way is counted as far as it came. It was asked with what the
        one before it was asked with, at least."""
        said, self._said = self._said, _Said()
        audio, words = said.tokens(self._audio_bytes)
        if audio or words:
            last = self._last
            told = Usage(
                last.input, audio + words, last.cached, input_audio=last.input_audio, output_audio=audio
            )
            self._sum(told)
            self.estimated = True

    def _settle_response(self, counts: "_Counts | None") -> None:
        now = Usage() if counts is None else _usage(counts)
        if now.input or now.output:
            self._last, self._said = now, _Said()
        else:
            self.end()
        if counts is not None:
            self._sum(now)

    def _settle_session(self, session: "_Session") -> None:
        self._transcribes = self._transcribes or session.type == "transcription"
        heard = session.audio.input if session.audio is not None else None
        transcription = heard.transcription if heard is not None else session.input_audio_transcription
        model = as_text(session.model)
        if not model and self._transcribes and transcription is not None:
            model = as_text(transcription.model)
        self.model = model or self.model
        spoken = session.audio.output if session.audio is not None else None
        form = spoken.format if spoken is not None else None
        name = as_text(session.output_audio_format) or (as_text(form.type) if form is not None else "")
        if name:
            self._audio_bytes = _G711 if name.startswith(("g711", "audio/pcmu", "audio/pcma")) else _PCM

    def _add(self, counts: "_Counts | None") -> None:
        if counts is not None:
            self._sum(_usage(counts))

    def _sum(self, now: Usage) -> None:
        before = self.usage or Usage()
        total = (
            min(getattr(before, name) + getattr(now, name), MAX_COUNT) for name in Usage.__struct_fields__
        )
        self.usage = Usage(*total)


_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
_START = 512
"""Characters of an event within which its type stands: the providers write it first, or after the event's id."""

_RESPONSE, _PIECE = '"response.', '.delta"'
"""Around the type of an event that brings a piece of an answer; inside a text there is no quote without a backslash."""

_TELLING = re.compile(
    r'"type"\s*:\s*"(?:response\.done|transcription\.done|(?:transcription_)?session\.(?:created|updated)|'
    + re.escape(_TRANSCRIBED)
    + ')"'
)


_PCM, _G711 = 48_000, 8_000
"""Bytes of a second of audio."""
_SPOKEN = 20
"""Tokens of a second that is said."""
_ENVELOPE = 260
"""Characters of an event around its piece of text, which is mostly a token."""
_LETTERS = 4


class _Said:
    """How much of a response has been said so far, by the characters of its events."""

    __slots__ = ("_audio", "_events", "_words")

    def __init__(self) -> None:
        self._audio = self._words = self._events = 0

    def add(self, is_audio: bool, size: int) -> None:
        """One more event."""
        beyond = size - _ENVELOPE if size > _ENVELOPE else 0
        if is_audio:
            self._audio += beyond
        else:
            self._events += 1
            self._words += beyond

    def tokens(self, second: int) -> tuple[int, int]:
        """Of audio of so many bytes a second (as base64, which has four characters for three bytes), and of text."""
        return self._audio * 3 * _SPOKEN // (4 * second), self._events + self._words // _LETTERS


class _Details(msgspec.Struct, gc=False):
    cached_tokens: Any = None
    audio_tokens: Any = None


class _Counts(msgspec.Struct, gc=False):
    """In tokens, or of `type` duration in `seconds`. `prompt_tokens` and `completion_tokens` are vLLM's."""

    input_tokens: Any = None
    output_tokens: Any = None
    prompt_tokens: Any = None
    completion_tokens: Any = None
    seconds: Any = None
    input_token_details: _Details | None = None
    output_token_details: _Details | None = None


class _Response(msgspec.Struct):
    usage: _Counts | None = None


class _Transcription(msgspec.Struct):
    model: Any = None


class _Heard(msgspec.Struct):
    transcription: _Transcription | None = None


class _Format(msgspec.Struct):
    type: Any = None


class _Spoken(msgspec.Struct):
    format: _Format | None = None


class _Audio(msgspec.Struct):
    input: _Heard | None = None
    output: _Spoken | None = None


class _Session(msgspec.Struct):
    type: Any = None
    model: Any = None
    audio: _Audio | None = None
    input_audio_transcription: _Transcription | None = None
    output_audio_format: Any = None


class _Event(msgspec.Struct):
    type: Any = None
    response: _Response | None = None
    usage: _Counts | None = None
    session: _Session | None = None


_event = msgspec.json.Decoder(_Event)
_NONE = _Details()


def _usage(counts: _Counts) -> Usage:
    asked, given = counts.input_token_details or _NONE, counts.output_token_details or _NONE
    seconds = counts.seconds
    heard = seconds if isinstance(seconds, int | float) and 0 <= seconds < MAX_COUNT / 1000 else 0
    return Usage(
        input=as_count(counts.input_tokens) or as_count(counts.prompt_tokens),
        output=as_count(counts.output_tokens) or as_count(counts.completion_tokens),
        cached=as_count(asked.cached_tokens),
        input_audio=as_count(asked.audio_tokens),
        output_audio=as_count(given.audio_tokens),
        audio_ms=round(heard * 1000),
    )
