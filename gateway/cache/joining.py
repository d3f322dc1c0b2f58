"""From a stream's neutral events to the whole reply that they make: the pieces of one part joined, in the order in
which the parts began."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from gateway.cache.fragments import Unjoinable, audio, block, logprobs
from gateway.dialects.bedrock.blocks_in import METADATA
from gateway.dialects.bedrock.blocks_in import NAME as BEDROCK
from gateway.schemas.chat import (
    Choice,
    Citation,
    Part,
    Reasoning,
    Refusal,
    Reply,
    SealedReasoning,
    Text,
    ToolCall,
)
from gateway.schemas.events import (
    Cited,
    Ended,
    Event,
    Finished,
    Fragment,
    Opened,
    ReasoningDelta,
    RefusalDelta,
    SealedDelta,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from gateway.schemas.usage import Usage

AUDIO, LOGPROBS = "audio", "logprobs"
"""Kinds of fragments that are no piece of an opened part."""


class _Pieces(msgspec.Struct):
    """A part under way: its first event, and what followed."""

    first: Event
    texts: list[str] = []
    signatures: list[str] = []
    citations: list[Citation] = []
    fragments: list[bytes] = []
    named: ReasoningDelta | None = None


class _Answer(msgspec.Struct):
    """A choice under way."""

    parts: dict[tuple[int, type], _Pieces] = msgspec.field(default_factory=dict)
    logprobs: list[bytes] = msgspec.field(default_factory=list)
    finished: Finished | None = None
    details: bytes = b""

    def piece(self, event: Any, kind: type) -> _Pieces:
        """The part that an event goes on with, or begins."""
        key = (event.part, kind)
        found = self.parts.get(key)
        if found is None:
            found = self.parts[key] = _Pieces(event, [], [], [], [])
        return found


class Joiner:
    """Takes the events of one answer of `dialect`."""

    __slots__ = ("_answers", "_dialect", "_ended", "_started", "_usage")

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._answers: dict[int, _Answer] = {}
        self._started = Started()
        self._usage: Usage | None = None
        self._ended = False

    def add(self, events: Iterable[Event]) -> None:
        """Raises Unjoinable for a piece of nothing."""
        for event in events:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)

    def reply(self) -> Reply:
        """The whole. Raises Unjoinable where the answer has no end, or says what only a stream can say."""
        if not self._ended or not self._answers:
            raise Unjoinable("the stream was cut")
        begun = self._started
        return Reply(
            dialect=self._dialect,
            id=begun.id,
            model=begun.model,
            choices=tuple([self._choice(index, self._answers[index]) for index in sorted(self._answers)]),
            created=begun.created,
            usage=self._usage or begun.usage,
            service_tier=begun.service_tier,
            fingerprint=begun.fingerprint,
        )

    def _choice(self, index: int, answer: _Answer) -> Choice:
        end = answer.finished
        if end is None:
            raise Unjoinable("a choice was cut")
        parts = [_JOINED[kind](pieces) for (_, kind), pieces in answer.parts.items()]
        return Choice(
            parts=tuple(parts),
            finish=end.finish,
            index=index,
            native=end.native,
            stop_sequence=end.stop_sequence,
            explanation=end.explanation,
            details=answer.details or end.details,
            logprobs=logprobs(answer.logprobs),
        )

    # --- events ---

    def _answer(self, index: int) -> _Answer:
        answer = self._answers.get(index)
        if answer is None:
            answer = self._answers[index] = _Answer()
        return answer

    def _start(self, event: Started) -> None:
        self._started = event

    def _say(self, event: TextDelta | RefusalDelta) -> None:
        self._answer(event.choice).piece(event, type(event)).texts.append(event.text)

    def _think(self, event: ReasoningDelta) -> None:
        """`id` and `format` come with the first piece; those that come with a proof are the proof's."""
        pieces = self._answer(event.choice).piece(event, ReasoningDelta)
        pieces.texts.append(event.text)
        if event.signature:
            pieces.signatures.append(event.signature)
        if pieces.named is None or (event.signature and event.format != pieces.named.format and event.format):
            pieces.named = event

    def _seal(self, event: SealedDelta) -> None:
        self._answer(event.choice).piece(event, SealedDelta).texts.append(event.data)

    def _call(self, event: ToolStarted) -> None:
        self._answer(event.choice).piece(event, ToolStarted)

    def _argue(self, event: ToolDelta) -> None:
        pieces = self._answer(event.choice).parts.get((event.part, ToolStarted))
        if pieces is None:
            raise Unjoinable("arguments of no call")
        pieces.texts.append(event.arguments)

    def _cite(self, event: Cited) -> None:
        """A source may be named before the first word that it is of."""
        self._answer(event.choice).piece(event, TextDelta).citations.append(event.citation)

    def _open(self, event: Opened) -> None:
        if (event.dialect, event.kind) == (BEDROCK, METADATA):
            self._answer(event.choice).details = event.raw
        else:
            self._answer(event.choice).piece(event, Opened)

    def _add(self, event: Fragment) -> None:
        answer = self._answer(event.choice)
        if event.kind == LOGPROBS:
            answer.logprobs.append(event.raw)
        elif event.kind == AUDIO:
            answer.piece(event, Fragment).fragments.append(event.raw)
        else:
            pieces = answer.parts.get((event.part, Opened))
            if pieces is None:
                raise Unjoinable("a piece of nothing that was opened")
            pieces.fragments.append(event.raw)

    def _finish(self, event: Finished) -> None:
        self._answer(event.choice).finished = event

    def _use(self, event: Used) -> None:
        self._usage = event.usage

    def _end(self, _: Ended) -> None:
        self._ended = True


def _text(pieces: _Pieces) -> Part:
    return Text("".join(pieces.texts), citations=tuple(pieces.citations))


def _refusal(pieces: _Pieces) -> Part:
    return Refusal("".join(pieces.texts))


def _reasoning(pieces: _Pieces) -> Part:
    named = pieces.named or ReasoningDelta(0)
    return Reasoning("".join(pieces.texts), "".join(pieces.signatures), named.id, named.format, named.summary)


def _sealed(pieces: _Pieces) -> Part:
    first = pieces.first
    assert isinstance(first, SealedDelta)
    return SealedReasoning("".join(pieces.texts), first.id, first.format)


def _tool(pieces: _Pieces) -> Part:
    first = pieces.first
    assert isinstance(first, ToolStarted)
    kind: Any = "custom" if first.kind == "custom" else "function"
    return ToolCall(first.id, first.name, "".join(pieces.texts), kind, first.signature, first.origin)


def _opened(pieces: _Pieces) -> Part:
    first = pieces.first
    assert isinstance(first, Opened)
    return block(first, pieces.fragments)


def _audio(pieces: _Pieces) -> Part:
    return audio(pieces.fragments)


_JOINED: dict[type, Callable[[_Pieces], Part]] = {
    TextDelta: _text,
    RefusalDelta: _refusal,
    ReasoningDelta: _reasoning,
    SealedDelta: _sealed,
    ToolStarted: _tool,
    Opened: _opened,
    Fragment: _audio,
}
_HANDLERS: dict[type, Callable[[Joiner, Any], None]] = {
    Started: Joiner._start,
    TextDelta: Joiner._say,
    RefusalDelta: Joiner._say,
    ReasoningDelta: Joiner._think,
    SealedDelta: Joiner._seal,
    ToolStarted: Joiner._call,
    ToolDelta: Joiner._argue,
    Cited: Joiner._cite,
    Opened: Joiner._open,
    Fragment: Joiner._add,
    Finished: Joiner._finish,
    Used: Joiner._use,
    Ended: Joiner._end,
}
