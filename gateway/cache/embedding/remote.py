"""A provider's embedding model: texts that come together are asked together, and no request waits for long.

How the provider is asked is handed in. Vectors are remembered, so that what was looked for can be learned.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from gateway.cache.embedding.base import direction

Ask = Callable[[list[str]], Awaitable[Sequence[Sequence[float]]]]
"""Embeds texts, in their order. Whatever it raises but cancellation is a miss."""

GATHERING = 0.002
"""Seconds that a text waits for others."""

BATCH = 64
"""Texts that are asked for at once, at the most."""

MOST_WAITING = 1024
"""Texts that wait or are asked for; more are misses."""

REMEMBERED = 4096
"""Vectors, at the most."""

REMEMBERED_BYTES = 16 << 20


class RemoteEmbedder:
    """Asks `ask` for vectors; `name` is provider/model. What takes longer than `deadline` (seconds) is a miss, but is
    remembered for the next time."""

    dimensions = 0
    cheap = False

    def __init__(self, name: str, ask: Ask, *, deadline: float = 0.25) -> None:
        self.name = name
        self.fingerprint = hashlib.sha256(b"remote:" + name.encode()).digest()[:8]
        self._ask = ask
        self._deadline = deadline
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._held = 0
        self._expected: dict[str, asyncio.Future[bytes | None]] = {}
        self._gathered: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self, text: str) -> bytes | None:
        vector = self._known.get(text)
        if vector is not None:
            self._known.move_to_end(text)
        return vector

    async def embed(self, text: str) -> bytes | None:
        known = self.now(text)
        if known is not None:
            return known
        expected = self._expected.get(text)
        if expected is None:
            if len(self._expected) >= MOST_WAITING:
                return None
            expected = self._expect(text)
        done, _ = await asyncio.wait((expected,), timeout=self._deadline)
        return expected.result() if done else None

    async def stop(self) -> None:
        """Gives up what is on its way."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _expect(self, text: str) -> asyncio.Future[bytes | None]:
        loop = asyncio.get_running_loop()
        expected: asyncio.Future[bytes | None] = loop.create_future()
        self._expected[text] = expected
        self._gathered.append(text)
        if len(self._gathered) == 1:
            loop.call_later(GATHERING, self._send)
        elif len(self._gathered) == BATCH:
            self._send()
        return expected

    def _send(self) -> None:
        texts, self._gathered = self._gathered, []
        if texts:
            task = asyncio.get_running_loop().create_task(self._get(texts))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _get(self, texts: list[str]) -> None:
        vectors: Sequence[Sequence[float]] = ()
        try:
            vectors = await self._ask(texts)
        except Exception:  # noqa: S110 - whatever failed there, here it is a miss; who asks notes why
            pass
        finally:
            for number, text in enumerate(texts):
                vector = direction(vectors[number]) if len(vectors) == len(texts) else None
                self._learn(text, vector)

    def _learn(self, text: str, vector: bytes | None) -> None:
        expected = self._expected.pop(text)
        if not expected.done():
            expected.set_result(vector)
        if vector is None:
            return
        self._known[text] = vector
        self._held += len(vector) + len(text)
        while len(self._known) > REMEMBERED or self._held > REMEMBERED_BYTES:
            old, gone = self._known.popitem(last=False)
            self._held -= len(gone) + len(old)
