"""A stream of Gemini's as one JSON array, for callers that do not ask for server-sent events."""

from gateway._speedups.sse import EventReader
from gateway.dialects.gemini.arrays import BEGIN, BETWEEN, END
from gateway.dialects.taps.through import Through
from gateway.errors import GatewayError
from gateway.upstream.replies import Source


class Arrayed(Through[Source]):
    """A source whose events are the elements of an array. One that breaks off gets no end here: its error is the
    last element, which delivery writes."""

    def __init__(self, source: Source, begun: bool = False) -> None:
        """`begun`: elements were written before."""
        super().__init__(source)
        self._events = EventReader()
        self._begun = begun

    @property
    def committed(self) -> bool:
        """Content has come, and an element of it was written: what follows, an error too, has one before it."""
        return self._begun and self._reader.committed

    @property
    def failure(self) -> GatewayError | None:
        """What broke the stream."""
        return self._reader.failure

    @property
    def dropped(self) -> tuple[str, ...]:
        """What the stream said that has no place in the caller's dialect."""
        return self._reader.dropped

    def brought(self, data: bytes) -> bool:
        """Whether what was fed last brought more of the answer than signs of life."""
        return self._reader.brought(data)

    def feed(self, data: bytes) -> bytes:
        """The elements that these bytes of the provider's complete."""
        return self._elements(self._reader.feed(data))

    def end(self) -> bytes:
        """The last elements, and the end of an array that is whole."""
        out = self._elements(self._reader.end())
        last = self._events.finish()
        if last is not None and last.data:
            out += self._element(last.data)
        if self._reader.failure is not None:
            return out
        return out + (END if self._begun else BEGIN + END)

    def _elements(self, events: bytes) -> bytes:
        return b"".join([self._element(event.data) for event in self._events.feed(events) if event.data])

    def _element(self, data: bytes) -> bytes:
        before = BETWEEN if self._begun else BEGIN
        self._begun = True
        return before + data
