"""Where a stream's bytes come from: the provider's own, passed on, or another dialect's, translated."""

import re

from msgspec.structs import replace

from gateway.dialects.codec import StreamWriter
from gateway.dialects.endpoints import Endpoint, Framed, Tap
from gateway.dialects.leaves import is_json
from gateway.dialects.losses import StreamLosses
from gateway.dialects.spoken import text_of
from gateway.dialects.taps.through import Through
from gateway.errors import GatewayError, UpstreamClosed, UpstreamProtocolError
from gateway.schemas.chat import ChatRequest, why_ended
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

_CONTENT = (TextDelta, ReasoningDelta, RefusalDelta, SealedDelta, ToolStarted, ToolDelta, Finished)
_PERHAPS_LOST = (Cited, Opened, Fragment)
_ALIVE = (b":", b"event: ping", b"event:ping", b"\n", b"\r")
_SIGNS = re.compile(
    rb"(?:(?::[^\r\n]*|event: ?ping|data: ?\{\s*\"type\"\s*:\s*\"ping\"[^\r\n]*)?(?:\r\n|\r|\n))*+"
)
"""Comments, empty lines and Anthropic's pings: they tell that the provider lives, not that it answers."""


class Translated:
    """A source that reads one dialect's events and writes another's."""

    def __init__(
        self,
        speaks: Endpoint,
        wanted: Endpoint,
        request: ChatRequest,
        reply_id: str,
        created: int,
        model: str = "",
    ) -> None:
        """`model` is the target's, for a provider that names none."""
        self.committed = False
        self.terminated = False
        self.failure: GatewayError | None = None
        self.usage: Usage | None = None
        self.model = model
        self.finish = ""
        self.skipped = 0
        self._brought = False
        self._last: Event | None = None
        self._dialect = wanted.codec.name
        self._losses = StreamLosses(self._dialect)
        self._events = speaks.framing()
        self._reader = speaks.codec.reader(model)
        self._writer: StreamWriter = wanted.codec.writer(request, reply_id=reply_id, created=created)

    def feed(self, data: bytes) -> bytes:
        """The caller's bytes for these bytes of the provider's, up to a failure."""
        out: list[bytes] = []
        try:
            for event in self._events.feed(data):
                try:
                    read = self._reader.read(event.name, event.data)
                except UpstreamProtocolError:
                    if not self._may_skip(event):
                        raise
                    self.skipped += 1
                    continue
                for neutral in read:
                    out.append(self._write(neutral))
        except GatewayError as error:
            self.failure = error
        return b"".join(out)

    def brought(self, _: bytes) -> bool:
        """Whether a piece of the answer came since this was last asked."""
        brought, self._brought = self._brought, False
        return brought

    def _may_skip(self, event: Framed) -> bool:
        """Whether the answer can do without an event that cannot be read: it is a broken piece of JSON, and no piece
        of a tool call, which would be another call without it."""
        if event.name == "error" or event.data.startswith(b"[DONE]") or is_json(event.data):
            return False
        return not isinstance(self._last, ToolStarted | ToolDelta)

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
    def dropped(self) -> tuple[str, ...]:
        """What the caller's dialect has no place for."""
        return self._losses.names()

    @property
    def complete(self) -> bool:
        """The model said that it is done."""
        return bool(self.finish) and self.failure is None

    def _write(self, event: Event) -> bytes:
        kind = type(event)
        if kind in _CONTENT:
            self.committed = self._brought = True
            if kind is not Finished:
                self._last = event
                return self._writer.write(event)
        elif kind in _PERHAPS_LOST:
            self._brought = True
            self._losses.see(event, self._last)
            words = text_of(event, self._dialect)
            if words is not None:
                return self._write(words)
        if isinstance(event, Finished):
            self.finish = why_ended(event.finish, event.native)
        elif isinstance(event, Used):
            self.usage = event.usage
        elif isinstance(event, Started):
            self.model = event.model or self.model
            event = replace(event, model=self.model)
        elif isinstance(event, Ended):
            self.terminated = True
        return self._writer.write(event)


class Passed(Through[Tap]):
    """A source of the caller's own dialect: whole events pass by bytes; few are read."""

    dropped: tuple[str, ...] = ()

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self._cut: GatewayError | None = None
        self.feed = tap.feed

    def brought(self, data: bytes) -> bool:
        """Whether these bytes hold more than a sign of life."""
        return not data.startswith(_ALIVE) or _SIGNS.fullmatch(data) is None

    @property
    def failure(self) -> GatewayError | None:
        """What broke the stream."""
        return self._reader.error or self._cut

    def end(self) -> bytes:
        """The provider's body is over; a stream without a finish was cut."""
        tap = self._reader
        rest = tap.finish_bytes()
        if not tap.complete and tap.error is None:
            self._cut = UpstreamClosed("the provider's stream ended before it was complete")
        return rest + tap.LAST if tap.complete and not tap.terminated else rest
