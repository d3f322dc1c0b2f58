"""Where a stream's bytes come from: the provider's own, passed on, or another dialect's, translated."""

from gateway.dialects.endpoints import Endpoint, Tap
from gateway.errors import GatewayError, UpstreamClosed
from gateway.schemas.chat import ChatRequest
from gateway.schemas.events import (
    Ended,
    Event,
    Finished,
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

_CONTENT = (TextDelta, ReasoningDelta, RefusalDelta, SealedDelta, ToolStarted, ToolDelta, Finished)


class Translated:
    """A source that reads one dialect's events and writes another's."""

    def __init__(
        self, speaks: Endpoint, wanted: Endpoint, request: ChatRequest, reply_id: str, created: int
    ) -> None:
        self.committed = False
        self.terminated = False
        self.failure: GatewayError | None = None
        self.usage: Usage | None = None
        self.model = ""
        self.finish = ""
        self._events = speaks.framing()
        self._reader = speaks.codec.reader()
        self._writer = wanted.codec.writer(request, reply_id=reply_id, created=created)

    def feed(self, data: bytes) -> bytes:
        """The caller's bytes for these bytes of the provider's, up to a failure."""
        out: list[bytes] = []
        try:
            for event in self._events.feed(data):
                for neutral in self._reader.read(event.name, event.data):
                    out.append(self._write(neutral))
        except GatewayError as error:
            self.failure = error
        return b"".join(out)

    def end(self) -> bytes:
        """The provider's body is over. What it still owed is written; a missing finish is a failure."""
        out: list[bytes] = []
        try:
            last = self._events.finish()
            if last is not None:
                out += [self._write(neutral) for neutral in self._reader.read(last.name, last.data)]
            if not self.terminated:
                out += [self._write(neutral) for neutral in self._reader.end()]
        except GatewayError as error:
            self.failure = error
        return b"".join(out)

    @property
    def complete(self) -> bool:
        """The model said that it is done."""
        return bool(self.finish) and self.failure is None

    def _write(self, event: Event) -> bytes:
        kind = type(event)
        if kind in _CONTENT:
            self.committed = True
        if isinstance(event, Finished):
            self.finish = event.native or event.finish
        elif isinstance(event, Used):
            self.usage = event.usage
        elif isinstance(event, Started):
            self.model = event.model
        elif isinstance(event, Ended):
            self.terminated = True
        return self._writer.write(event)


class Passed:
    """A source of the caller's own dialect: whole events pass by bytes; few are read."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self._cut: GatewayError | None = None
        self.feed = tap.feed

    @property
    def committed(self) -> bool:
        """Content has come."""
        return self._tap.committed

    @property
    def terminated(self) -> bool:
        """The dialect's own last event has come."""
        return self._tap.terminated

    @property
    def complete(self) -> bool:
        """The model said that it is done."""
        return self._tap.complete

    @property
    def failure(self) -> GatewayError | None:
        """What broke the stream."""
        return self._tap.error or self._cut

    @property
    def usage(self) -> Usage | None:
        """The last word on tokens."""
        return self._tap.usage

    @property
    def model(self) -> str:
        """The model that answers."""
        return self._tap.model

    @property
    def finish(self) -> str:
        """The provider's word for why it stopped."""
        return self._tap.finish

    def end(self) -> bytes:
        """The provider's body is over; a stream without a finish was cut."""
        rest = self._tap.finish_bytes()
        if not self._tap.complete and self._tap.error is None:
            self._cut = UpstreamClosed("the provider's stream ended before it was complete")
        return rest
