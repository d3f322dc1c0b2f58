"""Reads a stream of OpenAI's Responses API into neutral events."""

from collections.abc import Callable

import msgspec

from gateway.dialects.decode import UNREADABLE
from gateway.dialects.failures import stream_failure
from gateway.dialects.openai_responses.answers import decode_item, failure, finish_of, texts_of
from gateway.dialects.openai_responses.items_in import ITEM, NAME, read_annotation
from gateway.dialects.openai_responses.thought import FORMAT, read_thought
from gateway.dialects.openai_responses.usage import responses_usage
from gateway.errors import UpstreamClosed, UpstreamProtocolError
from gateway.schemas.chat import Reasoning, SealedReasoning
from gateway.schemas.events import (
    Cited,
    Closed,
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
from gateway.schemas.wire import openai_responses_answers as wire
from gateway.schemas.wire.common import given

_decode = msgspec.json.Decoder(wire.StreamEvent).decode
_string = msgspec.json.Decoder(str).decode

_CHAT = "openai_chat"
"""Log probabilities have Chat Completions' shape in the neutral form."""

Key = tuple[int, str, int]
"""A part's place: output index, kind, index within the item."""

HELD = 64
"""How many events wait for the end of a reasoning item that began before them."""


class Reader:
    """One stream. It is complete only with `response.completed` or `response.incomplete`."""

    __slots__ = (
        "_called",
        "_ended",
        "_held",
        "_left",
        "_lengths",
        "_parts",
        "_refused",
        "_spoke",
        "_started",
        "_thinking",
        "skipped",
    )

    def __init__(self, model: str = "") -> None:  # noqa: ARG002  (answers name it)
        self._parts: dict[Key, int] = {}
        self._lengths: dict[int, int] = {}
        self._spoke: set[int] = set()
        self._thinking: int | None = None
        self._left: set[int] = set()
        self._held: list[wire.StreamEvent] = []
        self._called = self._refused = False
        self._started = False
        self._ended = False
        self.skipped = 0

    def read(self, name: str, data: bytes) -> list[Event]:
        """The neutral events of one server-sent event."""
        if self._ended or not data or data[:6] == b"[DONE]":
            return []
        try:
            event = _decode(data)
            kind = event.type or name
            if kind == "error":
                raise stream_failure(_said(event), NAME)
            event.type = kind
            return self._in_order(event)
        except UNREADABLE as error:
            raise UpstreamProtocolError(
                f"an event of the stream is not of the Responses API: {error}"
            ) from error

    def end(self) -> list[Event]:
        """Nothing stands in for a missing end. Raises UpstreamClosed."""
        if not self._ended:
            raise UpstreamClosed("the provider ended the stream before its answer was complete")
        return []

    def _in_order(self, event: wire.StreamEvent) -> list[Event]:
        """A reasoning item may end only after the next item has begun; it is one item, so the next one waits."""
        handler = _HANDLERS.get(event.type or "")
        if handler is None:
            return []
        whole = event.type in _OF_NO_ITEM
        if self._thinking is not None and self._thinking != event.output_index and not whole:
            self._held.append(event)
            return [] if len(self._held) < HELD else self._released()
        events: list[Event] = []
        while whole and self._held:
            events += self._released()
        events += handler(self, event)
        if event.type == _DONE and self._thinking == event.output_index:
            events += self._released()
        return events

    def _released(self) -> list[Event]:
        """What waited; in it another item may begin that the rest has to wait for."""
        if self._thinking is not None:
            self._left.add(self._thinking)
        held, self._held, self._thinking = self._held, [], None
        return [neutral for event in held for neutral in self._in_order(event)]

    def _thinks(self, index: int, identity: str) -> str:
        """The identity of a reasoning item's parts: none once other items were said, lest it be two of one identity."""
        if index in self._left:
            return ""
        if self._thinking is None:
            self._thinking = index
        return identity

    def _part(self, index: int, kind: str, inner: int = 0) -> int:
        key = (index, kind, inner)
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = len(self._parts)
        return part

    # --- the frame ---

    def _created(self, event: wire.StreamEvent) -> list[Event]:
        if self._started:
            return []
        self._started = True
        reply = event.response or wire.Reply()
        created, tier = int(reply.created_at or 0), reply.service_tier or ""
        return [Started(reply.id or "", reply.model or "", created, None, tier)]

    def _completed(self, event: wire.StreamEvent) -> list[Event]:
        reply = event.response or wire.Reply()
        if reply.status == "failed" or given(reply.error):
            raise failure(reply.error)
        if event.type == "response.incomplete":
            reply.status = "incomplete"
        finish, native = finish_of(reply, self._called, self._refused)
        self._ended = True
        events: list[Event] = [Finished(finish, 0, native)]
        usage = responses_usage(reply.usage)
        if usage is not None:
            events.append(Used(usage))
        return [*events, Ended()]

    def _failed(self, event: wire.StreamEvent) -> list[Event]:
        raise failure((event.response or wire.Reply()).error)

    # --- items ---

    def _item_added(self, event: wire.StreamEvent) -> list[Event]:
        item = decode_item(event.item)
        if item.type == "reasoning":
            self._thinks(event.output_index, "")
        if item.type not in ("function_call", "custom_tool_call"):
            return []
        self._called = True
        kind = "custom" if item.type == "custom_tool_call" else "function"
        part = self._part(event.output_index, "call")
        started = ToolStarted(part, item.call_id or item.id or "", item.name or "", kind)
        whole = item.input if kind == "custom" else item.arguments
        if whole:
            self._spoke.add(part)
            return [started, ToolDelta(part, whole)]
        return [started]

    def _item_done(self, event: wire.StreamEvent) -> list[Event]:
        item = decode_item(event.item)
        index = event.output_index
        if item.type == "reasoning":
            return self._thought(item, index)
        if item.type == "message":
            return self._message(item, index)
        if item.type not in ("function_call", "custom_tool_call"):
            return [Opened(self._part(index, "item"), NAME, ITEM + item.type, bytes(event.item))]
        events = [] if (index, "call", 0) in self._parts else self._item_added(event)
        whole = item.input if item.type == "custom_tool_call" else item.arguments
        events += self._whole_call(index, whole)
        return [*events, Closed(self._part(index, "call"))]

    def _thought(self, item: wire.Item, index: int) -> list[Event]:
        """The text that no delta said, and what is sealed."""
        events: list[Event] = []
        summaries, texts = texts_of(item)
        identity = self._thinks(index, item.id or "")
        for inner, text in enumerate(summaries):
            events += self._unsaid(index, "summary", inner, text, identity)
        for inner, text in enumerate(texts):
            events += self._unsaid(index, "thought", inner, text, identity)
        for thought in read_thought(identity, [], [], item.encrypted_content or ""):
            if isinstance(thought, SealedReasoning):
                part = self._part(index, "sealed")
                events.append(SealedDelta(part, thought.data, thought.id, thought.format))
            elif isinstance(thought, Reasoning) and thought.signature:
                # Another gateway's envelope: its signature belongs to the text that was shown.
                part = self._part(index, "summary")
                events.append(ReasoningDelta(part, "", thought.signature, thought.id, thought.format))
        return events

    def _unsaid(self, index: int, kind: str, inner: int, text: str, identity: str) -> list[Event]:
        if not text or (index, kind, inner) in self._parts:
            return []
        part = self._part(index, kind, inner)
        return [ReasoningDelta(part, text, "", identity, FORMAT, kind == "summary")]

    def _message(self, item: wire.Item, index: int) -> list[Event]:
        """The text that no delta said."""
        events: list[Event] = []
        for inner, content in enumerate(item.content or ()):
            if (index, "content", inner) in self._parts:
                continue
            if content.refusal:
                self._refused = True
                events.append(RefusalDelta(self._part(index, "content", inner), content.refusal))
            elif content.text:
                events.append(self._text(self._part(index, "content", inner), content.text))
        return events

    # --- deltas ---

    def _text(self, part: int, text: str) -> TextDelta:
        self._lengths[part] = self._lengths.get(part, 0) + len(text)
        return TextDelta(part, text)

    def _text_delta(self, event: wire.StreamEvent) -> list[Event]:
        text = _string(event.delta)
        if not text:
            return []
        part = self._part(event.output_index, "content", event.content_index)
        events: list[Event] = [self._text(part, text)]
        if event.logprobs:
            raw = msgspec.json.encode({"content": event.logprobs, "refusal": None})
            events.append(Fragment(part, _CHAT, "logprobs", raw))
        return events

    def _refusal_delta(self, event: wire.StreamEvent) -> list[Event]:
        text = _string(event.delta)
        part = self._part(event.output_index, "content", event.content_index)
        self._refused = self._refused or bool(text)
        return [RefusalDelta(part, text)] if text else []

    def _annotation(self, event: wire.StreamEvent) -> list[Event]:
        if not given(event.annotation):
            return []
        part = self._part(event.output_index, "content", event.content_index)
        before = sum([length for other, length in self._lengths.items() if other < part])
        return [Cited(part, read_annotation(event.annotation, before))]

    def _summary_delta(self, event: wire.StreamEvent) -> list[Event]:
        return self._thought_delta(event, "summary", event.summary_index)

    def _reasoning_delta(self, event: wire.StreamEvent) -> list[Event]:
        return self._thought_delta(event, "thought", event.content_index)

    def _thought_delta(self, event: wire.StreamEvent, kind: str, inner: int) -> list[Event]:
        text = _string(event.delta)
        if not text:
            return []
        part = self._part(event.output_index, kind, inner)
        identity = self._thinks(event.output_index, event.item_id or "")
        return [ReasoningDelta(part, text, "", identity, FORMAT, kind == "summary")]

    def _call_delta(self, event: wire.StreamEvent) -> list[Event]:
        text = _string(event.delta)
        part = self._parts.get((event.output_index, "call", 0))
        if part is None or not text:
            return []
        self._spoke.add(part)
        return [ToolDelta(part, text)]

    def _call_done(self, event: wire.StreamEvent) -> list[Event]:
        return self._whole_call(event.output_index, event.arguments or event.input)

    def _whole_call(self, index: int, text: str | None) -> list[Event]:
        """Arguments in one piece, from a server that sent no deltas."""
        part = self._parts.get((index, "call", 0))
        if part is None or not text or part in self._spoke:
            return []
        self._spoke.add(part)
        return [ToolDelta(part, text)]


def _said(event: wire.StreamEvent) -> object:
    """An error event's error: under `error`, or at the top."""
    if given(event.error):
        return msgspec.json.decode(event.error)
    return {"message": event.message, "code": event.code}


_DONE = "response.output_item.done"

_OF_NO_ITEM = frozenset(
    {
        "response.created",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
    }
)
"""Events about the answer as a whole: nothing waits beyond its end."""

_HANDLERS: dict[str, Callable[[Reader, wire.StreamEvent], list[Event]]] = {
    "response.created": Reader._created,
    "response.in_progress": Reader._created,
    "response.completed": Reader._completed,
    "response.incomplete": Reader._completed,
    "response.failed": Reader._failed,
    "response.output_item.added": Reader._item_added,
    _DONE: Reader._item_done,
    "response.output_text.delta": Reader._text_delta,
    "response.output_text.annotation.added": Reader._annotation,
    "response.refusal.delta": Reader._refusal_delta,
    "response.reasoning_summary_text.delta": Reader._summary_delta,
    "response.reasoning_text.delta": Reader._reasoning_delta,
    "response.function_call_arguments.delta": Reader._call_delta,
    "response.function_call_arguments.done": Reader._call_done,
    "response.custom_tool_call_input.delta": Reader._call_delta,
    "response.custom_tool_call_input.done": Reader._call_done,
}
