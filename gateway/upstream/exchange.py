"""One try at one target: the request sent, and the answer read until it commits."""

from collections.abc import Awaitable
from time import perf_counter_ns, time
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway._speedups.http1 import Response
from gateway.dialects import bedrock
from gateway.dialects.endpoints import EMBED, ENDPOINTS, Endpoint
from gateway.dialects.losses import lost_in
from gateway.dialects.spoken import told
from gateway.errors import GatewayError, UpstreamProtocolError, UpstreamStatus
from gateway.schemas.call import Call
from gateway.schemas.chat import ChatRequest, Reply
from gateway.schemas.plan import Target, Timeouts
from gateway.schemas.record import Record
from gateway.upstream.arrays import Arrayed
from gateway.upstream.connection import Connection, Credential
from gateway.upstream.headers import TOKENS, counted, retry_after, returned, told_to_wait
from gateway.upstream.hearing import ear, note
from gateway.upstream.ratelimits import wait_of
from gateway.upstream.rendering import Outgoing, Part
from gateway.upstream.replies import Source, Stream, Whole
from gateway.upstream.sources import Passed, Translated
from gateway.upstream.stories import Sequel, Successor, Teller
from gateway.upstream.together import all_of


class Errand(msgspec.Struct, frozen=True, gc=False):
    """What to ask whom, and how long to wait."""

    connection: Connection
    target: Target
    call: Call
    out: Outgoing
    timeouts: Timeouts
    credential: Credential


async def run(errand: Errand, left: float, record: Record) -> Whole | Stream:
    """The target's answer once it commits. `left` is the time for all that remains, in seconds."""
    call, out = errand.call, errand.out
    if len(out.parts) > 1:
        return await _whole_of_many(errand, left, record)
    before = perf_counter_ns()
    try:
        response = await _request(errand, out.body, left)
    finally:
        record.waited_ns += perf_counter_ns() - before
    try:
        if not 200 <= response.status < 300:
            raise await refusal(response, out.speaks)
        if call.stream:
            return await _stream(response, errand, record)
        before = perf_counter_ns()
        try:
            body = await response.read()
        finally:
            record.waited_ns += perf_counter_ns() - before
        return _whole(body, response, errand, record)
    except BaseException as error:
        response.abort()
        if isinstance(error, GatewayError):
            errand.connection.cleanse(error)
        raise


def _request(errand: Errand, body: bytes, left: float) -> Awaitable[Response]:
    connection, call, out = errand.connection, errand.call, errand.out
    caller = call.headers if out.speaks.dialect == call.dialect else ()
    head = connection.head(out.lane, errand.credential, errand.target.model, call.stream, caller)
    return connection.request(head, body, errand.timeouts, left)


def _whole(body: bytes, response: Response, errand: Errand, record: Record) -> Whole:
    call, out = errand.call, errand.out
    if out.speaks.name == call.endpoint:
        facts = out.speaks.reply_facts(body)
        if facts.error is not None:
            raise facts.error
        record.usage = facts.usage
        if record.usage is None and out.speaks.family == EMBED:
            record.usage = counted([response.header(TOKENS)])
        record.answered_model, record.finish = facts.model, facts.finish
        if record.usage is None or not record.usage.input:
            note(record, call, out.speaks, errand.target.model, body)
        return Whole(body, returned(response.headers))
    return _translated(errand, [(body, response)], record)


def _translated(errand: Errand, answers: list[tuple[bytes, Response]], record: Record) -> Whole:
    """The caller's answer, from those to all parts of its request."""
    call, out, model = errand.call, errand.out, errand.target.model
    bodies, asked = [body for body, _ in answers], [part.request for part in out.parts]
    try:
        reply = out.speaks.read_replies(bodies, asked, model)
    except UpstreamProtocolError:  # it may be an error that came with the status of an answer
        for body in bodies:
            if (said := out.speaks.reply_facts(body).error) is not None:
                raise said from None
        raise
    if reply.usage is None and out.speaks.family == EMBED:
        reply = replace(reply, usage=counted([response.header(TOKENS) for _, response in answers]))
    record.usage = reply.usage
    if len(bodies) == 1 and (reply.usage is None or not reply.usage.input):
        note(record, call, out.speaks, model, bodies[0])
    record.answered_model, record.finish = reply.model or model, reply.finish
    endpoint = ENDPOINTS[call.endpoint]
    if isinstance(reply, Reply):
        record.dropped += lost_in(reply, endpoint.codec.name)
        reply = told(reply, endpoint.codec.name)
    body = endpoint.write_reply(reply, call, model, record.request_id, record.wall_ns // 10**9)
    return Whole(body, returned(answers[0][1].headers))


async def _whole_of_many(errand: Errand, left: float, record: Record) -> Whole:
    async def ask(part: Part) -> tuple[bytes, Response]:
        response = await _request(errand, part.body, left)
        try:
            if not 200 <= response.status < 300:
                raise await refusal(response, errand.out.speaks)
            return await response.read(), response
        except BaseException:
            response.abort()
            raise

    before = perf_counter_ns()
    try:
        answers = await all_of(ask, errand.out.parts, left)
    except GatewayError as error:
        errand.connection.cleanse(error)
        raise
    finally:
        record.waited_ns += perf_counter_ns() - before
    return _translated(errand, answers, record)


async def _stream(response: Response, errand: Errand, record: Record) -> Stream:
    call, out = errand.call, errand.out
    await expect_events(response, out.speaks)
    endpoint = ENDPOINTS[call.endpoint]
    source: Passed | Translated
    model, created = errand.target.model, record.wall_ns // 10**9
    if call.resumable:
        source = _teller(errand, endpoint, record)
    elif out.speaks.name == endpoint.name and out.speaks.tap is not None:
        source = Passed(out.speaks.tap(out.hide_usage, endpoint.choices(call.facts)))
    else:
        assert isinstance(call.request, ChatRequest)  # rendering read it; nothing else streams
        source = Translated(out.speaks, endpoint, call.request, record.request_id, created, model)
    content_type = b"application/json" if call.array else endpoint.stream_type
    headers = [(b"content-type", content_type), *returned(response.headers)]
    goes_on = isinstance(source, Successor)
    told: Source = Arrayed(source, begun=goes_on) if call.array else source
    stream = Stream(response, told, record, headers, errand.connection.cleanse, errand.timeouts.idle)
    stream.ear = ear(errand.connection.rates, call, out.speaks, model)
    if isinstance(source, Teller | Successor):
        stream.teller = source
    try:
        await stream.commit(errand.timeouts.first_token, each=goes_on)
    except BaseException:
        spent(record, told)
        raise
    return stream


def _teller(errand: Errand, wanted: Endpoint, record: Record) -> Teller | Successor:
    """The source of a stream that another target can go on with, or that goes on with another's."""
    call, speaks, model = errand.call, errand.out.speaks, errand.target.model
    assert isinstance(call.request, ChatRequest)  # else it would not be resumable
    if isinstance(call.sequel, Sequel):
        return Successor(speaks, call.sequel, wanted, call.request, model)
    return Teller(speaks, wanted, call.request, record.request_id, record.wall_ns // 10**9, model)


def spent(record: Record, source: Source) -> None:
    """Writes into the last attempt what it told of its usage before it was given up."""
    if record.attempts:
        record.attempts[-1].usage = source.usage


async def refusal(response: Response, speaks: Endpoint) -> UpstreamStatus | UpstreamProtocolError:
    """The provider's error answer, with its status, message and Retry-After kept."""
    if response.status < 400:
        return UpstreamProtocolError(
            f"the provider answered with status {response.status}, which is no answer"
        )
    body = await response.read()
    content_type = (response.header(b"content-type") or b"").decode("latin-1")
    kind = response.header(bedrock.ERROR_HEADER)
    detail = (
        speaks.codec.read_error(response.status, body, content_type)
        if kind is None
        else bedrock.read_error(response.status, body, content_type, kind.decode("latin-1"))
    )
    headers = returned(response.headers)
    wait = retry_after(response.header(b"retry-after"), response.header(b"retry-after-ms"))
    if wait is None and response.status in _PASSING:
        wait = wait_of(response.headers, body, time())
        if wait is not None:
            headers = told_to_wait(headers, wait)
    return UpstreamStatus(
        response.status,
        detail.message,
        upstream_code=detail.code,
        upstream_type=detail.type,
        param=detail.param,
        retry_after=wait,
        body=body,
        content_type=content_type,
        dialect=speaks.dialect,
        passes=is_error_object(body, speaks.dialect),
        headers=headers,
    )


_PASSING = frozenset({429, 503, 529})
"""Statuses of what passes by itself: other answers' limits tell nothing of when to come back."""


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
