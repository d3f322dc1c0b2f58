"""OpenAI's realtime sessions: what a handshake asks for, and what the few events that are read say of usage.

Read from the SDK's `types.realtime`, vLLM's https://docs.vllm.ai/en/latest/serving/online_serving/ and, for the way of
browsers, https://developers.openai.com/api/docs/guides/realtime-websocket
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
    """Adds up what a session consumed. `usage` is None until the provider has told any.

    In a conversation, transcripts of what the caller said come from another model with prices of its own: they are
    counted only where they are all that the session is for.
    """

    def __init__(self, transcribes: bool) -> None:
        self.usage: Usage | None = None
        self.model = ""
        self._transcribes = transcribes

    def see(self, event: str) -> None:
        """Looks at one of the provider's events; reads it only if it is one that tells usage or the model."""
        found = _TELLING.search(event, 0, _START)
        if found is None:
            return
        try:
            told = _event.decode(event)
        except UNREADABLE:
            return  # it passes all the same
        if told.session is not None:
            self._settle_session(told.session)
        elif told.type == "response.done" and told.response is not None:
            self._add(told.response.usage)
        elif told.type == "transcription.done" or (self._transcribes and told.type == _TRANSCRIBED):
            self._add(told.usage)

    def _settle_session(self, session: "_Session") -> None:
        self._transcribes = self._transcribes or session.type == "transcription"
        heard = session.audio.input if session.audio is not None else None
        transcription = heard.transcription if heard is not None else session.input_audio_transcription
        model = as_text(session.model)
        if not model and self._transcribes and transcription is not None:
            model = as_text(transcription.model)
        self.model = model or self.model

    def _add(self, counts: "_Counts | None") -> None:
        if counts is None:
            return
        now = _usage(counts)
        before = self.usage or Usage()
        total = (
            min(getattr(before, name) + getattr(now, name), MAX_COUNT) for name in Usage.__struct_fields__
        )
        self.usage = Usage(*total)


_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
_START = 512
"""Characters of an event within which its type stands: the providers write it first, or after the event's id."""

_TELLING = re.compile(
    r'"type"\s*:\s*"(?:response\.done|transcription\.done|(?:transcription_)?session\.(?:created|updated)|'
    + re.escape(_TRANSCRIBED)
    + ')"'
)


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


class _Audio(msgspec.Struct):
    input: _Heard | None = None


class _Session(msgspec.Struct):
    type: Any = None
    model: Any = None
    audio: _Audio | None = None
    input_audio_transcription: _Transcription | None = None


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
