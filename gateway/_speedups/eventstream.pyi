from typing import Literal, final

from gateway.errors import UpstreamProtocolError

@final
class Message:
    """One message. `kind` is event, exception or error; `name` the type of the event or exception, `:error` for an
    error outside of the service's model. It lies at `start`:`end` of `MessageReader.passed`."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...

@final
class MessageReader:
    """Bytes in, messages out; both checksums and all lengths are checked. `max_message` and `pending` are bytes."""

    def __init__(self, max_message: int = ...) -> None: ...
    @property
    def pending(self) -> int: ...
    @property
    def passed(self) -> bytes:
        """The bytes of the messages that came last."""

    def feed(self, data: bytes) -> list[Message]:
        """Raises UpstreamProtocolError."""

    def salvage(self, data: bytes) -> tuple[list[Message], UpstreamProtocolError | None]:
        """Like `feed`, with the failure beside the messages before it."""

    def finish(self) -> None:
        """At the end of the stream; `pending` tells that a message was cut."""

def frame(name: str, payload: bytes, kind: Literal["event", "exception"] = ...) -> bytes:
    """One message with a JSON payload."""
