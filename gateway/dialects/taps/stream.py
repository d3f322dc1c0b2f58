"""The tap on a stream that passes by bytes: it delivers whole events and learns from few of them.

Until the stream has committed itself every event is read, since the first content decides that no other target will be
tried. From then on only the events that the splitter flags are: usage, an end, an error.
"""

import re
from typing import ClassVar

from gateway._speedups.sse import Event, Splitter, event_at
from gateway.dialects.leaves import is_json
from gateway.dialects.taps.state import State
from gateway.errors import UpstreamProtocolError

DONE = b"[DONE]"
_CALL = re.compile(rb"tool|call|partial_json|arguments", re.IGNORECASE)


class StreamTap(State):
    """One stream. `feed` and `finish_bytes` never raise for what a provider sent: `error` tells."""

    MARKS: ClassVar[tuple[bytes, ...]]
    LAST: ClassVar[bytes] = b""
    """The dialect's last event, for callers to whom a provider owes it at the end of a whole answer."""

    __slots__ = ("_choices", "_hide_usage", "_splitter")

    def __init__(self, hide_usage: bool = False, choices: int = 1) -> None:
        """`hide_usage`: the gateway, not the caller, asked for usage. `choices`: the request's `n`."""
        super().__init__()
        self._splitter = Splitter(self.MARKS)
        self._splitter.everything = True
        self._hide_usage = hide_usage
        self._choices = choices

    @property
    def pending(self) -> int:
        """Bytes of an event that is not whole yet."""
        return self._splitter.pending

    def feed(self, data: bytes) -> bytes:
        """The bytes that may be delivered now, unchanged: whole events, comments, empty lines."""
        if self.error is not None:
            return b""
        try:
            out = self._splitter.feed(data)
        except UpstreamProtocolError as error:
            self.error = error
            return b""
        return self._read(out) if self._splitter.flagged else out

    def finish_bytes(self) -> bytes:
        """At the end of the stream: the last event, completed, when only its empty line is missing. A piece of an event
        is dropped, so that whatever the gateway writes next begins on a line of its own."""
        rest = b"" if self.error is not None else self._splitter.finish()
        event = event_at(rest, 0, len(rest))
        if event is None or not (event.data.startswith(DONE) or is_json(event.data)):
            return b""
        hidden = self._see(event)
        return b"" if hidden or self.error is not None else rest + b"\n\n"

    def _read(self, out: bytes) -> bytes:
        pieces, at = [], 0
        for start, end in self._splitter.flagged:
            event = event_at(out, start, end)
            hidden = event is not None and self._see(event)
            if self.error is not None:
                pieces.append(out[at:start])
                return b"".join(pieces)
            if hidden:
                pieces.append(out[at:start])
                at = end
        if self.committed:
            self._splitter.everything = False
        if not at:
            return out
        pieces.append(out[at:])
        return b"".join(pieces)

    def _leaves_out(self, data: bytes) -> bool:
        """Whether an event is left out, because it is no JSON. JSON of a shape that no rule here foresees is the
        caller's to judge."""
        if is_json(data):
            return False
        self.leave_out(of_call=_CALL.search(data) is not None)
        return True

    def _see(self, event: Event) -> bool:
        """Learns from one event; true when the caller must not get it."""
        raise NotImplementedError
