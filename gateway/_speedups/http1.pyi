"""Types of the upstream client; see _speedups/http1.pyx."""

import asyncio
import ssl
from typing import NamedTuple

class PoolStats(NamedTuple):
    """Connections to one origin: `open` includes those being made and the `idle`; requests `waiting` for one."""

    open: int
    idle: int
    waiting: int

class Origin:
    """Where a base URL points. Hashed by identity: make one per base URL and keep it."""

    host: str
    port: int
    ssl_context: ssl.SSLContext | None
    server_hostname: str | None

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: bool = False,
        ssl_context: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> None: ...
    @property
    def tls(self) -> bool: ...

class Response:
    """An answer whose head arrived. One task at a time reads it; dropping it unread closes its connection."""

    @property
    def status(self) -> int: ...
    @property
    def reason(self) -> bytes: ...
    @property
    def headers(self) -> list[tuple[bytes, bytes]]: ...
    def header(self, name: bytes) -> bytes | None: ...
    async def chunk(self) -> bytes: ...
    async def read(self) -> bytes: ...
    def abort(self) -> None: ...

class Client:
    """Upstream connections of one event loop. Times in seconds, sizes in bytes."""

    loop: asyncio.AbstractEventLoop
    max_connections: int
    keepalive: float
    pool_wait: float
    max_head: int
    max_body: int
    high_water: int
    closed: bool

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        max_connections: int = 1024,
        keepalive: float = 60.0,
        pool_wait: float = 5.0,
        max_head: int = 65536,
        max_body: int = 67108864,
        high_water: int = 262144,
    ) -> None: ...
    @property
    def stats(self) -> dict[Origin, PoolStats]: ...
    async def request(
        self,
        origin: Origin,
        head: bytes,
        body: bytes,
        *,
        connect: float,
        first_byte: float,
        idle: float,
        total: float,
    ) -> Response: ...
    async def close(self) -> None: ...
