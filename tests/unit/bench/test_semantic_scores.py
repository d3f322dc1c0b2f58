"""The measure of the semantic cache counts what would have been served, rightly and wrongly."""

import json
from pathlib import Path

import pytest

from bench.semantic_corpora import Lookups, Pair, lookup_sets, pair_sets
from bench.semantic_quality import main
from bench.semantic_scores import Case, of_guards, of_lookups, of_pairs
from gateway.cache.embedding.base import EmbedderMissing
from gateway.cache.embedding.static import installed

numpy = pytest.importorskip("numpy")
PNG = b"\x89PNG"
OWN = {"own, dev", "own, held_out", "own, users", "own, users_held_out"}


class Letters:
    """An embedder that finds all texts with the same first letter alike."""

    name = "letters"
    fingerprint = b"letters."
    dimensions = 128
    cheap = True

    def now(self, text: str) -> bytes | None:
        row = numpy.zeros(self.dimensions, dtype="<f4")
        row[ord(text[0].lower()) % self.dimensions] = 1.0
        return bytes(row.tobytes())

    def prepare(self, text: str) -> None:
        """Nothing takes time here."""

    async def embed(self, text: str) -> bytes | None:
        return self.now(text)


PAIRS = [
    Pair("how many feet are 5 miles?", "How many feet are 7 miles?", 0, "number"),
    Pair("who wrote Emma?", "Who wrote Emma", 1, "case"),
    Pair("who wrote Emma?", "Tell me who wrote Emma", 1, "polite"),
]


def counts(case: Case) -> tuple[int, int, int, int]:
    score = case.at(0.93)
    return score.right, score.wrong, score.rights, score.wrongs


def test_a_look_alike_is_served_without_guards_and_not_with_them() -> None:
    served, guarded, bare = of_pairs("p", PAIRS, Letters())
    assert [one.manner for one in (served, guarded, bare)] == ["same words", "guards", "likeness alone"]
    assert counts(served) == counts(guarded)
    assert counts(guarded) == (1, 0, 2, 1)
    assert counts(bare) == (1, 1, 2, 1)
    assert (bare.at(0.93).recall, bare.at(0.93).precision, bare.at(0.93).wrongly) == (0.5, 0.5, 1.0)


def test_the_guards_alone_do_not_ask_how_like_the_texts_are() -> None:
    (alone,) = of_pairs("p", PAIRS, None)
    assert counts(alone) == (2, 0, 2, 1)


def test_a_look_up_serves_the_nearest_that_the_guards_let_pass() -> None:
    lookups = Lookups(
        kept=["how far is Rome?", "who wrote Emma?"],
        meanings=["rome", "emma"],
        asked=["how far is Bari?", "Who wrote Emma", "where is Emma?"],
        sought=["bari", "emma", "emma"],
    )
    served, guarded, bare = of_lookups("l", lookups, Letters())
    assert counts(served)[:2] == counts(guarded)[:2] == (1, 0)
    assert counts(bare)[:2] == (2, 1)
    assert counts(of_guards("l", lookups))[:2] == (1, 0)


class Vowels(Letters):
    """An embedder to whom texts are alike by how often they have which vowel."""

    def now(self, text: str) -> bytes | None:
        row = numpy.zeros(self.dimensions, dtype="<f4")
        for place, letter in enumerate("aeiou"):
            row[place] = text.lower().count(letter)
        return bytes((row / numpy.linalg.norm(row)).tobytes())


def test_as_served_what_the_guards_take_for_one_may_be_less_alike_than_the_threshold() -> None:
    pairs = [Pair("What is the capital of Peru?", "Tell me the capital of Peru", 1, "frame")]
    served, guarded, _ = of_pairs("p", pairs, Vowels())
    assert (counts(served)[0], counts(guarded)[0]) == (1, 0)


def test_corpora_come_from_the_given_folder_and_their_lack_is_no_error(tmp_path: Path) -> None:
    assert set(pair_sets(None)) == set(pair_sets(tmp_path)) == OWN
    assert lookup_sets(tmp_path) == {}
    pair = {"a": "x", "b": "y", "label": 0, "type": "word"}
    (tmp_path / "adversarial_pairs.jsonl").write_text(json.dumps(pair) + "\n\n")
    (tmp_path / "gptcache_mock_pairs.json").write_text('[{"origin": "o", "similar": "s"}]')
    for part in ("train", "test"):
        (tmp_path / f"banking77_{part}.csv").write_text(f'text,category\n"{part}, said",card\n')
    assert pair_sets(tmp_path)["adversarial"] == [Pair("x", "y", 0, "word")]
    found = lookup_sets(tmp_path)
    assert found["Banking77"] == Lookups(["train, said"], ["card"], ["test, said"], ["card"])
    assert found["GPTCache pairs"] == Lookups(["o"], ["o"], ["s"], ["o"])


def test_the_command_writes_its_figures_and_says_whether_the_goal_is_met(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    assert main(["--out", str(tmp_path), "--onnx", str(tmp_path / "none")]) == 0
    assert "not measured: " in capsys.readouterr().out
    cases = json.loads((tmp_path / "semantic_quality.json").read_bytes())
    assert {case["corpus"] for case in cases} == OWN
    try:
        name = installed().name
    except EmbedderMissing:
        return
    assert (tmp_path / f"semantic_quality-{name}.png").read_bytes().startswith(PNG)
