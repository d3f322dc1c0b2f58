"""A request as one target wants it: the caller's own bytes, or its meaning in the target's dialect."""

from collections.abc import Callable, Iterable

import msgspec

from gateway._speedups.jsonscan import request_facts
from gateway.dialects import sealing
from gateway.dialects.codec import TargetFacts
from gateway.dialects.dropped import spelled
from gateway.dialects.edits import adapted, marked, wrapped
from gateway.dialects.endpoints import ENDPOINTS, WRAPPED, Endpoint
from gateway.errors import UnservedEndpoint
from gateway.schemas.call import Call, Neutral
from gateway.schemas.plan import Target
from gateway.schemas.record import Record
from gateway.upstream.connection import Connection, Lane

MaxOutput = Callable[[str, str], int | None]
"""(provider, model) to the most tokens that the model can generate, where that is known."""

PREFIX = sealing.PREFIX.encode()
"""Thought of another provider in the gateway's envelope: its own provider cannot open it, so such a request is read."""


class Part(msgspec.Struct, frozen=True):
    """One of the requests that a target needs to be asked, and its meaning."""

    body: bytes
    request: Neutral


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A rendered request: `speaks` is the endpoint whose dialect it is in; `hide_usage` tells that the gateway asked
    for the stream's usage where the caller did not. A translated request has `parts`; `body` is the first one's."""

    speaks: Endpoint
    lane: Lane
    body: bytes
    hide_usage: bool = False
    parts: tuple[Part, ...] = ()


def render(
    connection: Connection, target: Target, call: Call, record: Record, max_output: MaxOutput
) -> Outgoing:
    """The request for one target; what does not fit into it is named in the record.

    Raises UnservedEndpoint, and BadRequest for what only a translation finds wrong.
    """
    endpoint = ENDPOINTS[call.endpoint]
    lane = connection.lane(call.endpoint, target.model)
    if lane is not None and not call.rewritten and not (endpoint.converses and PREFIX in call.body):
        return _passed(connection, lane, target, call, record)
    if lane is None and endpoint.family:
        lane = connection.stand_in(endpoint.family, target.model)
    if lane is None:
        asked = call.endpoint.replace("_", " ")
        raise UnservedEndpoint(f"the provider {connection.name!r} does not serve {asked}")
    return _translated(connection, lane, target, call, record, max_output)


def _passed(connection: Connection, lane: Lane, target: Target, call: Call, record: Record) -> Outgoing:
    """The caller's bytes: `model` replaced, what the provider refuses taken out, and a stream's usage asked for."""
    endpoint = ENDPOINTS[call.endpoint]
    quirks = connection.quirks
    facts = call.facts
    ask_usage = call.stream and endpoint.stream_options and quirks.stream_usage and not facts.include_usage
    model = None if endpoint.model_in_path else target.model
    body, record.dropped = adapted(
        facts, model, ask_usage=ask_usage, drops=quirks.drops, renames=quirks.renames
    )
    if endpoint.renamed is not None:
        body = endpoint.renamed(body, target.model)
    if lane.adds or lane.omits:
        body = for_lane(lane, body, call)
    return Outgoing(WRAPPED.get(lane.framing, endpoint), lane, body, ask_usage)


def _translated(
    connection: Connection, lane: Lane, target: Target, call: Call, record: Record, max_output: MaxOutput
) -> Outgoing:
    endpoint = ENDPOINTS[call.endpoint]
    other = ENDPOINTS[lane.endpoint]
    if call.request is None:
        call.request = endpoint.read(call)
    quirks = connection.quirks
    if call.sequel is not None and call.rewritten and lane.prefill is not None:
        lane = lane.prefill
    written = other.write(
        call.request,
        TargetFacts(
            model=target.model,
            max_output=max_output(target.provider, target.model),
            drops=quirks.drops,
            accepts=quirks.accepts,
            max_tokens_field=quirks.max_tokens_field,
            stream_usage=quirks.stream_usage,
        ),
    )
    record.dropped = spelled([name for _, one in written for name in one.dropped], endpoint.codec.name)
    parts = tuple([Part(_suited(connection, lane, one.body, call), request) for request, one in written])
    hide_usage = other is endpoint and other.stream_options and not call.facts.include_usage
    return Outgoing(WRAPPED.get(lane.framing, other), lane, parts[0].body, hide_usage, parts)


def _suited(connection: Connection, lane: Lane, body: bytes, call: Call) -> bytes:
    renames = connection.quirks.renames
    if renames:
        body, _ = adapted(request_facts(body), None, renames=renames)
    if call.sequel is not None and call.rewritten and lane.endpoint == "chat_completions":
        body = marked(body, connection.quirks.prefills)
    return for_lane(lane, body, call)


def for_lane(lane: Lane, body: bytes, call: Call) -> bytes:
    """The body of a vendor that wraps the lane's dialect; most do not."""
    if not (lane.adds or lane.omits):
        return body
    adds: tuple[tuple[str, str | tuple[str, ...]], ...] = lane.adds
    if lane.lists and call.dialect == ENDPOINTS[lane.endpoint].dialect:
        adds += tuple((field, listed(call.headers, name)) for name, field in lane.lists)
    return wrapped(body, adds, lane.omits)


def listed(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> tuple[str, ...]:
    """The items of a header that is a list, over all its lines."""
    lines = b",".join(value for name, value in headers if name == wanted).decode("latin-1")
    return tuple(item for part in lines.split(",") if (item := part.strip()))
