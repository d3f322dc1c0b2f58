"""Tokens equal tiktoken's, one for one, on generated and on real text; nothing is downloaded for it."""

import random
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.tokens_oracle import expected

from gateway._speedups.tokens import Encoding
from gateway.tokens.encodings import encoding

ROOT = Path(__file__).parents[3]
NAMES = ("cl100k", "o200k")

ATOMS = [
    *(
        "a",
        "b",
        "Z",
        "Q",
        "é",
        "É",
        "ß",
        "ẞ",
        "ǅ",
        "ʰ",
        "ª",
        "ſ",
        "K",
        "ع",
        "한",
        "あ",
        "四",
        "\u0301",
        "\u0903",
        "\u20dd",
    ),
    *("'s", "'S", "'ſ", "'ll", "'lL", "'vE", "'RE", "'d", "'M", "'t", "'x", "'l", "'", "’s"),
    *(" ", "  ", "\t", "\n", "\r", "\r\n", "\n\n", "\u00a0", "\u2003", "\u3000", "\x85", "\u2028", "\u200b"),
    *("/", "//", "!", "-", "_", "=", "€", "½", "Ⅷ", "1", "23", "456", "७", "🙂", "👩‍👩‍👧", "\ufffd", "\x00"),
    *("<|endoftext|>", "<|im_start|>", "hello", "World", "HTTPServer", "camelCase", "don't"),
]
mixed = st.lists(st.sampled_from(ATOMS), max_size=40).map("".join)
anything = st.text(max_size=60)


def loaded(name: str) -> Encoding:
    found = encoding(name)
    assert found is not None, "the ranks were not built: python setup.py build_ext --inplace"
    return found


def assert_equal(text: str) -> None:
    for name in NAMES:
        tokens = expected(name, text)
        assert loaded(name).encode(text) == tokens
        assert loaded(name).count(text) == len(tokens)
        assert loaded(name).count(text) == len(tokens)  # and again, from memory


@given(mixed)
def test_mixed_text_is_cut_alike(text: str) -> None:
    assert_equal(text)


@given(anything)
def test_any_text_is_cut_alike(text: str) -> None:
    assert_equal(text)


def test_many_texts_are_cut_alike() -> None:
    draw = random.Random(7)
    for _ in range(6_000):
        assert_equal("".join(draw.choices(ATOMS, k=draw.randint(1, 30))))


def test_every_character_is_of_the_same_class() -> None:
    """Before a letter, a capital, a mark, a number and a space, each decides otherwise where a piece ends."""
    for start in range(0, 0x110000, 0x1000):
        points = (chr(each) for each in range(start, start + 0x1000) if not 0xD800 <= each < 0xE000)
        row = "".join(f"{one}a{one}B {one}1{one}" for one in points)
        for name in NAMES:
            assert loaded(name).count(row) == len(expected(name, row)), f"{name} from U+{start:04X}"


@pytest.mark.parametrize("folder", ["gateway", "docs", "tests/golden/dialects", "_speedups"])
def test_real_files_are_cut_alike(folder: str) -> None:
    files = sorted(
        path for path in (ROOT / folder).rglob("*.*") if path.suffix in (".py", ".md", ".json", ".pyx")
    )
    assert files
    for path in files[::7] if len(files) > 50 else files:
        assert_equal(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("length", [1, 2, 37, 38, 39, 95, 96, 97, 98, 128, 129, 500, 3_000])
def test_pieces_of_every_length_merge_alike(length: int) -> None:
    draw = random.Random(length)
    for letters in ("a", "ab", "etaoinshrdlu", "四五的一", "=-", "zqxjk"):
        assert_equal("".join(draw.choices(letters, k=length)))
    assert_equal(" " * length)
    assert_equal(" " * length + "x")
    assert_equal("\n" * length + " ")


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_composed_and_decomposed_text_is_cut_alike(form: Literal["NFC", "NFD", "NFKC", "NFKD"]) -> None:
    assert_equal(unicodedata.normalize(form, "Ärger über Größe; ĳ ﬁn Ǆ ế 각 が ½ ²³ Ⅻ"))
