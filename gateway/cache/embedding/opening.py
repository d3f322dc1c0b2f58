"""Opening a model of the operator's: an ONNX file and its tokenizer, in one directory.

The extra `onnx` brings the runtime and the tokenizer. What fails in them has no common class, so that whatever is
raised there is a model that cannot be used.
"""

import hashlib
from pathlib import Path
from typing import Any

from gateway.cache.embedding.base import ModelMissing

MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
HINT = "install the extra: pip install 'ai-gateway[onnx]'"

MOST_TOKENS = 256


class Opened:
    """A model and its tokenizer, for one thread at a time. Made after the fork: the runtime's threads survive none."""

    def __init__(self, folder: Path) -> None:
        """Raises ModelMissing."""
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError:
            raise ModelMissing(f"the runtime for ONNX models is not installed; {HINT}") from None
        for name in (MODEL, TOKENIZER):
            if not (folder / name).is_file():
                raise ModelMissing(f"there is no {name} in {folder}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
            self._session = onnxruntime.InferenceSession(
                str(folder / MODEL), options, providers=["CPUExecutionProvider"]
            )
            self._fixed()
        except Exception as error:
            raise ModelMissing(f"{MODEL} and {TOKENIZER} in {folder} cannot be read: {error}") from error
        self.fingerprint = _fingerprint(folder)

    def _fixed(self) -> None:
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._inputs = {one.name for one in self._session.get_inputs()}

    def run(self, text: str, other: str | None = None) -> tuple[Any, list[int]] | None:
        """What the model's first output says of a text, or of two, and which of its tokens are text. Never raises."""
        import numpy

        try:
            encoded = self._tokenizer.encode(text, other)
            given = {
                "input_ids": encoded.ids,
                "attention_mask": encoded.attention_mask,
                "token_type_ids": encoded.type_ids,
            }
            found = self._session.run(
                None, {name: numpy.array([given[name]], numpy.int64) for name in self._inputs}
            )[0][0]
        except Exception:
            return None
        return found, encoded.attention_mask


def _fingerprint(folder: Path) -> bytes:
    told = hashlib.sha256()
    for name in (MODEL, TOKENIZER):
        with (folder / name).open("rb") as file:
            told.update(hashlib.file_digest(file, "sha256").digest())
    return told.digest()[:8]
