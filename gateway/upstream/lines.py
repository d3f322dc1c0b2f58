"""One WebSocket to a provider: made, shaken hands on, used and closed.

With `websockets`, which does the framing, the flow control and the pings. Nothing is compressed, redirected or sent
through a proxy.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from gateway.dialects.endpoints import error_endpoint
from gateway.errors import (
    GatewayError,
    UnservedEndpoint,
    UpstreamClosed,
    UpstreamConnectError,
    UpstreamProtocolError,
    UpstreamStatus,
    UpstreamTimeout,
)
from gateway.providers.address import encode_model
from gateway.schemas.plan import Target, Timeouts
from gateway.upstream.connection import Connection, Credential, Lane
from gateway.upstream.exchange import is_error_object
from gateway.upstream.flights import Flight
from gateway.upstream.headers import retry_after, returned

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.exceptions import ConnectionClosed
    from websockets.http11 import Response

Header = tuple[bytes, bytes]

PING = 20.0
"""Seconds between two pings to a provider."""

SILENCE = 60.0
"""Seconds in which a ping must be answered; a caller who reads nothing for so long loses the session too."""

FAREWELL = 1.0
"""Seconds that a provider has to answer a close."""

GOING_AWAY = 1001
"""The code of whoever leaves without a word (RFC 6455, 7.4.1)."""

REFUSED = 1008
"""The code for whom a policy forbids to go on (RFC 6455, 7.4.1)."""

QUEUE = 4
"""Messages of a provider's that wait for a slow caller before no more is read."""

_ERROR = '"error"'
_START = 512
"""Characters of an event within which it says that it is one of an error."""

_SILENT = logging.getLogger("gateway.realtime")
_SILENT.disabled = True  # what goes wrong is told by the record, in the gateway's own log


class Ended(msgspec.Struct, frozen=True):
    """How a session ended: what the other side gets as close code and reason, and what went wrong, if anything did."""

    code: int
    reason: str = ""
    error: GatewayError | None = None
    by_caller: bool = False


class LineEnded(Exception):
    """The provider's side is over."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.reason)
        self.ended = ended


class Line:
    """One open connection to a provider; whole messages, text as str and binary as bytes. `mask` puts stars in place of
    the provider's keys, where it repeats them in an error."""

    def __init__(self, connection: "ClientConnection", provider: str, mask: Callable[[bytes], bytes]) -> None:
        from websockets.exceptions import ConnectionClosed

        self.provider = provider
        self.flight: Flight | None = None
        self._connection = connection
        self._closed = ConnectionClosed
        self._mask = mask

    async def receive(self) -> str | bytes:
        """The provider's next message. Raises LineEnded."""
        try:
            message = await self._connection.recv()
        except self._closed as closed:
            raise self._over(closed) from None
        if isinstance(message, str) and message.find(_ERROR, 0, _START) >= 0:
            return self._mask(message.encode("utf-8", "replace")).decode()
        return message

    async def send(self, message: str | bytes) -> None:
        """Waits while the provider reads too slowly. Raises LineEnded."""
        try:
            await self._connection.send(message)
        except self._closed as closed:
            raise self._over(closed) from None

    def _over(self, closed: "ConnectionClosed") -> LineEnded:
        ended = _ended(closed)
        return LineEnded(msgspec.structs.replace(ended, reason=self._mask(ended.reason.encode()).decode()))

    async def close(self, code: int, reason: str) -> None:
        """Says goodbye, and breaks off if that takes too long."""
        try:
            async with asyncio.timeout(FAREWELL):
                await self._connection.close(code, reason)
        except TimeoutError:
            pass
        finally:
            self._connection.transport.abort()


def _ended(closed: "ConnectionClosed") -> Ended:
    """A provider that says goodbye is taken at its word; any other end must not look like one."""
    if closed.rcvd is not None and closed.rcvd_then_sent is not False:
        code = 1000 if closed.rcvd.code == 1005 else int(closed.rcvd.code)
        failed = UpstreamClosed(f"the provider closed the session with {code}") if code in _FAILED else None
        return Ended(code, closed.rcvd.reason, failed)
    error: GatewayError
    if closed.sent is not None:
        words = closed.sent.reason or "the provider broke the protocol"
        error = UpstreamProtocolError(f"the session with the provider was given up: {words}")
    else:
        error = UpstreamClosed("the provider's connection broke off")
    return Ended(1011, error.message, error)


_FAILED = frozenset({1002, 1003, 1007, 1009, 1010, 1011, 1012, 1013, 1014})
"""Codes with which a provider says that something went wrong (RFC 6455, 7.4.1, and IANA's registry)."""


class Way(msgspec.Struct, frozen=True):
    """Whom to call, how, and with which key."""

    target: Target
    lane: Lane
    credential: Credential


async def dial(
    connection: Connection,
    way: Way,
    query: bytes,
    headers: tuple[Header, ...],
    max_message: int,
    timeouts: Timeouts,
) -> Line:
    """An open line. `query` and `headers` are the caller's that travel on. Raises what keeps the line from opening."""
    given = await _headers(connection, way, headers, timeouts)
    made = await _connect(connection, path(way.lane, way.target.model, query), max_message, timeouts)
    try:
        await _shake(made, given, connection, timeouts)
    except BaseException:
        made.transport.abort()
        raise
    return Line(made, way.target.provider, connection.mask)


async def _connect(
    connection: Connection, path: bytes, max_message: int, timeouts: Timeouts
) -> "ClientConnection":
    from websockets.asyncio.client import ClientConnection
    from websockets.client import ClientProtocol
    from websockets.uri import parse_uri

    origin = connection.origin
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    scheme = "wss" if origin.tls else "ws"
    uri = parse_uri(f"{scheme}://{host}:{origin.port}{path.decode('ascii')}")

    def connected() -> ClientConnection:
        protocol = ClientProtocol(uri, max_size=max_message, logger=_SILENT)
        return ClientConnection(
            protocol, ping_interval=PING, ping_timeout=SILENCE, close_timeout=FAREWELL, max_queue=QUEUE
        )

    loop = asyncio.get_running_loop()
    server = (origin.server_hostname or origin.host) if origin.tls else None
    try:
        async with asyncio.timeout(timeouts.connect):
            _, made = await loop.create_connection(
                connected, origin.host, origin.port, ssl=origin.ssl_context, server_hostname=server
            )
    except TimeoutError:
        raise UpstreamTimeout("no connection to the provider in time", phase="connect") from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UpstreamConnectError(f"no connection to the provider: {why}") from error
    return made


async def _headers(
    connection: Connection, way: Way, headers: tuple[Header, ...], timeouts: Timeouts
) -> list[tuple[str, str]]:
    """All headers of the handshake that are not WebSocket's own."""
    given = {name for name, _ in headers}
    found = [*headers, *(header for header in way.lane.defaults if header[0] not in given)]
    for line in way.lane.credentials[way.credential.index].split(b"\r\n"):
        if line:
            name, _, value = line.partition(b": ")
            found.append((name, value))
    if connection.renewed is not None:
        lease = await connection.renewed.lease(timeouts.connect)
        if lease.signer is not None:
            raise UnservedEndpoint(f"the provider {connection.name!r} has no realtime sessions")
        found += lease.headers
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in found]


def path(lane: Lane, model: str, query: bytes) -> bytes:
    """The request target: the lane's own query, the model, and what the caller asks beside it."""
    target, _, own = lane.to(model, stream=False).partition(b"?")
    named = b""
    if model:
        # Azure calls the model a deployment in its dated API versions, which have no /v1 in their paths.
        name = b"deployment=" if own.startswith(b"api-version=2") else b"model="
        named = name + encode_model(model).encode("ascii")
    return target + b"?" + b"&".join(part for part in (own, named, query) if part)


async def _shake(
    made: "ClientConnection", headers: list[tuple[str, str]], connection: Connection, timeouts: Timeouts
) -> None:
    """The opening handshake. Raises what the provider's refusal means."""
    from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus

    try:
        async with asyncio.timeout(timeouts.first_byte):
            await made.handshake(headers, "ai-gateway")
    except TimeoutError:
        raise UpstreamTimeout("the provider did not answer the handshake", phase="first_byte") from None
    except InvalidStatus as error:
        if error.response.status_code == 401 and connection.renewed is not None:
            connection.renewed.refused()
        raise _refusal(error.response) from None
    except (InvalidMessage, EOFError, OSError):
        raise UpstreamClosed("the provider closed the connection in the handshake") from None
    except InvalidHandshake as error:
        raise UpstreamProtocolError(f"the provider's handshake is no WebSocket's: {error}") from None
    made.start_keepalive()


def _refusal(response: "Response") -> UpstreamStatus | UpstreamProtocolError:
    if response.status_code < 400:
        return UpstreamProtocolError(
            f"the provider answered the handshake with status {response.status_code}"
        )
    body = bytes(response.body or b"")
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.headers.raw_items()
    ]
    named = dict(headers)
    content_type = named.get(b"content-type", b"").decode("latin-1")
    detail = error_endpoint("openai").codec.read_error(response.status_code, body, content_type)
    return UpstreamStatus(
        response.status_code,
        detail.message,
        upstream_code=detail.code,
        upstream_type=detail.type,
        param=detail.param,
        retry_after=retry_after(named.get(b"retry-after"), named.get(b"retry-after-ms")),
        body=body,
        content_type=content_type,
        dialect="openai",
        passes=is_error_object(body, "openai"),
        headers=returned(headers),
    )
