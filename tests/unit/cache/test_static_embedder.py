"""The installed table is read from files, cuts as the published tokenizer does, and all else is refused."""

import json
import struct
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.embedding.base import EmbedderMissing
from gateway.cache.embedding.static import PACKAGE, ROWS, TOKENIZER, StaticEmbedder, installed, read
from tests.reference.embed_oracle import floats

tokenizers = pytest.importorskip("tokenizers")

EMBEDDER = installed()
PUBLISHED = tokenizers.Tokenizer.from_file(str(distribution(PACKAGE).locate_file(TOKENIZER)))
PUBLISHED.no_truncation()

WORDS = "how do I cancel my order of 5 miles is not, can't? Zürich naïve 東京 は 😀 <s> </s> <unk> \u2581 ﬁ é a\tb"
prose = st.lists(st.sampled_from(sorted({*WORDS.split(" "), "", "c\n"})), max_size=40).map(" ".join)


def published(text: str) -> list[int]:
    ids: list[int] = PUBLISHED.encode(text, add_special_tokens=False).ids
    return ids


@given(prose | st.text(max_size=200))
def test_texts_are_cut_as_published(text: str) -> None:
    assert EMBEDDER.tokens(text) == published(text)


def test_long_stretches_are_cut_as_published() -> None:
    for text in ("a" * 700, "漢字" * 200, "ab" * 300 + " " * 90 + "x", "=" * 333):
        assert EMBEDDER.tokens(text) == published(text)


def test_a_vector_is_the_direction_of_the_sum_of_its_rows() -> None:
    text = "What is the tallest mountain in Europe?"
    file = Path(str(distribution(PACKAGE).locate_file(ROWS))).read_bytes()
    start = 8 + struct.unpack_from("<Q", file)[0]
    rows = [struct.unpack_from("<256e", file, start + 512 * token) for token in published(text)]
    total = [sum(column) for column in zip(*rows, strict=True)]
    length = sum(value * value for value in total) ** 0.5
    vector = EMBEDDER.now(text)
    assert vector is not None
    assert floats(vector) == pytest.approx([value / length for value in total], abs=1e-6)


async def test_what_cannot_be_embedded_has_no_vector() -> None:
    assert EMBEDDER.now("") is None
    assert EMBEDDER.now("\ud800") is None
    assert await EMBEDDER.embed("hello") == EMBEDDER.now("hello")


def test_the_package_itself_is_not_imported() -> None:
    assert isinstance(EMBEDDER, StaticEmbedder)
    assert PACKAGE not in sys.modules


def write(
    folder: Path, *, rows: bytes | None = None, header: Any = None, **changes: Any
) -> tuple[Path, Path]:
    """A small table in files, with changes that are mistakes."""
    vocabulary = {"<unk>": 0, **{f"<0x{byte:02X}>": byte + 1 for byte in range(256)}, "\u2581": 257, "a": 258}
    rows = bytes(2 * 4 * 259) if rows is None else rows
    if header is None:
        header = {"table": {"dtype": "F16", "shape": [259, 4], "data_offsets": [0, 2 * 4 * 259]}}
    model = {"type": "BPE", "byte_fallback": True, "vocab": vocabulary, "merges": []}
    model |= changes.pop("model", {})
    tokenizer = {
        "model": model,
        "added_tokens": [{"id": 0, "content": "<unk>"}],
        "pre_tokenizer": None,
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "\u2581"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
            ],
        },
        **changes,
    }
    head = json.dumps(header).encode() if not isinstance(header, bytes) else header
    paths = folder / "rows.safetensors", folder / "tokenizer.json"
    paths[0].write_bytes(struct.pack("<Q", len(head)) + head + rows)
    paths[1].write_text(json.dumps(tokenizer), encoding="utf-8")
    return paths


def test_a_table_of_the_known_form_is_read(tmp_path: Path) -> None:
    embedder = read(*write(tmp_path))
    assert embedder.dimensions == 4
    assert len(embedder.fingerprint) == 8
    other = read(*write(tmp_path, rows=b"\x00\x3c" * 4 * 259))
    assert other.fingerprint != embedder.fingerprint
    assert floats(other.now("a") or b"") == [0.5] * 4


MISTAKES: dict[str, dict[str, Any]] = {
    "file ends early": {"rows": bytes(100)},
    "header is no JSON": {"header": b"{"},
    "other numbers": {"header": {"t": {"dtype": "I8", "shape": [259, 4], "data_offsets": [0, 1036]}}},
    "two tensors": {"header": {"t": {}, "u": {}}},
    "one dimension": {"header": {"t": {"dtype": "F16", "shape": [1036], "data_offsets": [0, 2072]}}},
    "another shape": {"header": {"t": {"dtype": "F16", "shape": [100, 4], "data_offsets": [0, 2072]}}},
    "offsets backwards": {"header": {"t": {"dtype": "F16", "shape": [259, 4], "data_offsets": [9, 1]}}},
    "another model": {"model": {"type": "WordPiece"}},
    "no bytes": {"model": {"byte_fallback": False}},
    "a suffix": {"model": {"end_of_word_suffix": "</w>"}},
    "texts are cut": {"pre_tokenizer": {"type": "Whitespace"}},
    "texts are changed": {"normalizer": {"type": "Lowercase"}},
    "stripping tokens": {"added_tokens": [{"id": 0, "content": "<unk>", "lstrip": True}]},
    "a merge of three": {"model": {"merges": ["a b c"]}},
    "a merge of what is unknown": {"model": {"merges": ["x y"]}},
    "no vocabulary": {"model": {"vocab": []}},
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_files_of_another_form_are_refused(tmp_path: Path, mistake: str) -> None:
    with pytest.raises(EmbedderMissing, match="not a known table"):
        read(*write(tmp_path, **MISTAKES[mistake]))


def test_a_missing_file_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(EmbedderMissing, match=r"ai-gateway\[cache\]"):
        read(tmp_path / "no", tmp_path / "neither")
