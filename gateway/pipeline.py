"""The journey of a request: one function that reads as the story."""

import asyncio
from collections.abc import Awaitable, Mapping
from time import perf_counter_ns
from typing import Any, Protocol

import msgspec

from gateway.cache.wishes import refuse_only
from gateway.delivery import Answer, Listener, Send, deliver, deliver_carried, deliver_error
from gateway.dialects.endpoints import Endpoint
from gateway.dialects.parcels import parcel_call
from gateway.dialects.stores import Store, choose
from gateway.errors import ClientDisconnected, GatewayError, InternalError, Unavailable
from gateway.keepalive import Living, living
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Shadow
from gateway.schemas.record import Record
from gateway.upstream.passthrough import Carried, Parcel, parcel
from gateway.upstream.realtime import Lines
from gateway.upstream.tries import Reply


class Inbound(Protocol):
    """What a door hands in: the head of a request, and its body on demand."""

    method: str
    headers: dict[bytes, bytes]
    raw_headers: list[tuple[bytes, bytes]]
    client: Any
    query: bytes
    gone: bool
    model: str
    stream: bool

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises RequestTooLarge, BadRequest, ClientDisconnected."""

    async def discard(self, limit: int) -> None:
        """Reads and forgets what is left of the body, so that the refusal arrives."""


class Asked(Protocol):
    """The head of a request, of whatever kind. `client` is the address and port that it came from."""

    headers: dict[bytes, bytes]
    client: Any


DISCARD = 256 << 20
"""Bytes of an unwanted body that are read before its connection is closed all the same."""


LONGEST_PLAN = 2048
"""Characters of a plan that a caller is told: a header that clients and proxies take."""


class Visit(Protocol):
    """One request of a caller against whom something stands: rights, parameters, limits, budgets."""

    def edit(self, call: Call) -> None: ...
    def plan(self, call: Call, plan: Plan, record: Record) -> Plan: ...
    def session(self, model: str, plan: Plan, record: Record) -> Plan: ...
    def spend(self, tokens: int, nano_usd: int) -> None: ...
    def pass_by(self, provider: str, record: Record) -> None: ...
    def around(self, send: Send) -> Send: ...
    def settle(self, record: Record) -> None: ...


class Access(Protocol):
    """Who may call. `admit` notes in the record who does, and gives a visit where something stands against them."""

    def authenticate(self, headers: Mapping[bytes, bytes]) -> str: ...
    def admit(self, asked: Asked, record: Record) -> Visit | None: ...


class Routing(Protocol):
    def plan(self, call: Call, asked: Inbound) -> Plan: ...
    def named(self, name: str) -> Plan: ...


class Ruling(Protocol):
    def apply(self, call: Call, headers: Mapping[bytes, bytes], record: Record) -> None: ...


class Shadowing(Protocol):
    def cast(self, shadows: tuple[Shadow, ...], call: Call, record: Record) -> None: ...


class Dispatch(Protocol):
    def send(self, plan: Plan, call: Call, record: Record) -> Awaitable[Reply]: ...
    async def carry(self, provider: str, one: Parcel, record: Record) -> Carried: ...
    def keepers(self, store: Store) -> tuple[str, ...]: ...
    async def fetch(self, provider: str, store: Store, one: Parcel, record: Record) -> Reply: ...


class Callers(Protocol):
    """Watches callers that wait, and cancels the task of one that went away."""

    draining: bool
    cut: bool

    def add(self, inbound: Any, task: asyncio.Task[Any]) -> None: ...
    def remove(self, inbound: Any) -> None: ...


class Telemetry(Protocol):
    def begun(self) -> None: ...
    def price(self, record: Record) -> None: ...
    def settle(self, record: Record) -> None: ...
    def close(self, record: Record) -> None: ...
    def defect(self, record: Record, error: Exception) -> None: ...


class Bodies(Protocol):
    def begin(self, record: Record, prompt: bytes) -> Listener | None: ...


class Caching(Protocol):
    """Answers what is `asked` with what was kept, with what somebody else is being told, or by the dispatcher: the way
    back may be another one then."""

    def asked(self, inbound: Inbound, endpoint: Endpoint, call: Call, plan: Plan, record: Record) -> Any: ...
    def answer(self, asked: Any, send: Send) -> tuple[Answer, Send] | Awaitable[tuple[Answer, Send]]: ...


class Crowd:
    """Those who are being served: a worker whose every request holds memory turns the rest away while it is cheap."""

    __slots__ = ("_most", "_now")

    def __init__(self, most: int) -> None:
        self._most = most
        self._now = 0

    def come(self) -> None:
        """One more; `go` takes it back, exactly once."""
        self._now += 1

    def go(self) -> None:
        """One less."""
        self._now -= 1

    def check(self) -> None:
        """Raises Unavailable where there are more than may be."""
        if self._now > self._most:
            raise Unavailable("the gateway serves as many requests as it may; try again", retry_after=1)


class Gateway(msgspec.Struct, frozen=True):
    """The rooms, as one snapshot of the configuration wired them."""

    access: Access
    router: Routing
    dispatcher: Dispatch
    callers: Callers
    telemetry: Telemetry
    max_body: int
    lines: Lines
    crowd: Crowd
    rules: Ruling | None = None
    shadows: Shadowing | None = None
    keepalive: float = 0.0
    bodies: Bodies | None = None
    caching: Caching | None = None


async def serve(inbound: Inbound, send: Send, endpoint: Endpoint, record: Record, gateway: Gateway) -> None:
    """Carries one request for inference from its head to its settled record."""
    gateway.telemetry.begun()
    gateway.crowd.come()
    alive: Living | None = None
    visit: Visit | None = None
    try:
        visit = gateway.access.admit(inbound, record)
        gateway.crowd.check()
        body = await inbound.read(gateway.max_body)
        listener = None if gateway.bodies is None else gateway.bodies.begin(record, body)
        call = endpoint.call(body, inbound, record)
        if gateway.rules is not None:
            gateway.rules.apply(call, inbound.headers, record)
        if visit is not None:
            visit.edit(call)
        plan = _planned(call, inbound, record, gateway)
        if visit is not None:
            plan = visit.plan(call, plan, record)
            send = visit.around(send)
        caching = gateway.caching
        asked = None if caching is None else caching.asked(inbound, endpoint, call, plan, record)
        gateway.callers.add(inbound, _this_task())
        alive = living(send, endpoint, call.stream, gateway.keepalive, record)
        send = alive or send
        if caching is None:
            reply: Answer = await gateway.dispatcher.send(plan, call, record)
        else:
            found = caching.answer(asked, send)
            reply, send = found if isinstance(found, tuple) else await found
        if gateway.shadows is not None and plan.shadow and record.attempts:
            gateway.shadows.cast(plan.shadow, call, record)
        await deliver(reply, send, record, gateway.telemetry, listener)
    except (Exception, asyncio.CancelledError) as error:
        await _refuse(error, inbound, send, endpoint, record, gateway)
    finally:
        if alive is not None:
            alive.rest()
        _settle(inbound, record, gateway, visit)


async def deliver_parcel(
    inbound: Inbound, send: Send, endpoint: Endpoint, record: Record, gateway: Gateway
) -> None:
    """Carries one request whose body or answer is no JSON: speech, transcripts, edited images."""
    gateway.telemetry.begun()
    gateway.crowd.come()
    reply: Reply | None = None
    visit: Visit | None = None
    try:
        visit = gateway.access.admit(inbound, record)
        gateway.crowd.check()
        if gateway.caching is not None:
            refuse_only(inbound.headers)
        body = await inbound.read(gateway.max_body)
        call = parcel_call(endpoint, body, inbound, record)
        if gateway.rules is not None:
            gateway.rules.apply(call, inbound.headers, record)
        if visit is not None:
            visit.edit(call)
        plan = _planned(call, inbound, record, gateway)
        if visit is not None:
            plan = visit.plan(call, plan, record)
            send = visit.around(send)
        gateway.callers.add(inbound, _this_task())
        reply = await gateway.dispatcher.send(plan, call, record)
        await deliver(reply, send, record, gateway.telemetry)
    except (Exception, asyncio.CancelledError) as error:
        if isinstance(reply, Carried) and send.started:
            await _cut(error, inbound, send, record, gateway)
            return
        await _refuse(error, inbound, send, endpoint, record, gateway)
    finally:
        _settle(inbound, record, gateway, visit)


def _planned(call: Call, inbound: Inbound, record: Record, gateway: Gateway) -> Plan:
    plan = gateway.router.plan(call, inbound)
    if plan.explained:
        record.plan = "; ".join([f"{one.provider}/{one.model}: {why}" for one, why in plan.explained])[
            :LONGEST_PLAN
        ]
    return plan


async def pass_through(
    inbound: Inbound, send: Send, endpoint: Endpoint, record: Record, gateway: Gateway, rest: bytes
) -> None:
    """Carries one request that passes as it is: `rest` is `PROVIDER/path`, percent-encoded."""
    gateway.telemetry.begun()
    gateway.crowd.come()
    visit: Visit | None = None
    try:
        visit = gateway.access.admit(inbound, record)
        gateway.crowd.check()
        body = await inbound.read(gateway.max_body)
        provider, slash, path = rest.partition(b"/")
        one = parcel(inbound.method, slash + path, inbound.query, inbound.headers, body)
        if visit is not None:
            visit.pass_by(provider.decode("latin-1"), record)
            send = visit.around(send)
        gateway.callers.add(inbound, _this_task())
        reply = await gateway.dispatcher.carry(provider.decode("latin-1"), one, record)
        await deliver_carried(reply, send, record, gateway.telemetry)
    except (Exception, asyncio.CancelledError) as error:
        if send.started:
            await _cut(error, inbound, send, record, gateway)
            return
        await _refuse(error, inbound, send, endpoint, record, gateway)
    finally:
        _settle(inbound, record, gateway, visit)


async def keep(
    inbound: Inbound,
    send: Send,
    endpoint: Endpoint,
    record: Record,
    gateway: Gateway,
    asked: tuple[Store, bytes],
) -> None:
    """Carries one request for what a provider keeps: `asked` is the store, and the path below it, percent-encoded."""
    gateway.telemetry.begun()
    gateway.crowd.come()
    store, rest = asked
    visit: Visit | None = None
    try:
        visit = gateway.access.admit(inbound, record)
        gateway.crowd.check()
        chosen = choose(store, inbound.headers, inbound.query, gateway.dispatcher.keepers(store))
        body = await inbound.read(gateway.max_body)
        one = parcel(inbound.method, rest, chosen.query, inbound.headers, body)
        if visit is not None:
            visit.pass_by(chosen.provider, record)
            send = visit.around(send)
        gateway.callers.add(inbound, _this_task())
        reply = await gateway.dispatcher.fetch(chosen.provider, store, one, record)
        await deliver(reply, send, record, gateway.telemetry)
    except (Exception, asyncio.CancelledError) as error:
        if send.started:
            await _cut(error, inbound, send, record, gateway)
            return
        await _refuse(error, inbound, send, endpoint, record, gateway)
    finally:
        _settle(inbound, record, gateway, visit)


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
    record.status, record.error = failure.http_status, failure.code
    try:
        gateway.telemetry.close(record)
    except Exception as defect:  # a record that cannot be written takes no answer from its caller
        gateway.telemetry.defect(record, defect)
    await deliver_error(failure, endpoint, send, record)


async def _cut(
    error: Exception | asyncio.CancelledError, inbound: Inbound, send: Send, record: Record, gateway: Gateway
) -> None:
    """No words fit into somebody's file: a connection that breaks is no end. Raises what breaks it."""
    record.error = meaning(error, inbound, gateway, record).code
    gateway.telemetry.close(record)
    await send.cut()


def _settle(inbound: Inbound, record: Record, gateway: Gateway, visit: Visit | None) -> None:
    gateway.callers.remove(inbound)
    gateway.crowd.go()
    record.total_ns = perf_counter_ns() - record.started_ns
    gateway.telemetry.settle(record)
    if visit is not None:
        visit.settle(record)


class Leaver(Protocol):
    """Whoever may go away before the end."""

    gone: bool


def meaning(
    error: Exception | asyncio.CancelledError, inbound: Leaver, gateway: Gateway, record: Record
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
