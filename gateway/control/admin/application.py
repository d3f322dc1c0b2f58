"""The admin API as an ASGI application: nobody gets past its guard without a key, whatever the path."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol
from uuid import uuid4

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access.proxied import Proxied
from gateway.control.admin import caching, queries
from gateway.control.admin.access import Admin, Patience, admin_of, bearer
from gateway.control.admin.actions import ACTIONS, Action, Call, Done
from gateway.control.admin.answers import HEADERS, Refused, answer, failure, missing
from gateway.control.admin.checks import Store
from gateway.control.admin.openapi import document
from gateway.control.admin.resources import Asked
from gateway.control.leavers import bury
from gateway.control.precedence import Precedence
from gateway.schemas.governance import Gone
from gateway.store.engine import writing
from gateway.store.governance import audit
from gateway.store.sealing import SealBroken
from gateway.store.trouble import cause, trace
from gateway.telemetry.logs import log

LARGEST_BODY = 1 << 20
REQUEST_ID = "x-gateway-request-id"
IN_FORCE = "x-gateway-in-force"
_NOT_IN_FORCE = (
    "the change is stored, and the workers could not be told yet: it is tried again until they are"
)
_PLACE = re.compile(r" - at `(?:key` in `)?\$\.?(?P<path>[^`]*)`$")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)
_VERSION = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})"')
_ID = re.compile(r"[!-~](?:[ -~]{0,126}[!-~])?")

Metrics = Callable[[str], tuple[Iterable[bytes], str]]
"""From an Accept header to the exposition and its content type."""


class Changes(Protocol):
    """Hears of every change before it is answered."""

    async def publish(self) -> None:
        """Returns when all that has been changed is out."""

    async def revoke(self, gone: Sequence[Gone]) -> bool:
        """The same, and sooner, for keys that ended; what else has been changed follows by itself. False where that
        cannot be."""


class Api:
    """`store` holds what changes are checked against. Proxies on these networks say who their callers are."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        version: str,
        changes: Changes,
        metrics: Metrics,
        cache: caching.Cache | None = None,
        precedence: Precedence | None = None,
        proxies: tuple[str, ...] = (),
    ) -> None:
        self._proxies = proxies
        self._precedence = precedence or Precedence()
        self._cache = cache
        self._engine = engine
        self._store = store
        self._changes = changes
        self._metrics = metrics
        self._patience = Patience()
        self._document = document(ACTIONS, version)

    def application(self) -> ASGIApp:
        """What a server serves."""
        inner = Starlette(
            routes=[
                *(Route(_route(one), self._endpoint(one), methods=[one.method]) for one in ACTIONS),
                Route("/api/openapi.json", _page("viewer", self._openapi)),
                Route("/api/health", _page("viewer", self._health)),
                Route("/metrics", _page("viewer", self._expose)),
            ],
            exception_handlers={HTTPException: _unrouted, Refused: _refused, Exception: _failed},  # type: ignore[dict-item]
        )
        inner.router.redirect_slashes = False

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await self._guard(inner, scope, receive, send)

        return Proxied(guarded, self._proxies) if self._proxies else guarded

    async def _guard(self, inner: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request.state.id = uuid4().hex
        began = False

        async def sending(message: Any) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                message["headers"] = [*message["headers"], (REQUEST_ID.encode(), request.state.id.encode())]
            await send(message)

        try:
            with self._precedence.answering():
                request.state.admin = await asyncio.to_thread(self._admin, request)
            await inner(scope, receive, sending)
        except ClientDisconnect:
            return
        except Exception as error:
            if not began:
                await failure(_said(error, request.state.id))(scope, receive, sending)

    def _admin(self, request: Request) -> Admin:
        """Whose key the request carries. Raises Refused."""
        key = bearer(request.headers.get("authorization", ""))
        if key:
            with self._engine.connect() as connection:
                admin = admin_of(connection, key)
            if admin is not None:
                return admin
        raise self._patience.refusal(_ip(request), bool(key))

    def _endpoint(self, action: Action) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            _allow(request.state.admin, action.role, scoped=action.scoped)
            call = await self._read(action, request)
            with self._precedence.answering():
                done = await asyncio.to_thread(self._do, action, call)
            told = await self._tell(call.asked.gone, waits=done.waits) if action.writes else True
            if done.left is not None and self._cache is not None:
                await asyncio.to_thread(bury, self._cache, *done.left)
            if not told and not _brings_more(action, done, call.asked.gone):
                raise Refused(503, "not_in_force", _NOT_IN_FORCE)
            headers = {"etag": f'"{done.version}"'} if done.version else {}
            if not told:
                headers[IN_FORCE] = "false"
            return answer(done.body, action.status, headers)

        return endpoint

    async def _tell(self, gone: Sequence[Gone], *, waits: bool) -> bool:
        """Has the change taken up; where that fails (False), it is made all the same, and will be."""
        sooner = False
        try:
            with self._precedence.answering():
                sooner = bool(gone) and await self._changes.revoke(gone)
            if waits or not sooner:
                await self._changes.publish()
        except OSError as error:  # the disk's fault: told where it is tried again
            log.debug("change_not_published", error=str(error))
            return False
        except Exception as error:
            log.error("change_not_published", error=cause(error), trace=trace(error))
            return False
        return True

    async def _read(self, action: Action, request: Request) -> Call:
        """The request as the action takes it. Raises Refused."""
        asked = Asked(request.state.admin, _ip(request), request.state.id, _wanted_version(request))
        id = request.path_params.get("id", "")
        if id and not _ID.fullmatch(id):
            raise missing()
        pairs = request.query_params.multi_items()
        if action.parameters:
            query = queries.texts(pairs, action.parameters)
            return Call(asked, self._store, id, query, _decoded(await _body(request), action), self._cache)
        table = audit if action.kind is None else action.kind.table
        filters = action.filters or ()
        if action.filters is None and pairs:
            raise queries.wrong(pairs[0][0][:64], "this takes no parameters")
        query = queries.read(pairs, table, filters, origins=action.kind is not None)
        raw = await _body(request) if action.writes else b""
        return Call(asked, self._store, id, query, _decoded(raw, action), self._cache)

    def _do(self, action: Action, call: Call) -> Done:
        if action.writes:
            with writing(self._engine) as connection:
                return action.work(connection, call)
        with self._engine.connect() as connection:
            return action.work(connection, call)

    async def _openapi(self, _: Request) -> Response:
        return answer(self._document)

    async def _health(self, _: Request) -> Response:
        """That this process runs, and reaches its store (else 503)."""
        await asyncio.to_thread(self._look)
        return answer({"status": "ok", "store": self._engine.dialect.name})

    def _look(self) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    async def _expose(self, request: Request) -> Response:
        pieces, kind = self._metrics(request.headers.get("accept", ""))
        body = await asyncio.to_thread(b"".join, pieces)
        return Response(body, headers={**HEADERS, "content-type": kind})


def _brings_more(action: Action, done: Done, gone: Sequence[Gone]) -> bool:
    """Whether the answer tells of something new, whose key nobody could find out later, and nothing was to end."""
    return action.status == 201 or (done.waits and not gone)


def _route(action: Action) -> str:
    """Names of routes hold slashes; those of nothing else do."""
    return action.path.replace("{id}", "{id:path}") if action.path == "/api/routes/{id}" else action.path


def _page(
    role: str, page: Callable[[Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        _allow(request.state.admin, role, scoped=False)
        return await page(request)

    return endpoint


def _allow(admin: Admin, role: str, *, scoped: bool) -> None:
    """Raises Refused."""
    if not admin.may(role):
        raise Refused(403, "forbidden", f"this needs the role {role}, the key has {admin.role}")
    if admin.team and not scoped:
        raise Refused(403, "forbidden", "this key is for things of its own team")


async def _unrouted(_: Request, error: HTTPException) -> Response:
    code = "method_not_allowed" if error.status_code == 405 else "not_found"
    return failure(
        Refused(error.status_code, code, "there is no such route", headers=dict(error.headers or {}))
    )


async def _refused(_: Request, error: Refused) -> Response:
    return failure(error)


async def _failed(request: Request, error: Exception) -> Response:
    return failure(_said(error, request.state.id))


def _said(error: Exception, request_id: str) -> Refused:
    """What the caller is told of an error; what is no answer in itself is logged."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, (OperationalError, PoolTimeout)):
        log.warning("store_unavailable", error=cause(error), request_id=request_id)
        return Refused(
            *(503, "store_unavailable", "the store cannot be reached, or has no room: try again"),
            headers={"retry-after": "1"},
        )
    log.error("admin_failed", error=cause(error), request_id=request_id, trace=trace(error))
    if isinstance(error, SealBroken):
        return Refused(500, "seal_broken", "a secret of the store cannot be opened with this master key")
    return Refused(500, "internal", f"this should not have happened; the log tells more of {request_id}")


def _ip(request: Request) -> str:
    return request.client.host if request.client else ""


def _wanted_version(request: Request) -> int:
    """The version of If-Match; 0 for whichever."""
    given = request.headers.get("if-match", "*")
    if given == "*":
        return 0
    found = _VERSION.fullmatch(given)
    if found is None:
        raise queries.wrong("If-Match", 'must be the ETag of the thing, such as "3"')
    return int(found[1])


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise Refused(413, "too_large", f"a body may have {LARGEST_BODY} bytes")
        parts.append(part)
    return b"".join(parts)


def _stranger(raw: bytes, body: type[msgspec.Struct]) -> str:
    """The first field that such a body does not have; "" where there is none, or it is no name to repeat."""
    try:
        given = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # beyond where the typed reader gave up
        return ""
    if not isinstance(given, dict):
        return ""
    known = {field.encode_name for field in msgspec.structs.fields(body)}
    return next((name for name in given if name not in known and _FIELD.fullmatch(name)), "")


def _decoded(raw: bytes, action: Action) -> Any:
    """The body as the action's type. Raises Refused."""
    if action.body is None:
        if raw.strip() not in (b"", b"{}"):
            raise Refused(400, "bad_body", "this takes no body")
        return None
    try:
        return msgspec.json.decode(raw.strip() or b"{}", type=action.body)
    except msgspec.ValidationError as error:
        if stranger := _stranger(raw, action.body):
            known = ", ".join(field.encode_name for field in msgspec.structs.fields(action.body))
            raise Refused(422, "invalid", f"is no field here; known: {known}", stranger) from None
        message = str(error)
        place = _PLACE.search(message)
        said = message if place is None else message[: place.start()]
        raise Refused(422, "invalid", said, place["path"] if place else "") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(400, "bad_body", "the body is no JSON") from None
