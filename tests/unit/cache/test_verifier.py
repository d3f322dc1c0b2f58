"""A model of the operator that has the last word: asked about pairs alone, beside the loop, refused if it is none."""

import asyncio
from pathlib import Path

import numpy
import pytest

from gateway.cache.embedding.verifier import OTHER, SAME, OnnxVerifier, VerifierMissing, sure
from tests.unit.cache.onnx_house import embedding_model, folder_with, judging_model

pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")


def verifier(folder: Path, *, score: float = 0.9, deadline: float = 60) -> OnnxVerifier:
    return OnnxVerifier(folder_with(folder, judging_model()), score=score, deadline=deadline)


async def test_two_texts_are_one_where_the_model_is_sure_of_it(tmp_path: Path) -> None:
    judge = verifier(tmp_path)
    assert await judge.agrees("cats sleep", "sleep cats") is True
    assert await judge.agrees("cats sleep", "dogs sleep") is False
    assert await judge.agrees("dogs sleep", "cats sleep") is False
    judge.stop()


async def test_a_score_that_the_model_hardly_reaches_refuses_more(tmp_path: Path) -> None:
    with pytest.raises(VerifierMissing, match=r"0\.99 sure that a question is itself.* it is no verifier"):
        verifier(tmp_path, score=0.995)


async def test_nothing_is_said_in_time_and_the_next_one_hears_it(tmp_path: Path) -> None:
    judge = verifier(tmp_path, deadline=0)
    assert await judge.agrees("cats sleep", "sleep cats") is None
    for _ in range(500):
        await asyncio.sleep(0.01)
        if await judge.agrees("cats sleep", "sleep cats") is not None:
            break
    assert await judge.agrees("cats sleep", "sleep cats") is True
    judge.stop()


async def test_a_stopped_one_says_nothing(tmp_path: Path) -> None:
    judge = verifier(tmp_path)
    judge.stop()
    assert await judge.agrees("cats", "dogs") is None


async def test_whoever_asks_the_same_shares_the_work(tmp_path: Path) -> None:
    judge = verifier(tmp_path)
    said = await asyncio.gather(*(judge.agrees("cats sleep", "sleep cats") for _ in range(200)))
    assert set(said) == {True}
    others = await asyncio.gather(*(judge.agrees("cats", f"dogs {number}") for number in range(200)))
    assert None in others, "more than may wait"
    judge.stop()


def test_what_is_no_verifier_is_refused(tmp_path: Path) -> None:
    for name, content, said in (
        ("none", b"no model", "cannot be read"),
        ("embeds", embedding_model(), "not a model that compares two texts"),
        ("upside down", judging_model(slope=900.0, sure=-5.0), "it is no verifier"),
        ("agrees with all", judging_model(slope=0.0), "it is no verifier"),
        ("not a number", judging_model(sure=float("nan")), "not a model that compares two texts"),
    ):
        with pytest.raises(VerifierMissing, match=said):
            OnnxVerifier(folder_with(tmp_path / name, content), score=0.9)
    with pytest.raises(VerifierMissing, match=r"no model\.onnx"):
        OnnxVerifier(tmp_path, score=0.9)
    assert SAME != OTHER


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([0.0], 0.5),
        ([1000.0], 1.0),
        ([1.0, 1.0], 0.5),
        ([0.0, 3.0], 0.9526),
        ([float("nan")], None),
        ([float("inf"), 0.0], None),
        ([1.0, 2.0, 3.0], None),
        ([[1.0]], None),
        ([], None),
    ],
)
def test_one_logit_or_two_say_how_sure_a_model_is(logits: list[float], expected: float | None) -> None:
    found = sure(numpy.array(logits, numpy.float32))
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-3))
