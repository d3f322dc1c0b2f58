"""The ASGI application of a worker: finds the route, hands inference to the pipeline, answers the rest itself."""

import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol
from urllib.parse import parse_qsl

from gateway.access.keys import CREDENTIALS
from gateway.api.door import Inbound, Message, RawSend, Receive, Send
from gateway.api.ids import RequestIds
from gateway.api.pages import Page
from gateway.api.routes import Match, dialect_of, find, find_store, is_session, table
from gateway.api.sessions import converse, refuse_path
from gateway.api.websocket import Socket
from gateway.delivery import deliver_error
from gateway.dialects.endpoints import ARRAYS, ENDPOINTS, Endpoint, error_endpoint
from gateway.dialects.parcels import PARCELS
from gateway.dialects.realtime import REALTIME
from gateway.dialects.stores import Store
from gateway.errors import GatewayError, MethodNotAllowed, UnknownPath
from gateway.pipeline import DISCARD, Gateway, deliver_parcel, keep, pass_through, serve
from gateway.schemas.record import Record
from gateway.telemetry.logs import log

PASSTHROUGH = b"/passthrough/"

EVENTS = b"alt=sse"
"""How callers of Gemini's ask for server-sent events; without it a stream is a JSON array."""


class Worker(Protocol):
    """What lives as long as the worker does."""

    async def start(self) -> Gateway: ...
    async def stop(self) -> None: ...


class Application:
    """ASGI 3. Everything that depends on the event loop is made at `lifespan.startup`."""

    def __init__(self, worker: Worker, pages: Mapping[str, Page]) -> None:
        self._worker = worker
        self._pages = pages
        self._paths = table(ENDPOINTS)
        self._ids = RequestIds()
        self._gateway: Gateway | None = None

    def adopt(self, gateway: Gateway) -> None:
        """From now on requests are served by this one; those under way end as they began."""
        self._gateway = gateway

    async def __call__(self, scope: Message, receive: Receive, send: RawSend) -> None:
        if scope["type"] == "http":
            draining = self._gateway is not None and self._gateway.callers.draining
            await self._http(Inbound(scope, receive), Send(send, close=draining))
        elif scope["type"] == "websocket":
            await self._session(Socket(scope, receive, send))
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    def _http(self, inbound: Inbound, send: Send) -> Awaitable[None]:
        """What serves this request, for the caller to wait for."""
        if inbound.raw_path.startswith(PASSTHROUGH):
            return self._pass_through(inbound, send)
        match = self._paths.get(inbound.path) or find(self._paths, inbound.path)
        if match is not None and match.dialect == "gemini":
            adopt_key(inbound)
        if match is not None and inbound.method in match.methods:
            endpoint = ENDPOINTS.get(match.name)
            if endpoint is None and match.name in PARCELS:
                return self._parcel(inbound, send, PARCELS[match.name])
            if endpoint is not None:
                assert self._gateway is not None  # no request comes before lifespan.startup is complete
                inbound.model, inbound.stream = match.argument, match.stream
                if match.stream and EVENTS not in inbound.query:
                    endpoint = ARRAYS.get(match.name, endpoint)
                record = Record(self._ids.next(), endpoint.name, endpoint.dialect, client=_address(inbound))
                return serve(inbound, send, endpoint, record, self._gateway)
        store = None
        if match is None:
            store = find_store(inbound.raw_path, b"anthropic-version" in inbound.headers)
        if store is not None:
            match = Match(store[0].name, store[0].methods, store[0].dialect)
            if inbound.method in match.methods:
                return self._keep(inbound, send, store)
        return self._page(inbound, send, match)

    async def _session(self, socket: Socket) -> None:
        if is_session(socket.path):
            record = Record(self._ids.next(), REALTIME.name, REALTIME.dialect, client=_address(socket))
            await converse(socket, record, self._current)
        else:
            await refuse_path(socket, Record(self._ids.next(), "other", "openai"))

    def _current(self) -> Gateway:
        assert self._gateway is not None  # no request comes before lifespan.startup is complete
        return self._gateway

    async def _keep(self, inbound: Inbound, send: Send, store: tuple[Store, bytes]) -> None:
        assert self._gateway is not None
        endpoint = error_endpoint(store[0].dialect)
        record = Record(self._ids.next(), store[0].name, endpoint.dialect, client=_address(inbound))
        await keep(inbound, send, endpoint, record, self._gateway, store)

    async def _parcel(self, inbound: Inbound, send: Send, endpoint: Endpoint) -> None:
        assert self._gateway is not None
        record = Record(self._ids.next(), endpoint.name, endpoint.dialect, client=_address(inbound))
        await deliver_parcel(inbound, send, endpoint, record, self._gateway)

    async def _pass_through(self, inbound: Inbound, send: Send) -> None:
        assert self._gateway is not None
        endpoint = _speaker(inbound, None)
        record = Record(self._ids.next(), "passthrough", endpoint.dialect, client=_address(inbound))
        rest = inbound.raw_path[len(PASSTHROUGH) :]
        await pass_through(inbound, send, endpoint, record, self._gateway, rest)

    async def _page(self, inbound: Inbound, send: Send, match: Match | None) -> None:
        try:
            if match is None:
                hint = "; sessions are opened with a WebSocket" if is_session(inbound.path) else ""
                raise UnknownPath(f"unknown path {inbound.path[:200]!r}{hint}")
            if inbound.method not in match.methods:
                raise MethodNotAllowed(f"{match.methods[0]} is the method of {inbound.path[:200]!r}")
            status, headers, body = await self._pages[match.name](inbound, match)
            if isinstance(body, bytes):
                await send.whole(status, headers, body)
                return
            await send.start(status, headers)
            for piece in body:
                await send.chunk(piece)
            await send.end()
        except GatewayError as error:
            await inbound.discard(DISCARD)
            endpoint = _speaker(inbound, match)
            await deliver_error(error, endpoint, send, Record(self._ids.next(), "other", endpoint.dialect))

    async def _lifespan(self, receive: Callable[[], Awaitable[Message]], send: RawSend) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    self._gateway = await self._worker.start()
                except Exception as error:  # without this its server would let it answer everything with 500
                    hint = "it is started again; the others serve meanwhile"
                    trace = traceback.format_exc()
                    log.error(
                        "worker_unstartable", error=f"{type(error).__name__}: {error}", trace=trace, hint=hint
                    )
                    await send({"type": "lifespan.startup.failed"})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._worker.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


def adopt_key(inbound: Inbound) -> None:
    """Takes the credential from the query, where callers of Gemini's may put it, unless a header has one. Nothing of
    the query ever travels on."""
    if b"key=" not in inbound.query or not inbound.headers.keys().isdisjoint(CREDENTIALS):
        return
    for name, value in parse_qsl(inbound.query, max_num_fields=32):
        if name == b"key" and value:
            inbound.headers[b"x-goog-api-key"] = value


def _address(inbound: Inbound | Socket) -> str:
    """The caller's, as the connection tells it, or the operator's proxies."""
    return inbound.client[0] if inbound.client is not None else ""


def _speaker(inbound: Inbound, match: Match | None) -> Endpoint:
    """In whose dialect to refuse: the path tells, or the header that only Anthropic's SDKs send."""
    if b"anthropic-version" in inbound.headers:
        return error_endpoint("anthropic")
    return error_endpoint(match.dialect if match is not None else dialect_of(inbound.path))
