"""Shadow traffic: copies of requests to other targets, whose answers are read and recorded, and go nowhere."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Any, Protocol

import msgspec

from gateway.errors import GatewayError
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Shadow, Target
from gateway.schemas.record import Record
from gateway.upstream.replies import Whole
from gateway.upstream.tries import Reply

SUFFIX = "-shadow"
"""What a copy's request id has after that of the request."""


class Sender(Protocol):
    """Who sends a copy: the dispatcher."""

    def send(self, plan: Plan, call: Call, record: Record) -> Awaitable[Reply]: ...


class Watcher(Protocol):
    """Who keeps the records of copies; the telemetry room stands behind it."""

    def shadow(self, record: Record, outcome: str) -> None: ...
    def defect(self, record: Record, error: Exception) -> None: ...


class Heard(Protocol):
    """Who wants to know what a copy is told. `failed` where it ends in any other way than at its right end."""

    def hear(self, data: bytes) -> None: ...
    async def ended(self, record: Record) -> None: ...
    def failed(self) -> None: ...


class Shadows:
    """Runs copies beside the requests: at most `most` at once, that hold at most `most_bytes` of bodies.

    A copy that finds no room is dropped and counted; it is never waited for.
    """

    def __init__(
        self,
        sender: Sender,
        watcher: Watcher,
        *,
        most: int,
        most_bytes: int,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._sender = sender
        self._watcher = watcher
        self._most = most
        self._most_bytes = most_bytes
        self._draw = draw
        self._running: set[asyncio.Task[None]] = set()
        self._held = 0
        self._over = False

    def cast(self, shadows: tuple[Shadow, ...], call: Call, record: Record) -> None:
        """Sends a share of requests elsewhere too. Returns at once: a copy starts when this task next waits."""
        for one in shadows:
            if self._draw() < one.share and not self._over:
                self._start(one.target, call, _record_of(one.target, call, record))

    def copy(self, target: Target, call: Call, record: Record, heard: Heard) -> None:
        """Sends a request that the cache has answered to whom it could have gone, and tells what comes of it. Returns
        at once."""
        if not self._over:
            mine = _record_of(target, call, record)
            mine.cache = "checked"
            self._start(target, call, mine, heard)

    def cut(self) -> None:
        """Ends every copy, for good: the gateway is draining."""
        self._over = True
        for task in self._running:
            task.cancel()

    async def stop(self) -> None:
        """Returns when no copy is left."""
        self.cut()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self, target: Target, call: Call, mine: Record, heard: Heard | None = None) -> None:
        size = len(call.body)
        if len(self._running) >= self._most or self._held + size > self._most_bytes:
            self._watcher.shadow(mine, "dropped")
            return
        self._held += size
        copy = msgspec.structs.replace(call, resumable=False, sequel=None)
        task = asyncio.get_running_loop().create_task(self._run(target, [copy], mine, heard))
        self._running.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, mine, size, heard))

    def _ended(self, task: asyncio.Task[None], record: Record, size: int, heard: Heard | None) -> None:
        self._running.discard(task)
        self._held -= size
        record.total_ns = perf_counter_ns() - record.started_ns
        if heard is not None and (task.cancelled() or task.exception() is not None):
            heard.failed()
        if task.cancelled():
            record.error = "cancelled"
            self._watcher.shadow(record, "cancelled")
            return
        error = task.exception()
        if error is None:
            self._watcher.shadow(record, "ok")
            return
        if isinstance(error, GatewayError):
            record.status, record.error = error.http_status, error.code
        else:
            record.status, record.error = 500, "internal_error"
            if isinstance(error, Exception):
                self._watcher.defect(record, error)
        self._watcher.shadow(record, "error")

    async def _run(self, target: Target, held: list[Call], record: Record, heard: Heard | None) -> None:
        """`held` has the one copy of the request, which is let go as soon as its answer begins."""
        reply = await self._sender.send(Plan((target,), retries=0), held.pop(), record)
        record.status = 200
        if not isinstance(reply, Whole):
            await _read(reply, record, heard)
        elif heard is not None:
            heard.hear(reply.body)
        if heard is not None:
            await heard.ended(record)


async def _read(reply: Any, record: Record, heard: Heard | None) -> None:
    """Reads a stream to its end; what nobody wants to hear of is forgotten."""
    try:
        while data := await reply.chunk():
            if heard is not None:
                heard.hear(data)
    except BaseException:
        reply.abort()
        raise
    finally:
        reply.note(record)
    await reply.close()


def _record_of(target: Target, call: Call, record: Record) -> Record:
    return Record(
        record.request_id + SUFFIX,
        endpoint=call.endpoint,
        dialect=call.dialect,
        key=record.key,
        requested_model=record.requested_model,
        provider=target.provider,
        model=target.model,
        stream=call.stream,
        rule=record.rule,
        shadow=True,
    )
