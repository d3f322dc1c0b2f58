"""Reads a stream of Cohere's v2 chat into neutral events."""

from collections.abc import Callable

import msgspec
from msgspec import Raw

from gateway._speedups.translate import Shape
from gateway.dialects.cohere.answers import FINISH
from gateway.dialects.cohere.citations import NAME, moved, read_citation
from gateway.dialects.cohere.errors import failure
from gateway.dialects.cohere.logprobs import read_logprobs
from gateway.dialects.cohere.messages_in import PLAN, read_arguments
from gateway.dialects.cohere.usage import cohere_usage
from gateway.dialects.decode import UNREADABLE
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
from gateway.schemas.wire import cohere as wire
from gateway.schemas.wire.common import given

DONE = b"[DONE]"
LOGPROBS = "openai_chat"
"""The dialect whose shape the neutral form's log probabilities have."""

_decode = msgspec.json.Decoder(wire.StreamEvent).decode
_MESSAGE = {
    "content": keys(wire.ReplyPart, {"type": "some text", "text": "text"}),
    "tool_calls": keys(wire.ReplyCall, {"function": keys(wire.ReplyFunction, {"arguments": "text"})}),
}
_PIECE = Shape(
    keys(
        wire.StreamEvent,
        {
            "type": ("content-delta", "tool-call-delta"),
            "index": "number",
            "delta": keys(wire.StreamDelta, {"message": keys(wire.StreamMessage, _MESSAGE)}),
        },
    )
)
"""One more piece of a text or of a call's arguments, as most events are."""

_decode_citations = msgspec.json.Decoder(list[Raw]).decode


class Reader:
    """One stream. Content blocks and calls are numbered apart; a plan has no number."""

    __slots__ = ("_blocks", "_call", "_calls", "_ended", "_lengths", "_next", "_plan", "_started")

    def __init__(self, model: str = "") -> None:  # noqa: ARG002  (answers name it)
        self._blocks: dict[int, int] = {}
        self._calls: dict[int, int] = {}
        self._lengths: dict[int, int] = {}
        self._plan = -1
        self._call = -1
        self._next = 0
        self._started = False
        self._ended = False

    def read(self, name: str, data: bytes) -> list[Event]:
        """The neutral events of one server-sent event."""
        if self._ended or not data or data.startswith(DONE):
            return []
        found = _PIECE.match(data)
        if found is not None:
            piece = self._piece(*found)
            if piece is not None:
                return [piece]
        try:
            event = _decode(data)
            kind = event.type or name
            handler = _HANDLERS.get(kind)
            if handler is None:
                return self._odd(kind, event, data)
            events = handler(self, event, event.delta or _NO_DELTA)
        except UNREADABLE as error:
            raise UpstreamProtocolError(f"an event of the stream is not Cohere's: {error}") from error
        if self._started:
            return events
        self._started = True
        return events if events and isinstance(events[0], Started) else [Started(), *events]

    def _piece(
        self, kind: str | None, place: int | None, text: str | None, arguments: str | None
    ) -> TextDelta | ToolDelta | None:
        """The event of one more piece; None where something begins with it."""
        if place is None:
            return None
        if kind == "content-delta" and text:
            part = self._blocks.get(place)
            if part is None or part not in self._lengths:
                return None
            self._lengths[part] += len(text)
            return TextDelta(part, text)
        part = self._calls.get(place) if kind == "tool-call-delta" and arguments else None
        return None if part is None or not arguments else ToolDelta(part, arguments)

    def end(self) -> list[Event]:
        """Cohere's last event says why the answer ended; a stream without it was cut."""
        if self._ended:
            return []
        raise UpstreamClosed("the provider ended the stream before its answer was complete")

    def _odd(self, kind: str, event: wire.StreamEvent, data: bytes) -> list[Event]:
        """An error object in the place of an event; any other type that nobody knows is passed over."""
        if event.message and (kind in ("", "error")):
            failed = failure("", event.message, data)
            assert failed is not None  # a message always tells one
            raise failed
        return []

    def _new(self) -> int:
        self._next += 1
        return self._next - 1

    # --- events ---

    def _message_start(self, event: wire.StreamEvent, _delta: wire.StreamDelta) -> list[Event]:
        return [] if self._started else [Started(event.id or "")]

    def _content(self, event: wire.StreamEvent, delta: wire.StreamDelta) -> list[Event]:
        """Start and delta alike: a start may carry the first piece."""
        content = delta.message.content if delta.message is not None else None
        if not isinstance(content, wire.ReplyPart):
            content = wire.ReplyPart(text=content) if isinstance(content, str) else wire.ReplyPart()
        place = event.index or 0
        if event.type == "content-start":
            self._blocks.pop(place, None)
        events: list[Event] = []
        if content.thinking or content.signature:
            form = content.format or ""
            part = self._block(place)
            events.append(ReasoningDelta(part, content.thinking or "", content.signature or "", "", form))
        if content.data:
            events.append(SealedDelta(self._block(place), content.data, "", content.format or ""))
        if content.text:
            part = self._block(place)
            self._lengths[part] = self._lengths.get(part, 0) + len(content.text)
            events.append(TextDelta(part, content.text))
        if event.logprobs is not None:
            events.append(Fragment(self._block(place), LOGPROBS, "logprobs", read_logprobs([event.logprobs])))
        return events

    def _block(self, place: int) -> int:
        part = self._blocks.get(place)
        if part is None:
            part = self._blocks[place] = self._new()
        return part

    def _tool_plan(self, _event: wire.StreamEvent, delta: wire.StreamDelta) -> list[Event]:
        text = delta.message.tool_plan if delta.message is not None else None
        if not text:
            return []
        if self._plan < 0:
            self._plan = self._new()
        return [ReasoningDelta(self._plan, text, "", "", PLAN)]

    def _call_start(self, event: wire.StreamEvent, delta: wire.StreamDelta) -> list[Event]:
        events: list[Event] = []
        for call in _calls(delta):
            place = len(self._calls) if event.index is None else event.index
            part = self._call = self._calls[place] = self._new()
            function = call.function or _NO_FUNCTION
            identity = call.id or f"call_{len(self._calls) - 1}"
            events.append(ToolStarted(part, identity, function.name or ""))
            arguments = read_arguments(function.arguments)
            if arguments:
                events.append(ToolDelta(part, arguments))
        return events

    def _call_delta(self, event: wire.StreamEvent, delta: wire.StreamDelta) -> list[Event]:
        part = self._call if event.index is None else self._calls.get(event.index, -1)
        if part < 0:
            raise UpstreamProtocolError("the provider's stream goes on with a tool call that never began")
        pieces = [read_arguments((call.function or _NO_FUNCTION).arguments) for call in _calls(delta)]
        return [ToolDelta(part, piece) for piece in pieces if piece]

    def _call_end(self, event: wire.StreamEvent, _delta: wire.StreamDelta) -> list[Event]:
        part = self._call if event.index is None else self._calls.get(event.index, -1)
        return [Closed(part)] if part >= 0 else []

    def _citation(self, _event: wire.StreamEvent, delta: wire.StreamDelta) -> list[Event]:
        raw = delta.message.citations if delta.message is not None else Raw(b"")
        if not given(raw):
            return []
        listed = _decode_citations(raw) if bytes(raw)[:1] == b"[" else [raw]
        return [self._cited(each) for each in listed]

    def _cited(self, raw: Raw) -> Event:
        """A citation may come after the end of its block, which is why blocks are never said to be closed."""
        located = read_citation(raw)
        part = -1 if located.block is None else self._blocks.get(located.block, -1)
        if part not in self._lengths:
            part = max(self._lengths, default=-1)
        if part < 0 or located.elsewhere:
            return Opened(self._new(), NAME, "citations", bytes(raw))
        before = sum([length for each, length in self._lengths.items() if each < part])
        return Cited(part, moved(located.citation, before))

    def _message_end(self, _event: wire.StreamEvent, delta: wire.StreamDelta) -> list[Event]:
        native = delta.finish_reason or ""
        failed = failure(native, delta.error or "")
        if failed is not None:
            raise failed
        if not native:
            raise UpstreamProtocolError("the provider ended the stream without saying why the answer ended")
        self._ended = True
        events: list[Event] = [Finished(FINISH.get(native, "other"), 0, native)]
        usage = cohere_usage(delta.usage)
        if usage is not None:
            events.append(Used(usage))
        return [*events, Ended()]


def _calls(delta: wire.StreamDelta) -> list[wire.ReplyCall]:
    calls = delta.message.tool_calls if delta.message is not None else None
    if calls is None:
        return []
    return calls if isinstance(calls, list) else [calls]


_NO_DELTA = wire.StreamDelta()
_NO_FUNCTION = wire.ReplyFunction()
_HANDLERS: dict[str, Callable[[Reader, wire.StreamEvent, wire.StreamDelta], list[Event]]] = {
    "message-start": Reader._message_start,
    "content-start": Reader._content,
    "content-delta": Reader._content,
    "tool-plan-delta": Reader._tool_plan,
    "tool-call-start": Reader._call_start,
    "tool-call-delta": Reader._call_delta,
    "tool-call-end": Reader._call_end,
    "citation-start": Reader._citation,
    "message-end": Reader._message_end,
}
