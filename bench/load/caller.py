"""One call on the project's own upstream client: send, read to the end, check."""

import asyncio
from contextlib import suppress
from time import perf_counter_ns
from typing import Protocol

from bench.load.check import Check, stamps
from bench.load.exchange import Exchange
from gateway._speedups.http1 import Client, Origin, Response
from gateway.errors import GatewayError

CONNECT = 10.0
PATIENCE = 0.001  # seconds of a caller that leaves
SILENCE = 60.0  # seconds; longer than any answer of a server that still serves


class Note(Protocol):
    """Where a call's facts go."""

    def problem(self, what: str) -> None: ...
    def first(self, nanoseconds: int) -> None: ...
    def chunk(self, nanoseconds: int) -> None: ...
    def stream(self, events: int, reads: int) -> None: ...
    def aborted(self) -> None: ...


class Caller:
    """Sends one exchange to one server, again and again, from any number of tasks.

    `call` tells whether the right answer came.
    """

    def __init__(self, client: Client, origin: Origin, exchange: Exchange, authority: str) -> None:
        self._client = client
        self._origin = origin
        self._head = exchange.head(authority)
        self._body = exchange.body.encode()
        self._check = Check(exchange.expected)
        self._expected = exchange.expected
        self.call = self._stream if exchange.expected.stream else self._plain

    async def _request(self) -> Response:
        return await self._client.request(
            self._origin,
            self._head,
            self._body,
            connect=CONNECT,
            first_byte=SILENCE,
            idle=SILENCE,
            total=SILENCE,
        )

    async def _plain(self, note: Note, _: int, leave: bool) -> bool:
        try:
            if leave:
                await self._leave()
                note.aborted()
                return False
            response = await self._request()
            problem = self._check(response.status, await response.read())
        except (GatewayError, OSError) as error:
            problem = type(error).__name__
        if problem is not None:
            note.problem(problem)
        return problem is None

    async def _leave(self) -> None:
        """Asks, and is gone before the answer, or before its body when it comes very fast."""
        asked = asyncio.ensure_future(self._request())
        done, _ = await asyncio.wait((asked,), timeout=PATIENCE)
        if done:
            asked.result().abort()
            return
        asked.cancel()
        with suppress(asyncio.CancelledError):
            await asked

    async def _stream(self, note: Note, started: int, leave: bool) -> bool:
        try:
            response = await self._request()
            data = await response.chunk()
            note.first(perf_counter_ns() - started)
            if leave:
                response.abort()
                note.aborted()
                return False
            problem = await self._rest(response, data, note)
        except (GatewayError, OSError) as error:
            problem = type(error).__name__
        if problem is not None:
            note.problem(problem)
        return problem is None

    async def _rest(self, response: Response, data: bytes, note: Note) -> str | None:
        parts: list[bytes] = []
        stamped = self._expected.stamped
        while data:
            parts.append(data)
            if stamped:
                now = perf_counter_ns()
                for stamp in stamps(data):
                    note.chunk(now - stamp)
            data = await response.chunk()
        problem = self._check(response.status, b"".join(parts))
        if problem is None:
            note.stream(self._expected.chunks, len(parts))
        return problem


async def warm(caller: Caller, note: Note) -> None:
    """One call, so that what is built on first use is built."""
    await asyncio.wait_for(caller.call(note, perf_counter_ns(), False), SILENCE)
