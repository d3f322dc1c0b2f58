"""What the semantic cache is measured on: pairs of texts, and look-ups of many texts in many kept ones."""

import csv
from pathlib import Path

import msgspec

OWN = Path(__file__).parent / "data"
"""The project's own pairs: the guards were tuned on `dev` and `users`, and never on those held out."""
PARTS = ("dev", "held_out", "users", "users_held_out")


class Pair(msgspec.Struct, frozen=True):
    """Two texts; `label` 1 where one answer serves both. `by`: hand or rule."""

    a: str
    b: str
    label: int
    type: str
    by: str = ""


class Origin(msgspec.Struct, frozen=True):
    """A sentence and a paraphrase of it."""

    origin: str
    similar: str


class Lookups(msgspec.Struct, frozen=True):
    """Texts asked of a cache of kept ones; a hit is right where the kept one's meaning is that of the asked one."""

    kept: list[str]
    meanings: list[str]
    asked: list[str]
    sought: list[str]


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a JSON-lines file. Raises OSError, or msgspec.MsgspecError for lines of another form."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [msgspec.json.decode(line, type=Pair) for line in lines if line.strip()]


def pair_sets(data: Path | None) -> dict[str, list[Pair]]:
    """All sets of pairs: the project's own, and those in the folder `data`."""
    found = {f"own, {part}": read_pairs(OWN / f"semantic_pairs_{part}.jsonl") for part in PARTS}
    if data is not None and (path := data / "adversarial_pairs.jsonl").exists():
        found["adversarial"] = read_pairs(path)
    return found


def lookup_sets(data: Path | None) -> dict[str, Lookups]:
    """Banking77 (right: the same intent) and GPTCache's paraphrases (their own origin), where `data` has them."""
    found = {}
    if data is not None and (data / "banking77_test.csv").exists():
        kept, asked = _banking(data / "banking77_train.csv"), _banking(data / "banking77_test.csv")
        found["Banking77"] = Lookups(*_columns(kept), *_columns(asked))
    if data is not None and (path := data / "gptcache_mock_pairs.json").exists():
        origins = msgspec.json.decode(path.read_bytes(), type=list[Origin])
        texts = [origin.origin for origin in origins]
        found["GPTCache pairs"] = Lookups(texts, texts, [origin.similar for origin in origins], texts)
    return found


def _banking(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def _columns(rows: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [text for text, _ in rows], [meaning for _, meaning in rows]
