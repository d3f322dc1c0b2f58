"""Both directions of a realtime session at once, until either side ends it.

Each direction holds one message at a time: whoever reads too slowly stops the other side's reading.
"""

import asyncio
from typing import Protocol

from gateway.dialects.realtime import Tally
from gateway.errors import RequestTooLarge
from gateway.upstream.lines import GOING_AWAY, Ended, Line, LineEnded


class Caller(Protocol):
    """The caller's side of a session, as a door offers it."""

    async def receive(self) -> str | bytes | int:
        """The next message, or the code with which the caller ended."""

    async def send(self, message: str | bytes) -> None:
        """Waits while the caller reads too slowly; raises CallerGone when there is nobody."""


class CallerGone(Exception):
    """Nobody is there to send to."""


async def relay(caller: Caller, line: Line, tally: Tally, limit: int) -> Ended:
    """Passes messages until one side ends. Closes neither."""
    down = asyncio.ensure_future(_to_caller(line, caller, tally))
    up = asyncio.ensure_future(_to_provider(caller, line, limit))
    try:
        await asyncio.wait((down, up), return_when=asyncio.FIRST_COMPLETED)
        return (down if down.done() else up).result()
    finally:
        down.cancel()
        up.cancel()
        await asyncio.gather(down, up, return_exceptions=True)


async def _to_caller(line: Line, caller: Caller, tally: Tally) -> Ended:
    try:
        while True:
            message = await line.receive()
            if isinstance(message, str):
                tally.see(message)
            await caller.send(message)
    except LineEnded as over:
        return over.ended
    except CallerGone:
        return Ended(GOING_AWAY, by_caller=True)


async def _to_provider(caller: Caller, line: Line, limit: int) -> Ended:
    try:
        while True:
            message = await caller.receive()
            if isinstance(message, int):
                return Ended(message if sendable(message) else GOING_AWAY, by_caller=True)
            if size(message) > limit:
                error = RequestTooLarge(f"a message exceeds the limit of {limit} bytes")
                return Ended(1009, error.message, error)
            await line.send(message)
    except LineEnded as over:
        return over.ended


def size(message: str | bytes) -> int:
    """Bytes on the wire."""
    return len(message) if isinstance(message, bytes) or message.isascii() else len(message.encode())


def sendable(code: int) -> bool:
    """Whether a close frame may hold this code (RFC 6455, 7.4)."""
    return 3000 <= code <= 4999 or (1000 <= code <= 1014 and code not in (1004, 1005, 1006))
