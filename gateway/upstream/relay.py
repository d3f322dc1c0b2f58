"""Both directions of a realtime session at once, until either side ends it.

Each direction holds one message at a time: whoever reads too slowly stops the other side's reading.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from gateway.errors import RequestTooLarge
from gateway.upstream.lines import GOING_AWAY, Ended, Line, LineEnded


class Caller(Protocol):
    """The caller's side of a session, as a door offers it."""

    async def receive(self) -> str | bytes | int:
        """The next message, or the code with which the caller ended."""

    async def send(self, message: str | bytes) -> None:
        """Waits while the caller reads too slowly; raises CallerGone when there is nobody."""


class Meter(Protocol):
    """Whoever counts what the session consumes."""

    def see(self, event: str) -> Ended | None:
        """Looks at one of the provider's events; the end, where no other may follow it."""


class CallerGone(Exception):
    """Nobody is there to send to."""


async def relay(
    caller: Caller, line: Line, meter: Meter, limit: int, watch: Coroutine[Any, Any, Ended]
) -> Ended:
    """Passes messages until one side ends, or the `watch` does. Closes neither."""
    ways = [
        asyncio.ensure_future(one)
        for one in (_to_caller(line, caller, meter), _to_provider(caller, line, limit), watch)
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        return next(one for one in ways if one.done()).result()
    finally:
        for one in ways:
            one.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _to_caller(line: Line, caller: Caller, meter: Meter) -> Ended:
    try:
        while True:
            message = await line.receive()
            over = meter.see(message) if isinstance(message, str) else None
            await caller.send(message)
            if over is not None:
                return over
    except LineEnded as left:
        return left.ended
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
