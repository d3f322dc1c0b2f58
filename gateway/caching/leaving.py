"""The way back to a caller whose answer others hear too: that they go away ends nothing."""

from collections.abc import Awaitable
from typing import Protocol

from gateway.delivery import Header, Send


class Heard(Protocol):
    """An answer on its way. `detached`: it goes on without the caller who asked for it."""

    detached: bool
    others: int

    def stays(self) -> bool: ...


class Leaving:
    """The leader's way back, which leads nowhere once the leader is gone and others listen."""

    __slots__ = ("_send", "_shared")

    def __init__(self, send: Send, shared: Heard) -> None:
        self._send = send
        self._shared = shared

    @property
    def started(self) -> bool:
        """Whether the head of an answer has left."""
        return self._send.started

    async def whole(self, status: int, headers: list[Header], body: bytes) -> None:
        """A complete answer."""
        await self._guarded(self._send.whole(status, headers, body))

    async def start(self, status: int, headers: list[Header]) -> None:
        """The head of a streamed answer."""
        await self._guarded(self._send.start(status, headers))

    def chunk(self, data: bytes) -> Awaitable[None]:
        """A piece of a streamed answer."""
        shared = self._shared
        if shared.others or shared.detached:
            return self._guarded(self._send.chunk(data))
        return self._send.chunk(data)

    async def end(self) -> None:
        """The end of a streamed answer."""
        await self._guarded(self._send.end())

    async def cut(self) -> None:
        """Breaks the connection off."""
        await self._send.cut()

    async def _guarded(self, sending: Awaitable[None]) -> None:
        shared = self._shared
        if shared.detached:
            close = getattr(sending, "close", None)
            if close is not None:
                close()  # never awaited
            return
        try:
            await sending
        except Exception:
            if not shared.stays():
                raise
