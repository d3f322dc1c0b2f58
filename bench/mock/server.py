"""Starts a mock provider inside the running event loop."""

import asyncio
import socket
from collections import deque
from typing import Any

import msgspec

from bench.mock.answers import Answers
from bench.mock.behaviour import Behaviour
from bench.mock.protocol import Connection, House, Stats
from bench.mock.wire import Seen

__all__ = ["Mock", "Stats", "start_mock"]

_BACKLOG = 4096


class Mock:
    """A running mock provider. `url` is Anthropic's base URL, `base_url` is OpenAI's."""

    def __init__(self, server: asyncio.Server, house: House, host: str) -> None:
        self._server = server
        self._house = house
        self.host = host
        self.port: int = server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def stats(self) -> Stats:
        """Live counters."""
        return self._house.stats

    @property
    def seen(self) -> deque[Seen]:
        """The last requests, newest last; empty unless `keep` was given."""
        return self._house.seen if self._house.seen is not None else deque()

    @property
    def busy(self) -> set[int]:
        """The connections, by number, on which an answer is under way or held back."""
        return {one.number for one in self._house.connections if one.busy}

    async def close(self) -> None:
        """Stops listening and cuts every connection."""
        self._server.close()
        for connection in tuple(self._house.connections):
            connection.transport.abort()
        await self._server.wait_closed()
        await asyncio.sleep(0)


async def start_mock(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    reuse_port: bool = False,
    keep: int = 0,
    **defaults: Any,
) -> Mock:
    """Listens on `port` (0: any free one). `defaults` are fields of Behaviour, for names that ask for
    nothing; `keep` is how many of the last requests `Mock.seen` holds. Raises OSError when the port is
    taken."""
    behaviour = msgspec.structs.replace(Behaviour(), **defaults)
    seen: deque[Seen] | None = deque(maxlen=keep) if keep else None
    house = House(answers=Answers(behaviour), stats=Stats(), seen=seen, connections=set())
    # asyncio sets TCP_NODELAY only on sockets that name their protocol.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(house), sock=listener, backlog=_BACKLOG)
    return Mock(server, house, host)
