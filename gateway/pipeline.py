"""The journey of a request: one function that reads as the story."""

import asyncio
from collections.abc import Mapping
from time import perf_counter_ns
from typing import Any, Protocol

import msgspec

from gateway.delivery import Send, deliver, deliver_carried, deliver_error
from gateway.dialects.endpoints import Endpoint
from gateway.errors import ClientDisconnected, GatewayError, InternalError, Unavailable
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan
from gateway.schemas.record import Record
from gateway.upstream.dispatch import Reply
from gateway.upstream.passthrough import Carried, Parcel, parcel


class Inbound(Protocol):
    """What a door hands in: the head of a request, and its body on demand."""

    method: str
    headers: dict[bytes, bytes]
    raw_headers: list[tuple[bytes, bytes]]
    query: bytes
    gone: bool
    model: str
    stream: bool

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises RequestTooLarge, BadRequest, ClientDisconnected."""

    async def discard(self, limit: int) -> None:
        """Reads and forgets what is left of the body, so that the refusal arrives."""


DISCARD = 256 << 20
"""Bytes of an unwanted body that are read before its connection is closed all the same."""


class Access(Protocol):
    def authenticate(self, headers: Mapping[bytes, bytes]) -> str: ...


class Routing(Protocol):
    def plan(self, name: str) -> Plan: ...


class Dispatch(Protocol):
    async def send(self, plan: Plan, call: Call, record: Record) -> Reply: ...
    async def carry(self, provider: str, one: Parcel, record: Record) -> Carried: ...


class Callers(Protocol):
    """Watches callers that wait, and cancels the task of one that went away."""

    draining: bool
    cut: bool

    def add(self, inbound: Any, task: asyncio.Task[Any]) -> None: ...
    def remove(self, inbound: Any) -> None: ...


class Telemetry(Protocol):
    def begun(self) -> None: ...
    def settle(self, record: Record) -> None: ...
    def price(self, record: Record) -> None: ...
    def defect(self, record: Record, error: Exception) -> None: ...


class Gateway(msgspec.Struct, frozen=True):
    """The rooms, as one snapshot of the configuration wired them."""

    access: Access
    router: Routing
    dispatcher: Dispatch
    callers: Callers
    telemetry: Telemetry
    max_body: int


async def serve(inbound: Inbound, send: Send, endpoint: Endpoint, record: Record, gateway: Gateway) -> None:
    """Carries one request for inference from its head to its settled record."""
    gateway.telemetry.begun()
    try:
        record.key = gateway.access.authenticate(inbound.headers)
        body = await inbound.read(gateway.max_body)
        call = endpoint.call(body, inbound, record)
        plan = gateway.router.plan(call.model)
        gateway.callers.add(inbound, _this_task())
        reply = await gateway.dispatcher.send(plan, call, record)
        await deliver(reply, send, record, gateway.telemetry.price)
    except (Exception, asyncio.CancelledError) as error:
        await _refuse(error, inbound, send, endpoint, record, gateway)
    finally:
        _settle(inbound, record, gateway)


async def pass_through(
    inbound: Inbound, send: Send, endpoint: Endpoint, record: Record, gateway: Gateway, rest: bytes
) -> None:
    """Carries one request that passes as it is: `rest` is `PROVIDER/path`, percent-encoded."""
    gateway.telemetry.begun()
    try:
        record.key = gateway.access.authenticate(inbound.headers)
        body = await inbound.read(gateway.max_body)
        provider, slash, path = rest.partition(b"/")
        one = parcel(inbound.method, slash + path, inbound.query, inbound.headers, body)
        gateway.callers.add(inbound, _this_task())
        reply = await gateway.dispatcher.carry(provider.decode("latin-1"), one, record)
        await deliver_carried(reply, send, record)
    except (Exception, asyncio.CancelledError) as error:
        if not send.started:
            await _refuse(error, inbound, send, endpoint, record, gateway)
            return
        record.error = meaning(error, inbound, gateway, record).code
        await send.cut()  # no words fit into somebody's file: a connection that breaks is no end
    finally:
        _settle(inbound, record, gateway)


async def _refuse(
    error: Exception | asyncio.CancelledError,
    inbound: Inbound,
    send: Send,
    endpoint: Endpoint,
    record: Record,
    gateway: Gateway,
) -> None:
    failure = meaning(error, inbound, gateway, record)
    await inbound.discard(DISCARD)
    await deliver_error(failure, endpoint, send, record)


def _settle(inbound: Inbound, record: Record, gateway: Gateway) -> None:
    gateway.callers.remove(inbound)
    record.total_ns = perf_counter_ns() - record.started_ns
    gateway.telemetry.settle(record)


def meaning(
    error: Exception | asyncio.CancelledError, inbound: Inbound, gateway: Gateway, record: Record
) -> GatewayError:
    """What went wrong, as the caller may know it. A cancellation is the caller's going away, or a drain's end."""
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, asyncio.CancelledError):
        _this_task().uncancel()
        if gateway.callers.cut and not inbound.gone:
            return Unavailable("the gateway is shutting down; try again", retry_after=1)
        return ClientDisconnected("the caller went away")
    gateway.telemetry.defect(record, error)
    return InternalError("the gateway failed on this request; its log tells more under this request's id")


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None  # the door runs every request in a task of its own
    return task
