"""The last leg: a reply or an error, in the caller's dialect, with the gateway's own headers."""

from collections.abc import Callable
from time import perf_counter_ns
from typing import Protocol

from gateway.dialects.endpoints import Endpoint
from gateway.errors import ClientDisconnected, GatewayError, UpstreamStatus
from gateway.schemas.record import Record
from gateway.upstream.dispatch import Reply
from gateway.upstream.passthrough import Carried
from gateway.upstream.replies import Stream

Header = tuple[bytes, bytes]


class Send(Protocol):
    """The way back to the caller, as a door offers it."""

    started: bool

    async def whole(self, status: int, headers: list[Header], body: bytes) -> None: ...
    async def start(self, status: int, headers: list[Header]) -> None: ...
    async def chunk(self, data: bytes) -> None: ...
    async def end(self) -> None: ...
    async def cut(self) -> None: ...


async def deliver(reply: Reply, send: Send, record: Record, price: Callable[[Record], None]) -> None:
    """Sends the reply; raises what the provider does to it on the way."""
    record.status = 200
    if isinstance(reply, Stream):
        await _deliver_stream(reply, send, record)
        return
    price(record)
    await send.whole(200, [_JSON, *reply.headers, *gateway_headers(record)], reply.body)


async def deliver_carried(reply: Carried, send: Send, record: Record) -> None:
    """Sends an answer that passes as it is, while it comes."""
    record.status = reply.status
    await _pump(reply, reply.status, reply.headers, send, record)


async def _deliver_stream(stream: Stream, send: Send, record: Record) -> None:
    await _pump(stream, 200, [*_STREAM_HEADERS, *stream.headers], send, record)


async def _pump(
    stream: Stream | Carried, status: int, headers: list[Header], send: Send, record: Record
) -> None:
    try:
        await send.start(status, [*headers, *gateway_headers(record)])
        data = await stream.chunk()
        while data:
            await send.chunk(data)
            data = await stream.chunk()
        await send.end()
    except BaseException:
        stream.abort()
        raise
    finally:
        stream.note(record)
    await stream.close()


async def deliver_error(error: GatewayError, endpoint: Endpoint, send: Send, record: Record) -> None:
    """Sends the error; inside a stream that has begun, as the dialect's own error event, never as a clean end."""
    record.status, record.error = error.http_status, error.code
    if isinstance(error, ClientDisconnected):
        return
    if send.started:
        await send.chunk(endpoint.codec.error_event(error))
        await send.end()
        return
    headers = [*error_headers(error), *endpoint.error_headers(error), *gateway_headers(record)]
    if isinstance(error, UpstreamStatus) and error.dialect == endpoint.dialect and error.passes:
        await send.whole(error.http_status, headers, error.body)
        return
    await send.whole(error.http_status, headers, endpoint.codec.write_error(error, record.request_id))


def error_headers(error: GatewayError) -> list[Header]:
    """Content type, and how long to wait where that is known (RFC 9110, 10.2.3: whole seconds, rounded up)."""
    if isinstance(error, UpstreamStatus):
        return [_JSON, *error.headers]
    if error.retry_after is not None:
        return [_JSON, (b"retry-after", b"%d" % -int(-error.retry_after // 1))]
    return [_JSON]


def gateway_headers(record: Record) -> list[Header]:
    """What the gateway says of its own work; values are the gateway's or the operator's, never raw input."""
    elapsed = perf_counter_ns() - record.started_ns
    overhead = elapsed - record.waited_ns
    headers = [
        (b"x-gateway-request-id", record.request_id.encode()),
        (b"x-gateway-overhead-us", b"%d" % (overhead // 1000)),
        (b"server-timing", b"gateway;dur=%.3f, upstream;dur=%.3f" % (overhead / 1e6, record.waited_ns / 1e6)),
    ]
    if record.attempts:
        headers += (
            (b"x-gateway-provider", record.provider.encode()),
            (b"x-gateway-model", _printable(record.model)),
            (b"x-gateway-attempts", b"%d" % len(record.attempts)),
            (b"x-gateway-fallback", b"true" if record.fallback else b"false"),
        )
    if record.cost_nano_usd is not None:
        headers.append((b"x-gateway-cost-usd", usd(record.cost_nano_usd)))
    if record.dropped:
        headers.append((b"x-gateway-dropped", _printable(", ".join(record.dropped))))
    return headers


def usd(nano: int) -> bytes:
    """Nano-dollars as a decimal of dollars, exactly."""
    return b"%d.%09d" % divmod(nano, 1_000_000_000)


def _printable(text: str) -> bytes:
    """A header value of visible ASCII; everything else percent-encoded, so that a model's name cannot end a line."""
    if text.isascii() and text.isprintable():
        return text.encode()
    return b"".join(
        bytes((byte,)) if 0x20 <= byte < 0x7F and byte != 0x25 else b"%%%02X" % byte for byte in text.encode()
    )


_JSON: Header = (b"content-type", b"application/json")

_STREAM_HEADERS: list[Header] = [
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
