"""A model on this machine that reads two questions together and tells whether they are one: a cross-encoder.

It is asked about candidates alone, beside the loop. Models with one number say how sure they are of it (as a logit),
models with two weigh `not the same` against `the same`, in this order.
"""

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from math import exp, isfinite
from pathlib import Path
from typing import Any

from gateway.cache.embedding.base import ModelMissing
from gateway.cache.embedding.opening import MODEL, Opened

REMEMBERED = 4096
"""Pairs lately judged."""

MOST_WAITING = 64
"""Pairs that wait for the model; of more nothing is said."""

SAME = "How do I bake bread?"
OTHER = "Who won the battle of Hastings?"
"""What every such model must tell apart."""


class VerifierMissing(Exception):
    """The verifier that was asked for is not here, or is none. The text tells what to do."""


class OnnxVerifier:
    """Runs a model in one thread; nothing is said of what takes longer than `deadline` (seconds), until the next time.

    Two questions are one where the model is sure of it with `score`, whichever of them comes first. Made after the
    fork. Raises VerifierMissing.
    """

    def __init__(self, folder: Path, *, score: float, deadline: float = 0.1) -> None:
        try:
            self._model = Opened(folder)
        except ModelMissing as error:
            raise VerifierMissing(str(error)) from error
        self._score = score
        self._deadline = deadline
        same, other = self._likely(SAME, SAME), self._likely(SAME, OTHER)
        if same is None or other is None:
            raise VerifierMissing(f"{folder / MODEL} is not a model that compares two texts")
        if not other < score <= same:
            raise VerifierMissing(
                f"{folder / MODEL} is {same:.2f} sure that a question is itself, and {other:.2f} that it is quite "
                f"another one: with a score of {score:g} it is no verifier"
            )
        self._pool = ThreadPoolExecutor(1, "cache-verifier")
        self._known: OrderedDict[tuple[str, str], bool] = OrderedDict()
        self._running: dict[tuple[str, str], asyncio.Future[bool | None]] = {}

    async def agrees(self, asked: str, kept: str) -> bool | None:
        """Whether two questions are one; None where it cannot be told in time."""
        pair = (asked, kept)
        known = self._known.get(pair)
        if known is not None:
            self._known.move_to_end(pair)
            return known
        running = self._running.get(pair)
        if running is None:
            if len(self._running) >= MOST_WAITING:
                return None
            running = self._running[pair] = asyncio.ensure_future(self._remember(pair))
        done, _ = await asyncio.wait((running,), timeout=self._deadline)
        return running.result() if done else None

    def stop(self) -> None:
        """Runs nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _remember(self, pair: tuple[str, str]) -> bool | None:
        try:
            told = await asyncio.get_running_loop().run_in_executor(self._pool, self._judged, *pair)
        except RuntimeError:  # it has been stopped
            told = None
        finally:
            del self._running[pair]
        if told is not None:
            self._known[pair] = told
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return told

    def _judged(self, asked: str, kept: str) -> bool | None:
        """For the model's own thread."""
        for pair in ((asked, kept), (kept, asked)):
            likely = self._likely(*pair)
            if likely is None or likely < self._score:
                return None if likely is None else False
        return True

    def _likely(self, one: str, other: str) -> float | None:
        """How sure the model is, 0 to 1, that two texts say the same; None where it says nothing of the kind."""
        told = self._model.run(one, other)
        return None if told is None else sure(told[0])


def sure(found: Any) -> float | None:
    """What one or two logits come to, 0 to 1; None for anything else."""
    if found.ndim != 1 or len(found) not in (1, 2):
        return None
    logits = [float(one) for one in found]
    if not all(isfinite(logit) for logit in logits):
        return None
    logit = logits[0] if len(logits) == 1 else logits[1] - logits[0]
    return 1 / (1 + exp(-max(-500.0, min(500.0, logit))))
