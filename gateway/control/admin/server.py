"""The job that serves the admin API: opens the store, listens, and tries again where either cannot be had yet."""

import asyncio
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

from gateway import __version__
from gateway.config import Config
from gateway.control.admin.application import Api, Changes, Metrics
from gateway.control.admin.caching import Cache
from gateway.control.admin.checks import Store
from gateway.control.admin.opening import open_store
from gateway.control.precedence import Precedence
from gateway.store.sealing import Unusable
from gateway.store.trouble import cause
from gateway.telemetry.logs import log

WAITS = (1.0, 2.0, 5.0, 15.0)
"""Seconds between two tries; the last one repeats."""
BACKLOG = 128
CONNECTIONS = 256
FAREWELL = 1
"""Seconds in which requests that are under way have to end."""


class _Server(uvicorn.Server):
    """Leaves signals to the process that it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_admin(
    config: Config,
    changes: Changes,
    metrics: Metrics,
    current: Callable[[], Config] | None = None,
    cache: Cache | None = None,
    precedence: Precedence | None = None,
) -> None:
    """Runs until it is cancelled. The workers need none of it. `current` is the configuration of the moment."""
    engine, store = await _opened(config, current)
    try:
        listener = await _listening(config.admin.host, config.server.admin_port)
        proxies = config.server.trusted_proxies
        api = Api(engine, store, __version__, changes, metrics, cache, precedence, proxies).application()
        log.info("admin_listening", url=f"http://{_shown(config.admin.host)}:{config.server.admin_port}/api")
        await _serve(api, listener)
    finally:
        engine.dispose()


async def _serve(api: ASGIApp, listener: socket.socket) -> None:
    settings = uvicorn.Config(
        api,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        http="h11",
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=FAREWELL,
    )
    server = _Server(settings)
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        server.should_exit = True
        await running
        raise
    finally:
        listener.close()


async def _opened(config: Config, current: Callable[[], Config] | None) -> tuple[Engine, Store]:
    tries, before = 0, ""
    while True:
        try:
            return await asyncio.to_thread(open_store, config, sys.stdout, current)
        except (SQLAlchemyError, OSError, Unusable) as error:
            said = cause(error)
            if said != before:
                hint = "requests are served all the same; it is tried again"
                log.error("store_unusable", error=said, hint=hint)
            before = said
        await asyncio.sleep(WAITS[min(tries, len(WAITS) - 1)])
        tries += 1


async def _listening(host: str, port: int) -> socket.socket:
    tries = 0
    while True:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            hint = "give it another server.admin_port, or turn it off (admin: off); it is tried again"
            log.error(
                "admin_cannot_listen", address=f"{_shown(host)}:{port}", error=error.strerror, hint=hint
            )
        await asyncio.sleep(WAITS[min(tries, len(WAITS) - 1)])
        tries += 1


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
