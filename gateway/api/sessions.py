"""The journey of a realtime session: from its handshake to its settled record."""

import asyncio
from time import perf_counter_ns
from typing import Any

import msgspec

from gateway.api.websocket import Socket
from gateway.delivery import error_headers, gateway_headers
from gateway.dialects.endpoints import error_endpoint
from gateway.dialects.realtime import REALTIME, Tally, Wanted, accepted, beta, wanted
from gateway.dialects.stores import CHOICE_QUERY, choose
from gateway.errors import BadRequest, GatewayError, Unavailable, UnknownPath, UpstreamStatus
from gateway.pipeline import Gateway, Visit, meaning
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Record
from gateway.upstream.lines import GOING_AWAY, Ended, Line
from gateway.upstream.relay import CallerGone, relay

SWITCHED = 101
"""The status of a session that began and ended as it should (RFC 9110, 15.2.2)."""

HURRY = 2.0
"""Seconds that saying goodbye to both sides may take."""


class Identity(msgspec.Struct):
    """Who asks for a session, and from where."""

    headers: dict[bytes, bytes]
    client: Any


async def converse(socket: Socket, record: Record, gateway: Gateway) -> None:
    """Carries one session, whichever side ends it."""
    gateway.telemetry.begun()
    visit: Visit | None = None
    try:
        visit = gateway.access.admit(Identity(socket.identity, socket.client), record)
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
            await _carry(socket, line, asked, record, gateway)
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


async def _carry(socket: Socket, line: Line, asked: Wanted, record: Record, gateway: Gateway) -> None:
    tally = Tally(asked.transcribes)
    ended = Ended(1011, "the gateway failed on this session")
    began = perf_counter_ns()
    try:
        await socket.accept(accepted(socket.subprotocols))
        ended = await relay(socket, line, tally, gateway.lines.max_message)
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
        record.usage, record.answered_model = tally.usage, tally.model
        record.model = record.model or tally.model
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
