"""Claude as Bedrock's InvokeModel streams it: Anthropic's events in base64, inside of binary messages.

Source: "InvokeModelWithResponseStream" of the Bedrock API reference; `AWSEventStreamDecoder` of Anthropic's SDK.
"""

import msgspec

from gateway._speedups.eventstream import Message, MessageReader
from gateway.dialects.bedrock.errors import stream_exception
from gateway.dialects.framing import one_line
from gateway.dialects.leaves import UNREADABLE
from gateway.dialects.taps.anthropic import AnthropicTap
from gateway.dialects.taps.through import Through
from gateway.errors import UpstreamError, UpstreamProtocolError


class Unwrapped(msgspec.Struct, frozen=True):
    """One event of Anthropic's."""

    name: str
    data: bytes


class Part(msgspec.Struct):
    """What a `chunk` holds; msgspec undoes the base64."""

    bytes: bytes


class Kind(msgspec.Struct):
    type: str


_part = msgspec.json.Decoder(Part)
_kind = msgspec.json.Decoder(Kind)


class InvokedEvents:
    """Takes such a stream apart: see `gateway.dialects.endpoints.Framing`."""

    def __init__(self) -> None:
        self._reader = MessageReader()

    def feed(self, data: bytes) -> list[Unwrapped]:
        """The events that are whole. Raises what the provider reports, and UpstreamProtocolError."""
        events, failure = self.salvage(data)
        if failure is not None:
            raise failure
        return events

    def salvage(self, data: bytes) -> tuple[list[Unwrapped], UpstreamError | None]:
        """Like `feed`, with the failure beside the events before it."""
        messages, broken = self._reader.salvage(data)
        events: list[Unwrapped] = []
        for message in messages:
            try:
                found = unwrapped(message)
            except UpstreamError as error:
                return events, error
            if found is not None:
                events.append(found)
        return events, broken

    def finish(self) -> None:
        """A piece of a message at the end is no event."""


def unwrapped(message: Message) -> Unwrapped | None:
    """The event in a message; None for kinds that nobody knows. Raises UpstreamStatus, UpstreamProtocolError."""
    if message.kind != "event" or message.name.endswith("Exception"):
        raise stream_exception(message.name, message.data)
    if message.name != "chunk":
        return None
    try:
        data = _part.decode(message.data).bytes
        name = _kind.decode(data).type
    except UNREADABLE:
        raise UpstreamProtocolError("the provider's stream has an event that cannot be read") from None
    return Unwrapped(name, one_line(data)) if name.isidentifier() and name.isascii() else None


class InvokedTap(Through[AnthropicTap]):
    """Gives callers of Anthropic's the stream that Anthropic would send, and reads it as `AnthropicTap` does."""

    LAST = AnthropicTap.LAST

    def __init__(self, hide_usage: bool = False, choices: int = 1) -> None:
        super().__init__(AnthropicTap(hide_usage, choices))
        self._events = InvokedEvents()
        self._failure: UpstreamError | None = None

    def feed(self, data: bytes) -> bytes:
        """Server-sent events for the provider's bytes, up to a failure. Never raises."""
        if self._failure is not None:
            return b""
        events, self._failure = self._events.salvage(data)
        lines = [b"event: %b\ndata: %b\n\n" % (event.name.encode(), event.data) for event in events]
        return self._reader.feed(b"".join(lines))

    def finish_bytes(self) -> bytes:
        """At the end of the stream."""
        return self._reader.finish_bytes()

    @property
    def complete(self) -> bool:
        """The model said that it is done, and nothing broke."""
        return self._reader.complete and self._failure is None

    @property
    def error(self) -> UpstreamError | None:
        """What broke the stream."""
        return self._reader.error or self._failure
