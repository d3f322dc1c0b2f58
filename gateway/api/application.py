"""The ASGI application of a worker: finds the route, hands inference to the pipeline, answers the rest itself."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from gateway.api.door import Inbound, Message, RawSend, Receive, Send
from gateway.api.ids import RequestIds
from gateway.api.pages import Page
from gateway.api.routes import Match, dialect_of, find, table
from gateway.delivery import deliver_error
from gateway.dialects.endpoints import ENDPOINTS, Endpoint, error_endpoint
from gateway.errors import GatewayError, MethodNotAllowed, UnknownPath
from gateway.pipeline import DISCARD, Gateway, pass_through, serve
from gateway.schemas.record import Record

PASSTHROUGH = b"/passthrough/"


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

    async def __call__(self, scope: Message, receive: Receive, send: RawSend) -> None:
        if scope["type"] == "http":
            draining = self._gateway is not None and self._gateway.callers.draining
            await self._http(Inbound(scope, receive), Send(send, close=draining))
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _http(self, inbound: Inbound, send: Send) -> None:
        if inbound.raw_path.startswith(PASSTHROUGH):
            await self._pass_through(inbound, send)
            return
        match = self._paths.get(inbound.path) or find(self._paths, inbound.path)
        if match is not None and inbound.method in match.methods:
            endpoint = ENDPOINTS.get(match.name)
            if endpoint is not None:
                assert self._gateway is not None  # no request comes before lifespan.startup is complete
                inbound.model, inbound.stream = match.argument, match.stream
                record = Record(self._ids.next(), endpoint.name, endpoint.dialect)
                await serve(inbound, send, endpoint, record, self._gateway)
                return
        await self._page(inbound, send, match)

    async def _pass_through(self, inbound: Inbound, send: Send) -> None:
        assert self._gateway is not None
        endpoint = _speaker(inbound, None)
        record = Record(self._ids.next(), "passthrough", endpoint.dialect)
        rest = inbound.raw_path[len(PASSTHROUGH) :]
        await pass_through(inbound, send, endpoint, record, self._gateway, rest)

    async def _page(self, inbound: Inbound, send: Send, match: Match | None) -> None:
        try:
            if match is None:
                raise UnknownPath(f"unknown path {inbound.path[:200]!r}")
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
                self._gateway = await self._worker.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._worker.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _speaker(inbound: Inbound, match: Match | None) -> Endpoint:
    """In whose dialect to refuse: the path tells, or the header that only Anthropic's SDKs send."""
    if b"anthropic-version" in inbound.headers:
        return error_endpoint("anthropic")
    return error_endpoint(match.dialect if match is not None else dialect_of(inbound.path))
