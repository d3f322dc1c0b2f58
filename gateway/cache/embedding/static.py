"""The static table: what the package `wordllama` brings along is read from its files, without its own loader.

That package (MIT licence) is installed with the extra `cache`. Importing it would import a dozen others and look for
its files online; its table and tokenizer are two plain files, whose form is checked here before anything relies on it.
"""

import hashlib
import struct
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import msgspec

from gateway._speedups.embed import Table
from gateway.cache.embedding.base import EmbedderMissing

PACKAGE = "wordllama"
ROWS = "wordllama/weights/l2_supercat_256.safetensors"
TOKENIZER = "wordllama/tokenizers/l2_supercat_tokenizer_config.json"

HINT = "install the extra: pip install 'ai-gateway[cache]'"
MOST_HEADER = 1 << 20
"""Bytes of a safetensors file's header that are read."""

WIDTHS = {"F16": 2, "F32": 4}

NORMALIZERS = [
    {"type": "Prepend", "prepend": "\u2581"},
    {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
]
"""What the compiled tokenizer does to a text before it merges: anything else would be another tokenizer."""


class Tensor(msgspec.Struct):
    """One entry of a safetensors header; the form is described at huggingface.co/docs/safetensors."""

    dtype: str
    shape: list[int]
    data_offsets: list[int]


class Model(msgspec.Struct):
    """The part of a tokenizer's JSON that merges."""

    type: str
    vocab: dict[str, int]
    merges: list[str | list[str]]
    byte_fallback: bool = False
    dropout: float | None = None
    continuing_subword_prefix: str | None = None
    end_of_word_suffix: str | None = None
    ignore_merges: bool = False


class Added(msgspec.Struct):
    """A token that is found in a text as it is written."""

    id: int
    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False


class Tokenizer(msgspec.Struct):
    """What is read of a tokenizer's JSON."""

    model: Model
    added_tokens: list[Added] = []
    normalizer: Any = None
    pre_tokenizer: Any = None


class StaticEmbedder:
    """Microseconds a text, without waiting for anything. Made before the fork, its table is shared by all workers."""

    name = "static"
    cheap = True

    def __init__(self, table: Table, fingerprint: bytes) -> None:
        self._table = table
        self.fingerprint = fingerprint
        self.dimensions = table.dimensions

    def now(self, text: str) -> bytes | None:
        try:
            return self._table.embed(text)
        except (UnicodeEncodeError, MemoryError):
            return None

    def tokens(self, text: str) -> list[int]:
        """How a text is cut."""
        return self._table.tokens(text)

    def prepare(self, text: str) -> None:
        """There is nothing to prepare."""

    async def embed(self, text: str) -> bytes | None:
        return self.now(text)


def installed() -> StaticEmbedder:
    """The table of the installed package. Raises EmbedderMissing where there is none, or none that is known."""
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        raise EmbedderMissing(f"the package {PACKAGE} is not installed; {HINT}") from None
    return read(Path(str(package.locate_file(ROWS))), Path(str(package.locate_file(TOKENIZER))))


def read(rows: Path, tokenizer: Path) -> StaticEmbedder:
    """An embedder from two files. Raises EmbedderMissing for files that are not there or not of the known form."""
    try:
        table, spelling = rows.read_bytes(), tokenizer.read_bytes()
    except OSError as error:
        raise EmbedderMissing(f"{error.filename} cannot be read ({error.strerror}); {HINT}") from error
    try:
        built = _built(table, spelling)
    except (msgspec.MsgspecError, struct.error, ValueError, KeyError) as error:
        raise EmbedderMissing(f"{rows.name} and {tokenizer.name} are not a known table: {error}") from error
    return StaticEmbedder(built, hashlib.sha256(spelling + table).digest()[:8])


def _built(table: bytes, spelling: bytes) -> Table:
    tensor, rows = _rows(table)
    tokenizer = msgspec.json.decode(spelling, type=Tokenizer)
    _known(tokenizer)
    built = Table(
        rows,
        tensor.shape[1],
        tensor.dtype == "F16",
        tokenizer.model.vocab,
        [_pair(merge) for merge in tokenizer.model.merges],
        {added.content: added.id for added in tokenizer.added_tokens},
    )
    if built.size != tensor.shape[0]:
        raise ValueError("the table has another shape than it says")
    return built


def _rows(table: bytes) -> tuple[Tensor, memoryview]:
    """The one tensor of a safetensors file, and its bytes."""
    (length,) = struct.unpack_from("<Q", table)
    if length > MOST_HEADER:
        raise ValueError("the header is too long")
    header = msgspec.json.decode(table[8 : 8 + length], type=dict[str, Any])
    header.pop("__metadata__", None)
    if len(header) != 1:
        raise ValueError("there is not one tensor, but several")
    tensor = msgspec.convert(next(iter(header.values())), Tensor)
    if tensor.dtype not in WIDTHS or len(tensor.shape) != 2 or len(tensor.data_offsets) != 2:
        raise ValueError("the tensor is not a table of float16 or float32")
    start, end = tensor.data_offsets
    data = memoryview(table)[8 + length :]
    if not 0 <= start < end <= len(data):
        raise ValueError("the file ends early")
    return tensor, data[start:end]


def _known(tokenizer: Tokenizer) -> None:
    model = tokenizer.model
    plain = not (
        model.dropout or model.continuing_subword_prefix or model.end_of_word_suffix or model.ignore_merges
    )
    if model.type != "BPE" or not model.byte_fallback or not plain:
        raise ValueError("the tokenizer does not merge byte pairs in the way that is known")
    if tokenizer.pre_tokenizer is not None or tokenizer.normalizer != {
        "type": "Sequence",
        "normalizers": NORMALIZERS,
    }:
        raise ValueError("the tokenizer changes or cuts texts in a way that is not known")
    if any(
        added.single_word or added.lstrip or added.rstrip or added.normalized
        for added in tokenizer.added_tokens
    ):
        raise ValueError("the tokenizer has named tokens with rules of their own")


def _pair(merge: str | list[str]) -> tuple[str, str]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right
