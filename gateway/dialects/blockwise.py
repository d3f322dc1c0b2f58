"""What the writers share whose dialects say one thing at a time: a block is begun, told and ended before the next.

Where the source interleaves its parts (as OpenAI's parallel tool calls may), the pieces of a later part wait until the
open call's JSON is complete.
"""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.schemas.events import Ended, Event, Finished, Started, Used
from gateway.schemas.usage import Usage

NONE = -1
"""The part that is open where none is."""
_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_FRAME = frozenset({Started, Finished, Used, Ended})


class BlockWriter:
    """One stream to one caller, who gets its first choice.

    `_open` is the part whose block is open, `_is_tool` whether that is a call, whose `_arguments` were told so far, and
    `_custom` whether they are free text. `_usage` is the last word on tokens.
    """

    __slots__ = ("_arguments", "_custom", "_finish", "_is_tool", "_open", "_usage", "_waiting")

    def __init__(self) -> None:
        self._usage: Usage | None = None
        self._finish: Finished = _UNSAID
        self._open = NONE
        self._is_tool = self._custom = False
        self._arguments: list[str] = []
        self._waiting: dict[int, list[Event]] = {}

    def write(self, event: Event) -> bytes:
        """The caller's bytes for one event; b"" when it waits for a later one."""
        return self._content(event) if type(event) not in _FRAME else self._framed(event)

    # --- the frame ---

    def _framed(self, event: Event) -> bytes:
        if isinstance(event, Finished):
            return self._finished(event) if event.choice == 0 else b""
        if isinstance(event, Ended):
            return self._ended()
        if isinstance(event, Started):
            self._usage = event.usage
            return self._started(event)
        if isinstance(event, Used):
            self._usage = event.usage
        return b""

    def _started(self, event: Started) -> bytes:
        raise NotImplementedError

    def _finished(self, event: Finished) -> bytes:
        self._finish = event
        return self._drain(final=True) + self._close()

    def _ended(self) -> bytes:
        raise NotImplementedError

    # --- blocks in order ---

    def _content(self, event: Any) -> bytes:
        if event.choice != 0:
            return b""
        part = event.part
        if part == self._open:
            out = self._piece(event)
            if self._waiting and self._complete():
                out += self._drain(final=False)
            return out
        if part in self._waiting or (self._is_tool and not self._complete()):
            self._waiting.setdefault(part, []).append(event)
            return b""
        return self._enter(event)

    def _complete(self) -> bool:
        """Whether another block may begin: always, unless the open one is a call with unfinished JSON."""
        if not self._is_tool:
            return True
        if self._custom or not self._arguments or not self._arguments[-1].rstrip().endswith("}"):
            return False
        try:
            _decode_object("".join(self._arguments))
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return False
        return True

    def _drain(self, *, final: bool) -> bytes:
        out: list[bytes] = []
        while self._waiting and (final or self._complete()):
            part = next(iter(self._waiting))
            for event in self._waiting.pop(part):
                out.append(self._piece(event) if part == self._open else self._enter(event))
        return b"".join(out)

    def _enter(self, event: Any) -> bytes:
        """Ends the open block and begins the event's."""
        raise NotImplementedError

    def _piece(self, event: Any) -> bytes:
        """What an event says of the open block."""
        raise NotImplementedError

    def _close(self) -> bytes:
        """Ends the open block, if there is one."""
        raise NotImplementedError


_UNSAID = Finished("other")
