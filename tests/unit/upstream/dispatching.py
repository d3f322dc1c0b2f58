"""A dispatcher over real sockets: providers of this process that answer what a test says, and all that is told."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from time import monotonic_ns
from typing import Any

from gateway._speedups.health import Board, TargetHealth, sections
from gateway._speedups.http1 import Client, Origin
from gateway._speedups.ledger import Ledger
from gateway.dialects.endpoints import ENDPOINTS
from gateway.errors import GatewayError
from gateway.providers.address import TargetPath
from gateway.schemas.call import Call
from gateway.schemas.plan import Breaker, Plan, Target, Timeouts
from gateway.schemas.record import Record
from gateway.upstream.connection import Connection, Credential, Lane, Quirks
from gateway.upstream.dispatch import Dispatcher
from gateway.upstream.flights import Healths
from gateway.upstream.rules import Rules
from gateway.upstream.tries import Reply

HANG = b""
"""Not another byte until the gateway closes."""
CLOSE = b"\0close"
GATE = b"\0gate"
"""Not another byte until the test sets the provider's `gate`."""
PAUSE = b"\0pause"
"""Not another byte for a moment."""


def whole(status: int, body: Any, **headers: str) -> list[bytes]:
    data = json.dumps(body).encode()
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(data)}", *lines]
    return ["\r\n".join(head).encode() + b"\r\n\r\n" + data]


def completion(text: str = "hi") -> list[bytes]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return whole(
        200, {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
    )


def refusal(status: int, code: str = "", message: str = "no", **headers: str) -> list[bytes]:
    return whole(status, {"error": {"message": message, "type": None, "code": code or None}}, **headers)


def event(value: Any) -> bytes:
    data = value if isinstance(value, bytes) else b"data: " + json.dumps(value).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


def delta(text: str = "", finish: str | None = None, usage: Any = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    value = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return event({**value, "usage": usage} if usage else value)


EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
DONE = event(b"data: [DONE]\n\n") + b"0\r\n\r\n"
STREAM = [EVENTS, delta("he"), delta("llo"), delta(finish="stop"), DONE]


class Provider:
    """One listening provider. `script` answers one request after the other; the last answer repeats."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.keys: list[str] = []
        self.open = 0
        self._answers: list[list[bytes]] = [completion()]
        self.came = asyncio.Event()
        self.gate = asyncio.Event()

    def script(self, *answers: Iterable[bytes]) -> None:
        self._answers = [list(one) for one in answers]

    @property
    def asked(self) -> int:
        return len(self.keys)

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                await reader.readexactly(int(fields["content-length"]))
                self.keys.append(fields.get("authorization", "").removeprefix("bearer "))
                self.came.set()
                for step in self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]:
                    if step == CLOSE:
                        return
                    if step == GATE:
                        await self.gate.wait()
                        continue
                    if step == PAUSE:
                        await asyncio.sleep(0.05)
                        continue
                    if step == HANG:
                        await reader.read()
                        return
                    writer.write(step)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


class Watched:
    """What telemetry would have been told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def retry(self, provider: str, model: str) -> None:
        self.told.append(("retry", provider))

    def fallback(self, provider: str, model: str) -> None:
        self.told.append(("fallback", provider))

    def hedge(self, outcome: str) -> None:
        self.told.append(("hedge", outcome))

    def upstream_error(self, provider: str, kind: str) -> None:
        self.told.append(("error", provider, kind))

    def failed_try(self, record: Record, target: Target, error: GatewayError, next_step: str) -> None:
        self.told.append(("next", target.provider, next_step))

    def breaker(self, target: Target, state: str) -> None:
        self.told.append(("breaker", target.provider, state))

    def benched(self, provider: str, index: int, seconds: float) -> None:
        self.told.append(("bench", provider, str(index), str(seconds)))


class House:
    """Providers, their connections and a dispatcher; `slept` are the pauses between tries, which take no time."""

    def __init__(self, folder: Path, *names: str, rules: Rules | None = None) -> None:
        self.providers = {name: Provider(name) for name in names}
        self.watched = Watched()
        self.windows: dict[tuple[str, str], int] = {}
        self.slept: list[float] = []
        self.sleeps_on: asyncio.Event | None = None  # set when a pause begins that then never ends
        self.ledger = Ledger.create(folder / "house.ledger", sections())
        self.board = Board(self.ledger, 0)
        self.healths = Healths(
            self.board, lambda provider, model: True, {name: Breaker(failures=3) for name in names}
        )
        self.connections: dict[str, Connection] = {}
        self.rules = rules or Rules()

    async def start(
        self, keys: int = 1, retries: int = 1, heeds_limits: bool = False, **timeouts: float
    ) -> None:
        loop = asyncio.get_running_loop()
        self.client = Client(loop, max_connections=100, keepalive=30.0, pool_wait=1.0, max_body=1 << 20)
        for name, one in self.providers.items():
            await one.listen()
            self.connections[name] = Connection(
                name,
                self.client,
                Origin("127.0.0.1", one.port),
                "127.0.0.1",
                lanes=(lane(keys),),
                credentials=tuple(Credential(index) for index in range(keys)),
                timeouts=Timeouts(**{"first_byte": 5.0, "first_token": 5.0, "total": 20.0, **timeouts}),
                retries=retries,
                quirks=Quirks(),
                benches=self.healths.of_keys(name, keys) if keys > 1 else (),
                heeds_limits=heeds_limits,
                benched=self.watched.benched,
            )
        self.dispatcher = Dispatcher(
            self.connections,
            lambda provider, model: None,
            lambda provider, model: self.windows.get((provider, model)),
            self.healths,
            self.watched,
            self.rules,
            self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.sleeps_on is not None:
            self.sleeps_on.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    def plan(self, *names: str, **more: Any) -> Plan:
        return Plan(tuple(Target(name, "m") for name in names), **more)

    async def send(self, plan: Plan, stream: bool = False, record: Record | None = None) -> Reply:
        return await self.dispatcher.send(plan, call(stream), record or Record("r"))

    def health(self, name: str) -> TargetHealth:
        return self.healths(Target(name, "m"))

    def open_it(self, name: str, rest: float = 3600.0) -> None:
        """Opens its breaker; with `rest` 0 it is half-open at once."""
        assert self.health(name).cool(monotonic_ns(), int(rest * 1e9))

    async def at_rest(self) -> None:
        """Nothing is in flight, no probe is claimed and no answer is left half-read."""
        for name in self.providers:
            assert self.health(name).in_flight == 0, name

    async def stop(self) -> None:
        await self.client.close()
        for one in self.providers.values():
            await one.close()


@contextlib.asynccontextmanager
async def house(folder: Path, *names: str, rules: Rules | None = None, **more: Any) -> AsyncIterator[House]:
    """A house that is checked to be at rest in the end."""
    made = House(folder, *names, rules=rules)
    await made.start(**more)
    try:
        yield made
        await made.at_rest()
    finally:
        await made.stop()


def lane(keys: int) -> Lane:
    lines = tuple(b"authorization: Bearer key%d\r\n" % index for index in range(keys))
    return Lane("chat_completions", TargetPath("/v1/chat/completions"), lines)


def call(stream: bool = False) -> Call:
    body = json.dumps({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hello"}]})

    class Asked:
        raw_headers: list[tuple[bytes, bytes]] = []  # noqa: RUF012
        query = b""
        model = ""
        stream = False

    return ENDPOINTS["chat_completions"].call(body.encode(), Asked(), Record("r"))


async def until(condition: Callable[[], bool]) -> None:
    """Until it holds; the test's own bound ends a wait that is in vain."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - many things may come to hold
            await asyncio.sleep(0.002)
