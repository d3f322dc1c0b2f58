"""The last leg: a reply or an error, in the caller's dialect, with the gateway's own headers."""

from collections.abc import Awaitable
from functools import lru_cache
from time import perf_counter_ns
from typing import Protocol

from gateway.dialects.endpoints import Endpoint
from gateway.errors import ClientDisconnected, GatewayError, LimitExceeded, UpstreamStatus
from gateway.schemas.record import Record
from gateway.upstream.passthrough import Carried
from gateway.upstream.replies import Whole

Header = tuple[bytes, bytes]


class Send(Protocol):
    """The way back to the caller, as a door offers it."""

    @property
    def started(self) -> bool: ...

    async def whole(self, status: int, headers: list[Header], body: bytes) -> None: ...
    async def start(self, status: int, headers: list[Header]) -> None: ...
    def chunk(self, data: bytes) -> Awaitable[None]: ...
    async def end(self) -> None: ...
    async def cut(self) -> None: ...


class Books(Protocol):
    """Who prices a record, and writes it down: once, before the last byte of its answer leaves."""

    def close(self, record: Record) -> None: ...


class Listener(Protocol):
    """Who keeps the beginning of an answer."""

    def hear(self, data: bytes) -> None: ...
    def note(self, record: Record) -> None: ...


class Stream(Protocol):
    """An answer that comes in pieces: a provider's, or one that was kept or is shared."""

    headers: list[Header]

    @property
    def over(self) -> bool: ...

    async def chunk(self) -> bytes: ...
    def note(self, record: Record) -> None: ...
    async def close(self) -> None: ...
    def abort(self) -> None: ...


Answer = Whole | Carried | Stream


def deliver(
    reply: Answer, send: Send, record: Record, books: Books, listener: Listener | None = None
) -> Awaitable[None]:
    """Sends the reply, while it is awaited; that raises what the provider does to it on the way."""
    record.status = 200
    if isinstance(reply, Whole):
        if listener is not None:
            listener.hear(reply.body)
            listener.note(record)
        books.close(record)
        headers = [(b"content-type", reply.content_type), *reply.headers, *gateway_headers(record)]
        return send.whole(200, headers, reply.body)
    if isinstance(reply, Carried):
        return deliver_carried(reply, send, record, books)
    return _deliver_stream(reply, send, record, books, listener)


async def deliver_carried(reply: Carried, send: Send, record: Record, books: Books) -> None:
    """Sends an answer that passes as it is, while it comes."""
    record.status = reply.status
    await _pump(_Telling(reply, record, books, None), reply.status, reply.headers, send)


async def _deliver_stream(
    stream: Stream, send: Send, record: Record, books: Books, listener: Listener | None
) -> None:
    headers = [*STREAM_HEADERS, *stream.headers]
    await _pump(_Telling(stream, record, books, listener), 200, headers, send)


class _Telling:
    """A stream that tells its record at its end, once, before the bytes that end it leave."""

    __slots__ = ("_books", "_listener", "_told", "record", "stream")

    def __init__(
        self, stream: Stream | Carried, record: Record, books: Books, listener: Listener | None
    ) -> None:
        self.stream = stream
        self.record = record
        self._books = books
        self._listener = listener
        self._told = False

    async def chunk(self) -> bytes:
        data = await self.stream.chunk()
        if self._listener is not None:
            self._listener.hear(data)
        if not self._told and (not data or self.stream.over):
            self.note()
            self._books.close(self.record)
        return data

    def note(self) -> None:
        if self._told:
            return
        self._told = True
        self.stream.note(self.record)
        if self._listener is not None:
            self._listener.note(self.record)


async def _pump(telling: _Telling, status: int, headers: list[Header], send: Send) -> None:
    stream = telling.stream
    try:
        await send.start(status, [*headers, *gateway_headers(telling.record)])
        data = await telling.chunk()
        while data:
            await send.chunk(data)
            data = await telling.chunk()
        await send.end()
    except BaseException:
        stream.abort()
        raise
    finally:
        telling.note()
    await stream.close()


async def deliver_error(error: GatewayError, endpoint: Endpoint, send: Send, record: Record) -> None:
    """Sends the error; inside a stream that has begun, as the dialect's own error event, never as a clean end."""
    record.status, record.error = error.http_status, error.code
    if isinstance(error, ClientDisconnected):
        return
    if send.started:
        await send.chunk(endpoint.codec.error_event(error))
        if endpoint.cuts_after_error:
            await send.cut()
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
    if isinstance(error, LimitExceeded):
        return [_JSON, *error.headers, *_after(error.retry_after)]
    return [_JSON, *_after(error.retry_after)]


def _after(seconds: float | None) -> list[Header]:
    return [] if seconds is None else [(b"retry-after", b"%d" % -int(-seconds // 1))]


def gateway_headers(record: Record) -> list[Header]:
    """What the gateway says of its own work; values are the gateway's or the operator's, never raw input."""
    elapsed = perf_counter_ns() - record.started_ns
    overhead = elapsed - record.waited_ns - record.queued_ns
    headers = [
        (b"x-gateway-request-id", record.request_id.encode()),
        (b"x-gateway-overhead-us", b"%d" % (overhead // 1000)),
        (b"server-timing", b"gateway;dur=%.3f, upstream;dur=%.3f" % (overhead / 1e6, record.waited_ns / 1e6)),
    ]
    if record.queued_ns:
        headers.append((b"x-gateway-queue-us", b"%d" % (record.queued_ns // 1000)))
    if record.attempts:
        headers += (
            *_target_headers(record.provider, record.model),
            (b"x-gateway-attempts", b"%d" % len(record.attempts)),
            (b"x-gateway-fallback", b"true" if record.fallback else b"false"),
        )
    if record.cost_nano_usd is not None:
        headers.append((b"x-gateway-cost-usd", usd(record.cost_nano_usd)))
    if record.rule:
        headers.append((b"x-gateway-rule", record.rule.encode()))
    if record.estimated:
        headers.append((b"x-gateway-estimated", b"true"))
    if record.cache:
        headers.append(_CACHE[record.cache])
        if not record.attempts and record.provider:
            headers += _target_headers(record.provider, record.model)
    if record.plan:
        headers.append((b"x-gateway-plan", _printable(record.plan)))
    if record.dropped:
        headers.append((b"x-gateway-dropped", _printable(", ".join(record.dropped))))
    return headers


@lru_cache(1024)
def _target_headers(provider: str, model: str) -> tuple[Header, Header]:
    return (b"x-gateway-provider", provider.encode()), (b"x-gateway-model", _printable(model))


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


_CACHE: dict[str, Header] = {
    said: (b"x-gateway-cache", said.encode()) for said in ("hit", "semantic", "coalesced", "miss", "bypass")
}
_JSON: Header = (b"content-type", b"application/json")

STREAM_HEADERS: list[Header] = [
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
