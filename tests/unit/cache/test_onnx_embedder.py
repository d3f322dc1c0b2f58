"""A model of the operator's: its tokens' vectors averaged, run beside the loop, and refused where it is none."""

from pathlib import Path

import pytest

from gateway.cache.embedding.base import EmbedderMissing
from gateway.cache.embedding.onnx import OnnxEmbedder
from tests.reference.embed_oracle import floats
from tests.unit.cache.onnx_house import embedding_model, folder_with, judging_model

pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")


@pytest.mark.parametrize("averaged", [False, True])
async def test_a_text_is_the_mean_of_its_tokens(tmp_path: Path, averaged: bool) -> None:
    embedder = OnnxEmbedder(folder_with(tmp_path, embedding_model(averaged=averaged)), deadline=60)
    assert embedder.dimensions == 3
    assert embedder.now("cats sleep") is None
    vector = await embedder.embed("cats sleep")
    assert vector is not None
    assert floats(vector) == pytest.approx([1 / 5**0.5, 2 / 5**0.5, 0.0], abs=1e-6)
    assert embedder.now("cats sleep") == vector
    embedder.stop()


async def test_nothing_has_no_vector_and_a_stopped_one_none_at_all(tmp_path: Path) -> None:
    embedder = OnnxEmbedder(folder_with(tmp_path, embedding_model()), deadline=60)
    assert await embedder.embed("") is None
    embedder.stop()
    assert await embedder.embed("cats") is None


async def test_another_model_has_another_fingerprint(tmp_path: Path) -> None:
    one = OnnxEmbedder(folder_with(tmp_path, embedding_model()))
    other = OnnxEmbedder(folder_with(tmp_path, embedding_model(averaged=True)))
    assert one.fingerprint != other.fingerprint
    one.stop()
    other.stop()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbedderMissing, match=r"no model\.onnx"):
        OnnxEmbedder(tmp_path)
    with pytest.raises(EmbedderMissing, match="cannot be read"):
        OnnxEmbedder(folder_with(tmp_path, b"no model"))
    with pytest.raises(EmbedderMissing, match="not a model that embeds sentences"):
        OnnxEmbedder(folder_with(tmp_path, judging_model()))
