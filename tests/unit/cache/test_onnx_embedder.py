"""A model of the operator's: its tokens' vectors averaged, run beside the loop, and refused where it is none."""

import struct
from pathlib import Path

import pytest

from gateway.cache.embedding.base import EmbedderMissing
from gateway.cache.embedding.onnx import MODEL, TOKENIZER, OnnxEmbedder
from tests.reference.embed_oracle import floats

pytest.importorskip("onnxruntime")
tokenizers = pytest.importorskip("tokenizers")

VOCABULARY = {"[UNK]": 0, "cats": 1, "sleep": 2}
ROWS = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]


def number(field: int, value: int) -> bytes:
    """A protobuf field of a small number."""
    return bytes((field << 3, value))


def part(field: int, data: bytes) -> bytes:
    """A protobuf field with a text or a message."""
    assert len(data) < 1 << 14
    return bytes((field << 3 | 2, len(data) & 127 | 128, len(data) >> 7)) + data


def value(name: bytes, kind: int, *shape: bytes) -> bytes:
    dimensions = b"".join(part(1, part(2, one)) for one in shape)
    return part(1, name) + part(2, part(1, number(1, kind) + part(2, dimensions)))


def model(*, averaged: bool = False) -> bytes:
    """An ONNX model (the form is onnx.proto's) that looks each token up in ROWS."""
    rows = b"".join(struct.pack("<3f", *row) for row in ROWS)
    table = number(1, len(ROWS)) + number(1, 3) + number(2, 1) + part(8, b"rows") + part(9, rows)
    nodes = part(1, part(1, b"rows") + part(1, b"input_ids") + part(2, b"tokens") + part(4, b"Gather"))
    shape = (b"batch", b"length", b"width")
    if averaged:
        nodes += part(1, part(1, b"tokens") + part(2, b"text") + part(4, b"ReduceMean") + over_tokens())
        shape = (b"batch", b"width")
    graph = nodes + part(2, b"g") + part(5, table) + part(11, value(b"input_ids", 7, b"batch", b"length"))
    graph += part(12, value(b"text" if averaged else b"tokens", 1, *shape))
    return number(1, 8) + part(8, part(1, b"") + number(2, 13)) + part(7, graph)


def over_tokens() -> bytes:
    """The attributes axes=[1] and keepdims=0; their kinds, ints and int, are field 20."""
    kind = bytes((20 << 3 & 127 | 128, 1))
    axes = part(1, b"axes") + number(8, 1) + kind + b"\x07"
    keep = part(1, b"keepdims") + number(3, 0) + kind + b"\x02"
    return part(5, axes) + part(5, keep)


def folder_with(folder: Path, content: bytes) -> Path:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(VOCABULARY, "[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / TOKENIZER))
    (folder / MODEL).write_bytes(content)
    return folder


@pytest.mark.parametrize("averaged", [False, True])
async def test_a_text_is_the_mean_of_its_tokens(tmp_path: Path, averaged: bool) -> None:
    embedder = OnnxEmbedder(folder_with(tmp_path, model(averaged=averaged)), deadline=60)
    assert embedder.dimensions == 3
    assert embedder.now("cats sleep") is None
    vector = await embedder.embed("cats sleep")
    assert vector is not None
    assert floats(vector) == pytest.approx([1 / 5**0.5, 2 / 5**0.5, 0.0], abs=1e-6)
    assert embedder.now("cats sleep") == vector
    embedder.stop()


async def test_nothing_has_no_vector_and_a_stopped_one_none_at_all(tmp_path: Path) -> None:
    embedder = OnnxEmbedder(folder_with(tmp_path, model()), deadline=60)
    assert await embedder.embed("") is None
    embedder.stop()
    assert await embedder.embed("cats") is None


async def test_another_model_has_another_fingerprint(tmp_path: Path) -> None:
    one = OnnxEmbedder(folder_with(tmp_path, model()))
    other = OnnxEmbedder(folder_with(tmp_path, model(averaged=True)))
    assert one.fingerprint != other.fingerprint
    one.stop()
    other.stop()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbedderMissing, match="cannot be read"):
        OnnxEmbedder(tmp_path)
    with pytest.raises(EmbedderMissing, match="cannot be read"):
        OnnxEmbedder(folder_with(tmp_path, b"no model"))
