"""One call on the project's own upstream client: send, read to the end, check."""

import asyncio
from time import perf_counter_ns
from typing import Protocol

from bench.load.check import Check, stamps
from bench.load.exchange import Exchange
from gateway._speedups.http1 import Client, Origin, Response
from gateway.errors import GatewayError

CONNECT = 10.0
SILENCE = 60.0  # seconds; longer than any answer of a server that still serves


class Note(Protocol):
    """Where a call's facts go."""

    def problem(self, what: str) -> None: ...
    def first(self, nanoseconds: int) -> None: ...
    def chunk(self, nanoseconds: int) -> None: ...
    def stream(self, events: int, reads: int) -> None: ...
    def aborted(self) -> None: ...


class Caller:
    """Sends one exchange to one server, again and again, from any number of tasks."""

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

    async def _plain(self, note: Note, _: int, leave: bool) -> None:
        try:
            response = await self._request()
            if leave:
                response.abort()
                note.aborted()
                return
            problem = self._check(response.status, await response.read())
        except (GatewayError, OSError) as error:
            problem = type(error).__name__
        if problem is not None:
            note.problem(problem)

    async def _stream(self, note: Note, started: int, leave: bool) -> None:
        try:
            response = await self._request()
            data = await response.chunk()
            note.first(perf_counter_ns() - started)
            if leave:
                response.abort()
                note.aborted()
                return
            problem = await self._rest(response, data, note)
        except (GatewayError, OSError) as error:
            problem = type(error).__name__
        if problem is not None:
            note.problem(problem)

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
