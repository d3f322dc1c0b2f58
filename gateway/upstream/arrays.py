"""A stream of Gemini's as one JSON array, for callers that do not ask for server-sent events."""

from gateway._speedups.sse import EventReader
from gateway.dialects.gemini.arrays import BEGIN, BETWEEN, END
from gateway.errors import GatewayError
from gateway.schemas.usage import Usage
from gateway.upstream.replies import Source


class Arrayed:
    """A source whose events are the elements of an array. One that breaks off gets no end here: its error is the
    last element, which delivery writes."""

    def __init__(self, source: Source, begun: bool = False) -> None:
        """`begun`: elements were written before."""
        self._source = source
        self._events = EventReader()
        self._begun = begun

    @property
    def committed(self) -> bool:
        """Content has come, and an element of it was written: what follows, an error too, has one before it."""
        return self._begun and self._source.committed

    @property
    def terminated(self) -> bool:
        """The dialect's own last event has come."""
        return self._source.terminated

    @property
    def complete(self) -> bool:
        """The model said that it is done."""
        return self._source.complete

    @property
    def failure(self) -> GatewayError | None:
        """What broke the stream."""
        return self._source.failure

    @property
    def usage(self) -> Usage | None:
        """The last word on tokens."""
        return self._source.usage

    @property
    def model(self) -> str:
        """The model that answers."""
        return self._source.model

    @property
    def finish(self) -> str:
        """The provider's word for why it stopped."""
        return self._source.finish

    @property
    def dropped(self) -> tuple[str, ...]:
        """What the stream said that has no place in the caller's dialect."""
        return self._source.dropped

    @property
    def skipped(self) -> int:
        """Events that could not be read and were left out."""
        return self._source.skipped

    def brought(self, data: bytes) -> bool:
        """Whether what was fed last brought more of the answer than signs of life."""
        return self._source.brought(data)

    def feed(self, data: bytes) -> bytes:
        """The elements that these bytes of the provider's complete."""
        return self._elements(self._source.feed(data))

    def end(self) -> bytes:
        """The last elements, and the end of an array that is whole."""
        out = self._elements(self._source.end())
        last = self._events.finish()
        if last is not None and last.data:
            out += self._element(last.data)
        if self._source.failure is not None:
            return out
        return out + (END if self._begun else BEGIN + END)

    def _elements(self, events: bytes) -> bytes:
        return b"".join([self._element(event.data) for event in self._events.feed(events) if event.data])

    def _element(self, data: bytes) -> bytes:
        before = BETWEEN if self._begun else BEGIN
        self._begun = True
        return before + data
