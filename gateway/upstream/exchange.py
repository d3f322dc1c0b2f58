"""One try at one target: the request as its dialect wants it, and the answer as the caller's does."""

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import msgspec

from gateway._speedups.http1 import Response
from gateway.dialects.codec import TargetFacts
from gateway.dialects.edits import adapted
from gateway.dialects.endpoints import ENDPOINTS, Endpoint
from gateway.errors import UnservedEndpoint, UpstreamProtocolError, UpstreamStatus
from gateway.schemas.call import Call
from gateway.schemas.plan import Target, Timeouts
from gateway.schemas.record import Record
from gateway.upstream.connection import Connection, Lane
from gateway.upstream.headers import retry_after, returned
from gateway.upstream.replies import Stream, Whole
from gateway.upstream.sources import Passed, Translated

MaxOutput = Callable[[str, str], int | None]
"""(provider, model) to the most tokens that the model can generate, where that is known."""


class Outgoing(msgspec.Struct, frozen=True):
    """A request rendered for one target: `speaks` is the endpoint whose dialect it is in."""

    speaks: Endpoint
    lane: Lane
    body: bytes
    hide_usage: bool = False


class Exchange:
    """Renders, sends and reads; one instance a worker."""

    def __init__(self, max_output: MaxOutput) -> None:
        self._max_output = max_output

    async def run(
        self,
        connection: Connection,
        target: Target,
        timeouts: Timeouts,
        left: float,
        call: Call,
        record: Record,
    ) -> Whole | Stream:
        """The target's answer once it commits. `left` is the time for all that remains, in seconds."""
        out = self.render(connection, target, call, record)
        response = await self._request(connection, target, timeouts, left, call, out, record)
        try:
            if not 200 <= response.status < 300:
                raise await refusal(response, out.speaks)
            if call.stream:
                return await self._stream(response, call, out, timeouts, record)
            return await self._whole(response, call, out, record)
        except BaseException:
            response.abort()
            raise

    def render(self, connection: Connection, target: Target, call: Call, record: Record) -> Outgoing:
        """The request in the target's dialect: the caller's own bytes where the dialect is the same."""
        lane = connection.lanes.get(call.endpoint)
        if lane is not None:
            return passed(connection, lane, target, call, record)
        endpoint = ENDPOINTS[call.endpoint]
        lane = connection.lanes.get(endpoint.translates)
        if lane is None:
            raise UnservedEndpoint(
                f"the provider {connection.name!r} does not serve {call.endpoint.replace('_', ' ')}"
            )
        other = ENDPOINTS[endpoint.translates]
        if call.request is None:
            call.request = endpoint.codec.read_request(call.body)
        quirks = connection.quirks
        written = other.codec.write_request(
            call.request,
            TargetFacts(
                model=target.model,
                max_output=self._max_output(target.provider, target.model),
                drops=quirks.drops,
                max_tokens_field=quirks.max_tokens_field,
                stream_usage=quirks.stream_usage,
            ),
        )
        record.dropped = written.dropped
        return Outgoing(other, lane, written.body)

    async def _request(
        self,
        connection: Connection,
        target: Target,
        timeouts: Timeouts,
        left: float,
        call: Call,
        out: Outgoing,
        record: Record,
    ) -> Response:
        credential = connection.credential(target.model)
        if credential is None:
            raise UnservedEndpoint(f"no key of the provider {connection.name!r} may be used for this model")
        caller = call.headers if out.speaks.dialect == call.dialect else ()
        before = perf_counter_ns()
        try:
            return await connection.client.request(
                connection.origin,
                connection.head(out.lane, credential, target.model, caller),
                out.body,
                connect=timeouts.connect,
                first_byte=timeouts.first_byte,
                idle=timeouts.idle,
                total=left,
            )
        finally:
            record.waited_ns += perf_counter_ns() - before

    async def _whole(self, response: Response, call: Call, out: Outgoing, record: Record) -> Whole:
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
            reply, request_model=call.model, reply_id=record.request_id, created=record.wall_ns // 10**9
        )
        return Whole(body, returned(response.headers))

    async def _stream(
        self, response: Response, call: Call, out: Outgoing, timeouts: Timeouts, record: Record
    ) -> Stream:
        await expect_events(response, out.speaks)
        endpoint = ENDPOINTS[call.endpoint]
        if out.speaks is endpoint and endpoint.tap is not None:
            stream = Stream(
                response,
                Passed(endpoint.tap(out.hide_usage, call.facts.choices)),
                record,
                returned(response.headers),
            )
        else:
            created = record.wall_ns // 10**9
            source = Translated(out.speaks, endpoint, call.request, record.request_id, created)
            stream = Stream(response, source, record, returned(response.headers))
        await stream.commit(timeouts.first_token)
        return stream


def passed(connection: Connection, lane: Lane, target: Target, call: Call, record: Record) -> Outgoing:
    """The caller's bytes: `model` replaced, what the provider refuses taken out, and a stream's usage asked for."""
    endpoint = ENDPOINTS[call.endpoint]
    quirks = connection.quirks
    facts = call.facts
    ask_usage = (
        call.stream and endpoint.dialect == "openai" and quirks.stream_usage and not facts.include_usage
    )
    body, record.dropped = adapted(
        facts, target.model, ask_usage=ask_usage, drops=quirks.drops, renames=quirks.renames
    )
    return Outgoing(endpoint, lane, body, ask_usage)


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
        passes=is_error_object(body),
        headers=returned(response.headers),
    )


class ErrorObject(msgspec.Struct):
    """What errors of both dialects have in common."""

    error: dict[str, Any]


def is_error_object(body: bytes) -> bool:
    """Whether a body is an error as the SDKs of its dialect read it."""
    try:
        msgspec.json.decode(body, type=ErrorObject)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


async def expect_events(response: Response, speaks: Endpoint) -> None:
    """Raises unless the answer is an event stream: a 200 with an HTML page or a JSON error is a failure."""
    content_type = (response.header(b"content-type") or b"").lower()
    if content_type.startswith(b"text/event-stream") or not content_type:
        return
    body = await response.read()
    detail = speaks.codec.read_error(200, body, content_type.decode("latin-1"))
    raise UpstreamProtocolError(
        f"the provider answered a stream request with {content_type[:60]!r}: {detail.message}"
    )
