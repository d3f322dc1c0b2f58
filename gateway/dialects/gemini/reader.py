"""Reads a stream of Gemini's (`streamGenerateContent?alt=sse`) into neutral events.

Each event is a whole answer with a piece of the content. Calls come whole. Nothing says that the stream is over: one
in which every candidate gave a reason to finish was complete.
"""

import msgspec
from msgspec import Raw

from gateway._speedups.translate import Shape
from gateway.dialects.decode import UNREADABLE
from gateway.dialects.gemini.answers import CANDIDATE, PROMPT, blocked, finish_of, read_args
from gateway.dialects.gemini.calls import made_up
from gateway.dialects.gemini.citations import Spot, read_citations
from gateway.dialects.gemini.errors import NAME, stream_failure
from gateway.dialects.gemini.logprobs import KIND, OWNER, read_logprobs
from gateway.dialects.gemini.parts_in import decode_part, odd_kind, rest_of
from gateway.dialects.gemini.signatures import FORMAT, seal
from gateway.dialects.gemini.usage import COUNTS, UsageMetadata, plain_usage, read_usage, spoken
from gateway.dialects.shapes import keys
from gateway.errors import UpstreamClosed, UpstreamProtocolError
from gateway.schemas.events import (
    Cited,
    Closed,
    Ended,
    Event,
    Finished,
    Fragment,
    Opened,
    ReasoningDelta,
    SealedDelta,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from gateway.schemas.wire import gemini as wire
from gateway.schemas.wire.common import given

_decode = msgspec.json.Decoder(wire.Reply).decode
_CANDIDATE = {
    "content": keys(wire.ReplyContent, {"parts": [keys(wire.ReplyPart, {"text": "text"})]}),
    "index": "number",
    "*": "nothing",
}
_PIECE = Shape(
    keys(
        wire.Reply,
        {
            "candidates": [keys(wire.Candidate, _CANDIDATE)],
            "usageMetadata": keys(UsageMetadata, COUNTS),
            "modelVersion": "some text",
            "responseId": "some text",
        },
    )
)
"""An event with nothing but one piece of text and the tokens so far, as most are."""

_candidate = msgspec.json.Decoder(wire.Candidate).decode
_feedback = msgspec.json.Decoder(wire.PromptFeedback).decode

_TEXT, _THOUGHT, _SEALED = "text", "thought", "sealed"


class Reader:
    """One stream. `skipped` counts events after the finish that could not be read."""

    __slots__ = ("_choices", "_ended", "_id", "_started", "skipped")

    def __init__(self, model: str = "") -> None:  # noqa: ARG002  (answers name it)
        self._choices: dict[int, _ChoiceReader] = {}
        self._started = False
        self._ended = False
        self._id = ""
        self.skipped = 0

    @property
    def _finished(self) -> bool:
        return bool(self._choices) and all(choice.finished for choice in self._choices.values())

    def read(self, name: str, data: bytes) -> list[Event]:
        """The neutral events of one server-sent event."""
        if self._ended or not data or data[:6] == b"[DONE]":
            return []
        if self._started and name != "error":
            found = _PIECE.match(data)
            events = None if found is None else self._piece(*found)
            if events is not None:
                return events
        try:
            reply = _decode(data)
            if given(reply.error) or name == "error":
                raise stream_failure(data)
            return self._reply(reply)
        except UNREADABLE as error:
            if not self._finished:
                raise UpstreamProtocolError(f"an event of the stream is not Gemini's: {error}") from error
            self.skipped += 1
            return []

    def _piece(
        self,
        text: str | None,
        place: int | None,
        asked: int | None,
        said: int | None,
        thoughts: int | None,
        tools: int | None,
        cached: int | None,
        heard: bytes | None,
        told: bytes | None,
    ) -> list[Event] | None:
        """The events of one more piece of the open text; None where something begins with it."""
        choice = self._choices.get(place or 0)
        piece = None if choice is None or not text else choice.more_text(text)
        if piece is None or (heard is not None and spoken(heard)) or (told is not None and spoken(told)):
            return None
        usage = plain_usage(asked, said, thoughts, tools, cached)
        return [piece] if usage is None else [piece, Used(usage)]

    def end(self) -> list[Event]:
        """Raises UpstreamClosed when an answer gave no reason to finish."""
        if self._ended:
            return []
        if not self._finished:
            raise UpstreamClosed("the provider ended the stream before its answer was complete")
        self._ended = True
        return [Ended()]

    def _reply(self, reply: wire.Reply) -> list[Event]:
        events: list[Event] = []
        usage = read_usage(reply.usage_metadata)
        if not self._started:
            self._started = True
            self._id = reply.response_id or ""
            events.append(Started(self._id, reply.model_version or "", 0, usage))
        for place, raw in enumerate(reply.candidates or ()):
            candidate = _candidate(raw)
            index = place if candidate.index is None else candidate.index
            self._choice(index).read(candidate, raw, events)
        if given(reply.prompt_feedback):
            self._feedback(reply, events)
        if usage is not None:
            events.append(Used(usage))
        return events

    def _choice(self, index: int) -> "_ChoiceReader":
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _ChoiceReader(index, self._id)
        return choice

    def _feedback(self, reply: wire.Reply, events: list[Event]) -> None:
        feedback = _feedback(reply.prompt_feedback)
        choice = self._choice(0)
        events.append(Opened(choice.begin(PROMPT), NAME, PROMPT, bytes(reply.prompt_feedback)))
        if feedback.block_reason and not choice.finished:
            choice.finished = True
            events.append(Finished("content_filter", 0, feedback.block_reason, None, blocked(feedback)))


class _ChoiceReader:
    """One candidate: pieces of text go on in the part that is open, everything else is a part of its own."""

    __slots__ = (
        *("_calls", "_index", "_next", "_open", "_place", "_reply_id", "_rest", "_spots", "_texts"),
        "finished",
    )

    def __init__(self, index: int, reply_id: str) -> None:
        self._index = index
        self._reply_id = reply_id
        self._next = 0
        self._open = ""
        self._calls = 0
        self._rest: dict[str, Raw] = {}
        self._texts: dict[int, list[str]] = {}
        self._spots: dict[int, int] = {}
        self._place = -1
        self.finished = False

    def begin(self, kind: str) -> int:
        """The number of a new part. What seals one of Google's parts is none of its own there."""
        self._open = kind
        self._next += 1
        self._place += kind != _SEALED
        return self._next - 1

    def more_text(self, text: str) -> TextDelta | None:
        return self._said(self._next - 1, text) if self._open == _TEXT else None

    def _said(self, part: int, text: str) -> TextDelta:
        """Text is kept for the citations at the end, which are counted in its bytes."""
        pieces = self._texts.get(part)
        if pieces is None:
            pieces = self._texts[part] = []
            self._spots[part] = self._place
        pieces.append(text)
        return TextDelta(part, text, self._index)

    def _cited(self, rest: bytes) -> list[Event]:
        spots: list[Spot] = []
        length = 0
        for part, pieces in self._texts.items():
            spots.append(Spot(part, "".join(pieces), length, self._spots[part]))
            length += len(spots[-1].text)
        return [Cited(part, citation, self._index) for part, citation in read_citations(rest, spots)]

    def read(self, candidate: wire.Candidate, raw: Raw, events: list[Event]) -> None:
        for each in (candidate.content.parts if candidate.content is not None else None) or ():
            self._part(decode_part(each), each, events)
        rest = rest_of(raw)
        if rest:
            self._rest.update(msgspec.json.decode(rest, type=dict[str, Raw]))
            logprobs = read_logprobs(raw)
            if logprobs:
                events.append(Fragment(max(self._next - 1, 0), OWNER, KIND, logprobs, self._index))
        native = candidate.finish_reason
        if native and native != "FINISH_REASON_UNSPECIFIED" and not self.finished:
            self.finished = True
            self._finish(native, candidate.finish_message or "", events)

    def _finish(self, native: str, message: str, events: list[Event]) -> None:
        if self._rest:
            whole = msgspec.json.encode(self._rest)
            events += self._cited(whole)
            events.append(Opened(self.begin(CANDIDATE), NAME, CANDIDATE, whole, self._index))
        finish = finish_of(native, self._calls > 0)
        explanation = message if finish == "content_filter" else ""
        events.append(Finished(finish, self._index, native, None, explanation))

    def _part(self, part: wire.ReplyPart, raw: Raw, events: list[Event]) -> None:
        signature = seal(part.thought_signature or "")
        if part.function_call is not None:
            self._call(part.function_call, part.thought_signature or "", events)
            return
        if part.thought and part.text is not None:
            number = self._going_on(_THOUGHT)
            events.append(ReasoningDelta(number, part.text, signature, "", FORMAT, choice=self._index))
            if signature:
                self._open = ""
            return
        if part.text is not None:
            if part.text:
                events.append(self._said(self._going_on(_TEXT), part.text))
            elif signature and self._open != _TEXT:
                self._place += 1
        else:
            kind = odd_kind(raw)
            if kind != "part":
                events.append(Opened(self.begin(kind), NAME, kind, bytes(raw), self._index))
                return
        if signature:
            events.append(SealedDelta(self.begin(_SEALED), signature, "", FORMAT, self._index))

    def _going_on(self, kind: str) -> int:
        return self._next - 1 if self._open == kind else self.begin(kind)

    def _call(self, call: wire.ReplyCall, signature: str, events: list[Event]) -> None:
        identity = call.id or made_up(self._reply_id, self._index, self._calls)
        self._calls += 1
        if signature:
            events.append(SealedDelta(self.begin(_SEALED), seal(signature), identity, FORMAT, self._index))
        part = self.begin("call")
        events.append(ToolStarted(part, identity, call.name or "", choice=self._index, signature=signature))
        arguments = read_args(call.args)
        if arguments:
            events.append(ToolDelta(part, arguments, self._index))
        events.append(Closed(part, self._index))
