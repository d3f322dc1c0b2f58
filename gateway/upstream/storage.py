"""What a provider keeps for its callers, asked for by one request: the provider's credential instead of the caller's.

Nothing is tried twice: an upload may have arrived though its answer did not.
"""

from time import perf_counter_ns

from gateway._speedups.http1 import Response
from gateway.dialects.endpoints import error_endpoint
from gateway.dialects.stores import Store, linked_here
from gateway.errors import GatewayError
from gateway.schemas.record import Attempt, Record
from gateway.upstream.causes import cause_of
from gateway.upstream.connection import Connection, Lane
from gateway.upstream.exchange import refusal
from gateway.upstream.headers import returned
from gateway.upstream.passthrough import Carried, Parcel
from gateway.upstream.replies import Whole


async def fetch(
    connection: Connection, lane: Lane, store: Store, one: Parcel, record: Record
) -> Whole | Carried:
    """The provider's answer: whole where the gateway edits it, else once its head is there. Raises its refusal."""
    attempt = Attempt(connection.name, "")
    record.attempts.append(attempt)
    record.provider = connection.name
    before = perf_counter_ns()
    try:
        response = await _request(connection, lane, one)
        try:
            return await _answer(response, store, record, connection)
        except BaseException:
            response.abort()
            raise
    except GatewayError as error:
        attempt.outcome, attempt.status, attempt.cause = error.code, error.http_status, cause_of(error)
        connection.cleanse(error)
        raise
    finally:
        attempt.duration_ns = perf_counter_ns() - before
        record.waited_ns += attempt.duration_ns


async def _request(connection: Connection, lane: Lane, one: Parcel) -> Response:
    head = connection.parcel_head(
        one.method, lane, below(lane, one.path), connection.first_credential, one.headers
    )
    return await connection.request(head, one.body, connection.timeouts, connection.timeouts.total)


def below(lane: Lane, path: bytes) -> bytes:
    """The request target of `path` (with its query) below the lane's own, which may have a query too."""
    base, _, own = lane.to("", stream=False).partition(b"?")
    rest, _, query = path.partition(b"?")
    both = b"&".join(part for part in (own, query) if part)
    return base + rest + (b"?" + both if both else b"")


async def _answer(
    response: Response, store: Store, record: Record, connection: Connection
) -> Whole | Carried:
    if not 200 <= response.status < 300:
        raise await refusal(response, error_endpoint(store.dialect))
    content_type = response.header(b"content-type") or b""
    if store.links_back and content_type.lower().startswith(b"application/json"):
        body = linked_here(await response.read())
        return Whole(body, returned(response.headers), content_type)
    return Carried(response, None, record, mask=connection.mask)
