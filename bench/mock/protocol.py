"""One connection to a mock provider: reads requests, plays their scripts, one after the other."""

import asyncio
import socket
import struct
from collections import Counter, deque
from time import monotonic, perf_counter_ns
from typing import cast

import msgspec

from bench.mock.answers import Answers
from bench.mock.script import Fault, Script
from bench.mock.text import STAMP
from bench.mock.wire import BadHead, Head, Seen, dechunk, read_head, whole

_TIMER = 0.001  # seconds
_HEADS = 1024
_MAX_HEAD = 65536
_HANDSHAKE, _CLIENT_HELLO = 0x16, b"\x01"  # of TLS: whoever asks for it is reset
_STAMP = STAMP.encode()
_BAD_REQUEST = whole(400, "text/plain", b"not a request", "connection: close")


class Stats(msgspec.Struct):
    """What a mock has seen. `aborted`: connections that the caller closed before its answer was complete."""

    requests: int = 0
    connections: int = 0
    open: int = 0
    aborted: int = 0
    events: int = 0


class House(msgspec.Struct):
    """What the connections of one mock share."""

    answers: Answers
    stats: Stats
    seen: deque[Seen] | None
    connections: set["Connection"]
    heads: dict[bytes, Head] = {}
    turns: Counter[str] = msgspec.field(default_factory=Counter)
    begun: dict[str, float] = {}

    def head(self, raw: bytes) -> Head:
        """The head of these bytes, read once."""
        head = self.heads.get(raw)
        if head is None:
            if len(self.heads) >= _HEADS:
                self.heads.clear()
            head = self.heads[raw] = read_head(raw)
        return head

    def script(self, head: Head, body: bytes, connection: int = 0) -> Script:
        """The answer to a request, or its fault when this request's turn has come."""
        self.stats.requests += 1
        if self.seen is not None:
            method, target, _ = head.raw.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            self.seen.append(Seen(method, target, head.raw, body, connection, monotonic()))
        play = self.answers(head, body)
        if play.fault is None:
            return play.script
        if play.fault.credential not in head.raw:
            return play.script
        name = f"{head.path} {play.model}"
        self.turns[name] += 1
        began = self.begun.setdefault(name, monotonic())
        strikes = _strikes(play.fault, self.turns[name], monotonic() - began)
        return play.fault.script if strikes else play.script


def _strikes(fault: Fault, turn: int, after: float) -> bool:
    if fault.flap:
        return int(after / fault.flap) % 2 == 0
    if fault.first:
        return turn <= fault.first
    return turn * fault.rate // 100 > (turn - 1) * fault.rate // 100


class Connection(asyncio.Protocol):
    """A caller's connection. Requests that arrive while an answer is under way wait for their turn."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._parts: list[bytes] = []
        self._missing = 0
        self._busy = False
        self._paused = False
        self._at = 0
        self._due = 0
        self._rested = False
        self._script: Script | None = None
        self._timer: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._house.connections.add(self)
        self._house.stats.connections += 1
        self.number = self._house.stats.connections
        self._house.stats.open += 1

    def connection_lost(self, _: Exception | None) -> None:
        self._house.connections.discard(self)
        self._house.stats.open -= 1
        if self._busy:
            self._house.stats.aborted += 1
        self._busy = True
        if self._timer is not None:
            self._timer.cancel()

    @property
    def busy(self) -> bool:
        """Whether an answer is under way."""
        return self._busy

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._script is not None and self._timer is None:
            self._timer = self._loop.call_soon(self._next_write)

    def data_received(self, data: bytes) -> None:
        if data[0] == _HANDSHAKE and data[5:6] == _CLIENT_HELLO and not self._buffer and not self._missing:
            self._reset()
            return
        if self._missing > len(data):
            self._parts.append(data)
            self._missing -= len(data)
            return
        if self._parts:
            data = b"".join((*self._parts, data))
            self._parts.clear()
        self._missing = 0
        self._buffer = self._buffer + data if self._buffer else data
        if not self._busy:
            self._advance()

    def _advance(self) -> None:
        while self._buffer and not self._busy:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > _MAX_HEAD:
                    self._refuse()
                return
            try:
                head = self._house.head(self._buffer[:end])
                body = self._take_body(head, end + 4)
            except (BadHead, ValueError):
                self._refuse()
                return
            if body is None:
                return
            self._play(self._house.script(head, body, self.number))

    def _take_body(self, head: Head, start: int) -> bytes | None:
        """The body, taken off the buffer; None while it is incomplete."""
        buffer = self._buffer
        if head.continues and len(buffer) == start:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if head.length is None:
            found = dechunk(buffer[start:])
            if found is None:
                return None
            self._buffer = buffer[start + found[1] :]
            return found[0]
        end = start + head.length
        if end > len(buffer):
            self._missing = end - len(buffer)
            self._parts, self._buffer = [buffer], b""
            return None
        self._buffer = b"" if end == len(buffer) else buffer[end:]
        return buffer[start:end]

    def _reset(self) -> None:
        """An end with RST instead of FIN: what was not yet read is gone."""
        fileno = self.transport.get_extra_info("socket").fileno()
        # A twin, since the socket that uvloop shows sets no options.
        with socket.fromfd(fileno, socket.AF_INET, socket.SOCK_STREAM) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _refuse(self) -> None:
        self._buffer = b""
        self.transport.write(_BAD_REQUEST)
        self.transport.close()

    def _play(self, script: Script) -> None:
        if not script.latency and not script.writes and script.ending == "keep":
            self.transport.write(script.opening)
            return
        self._busy = True
        self._script = script
        self._at = 0
        self._rested = False
        if script.latency:
            self._timer = self._loop.call_later(script.latency, self._open)
        else:
            self._open()

    def _open(self) -> None:
        self._timer = None
        script = cast(Script, self._script)
        if script.opening:
            self.transport.write(script.opening)
        if script.writes:
            # Its own turn of the loop: the head, and later each event, is a segment of its own.
            self._due = perf_counter_ns()
            self._timer = self._loop.call_soon(self._next_write)
        else:
            self._end(script)

    def _next_write(self) -> None:
        self._timer = None
        script = cast(Script, self._script)
        if self._paused:
            return
        if script.gap and self._at == script.gap_at and not self._rested:
            self._rested = True
            self._timer = self._loop.call_later(script.gap, self._next_write)
            return
        if script.pace and perf_counter_ns() < self._due:
            self._timer = self._loop.call_soon(self._next_write)
            return
        data = script.writes[self._at]
        if script.stamped:
            data = data.replace(_STAMP, b"%019d" % perf_counter_ns())
        self.transport.write(data)
        self._at += 1
        self._house.stats.events += 1
        if self._at == len(script.writes) and script.endless:
            self._at = 0
        if self._at == len(script.writes):
            self._end(script)
        elif script.pace >= _TIMER:
            self._timer = self._loop.call_later(script.pace, self._next_write)
        else:
            # Event loops round timers to a millisecond: a shorter pace is kept by polling.
            self._due += int(script.pace * 1e9)
            self._timer = self._loop.call_soon(self._next_write)

    def _end(self, script: Script) -> None:
        self._script = None
        if script.ending == "hang":
            return
        self._busy = False
        if script.ending == "reset":
            self._reset()
        elif script.ending == "close":
            self.transport.close()
        elif self._buffer:
            self._advance()
