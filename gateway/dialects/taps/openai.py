"""What the gateway reads of OpenAI's answers: chat completions, legacy completions, embeddings, whole and streamed.

Source: the API reference's chat completion chunk object, and the variants of vendors that speak the dialect.
"""

from typing import Any, ClassVar, TypeVar

import msgspec

from gateway._speedups.sse import Event
from gateway.dialects.leaves import ABSENT, UNREADABLE, as_text, read_reply, said
from gateway.dialects.taps.failure import in_band
from gateway.dialects.taps.reply import ReplyFacts
from gateway.dialects.taps.stream import DONE, StreamTap
from gateway.dialects.usage import ExactUsage, openai_stream_usage, openai_total, openai_usage
from gateway.errors import UpstreamProtocolError, UpstreamStatus

DIALECT = "openai"


class Delta(msgspec.Struct, gc=False):
    """Any of these, when not empty, is content. `reasoning_content` is DeepSeek's and vLLM's, `reasoning` Groq's and
    OpenRouter's, `images` OpenRouter's."""

    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    tool_calls: Any = None
    function_call: Any = None
    refusal: Any = None
    audio: Any = None
    images: Any = None

    def is_content(self) -> bool:
        return bool(
            self.content
            or self.reasoning_content
            or self.reasoning
            or self.tool_calls
            or self.reasoning_details
            or self.function_call
            or self.refusal
            or self.audio
            or self.images
        )


class Choice(msgspec.Struct):
    """`usage` is Moonshot's place for it, `error` OpenRouter's."""

    index: Any = 0
    delta: Delta | None = None
    text: Any = None
    finish_reason: Any = None
    error: Any = None
    usage: msgspec.Raw = ABSENT


class Groq(msgspec.Struct):
    usage: msgspec.Raw = ABSENT


class Chunk(msgspec.Struct):
    model: Any = None
    choices: list[Choice] | None = None
    usage: msgspec.Raw = ABSENT
    error: Any = None
    object: Any = None
    x_groq: Groq | None = None
    moderation: Any = None


class Stopped(msgspec.Struct, gc=False):
    finish_reason: Any = None


class Reply(msgspec.Struct):
    model: Any = None
    choices: list[Stopped] | None = None
    usage: msgspec.Raw = ABSENT
    error: Any = None
    object: Any = None


class UsualChoice(msgspec.Struct, gc=False):
    finish_reason: str


class UsualReply(msgspec.Struct, gc=False):
    """An answer as OpenAI itself writes it, read in one go."""

    model: str
    choices: list[UsualChoice]
    usage: ExactUsage
    object: str = ""
    error: None = None


class Embeddings(msgspec.Struct):
    model: Any = None
    data: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    error: Any = None
    object: Any = None


class Other(msgspec.Struct):
    model: Any = None
    usage: msgspec.Raw = ABSENT
    error: Any = None
    object: Any = None


T = TypeVar("T", Chunk, Reply, Embeddings, Other)

_chunk = msgspec.json.Decoder(Chunk)
_reply = msgspec.json.Decoder(Reply)
_usual = msgspec.json.Decoder(UsualReply)
_embeddings = msgspec.json.Decoder(Embeddings)
_other = msgspec.json.Decoder(Other)


def _failure(wire: T, body: bytes) -> UpstreamStatus | None:
    """The error that an answer reports in place of content. Old vLLM servers send the error object bare."""
    if wire.error or wire.object == "error":
        return in_band(wire.error, body, DIALECT)
    return None


class OpenAICompletionTap(StreamTap):
    """`POST /completions`, streamed. With `hide_usage` a chunk that carries nothing but usage is not delivered."""

    MARKS: ClassVar = (b"usage", b"finish_reason", b"error")
    LAST: ClassVar = b"data: [DONE]\n\n"

    __slots__ = ("_stopped",)

    def __init__(self, hide_usage: bool = False, choices: int = 1) -> None:
        super().__init__(hide_usage, choices)
        self._stopped: set[int] = set()

    def _see(self, event: Event) -> bool:
        data = event.data
        if data.startswith(DONE):
            self.terminated = self.finished = self.committed = True
            return False
        if event.name == "error":
            self.error = in_band(None, data, DIALECT)
        elif data:
            return self._see_chunk(data)
        return False

    def _see_chunk(self, data: bytes) -> bool:
        try:
            chunk = _chunk.decode(data)
        except UNREADABLE:
            return self._leaves_out(data)
        self.error = _failure(chunk, data)
        if self.error is not None:
            return False
        self.model = self.model or as_text(chunk.model)
        for choice in chunk.choices or ():
            self._see_choice(choice, data)
        self.usage = openai_stream_usage(chunk) or self.usage
        return self._hide_usage and chunk.choices == [] and said(chunk.usage) and not chunk.moderation

    def _see_choice(self, choice: Choice, data: bytes) -> None:
        if choice.error:
            self.error = in_band(choice.error, data, DIALECT)
        elif choice.finish_reason:
            self._stop(choice)
        elif choice.text or (choice.delta is not None and choice.delta.is_content()):
            self.committed = True

    def _stop(self, choice: Choice) -> None:
        self.committed = True
        self._stopped.add(choice.index if isinstance(choice.index, int) else 0)
        if choice.index == 0 or not self.finish:
            self.finish = as_text(choice.finish_reason)
        if len(self._stopped) >= self._choices:
            self.finished = True


class OpenAIChatTap(OpenAICompletionTap):
    """`POST /chat/completions`, streamed: the same envelope, with deltas in it."""

    __slots__ = ()


def openai_reply_facts(body: bytes) -> ReplyFacts:
    """Of a whole chat completion or legacy completion. UpstreamProtocolError when it is none."""
    try:
        usual = _usual.decode(body)
    except UNREADABLE:
        return _unusual_facts(body)
    if usual.object == "error":
        return _unusual_facts(body)
    finish = usual.choices[0].finish_reason if usual.choices else ""
    return ReplyFacts(usual.model, openai_total(usual.usage), finish)


def _unusual_facts(body: bytes) -> ReplyFacts:
    wire = read_reply(_reply, body)
    failure = _failure(wire, body)
    if failure is not None:
        return ReplyFacts(model=as_text(wire.model), error=failure)
    if wire.choices is None:
        raise UpstreamProtocolError("the provider's answer has no choices")
    finish = as_text(wire.choices[0].finish_reason) if wire.choices else ""
    return ReplyFacts(model=as_text(wire.model), usage=openai_usage(wire.usage), finish=finish)


def openai_embeddings_facts(body: bytes) -> ReplyFacts:
    """Of an embeddings answer. UpstreamProtocolError when it is none."""
    wire = read_reply(_embeddings, body)
    failure = _failure(wire, body)
    if failure is not None:
        return ReplyFacts(model=as_text(wire.model), error=failure)
    if not bytes(wire.data).startswith(b"["):
        raise UpstreamProtocolError("the provider's answer has no data")
    return ReplyFacts(model=as_text(wire.model), usage=openai_usage(wire.usage))


def openai_other_facts(body: bytes) -> ReplyFacts:
    """Of any other JSON answer: moderations, images, rankings. UpstreamProtocolError when it is no JSON object."""
    wire = read_reply(_other, body)
    failure = _failure(wire, body)
    if failure is not None:
        return ReplyFacts(model=as_text(wire.model), error=failure)
    return ReplyFacts(model=as_text(wire.model), usage=openai_usage(wire.usage))
