"""One try at one target: the request sent, and the answer read until it commits."""

from time import perf_counter_ns
from typing import Any

import msgspec

from gateway._speedups.http1 import Response
from gateway.dialects.endpoints import ENDPOINTS, Endpoint
from gateway.errors import GatewayError, UnservedEndpoint, UpstreamProtocolError, UpstreamStatus
from gateway.schemas.call import Call
from gateway.schemas.plan import Target, Timeouts
from gateway.schemas.record import Record
from gateway.upstream.connection import Connection
from gateway.upstream.headers import retry_after, returned
from gateway.upstream.rendering import Outgoing
from gateway.upstream.replies import Stream, Whole
from gateway.upstream.sources import Passed, Translated


class Errand(msgspec.Struct, frozen=True):
    """What to ask whom, and how long to wait."""

    connection: Connection
    target: Target
    call: Call
    out: Outgoing
    timeouts: Timeouts


async def run(errand: Errand, left: float, record: Record) -> Whole | Stream:
    """The target's answer once it commits. `left` is the time for all that remains, in seconds."""
    call, out = errand.call, errand.out
    response = await _request(errand, left, record)
    try:
        if not 200 <= response.status < 300:
            raise await refusal(response, out.speaks)
        if call.stream:
            return await _stream(response, errand, record)
        return await _whole(response, call, out, record)
    except BaseException as error:
        response.abort()
        if isinstance(error, GatewayError):
            errand.connection.cleanse(error)
        raise


async def _request(errand: Errand, left: float, record: Record) -> Response:
    connection, target, out, timeouts = errand.connection, errand.target, errand.out, errand.timeouts
    credential = connection.credential(target.model)
    if credential is None:
        raise UnservedEndpoint(f"no key of the provider {connection.name!r} may be used for this model")
    caller = errand.call.headers if out.speaks.dialect == errand.call.dialect else ()
    before = perf_counter_ns()
    try:
        return await connection.client.request(
            connection.origin,
            connection.head(out.lane, credential, target.model, errand.call.stream, caller),
            out.body,
            connect=timeouts.connect,
            first_byte=timeouts.first_byte,
            idle=timeouts.idle,
            total=left,
        )
    finally:
        record.waited_ns += perf_counter_ns() - before


async def _whole(response: Response, call: Call, out: Outgoing, record: Record) -> Whole:
    before = perf_counter_ns()
    try:
        body = await response.read()
    finally:
        record.waited_ns += perf_counter_ns() - before
    if out.speaks.name == call.endpoint:
        facts = out.speaks.reply_facts(body)
        if facts.error is not None:
            raise facts.error
        record.usage, record.answered_model, record.finish = facts.usage, facts.model, facts.finish
        return Whole(body, returned(response.headers))
    reply = out.speaks.codec.read_reply(body)
    record.usage, record.answered_model = reply.usage, reply.model
    if reply.choices:
        record.finish = reply.choices[0].native or reply.choices[0].finish
    body = ENDPOINTS[call.endpoint].codec.write_reply(
        reply,
        request_model=call.model,
        reply_id=record.request_id,
        created=record.wall_ns // 10**9,
        request=call.request,
    )
    return Whole(body, returned(response.headers))


async def _stream(response: Response, errand: Errand, record: Record) -> Stream:
    call, out = errand.call, errand.out
    await expect_events(response, out.speaks)
    endpoint = ENDPOINTS[call.endpoint]
    source: Passed | Translated
    if out.speaks is endpoint and endpoint.tap is not None:
        source = Passed(endpoint.tap(out.hide_usage, call.facts.choices))
    else:
        assert call.request is not None  # rendering read it
        source = Translated(out.speaks, endpoint, call.request, record.request_id, record.wall_ns // 10**9)
    headers = [(b"content-type", endpoint.stream_type), *returned(response.headers)]
    stream = Stream(response, source, record, headers, errand.connection.cleanse)
    await stream.commit(errand.timeouts.first_token)
    return stream


async def refusal(response: Response, speaks: Endpoint) -> UpstreamStatus | UpstreamProtocolError:
    """The provider's error answer, with its status, message and Retry-After kept."""
    if response.status < 400:
        return UpstreamProtocolError(
            f"the provider answered with status {response.status}, which is no answer"
        )
    body = await response.read()
    content_type = (response.header(b"content-type") or b"").decode("latin-1")
    detail = speaks.codec.read_error(response.status, body, content_type)
    return UpstreamStatus(
        response.status,
        detail.message,
        upstream_code=detail.code,
        upstream_type=detail.type,
        param=detail.param,
        retry_after=retry_after(response.header(b"retry-after"), response.header(b"retry-after-ms")),
        body=body,
        content_type=content_type,
        dialect=speaks.dialect,
        passes=is_error_object(body, speaks.dialect),
        headers=returned(response.headers),
    )


class ErrorObject(msgspec.Struct):
    """An error as most dialects have it."""

    error: dict[str, Any]


class BareError(msgspec.Struct):
    """An error as Cohere and Bedrock have it."""

    message: str


def is_error_object(body: bytes, dialect: str) -> bool:
    """Whether a body is an error as the SDKs of its dialect read it."""
    try:
        msgspec.json.decode(body, type=BareError if dialect in ("cohere", "bedrock") else ErrorObject)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


async def expect_events(response: Response, speaks: Endpoint) -> None:
    """Raises unless the answer is an event stream: a 200 with an HTML page or a JSON error is a failure."""
    content_type = (response.header(b"content-type") or b"").lower()
    if content_type.startswith(speaks.stream_type) or not content_type:
        return
    body = await response.read()
    shown = content_type[:60].decode("latin-1")
    detail = speaks.codec.read_error(200, body, shown)
    raise UpstreamProtocolError(f"the provider answered a stream request with {shown!r}: {detail.message}")
