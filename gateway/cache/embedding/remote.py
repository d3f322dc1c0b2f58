"""A provider's embedding model: texts that come together are asked together, and no request waits for long.

How the provider is asked is handed in. Vectors are remembered, so that what was looked for can be learned. A provider
that fails or is too slow is left alone for a while: from then on nobody waits for it.
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

PATIENCE = 3
"""So many failures in a row, late answers among them, and it is left alone."""

REST = 5.0
"""Seconds that it is left alone at first: twice as long each time that it fails again."""

LONGEST_REST = 120.0


class RemoteEmbedder:
    """Asks `ask` for vectors; `name` is provider/model. What takes longer than `deadline` (seconds) is a miss, but is
    remembered for the next time. `warn` is told when the provider is left alone, and when it is back."""

    dimensions = 0
    cheap = False

    def __init__(
        self, name: str, ask: Ask, *, deadline: float = 0.25, warn: Callable[[bool], None] | None = None
    ) -> None:
        self.name = name
        self.fingerprint = hashlib.sha256(b"remote:" + name.encode()).digest()[:8]
        self._ask = ask
        self._deadline = deadline
        self._warn = warn
        self._failures = 0
        self._rests_until = 0.0
        self._stopped = False
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

    def prepare(self, text: str) -> None:
        if text in self._expected or text in self._known:
            return
        if self.rests:
            if not self._expected and not self._is_left_alone():
                self._expect(text)
        elif len(self._expected) < MOST_WAITING:
            self._expect(text)

    async def embed(self, text: str) -> bytes | None:
        known = self.now(text)
        if known is not None:
            return known
        self.prepare(text)
        expected = self._expected.get(text)
        if expected is None or self.rests:  # nobody waits for what may fail once more
            return None
        done, _ = await asyncio.wait((expected,), timeout=self._deadline)
        return expected.result() if done else None

    @property
    def rests(self) -> bool:
        """Whether the provider failed too often to be waited for."""
        return self._failures >= PATIENCE

    def stop(self) -> None:
        """Gives up what is on its way."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()

    def _is_left_alone(self) -> bool:
        return asyncio.get_running_loop().time() < self._rests_until

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
        if texts and not self._stopped:
            task = asyncio.get_running_loop().create_task(self._get(texts))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _get(self, texts: list[str]) -> None:
        late = asyncio.get_running_loop().call_later(self._deadline, self._failed)
        vectors: Sequence[Sequence[float]] = ()
        try:
            vectors = await self._ask(texts)
        except Exception:  # noqa: S110 - whatever failed there, here it is a miss; who asks notes why
            pass
        finally:
            in_time = late.when() > asyncio.get_running_loop().time()
            late.cancel()
            whole = len(vectors) == len(texts)
            for number, text in enumerate(texts):
                self._learn(text, direction(vectors[number]) if whole else None)
        if in_time and whole:
            self._succeeded()
        elif in_time:
            self._failed()

    def _failed(self) -> None:
        self._failures += 1
        if not self.rests:
            return
        if self._failures == PATIENCE and self._warn is not None:
            self._warn(True)
        rest = min(LONGEST_REST, REST * 2.0 ** min(self._failures - PATIENCE, 10))
        self._rests_until = asyncio.get_running_loop().time() + rest

    def _succeeded(self) -> None:
        if self.rests and self._warn is not None:
            self._warn(False)
        self._failures = 0

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
