"""A sentence model on this machine (MiniLM and its like), run beside the loop.

Its tokens' vectors are averaged, as such models mean it, unless the model gives one vector for a text itself.
"""

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.cache.embedding.base import FLOAT, EmbedderMissing, ModelMissing, direction
from gateway.cache.embedding.opening import MODEL, Opened

REMEMBERED = 2048
"""Vectors of texts lately asked for."""

MOST_WAITING = 64
"""Texts that wait for the model; more are misses."""


FEWEST = 3
"""Dimensions of a vector: models with one number or two judge something."""


class OnnxEmbedder:
    """Runs a model in one thread; what takes longer than `deadline` (seconds) is a miss, remembered for the next time.

    Made after the fork. Raises EmbedderMissing.
    """

    name = "onnx"
    cheap = False

    def __init__(self, folder: Path, *, deadline: float = 0.1) -> None:
        try:
            self._model = Opened(folder)
        except ModelMissing as error:
            raise EmbedderMissing(str(error)) from error
        self.fingerprint = self._model.fingerprint
        self._deadline = deadline
        self._pool = ThreadPoolExecutor(1, "cache-onnx")
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._running: dict[str, asyncio.Future[bytes | None]] = {}
        vector = self._run("What is this?")
        if vector is None or len(vector) < FLOAT * FEWEST:
            raise EmbedderMissing(f"{folder / MODEL} is not a model that embeds sentences")
        self.dimensions = len(vector) // FLOAT

    def now(self, text: str) -> bytes | None:
        vector = self._known.get(text)
        if vector is not None:
            self._known.move_to_end(text)
        return vector

    def prepare(self, text: str) -> None:
        if text not in self._running and text not in self._known and len(self._running) < MOST_WAITING:
            self._running[text] = asyncio.ensure_future(self._remember(text))

    async def embed(self, text: str) -> bytes | None:
        known = self.now(text)
        if known is not None:
            return known
        self.prepare(text)
        running = self._running.get(text)
        if running is None:
            return None
        done, _ = await asyncio.wait((running,), timeout=self._deadline)
        return running.result() if done else None

    def stop(self) -> None:
        """Runs nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _remember(self, text: str) -> bytes | None:
        try:
            vector = await asyncio.get_running_loop().run_in_executor(self._pool, self._run, text)
        except RuntimeError:  # it has been stopped
            vector = None
        finally:
            del self._running[text]
        if vector is not None:
            self._known[text] = vector
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return vector

    def _run(self, text: str) -> bytes | None:
        """For the model's own thread. Whatever fails in there is no vector."""
        told = self._model.run(text)
        if told is None:
            return None
        found, mask = told
        if found.ndim == 2:
            import numpy

            if len(found) != len(mask):
                return None
            found = (found * numpy.array(mask, numpy.float32)[:, None]).sum(axis=0)
        return direction(found.tolist()) if found.ndim == 1 else None
