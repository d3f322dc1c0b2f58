"""Tiny models for tests: real ONNX files (the form is onnx.proto's) and real tokenizers, written by hand."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.cache.embedding.opening import MODEL, TOKENIZER

VOCABULARY = {"[UNK]": 0, "cats": 1, "sleep": 2, "dogs": 3, "bake": 4, "bread": 5}
ROWS = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [5.0, 1.0, 0.0], [0.0, 3.0, 1.0], [2.0, 0.0, 3.0]]

FLOATS, INTEGERS = 1, 7


def number(field: int, value: int) -> bytes:
    """A protobuf field of a small number."""
    return bytes((field << 3, value))


def part(field: int, data: bytes) -> bytes:
    """A protobuf field with a text or a message."""
    assert len(data) < 1 << 14
    return bytes((field << 3 | 2, len(data) & 127 | 128, len(data) >> 7)) + data


def tensor(name: bytes, shape: Sequence[int], values: Sequence[float]) -> bytes:
    dimensions = b"".join(number(1, one) for one in shape)
    return part(
        5, dimensions + number(2, FLOATS) + part(8, name) + part(9, struct.pack(f"<{len(values)}f", *values))
    )


def node(operator: bytes, given: Sequence[bytes], told: bytes, attributes: bytes = b"") -> bytes:
    inputs = b"".join(part(1, one) for one in given)
    return part(1, inputs + part(2, told) + part(4, operator) + attributes)


def value(field: int, name: bytes, kind: int, *shape: bytes) -> bytes:
    dimensions = b"".join(part(1, part(2, one)) for one in shape)
    return part(field, part(1, name) + part(2, part(1, number(1, kind) + part(2, dimensions))))


def averaged_over(axis: int, *, kept: bool) -> bytes:
    """The attributes axes=[axis] and keepdims; their kinds, ints and int, are field 20."""
    kind = bytes((20 << 3 & 127 | 128, 1))
    axes = part(1, b"axes") + number(8, axis) + kind + b"\x07"
    keep = part(1, b"keepdims") + number(3, int(kept)) + kind + b"\x02"
    return part(5, axes) + part(5, keep)


def file_of(graph: bytes) -> bytes:
    return number(1, 8) + part(8, part(1, b"") + number(2, 13)) + part(7, graph)


def rows() -> bytes:
    return tensor(b"rows", (len(ROWS), 3), [one for row in ROWS for one in row])


def embedding_model(*, averaged: bool = False) -> bytes:
    """Looks each token up in ROWS."""
    nodes = node(b"Gather", (b"rows", b"input_ids"), b"tokens")
    shape = (b"batch", b"length", b"width")
    if averaged:
        nodes += node(b"ReduceMean", (b"tokens",), b"text", averaged_over(1, kept=False))
        shape = (b"batch", b"width")
    graph = nodes + part(2, b"g") + rows() + value(11, b"input_ids", INTEGERS, b"batch", b"length")
    return file_of(graph + value(12, b"text" if averaged else b"tokens", FLOATS, *shape))


def judging_model(*, slope: float = -900.0, sure: float = 5.0) -> bytes:
    """One logit for two texts: `sure` where both have the same words, in any order, and far less where they do not."""
    nodes = (
        node(b"Gather", (b"rows", b"input_ids"), b"tokens")
        + node(b"Gather", (b"signs", b"token_type_ids"), b"sides")
        + node(b"Mul", (b"tokens", b"sides"), b"signed")
        + node(b"ReduceMean", (b"signed",), b"apart", averaged_over(1, kept=False))
        + node(b"Abs", (b"apart",), b"distances")
        + node(b"ReduceMean", (b"distances",), b"distance", averaged_over(1, kept=True))
        + node(b"Mul", (b"distance", b"slope"), b"less")
        + node(b"Add", (b"less", b"sure"), b"logits")
    )
    graph = nodes + part(2, b"g") + rows()
    graph += tensor(b"signs", (2, 3), [1, 1, 1, -1, -1, -1]) + tensor(b"slope", (1,), [slope])
    graph += tensor(b"sure", (1,), [sure])
    for name in (b"input_ids", b"token_type_ids"):
        graph += value(11, name, INTEGERS, b"batch", b"length")
    return file_of(graph + value(12, b"logits", FLOATS, b"batch", b"one"))


def folder_with(folder: Path, content: bytes) -> Path:
    """A directory with this model, and a tokenizer that knows VOCABULARY and tells two texts apart."""
    import tokenizers

    tokenizer: Any = tokenizers.Tokenizer(tokenizers.models.WordLevel(VOCABULARY, "[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A:0", pair="$A:0 $B:1", special_tokens=[]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / TOKENIZER))
    (folder / MODEL).write_bytes(content)
    return folder
