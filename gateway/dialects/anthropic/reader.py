"""Reads a stream of Anthropic Messages into neutral events."""

from collections.abc import Callable

import msgspec
from msgspec import Raw

from gateway.dialects.anthropic.answers import FINISH, REST, explanation, rest_of
from gateway.dialects.anthropic.messages_in import FORMAT, NAME, read_citation, read_input
from gateway.dialects.decode import UNREADABLE
from gateway.dialects.failures import stream_failure
from gateway.dialects.leaves import as_text
from gateway.dialects.usage import AnthropicUsage, anthropic_counts, anthropic_usage
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
from gateway.schemas.usage import Usage
from gateway.schemas.wire import anthropic as wire
from gateway.schemas.wire.common import ABSENT, given

_decode = msgspec.json.Decoder(wire.StreamEvent).decode
_decode_block = msgspec.json.Decoder(wire.ReplyBlock).decode


class _RawDelta(msgspec.Struct):
    delta: Raw = ABSENT


_decode_delta = msgspec.json.Decoder(_RawDelta).decode


class Reader:
    """One stream. `skipped` counts events after the finish that could not be read."""

    __slots__ = ("_ended", "_finished", "_next", "_opaque", "_parts", "_usage", "skipped")

    def __init__(self, model: str = "") -> None:  # noqa: ARG002  (answers name it)
        self._parts: dict[int, int] = {}
        self._opaque: set[int] = set()
        self._next = 0
        self._usage: Usage | None = None
        self._finished = False
        self._ended = False
        self.skipped = 0

    def read(self, name: str, data: bytes) -> list[Event]:
        """The neutral events of one server-sent event."""
        if self._ended or not data:
            return []
        try:
            event = _decode(data)
        except UNREADABLE as error:
            return self._unreadable(error)
        if event.type == "content_block_delta" and event.delta is not None:
            return self._delta(event, event.delta, data)
        handler = _HANDLERS.get(event.type or name)
        try:
            return [] if handler is None else handler(self, event)
        except UNREADABLE as error:
            return self._unreadable(error)

    def end(self) -> list[Event]:
        """A missing `message_stop` after a stop reason is forgiven, a missing stop reason is not."""
        if self._ended:
            return []
        if not self._finished:
            raise UpstreamClosed("the provider ended the stream before its answer was complete")
        self._ended = True
        return [Ended()]

    def _unreadable(self, error: Exception) -> list[Event]:
        if not self._finished:
            raise UpstreamProtocolError(f"an event of the stream is not Anthropic's: {error}") from error
        self.skipped += 1
        return []

    # --- events ---

    def _message_start(self, event: wire.StreamEvent) -> list[Event]:
        message = event.message or wire.StreamMessage()
        counts = self._count(message.usage)
        tier = "" if counts is None else as_text(counts.service_tier)
        return [Started(message.id or "", message.model or "", 0, self._usage, tier)]

    def _block_start(self, event: wire.StreamEvent) -> list[Event]:
        part = self._parts[event.index] = self._next
        self._next += 1
        self._opaque.discard(event.index)
        block = _decode_block(event.content_block)
        kind = block.type
        if kind == "text":
            return [TextDelta(part, block.text)] if block.text else []
        if kind == "tool_use":
            origin = bytes(block.caller) if given(block.caller) else b""
            started = ToolStarted(part, block.id or "", block.name or "", "function", origin)
            whole = read_input(block.input)
            return [started, ToolDelta(part, whole)] if whole else [started]
        if kind == "thinking":
            if block.thinking or block.signature:
                return [ReasoningDelta(part, block.thinking or "", block.signature or "", "", FORMAT)]
            return []
        if kind == "redacted_thinking":
            return [SealedDelta(part, block.data or "", "", FORMAT)]
        self._opaque.add(event.index)
        return [Opened(part, NAME, kind, bytes(event.content_block))]

    def _delta(self, event: wire.StreamEvent, delta: wire.Delta, data: bytes) -> list[Event]:
        part = self._parts.get(event.index, -1)
        if part < 0:
            part = self._parts[event.index] = self._next
            self._next += 1
        if self._opaque and event.index in self._opaque:
            return [Fragment(part, NAME, delta.type or "", bytes(_decode_delta(data).delta))]
        kind = delta.type
        if kind == "text_delta":
            return [TextDelta(part, delta.text)] if delta.text else []
        if kind == "input_json_delta":
            return [ToolDelta(part, delta.partial_json)] if delta.partial_json else []
        if kind == "thinking_delta":
            return [ReasoningDelta(part, delta.thinking, "", "", FORMAT)] if delta.thinking else []
        if kind == "signature_delta":
            return [ReasoningDelta(part, "", delta.signature or "", "", FORMAT)]
        if kind == "citations_delta" and given(delta.citation):
            return [Cited(part, read_citation(delta.citation))]
        return []

    def _block_stop(self, event: wire.StreamEvent) -> list[Event]:
        part = self._parts.get(event.index)
        return [] if part is None else [Closed(part)]

    def _message_delta(self, event: wire.StreamEvent) -> list[Event]:
        events: list[Event] = []
        counts = self._count(event.usage)
        if counts is not None and self._usage is not None:
            events.append(Used(self._usage))
        delta = event.delta
        if delta is not None and delta.stop_reason and not self._finished:
            self._finished = True
            rest = rest_of(delta.container, counts)
            if rest:
                events.append(Opened(self._next, NAME, REST, rest))
            details = bytes(delta.stop_details) if given(delta.stop_details) else b""
            native = delta.stop_reason
            finish = FINISH.get(native, "other")
            events.append(Finished(finish, 0, native, delta.stop_sequence, explanation(details), details))
        return events

    def _message_stop(self, _event: wire.StreamEvent) -> list[Event]:
        if not self._finished:
            raise UpstreamProtocolError("the provider ended the stream without saying why the answer ended")
        self._ended = True
        return [Ended()]

    def _error(self, event: wire.StreamEvent) -> list[Event]:
        raise stream_failure(msgspec.json.decode(event.error) if given(event.error) else None, NAME)

    def _count(self, raw: Raw) -> AnthropicUsage | None:
        """Counts are cumulative: a later one replaces an earlier one, an absent one lets it stand."""
        counts = anthropic_counts(raw)
        if counts is not None:
            self._usage = anthropic_usage(counts, self._usage)
        return counts


_HANDLERS: dict[str, Callable[[Reader, wire.StreamEvent], list[Event]]] = {
    "message_start": Reader._message_start,
    "content_block_start": Reader._block_start,
    "content_block_stop": Reader._block_stop,
    "message_delta": Reader._message_delta,
    "message_stop": Reader._message_stop,
    "error": Reader._error,
}
