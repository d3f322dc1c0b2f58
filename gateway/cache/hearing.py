"""What a caller is told, kept while it passes: references alone, joined at the end."""

from gateway.schemas.caching import Entry
from gateway.schemas.record import Record

LOST = "reply."
"""How the names of what an answer lost begin, among those of what a request did."""

_TAIL = 512
"""Bytes of a stream's end in which its last event is looked for."""

_LAST: dict[str, tuple[bytes, int]] = {
    "chat_completions": (b"[DONE]", _TAIL),
    "messages": (b"message_stop", _TAIL),
    "responses": (b"response.completed", 0),
    "generate_content": (b"finishReason", 0),
    "converse": (b"messageStop", 0),
    "cohere_chat": (b"message-end", 0),
}
"""What the last event of a stream has in it, and in how many of its last bytes; 0: anywhere, since an event that says
the whole answer again has no bound."""


class Keeper:
    """Hears one answer. Of one that is larger than `most` bytes nothing is kept."""

    __slots__ = ("_endpoint", "_left", "_most", "_pieces", "_stream")

    def __init__(self, endpoint: str, stream: bool, most: int) -> None:
        self._endpoint = endpoint
        self._stream = stream
        self._most = self._left = most
        self._pieces: list[bytes] = []

    def hear(self, data: bytes) -> None:
        """The next bytes that the caller gets."""
        self._left -= len(data)
        if self._left >= 0:
            self._pieces.append(data)
        elif self._pieces:
            self._pieces = []

    def entry(self, record: Record) -> Entry | None:
        """What was heard, called at the right end of an answer, when the record knows all of it; None for nothing, for
        too much, for what failed, and for what broke off: though another went on with it, it is no model's answer."""
        if self._left < 0 or self._left == self._most or record.error or record.status >= 400:
            return None
        if record.resumed or record.skipped:
            return None
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        return entry_of(self._endpoint, body, self._stream, record)


def entry_of(endpoint: str, body: bytes, stream: bool, record: Record) -> Entry | None:
    """All that was told of an answer, as an entry; None for a stream that does not say that it is over."""
    if stream and not _is_over(endpoint, body):
        return None
    return Entry(
        "stream" if stream else "whole",
        endpoint,
        body,
        record.provider,
        record.model,
        record.answered_model,
        record.usage,
        record.cost_nano_usd,
        record.finish,
        record.wall_ns / 1e9,
        tuple([name for name in record.dropped if name.startswith(LOST)]) if record.dropped else (),
    )


def _is_over(endpoint: str, body: bytes) -> bool:
    """Whether a stream says that it is. It is read to its end before it is told again: this spares keeping it."""
    last = _LAST.get(endpoint)
    return last is not None and body.find(last[0], -last[1] if last[1] else 0) >= 0
