"""The journey of a realtime session: from its handshake to its settled record."""

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter_ns
from typing import Any

import msgspec

from gateway.api.spending import Spending
from gateway.api.websocket import Socket
from gateway.delivery import error_headers, gateway_headers
from gateway.dialects.endpoints import error_endpoint
from gateway.dialects.realtime import REALTIME, Wanted, accepted, beta, wanted
from gateway.dialects.stores import CHOICE_QUERY, choose
from gateway.errors import (
    BadRequest,
    Forbidden,
    GatewayError,
    Unauthorized,
    Unavailable,
    UnknownPath,
    UpstreamStatus,
)
from gateway.pipeline import Gateway, Visit, meaning
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record
from gateway.upstream.lines import GOING_AWAY, REFUSED, Ended, Line
from gateway.upstream.relay import CallerGone, relay

SWITCHED = 101
"""The status of a session that began and ended as it should (RFC 9110, 15.2.2)."""

HURRY = 2.0
"""Seconds that saying goodbye to both sides may take."""


LOOK = 0.5
"""Seconds between two looks at whether the caller may still be here."""

Current = Callable[[], Gateway]
"""The gateway as it is now, whatever has changed since a session began."""


class Identity(msgspec.Struct):
    """Who asks for a session, and from where."""

    headers: dict[bytes, bytes]
    client: Any


async def converse(socket: Socket, record: Record, current: Current) -> None:
    """Carries one session, whichever side ends it, for as long as its key and its budgets allow."""
    gateway = current()
    gateway.telemetry.begun()
    visit: Visit | None = None
    try:
        identity = Identity(socket.identity, socket.client)
        visit = gateway.access.admit(identity, record)
        if gateway.callers.draining:
            raise Unavailable("the gateway is shutting down; try again", retry_after=1)
        asked = wanted(socket.query)
        plan, query = _plan(socket, asked, gateway)
        if visit is not None:
            plan = visit.session(asked.model, plan, record)
        record.requested_model, record.stream = asked.model, True
        gateway.callers.add(socket, _this_task())
        line = await gateway.lines.open(plan, query, _headers(socket), record)
        try:
            spending = Spending(asked.transcribes, record, visit, gateway.telemetry)
            await _carry(socket, line, spending, _watch(identity, record, current), gateway)
        finally:
            gateway.lines.release(line)
    except CallerGone:
        record.status, record.error = 499, "client_disconnected"
    except (Exception, asyncio.CancelledError) as error:
        failure = meaning(error, socket, gateway, record)
        if socket.started:
            record.status, record.error = failure.http_status, failure.code
        else:
            await _refuse(failure, socket, record)
    finally:
        gateway.callers.remove(socket)
        record.total_ns = perf_counter_ns() - record.started_ns
        gateway.telemetry.settle(record)
        if visit is not None:
            visit.settle(record)


def _plan(socket: Socket, asked: Wanted, gateway: Gateway) -> tuple[Plan, bytes]:
    """Where the session may go, and the query to go with. A transcription, or a call that is joined, names no model."""
    if asked.model:
        if any(pair.partition(b"=")[0] == CHOICE_QUERY.encode() for pair in asked.query.split(b"&")):
            raise BadRequest("with a model, name the provider as `provider/model`", param=CHOICE_QUERY)
        return gateway.router.named(asked.model), asked.query
    chosen = choose(REALTIME, socket.headers, asked.query, gateway.dispatcher.keepers(REALTIME))
    return Plan((Target(chosen.provider, ""),)), chosen.query


def _headers(socket: Socket) -> tuple[tuple[bytes, bytes], ...]:
    """What of the caller's handshake travels on."""
    said = socket.headers.get(b"openai-beta")
    return beta(socket.subprotocols) if said is None else ((b"openai-beta", said),)


async def _watch(identity: Identity, record: Record, current: Current) -> Ended:
    """Waits until the caller would no longer be let in."""
    while True:
        await asyncio.sleep(LOOK)
        try:
            current().access.admit(identity, Record(record.request_id, record.endpoint, record.dialect))
        except (Unauthorized, Forbidden) as error:
            return Ended(REFUSED, error.message, error)
        except GatewayError:
            continue  # nobody can tell just now


async def _carry(
    socket: Socket, line: Line, spending: Spending, watch: Coroutine[Any, Any, Ended], gateway: Gateway
) -> None:
    record = spending.record
    ended = Ended(1011, "the gateway failed on this session")
    began = perf_counter_ns()
    try:
        await socket.accept(accepted(socket.subprotocols))
        ended = await relay(socket, line, spending, gateway.lines.max_message, watch)
        record.status = SWITCHED
        if ended.error is not None:
            record.status, record.error = ended.error.http_status, ended.error.code
    except asyncio.CancelledError:
        ended = Ended(GOING_AWAY, "the gateway is shutting down")
        raise
    except CallerGone:
        ended = Ended(GOING_AWAY, by_caller=True)
        raise
    finally:
        record.waited_ns += perf_counter_ns() - began
        watch.close()
        spending.end()
        await _part(socket, line, ended)


async def _part(socket: Socket, line: Line, ended: Ended) -> None:
    """Each side learns what the other did; neither can keep the session open."""
    to_line = (ended.code, ended.reason) if ended.by_caller else (GOING_AWAY, "")
    farewells = [asyncio.ensure_future(line.close(*to_line))]
    if not ended.by_caller:
        farewells.append(asyncio.ensure_future(socket.close(ended.code, ended.reason)))
    await asyncio.wait(farewells, timeout=HURRY)
    for one in farewells:
        one.cancel()


async def refuse_path(socket: Socket, record: Record) -> None:
    """Refuses a handshake at a path that has no sessions."""
    await _refuse(UnknownPath(f"there are no sessions at {socket.path[:200]!r}"), socket, record)


async def _refuse(error: GatewayError, socket: Socket, record: Record) -> None:
    record.status, record.error = error.http_status, error.code
    headers = [*error_headers(error), *gateway_headers(record)]
    if isinstance(error, UpstreamStatus) and error.passes:
        body = error.body
    else:
        body = error_endpoint("openai").codec.write_error(error, record.request_id)
    await socket.whole(error.http_status, headers, body)


def _this_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None  # the door runs every session in a task of its own
    return task
