"""Reads a stream of Bedrock ConverseStream into neutral events: pairs of an event's type and its payload."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable

import msgspec
from msgspec import Raw

from gateway.dialects.bedrock.answers import FINISH, stop_sequence
from gateway.dialects.bedrock.blocks_in import METADATA, NAME, read_citation
from gateway.dialects.bedrock.errors import stream_exception
from gateway.dialects.bedrock.families import reasoning_format
from gateway.dialects.bedrock.tokens import read_usage
from gateway.dialects.decode import UNREADABLE
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
from gateway.schemas.wire import bedrock as wire
from gateway.schemas.wire.common import given

_decode_block = msgspec.json.Decoder(wire.BlockEvent).decode
_decode_start = msgspec.json.Decoder(wire.Start).decode
_decode_delta = msgspec.json.Decoder(wire.Delta).decode
_decode_stop = msgspec.json.Decoder(wire.StopEvent).decode
_decode_metadata = msgspec.json.Decoder(wire.MetadataEvent).decode
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])

_DETAILS = ("metrics", "trace", "performanceConfig", "serviceTier")
"""Members of the last event that only Bedrock knows."""


class Reader:
    """One stream. `model` is the one that was asked, since a stream does not name it."""

    __slots__ = (
        "_early",
        "_ended",
        "_finished",
        "_form",
        "_model",
        "_next",
        "_opaque",
        "_parts",
        "_sealed",
        "skipped",
    )

    def __init__(self, model: str = "") -> None:
        self._model = model
        self._form = reasoning_format(model)
        self._parts: dict[int, int] = {}
        self._opaque: set[int] = set()
        self._sealed: dict[int, bytes] = {}
        self._next = 0
        self._early: Usage | None = None
        self._finished = False
        self._ended = False
        self.skipped = 0

    def read(self, name: str, data: bytes) -> list[Event]:
        """The neutral events of one message. `name` is its event type, an exception's type or `:error`."""
        if self._ended:
            return []
        if name == ":error" or name.endswith(("Exception", "Error")):
            raise stream_exception(name, data)
        handler = _HANDLERS.get(name)
        if handler is None:
            return []
        try:
            return handler(self, data)
        except (*UNREADABLE, NotBase64) as error:
            if not self._finished:
                raise UpstreamProtocolError(f"an event of the stream is not Converse's: {error}") from error
            self.skipped += 1
            return []

    def end(self) -> list[Event]:
        """Missing `metadata` after a stop reason is forgiven, a missing stop reason is not."""
        if self._ended:
            return []
        if not self._finished:
            raise UpstreamClosed("the provider ended the stream before its answer was complete")
        self._ended = True
        return [Ended()]

    # --- events ---

    def _message_start(self, _data: bytes) -> list[Event]:
        return [Started(model=self._model)]

    def _part(self, index: int) -> int:
        part = self._parts.get(index)
        if part is None:
            part = self._parts[index] = self._next
            self._next += 1
        return part

    def _block_start(self, data: bytes) -> list[Event]:
        event = _decode_block(data)
        start = _decode_start(event.start)
        part = self._part(event.contentBlockIndex)
        if start.toolUse is not None and start.toolUse.type is None:
            return [ToolStarted(part, start.toolUse.toolUseId, start.toolUse.name)]
        self._opaque.add(event.contentBlockIndex)
        return [Opened(part, NAME, _kind(event.start), bytes(event.start))]

    def _block_delta(self, data: bytes) -> list[Event]:
        event = _decode_block(data)
        part = self._part(event.contentBlockIndex)
        if event.contentBlockIndex in self._opaque:
            return [Fragment(part, NAME, _kind(event.delta), bytes(event.delta))]
        delta = _decode_delta(event.delta)
        if delta.text is not None:
            return [TextDelta(part, delta.text)] if delta.text else []
        if delta.toolUse is not None:
            return [ToolDelta(part, delta.toolUse.input)] if delta.toolUse.input else []
        if delta.reasoningContent is not None:
            return self._reasoning(part, event.contentBlockIndex, delta.reasoningContent)
        if given(delta.citation):
            return [Cited(part, read_citation(delta.citation))]
        return [Fragment(part, NAME, _kind(event.delta), bytes(event.delta))]

    def _reasoning(self, part: int, index: int, piece: wire.ReasoningPiece) -> list[Event]:
        """Pieces of a blob are base64 each for itself: they are joined as bytes, and said when the block ends."""
        if piece.redactedContent is not None:
            more = b64decode(piece.redactedContent, validate=True)
            self._sealed[index] = self._sealed.get(index, b"") + more
            return []
        if piece.text or piece.signature:
            return [ReasoningDelta(part, piece.text or "", piece.signature or "", "", self._form)]
        return []

    def _block_stop(self, data: bytes) -> list[Event]:
        index = _decode_block(data).contentBlockIndex
        part = self._parts.get(index)
        if part is None:
            return []
        sealed = self._sealed.pop(index, None)
        if sealed is None:
            return [Closed(part)]
        return [SealedDelta(part, b64encode(sealed).decode(), "", self._form), Closed(part)]

    def _message_stop(self, data: bytes) -> list[Event]:
        event = _decode_stop(data)
        if not event.stopReason or self._finished:
            return []
        self._finished = True
        native = event.stopReason
        sequence = stop_sequence(event.additionalModelResponseFields)
        finished = Finished(FINISH.get(native, "other"), 0, native, sequence)
        return [finished] if self._early is None else [finished, Used(self._early)]

    def _metadata(self, data: bytes) -> list[Event]:
        """The last event of all; one that comes too early does not end the answer, and waits for the end of it."""
        usage = read_usage(_decode_metadata(data).usage)
        if not self._finished:
            self._early = usage or self._early
            return []
        self._ended = True
        told = _MEMBERS.decode(data)
        rest = {name: told[name] for name in _DETAILS if name in told and given(told[name])}
        events: list[Event] = []
        if rest:
            events.append(Opened(self._next, NAME, METADATA, msgspec.json.encode(rest)))
        return [*events, Ended()] if usage is None else [*events, Used(usage), Ended()]


def _kind(union: Raw) -> str:
    return next(iter(_MEMBERS.decode(union)), "")


_HANDLERS: dict[str, Callable[[Reader, bytes], list[Event]]] = {
    "messageStart": Reader._message_start,
    "contentBlockStart": Reader._block_start,
    "contentBlockDelta": Reader._block_delta,
    "contentBlockStop": Reader._block_stop,
    "messageStop": Reader._message_stop,
    "metadata": Reader._metadata,
}
