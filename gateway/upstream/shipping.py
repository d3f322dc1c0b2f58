"""One try at one target for an endpoint whose bodies are not JSON both ways: the parcel sent, its answer begun.

Nothing of an answer is passed on before its status is known, so that another try or target can take over. JSON and text
are read whole; events pass as a stream of the dialect; audio and images pass while they come.
"""

from time import perf_counter_ns

import msgspec

from gateway._speedups.http1 import Response
from gateway.dialects import speech
from gateway.dialects.endpoints import Endpoint
from gateway.dialects.parcels import PARCELS, FormFacts
from gateway.errors import GatewayError, UnservedEndpoint, UpstreamProtocolError
from gateway.schemas.call import Call
from gateway.schemas.plan import Target, Timeouts
from gateway.schemas.record import Record
from gateway.upstream.connection import Connection, Credential, Lane
from gateway.upstream.exchange import refusal, spent
from gateway.upstream.headers import returned
from gateway.upstream.passthrough import Carried, length
from gateway.upstream.replies import Stream, Whole
from gateway.upstream.sources import Passed

_READ_WHOLE = (b"application/json", b"text/", b"application/x-subrip")
_STREAM = b"text/event-stream"


class Shipment(msgspec.Struct, frozen=True):
    """What to send whom, and how long to wait. `after` follows the lane's own path; `foreign` is the vendor's way of
    speech where it is not the caller's."""

    connection: Connection
    target: Target
    call: Call
    lane: Lane
    content_type: bytes
    body: bytes
    timeouts: Timeouts
    credential: Credential
    after: bytes = b""
    foreign: speech.Foreign | None = None


def pack(
    connection: Connection,
    target: Target,
    call: Call,
    record: Record,
    timeouts: Timeouts,
    credential: Credential,
) -> Shipment:
    """The parcel for one target. Raises UnservedEndpoint, and BadRequest for what only a translation finds wrong."""
    record.dropped = ()
    lane = connection.lane(call.endpoint, target.model)
    if lane is not None:
        kind = call.facts.content_type if isinstance(call.facts, FormFacts) else b"application/json"
        body = call.facts.rewrite(target.model)
        return Shipment(connection, target, call, lane, kind, body, timeouts, credential)
    for foreign in speech.FOREIGN.get(call.endpoint, ()):
        lane = connection.lane(foreign.endpoint, target.model)
        if lane is not None:
            packed = foreign.write(call, target.model)
            record.dropped = packed.dropped
            kind, body, after = packed.content_type, packed.body, packed.after
            return Shipment(
                *(connection, target, call, lane, kind, body, timeouts, credential), after, foreign
            )
    asked = call.endpoint.replace("_", " ")
    raise UnservedEndpoint(f"the provider {connection.name!r} does not serve {asked}")


async def ship(shipment: Shipment, left: float, record: Record) -> Whole | Stream | Carried:
    """The target's answer once it has begun. `left` is the time for all that remains, in seconds."""
    endpoint = PARCELS[shipment.call.endpoint]
    response = await _request(shipment, left, record)
    try:
        if not 200 <= response.status < 300:
            raise await refusal(response, endpoint)
        return await _answer(response, shipment, endpoint, record)
    except BaseException as error:
        response.abort()
        if isinstance(error, GatewayError):
            shipment.connection.cleanse(error)
        raise


async def _request(shipment: Shipment, left: float, record: Record) -> Response:
    connection, target, timeouts = shipment.connection, shipment.target, shipment.timeouts
    path = shipment.lane.to(target.model, shipment.call.stream) + shipment.after
    kept = () if shipment.foreign else shipment.call.headers
    headers = ((b"accept", b"*/*"), (b"content-type", shipment.content_type), *kept)
    before = perf_counter_ns()
    try:
        head = connection.parcel_head("POST", shipment.lane, path, shipment.credential, headers)
        return await connection.request(head, shipment.body, timeouts, left)
    finally:
        record.waited_ns += perf_counter_ns() - before


async def _answer(
    response: Response, shipment: Shipment, endpoint: Endpoint, record: Record
) -> Whole | Stream | Carried:
    content_type = response.header(b"content-type") or b""
    kind = content_type.lower()
    if kind.startswith(_STREAM) and endpoint.tap is not None and shipment.foreign is None:
        headers = [(b"content-type", content_type), *returned(response.headers)]
        source = Passed(endpoint.tap(False, 1))
        stream = Stream(response, source, record, headers, shipment.connection.cleanse)
        try:
            await stream.commit(shipment.timeouts.first_token)
        except BaseException:
            spent(record, source)
            raise
        return stream
    if kind.startswith(_READ_WHOLE):
        return await _whole(response, shipment, endpoint, record)
    headers = [(b"content-type", content_type)] if content_type else []
    return Carried(response, None, record, [*headers, *length(response), *returned(response.headers)])


async def _whole(response: Response, shipment: Shipment, endpoint: Endpoint, record: Record) -> Whole:
    content_type = response.header(b"content-type") or b""
    kind = content_type.lower()
    before = perf_counter_ns()
    try:
        body = await response.read()
    finally:
        record.waited_ns += perf_counter_ns() - before
    if shipment.foreign is not None:
        answer = shipment.foreign.read(body, shipment.call)
        record.usage = answer.usage
        return Whole(answer.body, returned(response.headers), answer.content_type)
    if kind.startswith(b"text/html"):
        raise UpstreamProtocolError("the provider answered with an HTML page")
    if kind.startswith(b"application/json"):
        facts = endpoint.reply_facts(body)
        if facts.error is not None:
            raise facts.error
        record.usage, record.answered_model = facts.usage, facts.model
    return Whole(body, returned(response.headers), content_type)
