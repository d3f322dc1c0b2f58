"""A sentence model on this machine (MiniLM and its like): an ONNX file and its tokenizer, run beside the loop.

The extra `onnx` brings the runtime and the tokenizer; the model is the operator's. Its tokens' vectors are averaged, as
such models mean it, unless the model gives one vector for a text itself.
"""

import asyncio
import hashlib
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gateway.cache.embedding.base import FLOAT, EmbedderMissing, direction

MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
HINT = "install the extra: pip install 'ai-gateway[onnx]'"

MOST_TOKENS = 256
REMEMBERED = 2048
"""Vectors of texts lately asked for."""

MOST_WAITING = 64
"""Texts that wait for the model; more are misses."""


class OnnxEmbedder:
    """Runs a model in one thread; what takes longer than `deadline` (seconds) is a miss, remembered for the next time.

    Made after the fork: the runtime's threads do not survive one. Raises EmbedderMissing.
    """

    name = "onnx"
    cheap = False

    def __init__(self, folder: Path, *, deadline: float = 0.1) -> None:
        self._session, self._tokenizer = _opened(folder)
        self.fingerprint = _fingerprint(folder)
        self._inputs = {one.name for one in self._session.get_inputs()}
        self._deadline = deadline
        self._pool = ThreadPoolExecutor(1, "cache-onnx")
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._running: dict[str, asyncio.Future[bytes | None]] = {}
        vector = self._run("What is this?")
        if vector is None:
            raise EmbedderMissing(f"{folder / MODEL} is not a model that embeds sentences")
        self.dimensions = len(vector) // FLOAT

    def now(self, text: str) -> bytes | None:
        vector = self._known.get(text)
        if vector is not None:
            self._known.move_to_end(text)
        return vector

    async def embed(self, text: str) -> bytes | None:
        known = self.now(text)
        if known is not None:
            return known
        running = self._running.get(text)
        if running is None:
            if len(self._running) >= MOST_WAITING:
                return None
            running = asyncio.ensure_future(self._remember(text))
            self._running[text] = running
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
        import numpy

        try:
            encoded = self._tokenizer.encode(text)
            given = {
                "input_ids": encoded.ids,
                "attention_mask": encoded.attention_mask,
                "token_type_ids": encoded.type_ids,
            }
            found = self._session.run(
                None,
                {name: numpy.array([given[name]], numpy.int64) for name in self._inputs},
            )[0][0]
        except Exception:  # the runtime's errors have no common class but this
            return None
        if found.ndim == 2:
            mask = numpy.array(encoded.attention_mask, numpy.float32)
            found = (found * mask[:, None]).sum(axis=0)
        return direction(found.tolist()) if found.ndim == 1 else None


def _opened(folder: Path) -> tuple[Any, Any]:
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError:
        raise EmbedderMissing(f"the runtime for ONNX models is not installed; {HINT}") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        session = onnxruntime.InferenceSession(
            str(folder / MODEL), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # both libraries raise it bare
        raise EmbedderMissing(f"{MODEL} and {TOKENIZER} in {folder} cannot be read: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_TOKENS)
    return session, tokenizer


def _fingerprint(folder: Path) -> bytes:
    told = hashlib.sha256()
    for name in (MODEL, TOKENIZER):
        with (folder / name).open("rb") as file:
            told.update(hashlib.file_digest(file, "sha256").digest())
    return told.digest()[:8]
