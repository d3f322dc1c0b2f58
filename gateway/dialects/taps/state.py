"""What a tap has learned of its stream."""

from gateway.errors import UpstreamError, UpstreamProtocolError
from gateway.schemas.usage import Usage


class State:
    """Fields that everybody may read.

    committed: content was seen, or a right end. terminated: the dialect's own last event was seen. finished: that, or
    the model's reason to stop (for each of the choices that were asked for). error: what the provider reported inside
    the stream (UpstreamStatus), or that its bytes make no sense (UpstreamProtocolError); nothing is delivered from the
    offending event on. skipped: events that were no JSON and are left out.
    """

    __slots__ = ("committed", "error", "finish", "finished", "model", "skipped", "terminated", "usage")

    def __init__(self) -> None:
        self.committed = False
        self.finished = False
        self.terminated = False
        self.usage: Usage | None = None
        self.model = ""
        self.finish = ""
        self.skipped = 0
        self.error: UpstreamError | None = None

    def leave_out(self, *, of_call: bool) -> None:
        """An event is left out, because it is no JSON; a piece of a tool call is an error, since without it the call
        would be another."""
        if of_call:
            self.error = UpstreamProtocolError("the provider's stream has an event that is not JSON")
        else:
            self.skipped += 1

    @property
    def complete(self) -> bool:
        """Asked at the end of the stream: whether it was one, and no cut."""
        return self.finished and self.error is None
