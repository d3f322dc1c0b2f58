"""The ASGI door for sessions: one handshake, then messages both ways; nothing behind it knows about ASGI."""

import asyncio
from contextlib import suppress
from typing import Any

from gateway.api.door import Header, Message, RawSend, Receive
from gateway.dialects.realtime import offered_key
from gateway.upstream.relay import CallerGone

NO_STATUS = 1005
"""The code of a close without one (RFC 6455, 7.4.1)."""

LONGEST_REASON = 123
"""Bytes that a close frame has for its reason (RFC 6455, 5.5.1)."""

_CREDENTIALS = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")


class Socket:
    """A caller who asks for a session. `started` tells whether the session was accepted; `gone`, that the caller left.

    Until then it can be answered as an HTTP request, which is how refusals are written.
    """

    __slots__ = (
        "_receive",
        "_refusable",
        "_send",
        "client",
        "gone",
        "headers",
        "path",
        "query",
        "started",
        "subprotocols",
    )

    def __init__(self, scope: Message, receive: Receive, send: RawSend) -> None:
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.client: Any = scope.get("client")
        self.subprotocols: list[str] = list(scope["subprotocols"])
        self.started = False
        self.gone = False
        self._receive = receive
        self._send = send
        self._refusable = "websocket.http.response" in (scope.get("extensions") or {})

    @property
    def identity(self) -> dict[bytes, bytes]:
        """The headers that tell who calls; a browser can give a key only as a subprotocol."""
        key = offered_key(self.subprotocols)
        if not key or any(name in self.headers for name in _CREDENTIALS):
            return self.headers
        return {**self.headers, b"authorization": b"Bearer " + key.encode("utf-8", "replace")}

    async def accept(self, subprotocol: str | None) -> None:
        """Opens the session."""
        message = await self._receive()
        if message["type"] != "websocket.connect":
            self.gone = True
            raise CallerGone
        try:
            await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
        except (OSError, RuntimeError):
            self.gone = True
            raise CallerGone from None
        self.started = True

    async def whole(self, status: int, headers: list[Header], body: bytes) -> None:
        """Refuses the session, with an HTTP answer where the server can give one."""
        await self._receive()
        with suppress(OSError, RuntimeError):  # nobody waits for the answer
            if not self._refusable:
                await self._send({"type": "websocket.close", "code": 1008})
                return
            await self._send({"type": "websocket.http.response.start", "status": status, "headers": headers})
            await self._send({"type": "websocket.http.response.body", "body": body, "more_body": False})

    async def receive(self) -> str | bytes | int:
        """The next message, or the code with which the caller ended."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            self.gone = True
            code: Any = message.get("code")
            return code if isinstance(code, int) else NO_STATUS
        text: str | None = message.get("text")
        if text is not None:
            return text
        data: bytes = message["bytes"]
        return data

    async def send(self, message: str | bytes) -> None:
        """Waits while the caller reads too slowly. Raises CallerGone."""
        kind = "text" if isinstance(message, str) else "bytes"
        try:
            await self._send({"type": "websocket.send", kind: message})
        except (OSError, RuntimeError):
            self.gone = True
            raise CallerGone from None

    async def close(self, code: int, reason: str) -> None:
        """Ends the session, unless the caller already did."""
        if self.gone:
            return
        words = reason.encode()[:LONGEST_REASON].decode(errors="ignore")
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": words})
        except (OSError, RuntimeError):
            self.gone = True

    async def until_gone(self) -> None:
        """Never returns: who passes the messages notices that the caller left."""
        await asyncio.get_running_loop().create_future()
