"""The cache's journey with everything around it played: a provider that a test speaks for, callers that leave."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from time import time
from types import SimpleNamespace
from typing import Any
from weakref import finalize

from gateway._speedups.asking import Asked
from gateway._speedups.shelf import ENTRY, SEGMENT_HEAD, Found, Shelf
from gateway.api.door import Watch
from gateway.cache.store import Store
from gateway.caching.journey import Caching
from gateway.delivery import Header, deliver
from gateway.dialects.endpoints import ENDPOINTS
from gateway.schemas.caching import Settings
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage
from gateway.upstream.replies import Whole

USAGE = Usage(input=10, output=5)


def play(scene: Coroutine[Any, Any, None]) -> None:
    """Runs a test to its end; one that waits for ever fails."""

    async def bounded() -> None:
        async with asyncio.timeout(10):
            await scene

    asyncio.run(bounded())


def completion(text: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [choice]}
    return json.dumps({**whole, "usage": usage}).encode()


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    return b"data: " + json.dumps({**whole, "choices": [choice]}).encode() + b"\n\n"


CHUNKS = [
    _chunk({"role": "assistant", "content": "Hello"}),
    _chunk({"content": " world"}),
    _chunk({}, "stop"),
    b"data: [DONE]\n\n",
]


class Stream:
    """A provider's stream, as a test tells it."""

    def __init__(self, record: Record) -> None:
        self.headers: list[Header] = [(b"content-type", b"text/event-stream")]
        self.over = self.aborted = self.closed = False
        self.read = 0
        self._said: asyncio.Queue[bytes | Exception] = asyncio.Queue()

    def say(self, data: bytes) -> None:
        self._said.put_nowait(data)

    def finish(self) -> None:
        self._said.put_nowait(b"")

    def break_off(self, error: Exception) -> None:
        self._said.put_nowait(error)

    async def chunk(self) -> bytes:
        said = await self._said.get()
        if isinstance(said, Exception):
            raise said
        self.read += 1
        self.over = not said
        return said

    def note(self, record: Record) -> None:
        record.usage, record.finish, record.answered_model = USAGE, "stop", "gpt-4o"

    async def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


class Dispatcher:
    """Answers each request with what the test says, in the order in which they came."""

    def __init__(self) -> None:
        self.times = 0
        self.cancelled = 0
        self._waiting: list[tuple[asyncio.Future[Any], Record]] = []

    def deadline(self, plan: Plan, record: Record) -> int:
        return record.started_ns + 60 * 10**9

    async def send(self, plan: Plan, call: Call, record: Record) -> Any:
        self.times += 1
        target = plan.targets[0]
        record.attempts.append(Attempt(target.provider, target.model))
        record.provider, record.model = target.provider, target.model
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, record))
        try:
            return await turn
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def asked(self, times: int) -> None:
        while self.times < times:  # noqa: ASYNC110 - a turn of the loop is all that is waited for
            await asyncio.sleep(0)

    def answer(self, whole: Whole) -> None:
        turn, record = self._waiting.pop(0)
        record.usage, record.finish, record.answered_model = USAGE, "stop", "gpt-4o"
        turn.set_result(whole)

    def begin(self) -> Stream:
        turn, record = self._waiting.pop(0)
        stream = Stream(record)
        turn.set_result(stream)
        return stream

    def fail(self, error: Exception) -> None:
        self._waiting.pop(0)[0].set_exception(error)


class Books:
    """A price for everything, and what was counted."""

    def __init__(self) -> None:
        self.looked: list[str] = []
        self.saved: list[Record] = []
        self.failure: Exception | None = None

    def price(self, record: Record) -> None:
        """Fails once where a test says so."""
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure
        record.cost_nano_usd = 7 if record.cost_nano_usd is None else record.cost_nano_usd

    def close(self, record: Record) -> None:
        self.price(record)

    def defect(self, record: Record, error: Exception) -> None:
        raise error

    def cache_lookup(self, result: str, ns: int, similarity: float = 0.0) -> None:
        self.looked.append(result)

    def cache_saved(self, record: Record) -> None:
        self.saved.append(record)


class Ways:
    """The way back to one caller, and the caller's request."""

    def __init__(self, headers: dict[bytes, bytes], stuck: bool) -> None:
        self.headers = headers
        self.gone = False
        self.started = False
        self.body = b""
        self.told: list[Header] = []
        self.record = Record("r")
        self._free = asyncio.Event()
        if not stuck:
            self._free.set()

    def go_on(self) -> None:
        self._free.set()

    async def until_gone(self) -> None:
        while not self.gone:  # noqa: ASYNC110
            await asyncio.sleep(0)

    async def whole(self, status: int, headers: list[Header], body: bytes) -> None:
        self.started, self.told, self.body = True, headers, body

    async def start(self, status: int, headers: list[Header]) -> None:
        self.started, self.told = True, headers

    async def chunk(self, data: bytes) -> None:
        await self._free.wait()
        self.body += data

    async def end(self) -> None:
        pass

    async def cut(self) -> None:
        raise ConnectionAbortedError


class Calling:
    """One request on its way."""

    def __init__(self, way: Ways, task: asyncio.Task[None], watch: Watch) -> None:
        self.way = way
        self.task = task
        self._watch = watch

    def __await__(self) -> Generator[Any, None, Ways]:
        yield from self.task.__await__()
        return self.way

    def leave(self) -> None:
        """As the door does when the caller's connection is closed."""
        self.way.gone = True
        self._watch._young[self.way].cancel()  # type: ignore[index]

    async def over(self) -> None:
        await asyncio.wait((self.task,))


def asked_for(text: str, *, endpoint: str = "chat_completions", stream: bool = False, **more: Any) -> Any:
    """A call, and its body's facts."""
    body: dict[str, Any] = {"model": "gpt-4o", "stream": stream, **more}
    body |= {"input": text} if endpoint == "responses" else {"messages": [{"role": "user", "content": text}]}
    record = Record("r")
    head: Any = SimpleNamespace(raw_headers=[], model="", stream=stream, query=b"")
    return ENDPOINTS[endpoint].call(json.dumps(body).encode(), head, record), record


class House:
    """A cache over a dict, with a provider that a test speaks for."""

    def __init__(self, **settings: Any) -> None:
        rules = Settings(**{"scope": "all", **settings})
        self.dispatcher = Dispatcher()
        folder = mkdtemp()
        finalize(self, rmtree, folder, ignore_errors=True)
        self.store = Store(Shelf(1000), Path(folder, "cache"), max_size=1 << 30, max_entry=1 << 20)
        self.books = Books()
        self.flying: dict[bytes, Asked] = {}
        self.watch = Watch()

        def found(route: str, key: str, team: str) -> Settings:
            return rules

        self.ahead = 0.0
        self.caching = Caching(
            *(self.store, found, self.dispatcher, self.watch, self.books, self.books, self.flying),
            clock=lambda: time() + self.ahead,
        )
        self._calls: list[Calling] = []

    def call(
        self,
        text: str,
        *,
        headers: dict[bytes, bytes] | None = None,
        providers: tuple[str, ...] = ("openai",),
        route: str = "",
        stuck: bool = False,
        **more: Any,
    ) -> Calling:
        way = Ways(headers or {}, stuck)
        call, _ = asked_for(text, **more)
        plan = Plan(tuple(Target(name, "gpt-4o") for name in providers), route=route)

        async def serve() -> None:
            asked = self.caching.asked(way, ENDPOINTS[call.endpoint], call, plan, way.record)
            found = self.caching.answer(asked, way)
            reply, send = found if isinstance(found, tuple) else await found
            await deliver(reply, send, way.record, self.books)

        task = asyncio.ensure_future(serve())
        self.watch._young[way] = task  # type: ignore[index]
        self._calls.append(Calling(way, task, self.watch))
        return self._calls[-1]

    def entries(self) -> dict[bytes, Found]:
        """What is kept, by its keys."""
        self.caching.settle()
        found = {}
        for line in self.store.shelf.get_lines():
            frames, _ = self.store.reader.frames(line.number, line.identity, SEGMENT_HEAD, line.size)
            for frame in frames:
                entry = self.store.get(frame.key, time())
                assert entry is not None
                found[frame.key] = entry
        return found

    def exchange(self, entry: Found, payload: bytes, *, later: float = 0.0) -> None:
        """Puts something else in an entry's place."""
        self.store.put(entry.key, entry.scope, entry.expires, payload, ENTRY, entry.written + later)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():  # noqa: ASYNC110
                await asyncio.sleep(0)

    async def settled(self) -> None:
        """Everybody has had their turn a few times."""
        for _ in range(50):
            await asyncio.sleep(0)

    async def rest(self) -> None:
        for one in self._calls:
            one.task.cancel()
        await asyncio.gather(*(one.task for one in self._calls), return_exceptions=True)
