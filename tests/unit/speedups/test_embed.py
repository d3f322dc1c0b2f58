"""The compiled table cuts and embeds texts exactly as the slow way does, and refuses parts that do not fit."""

import random
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups.embed import LONGEST, Table
from tests.reference.embed_oracle import MARK, Parts, embed, floats, tokens

LETTERS = "abcdé漢"


def made(seed: int, *, words: bool = True, named: tuple[str, ...] = ("<s>", "</s>", "<s>>")) -> Parts:
    """A small table whose merges build on one another; without `words` some go on into the next word."""
    rng = random.Random(seed)
    vocabulary: dict[str, int] = {}
    for text in [*named, *(f"<0x{byte:02X}>" for byte in range(256)), MARK, *LETTERS]:
        vocabulary[text] = len(vocabulary)
    merges: list[tuple[str, str]] = []
    built = [MARK, *LETTERS]
    for _ in range(60):
        left, right = rng.choice(built), rng.choice(built)
        crosses = MARK in (left + right).lstrip(MARK)
        if (left, right) in merges or (words and crosses) or len(left + right) > 8:
            continue
        merges.append((left, right))
        built.append(left + right)
        vocabulary.setdefault(left + right, len(vocabulary))
    rows = [[rng.uniform(-1, 1) for _ in range(5)] for _ in vocabulary]
    rows = [list(struct.unpack("<5f", struct.pack("<5f", *row))) for row in rows]
    return Parts(vocabulary, merges, {text: vocabulary[text] for text in named}, rows)


def table_of(parts: Parts) -> Table:
    rows = b"".join(struct.pack("<5f", *row) for row in parts.rows)
    return Table(rows, 5, False, parts.vocabulary, parts.merges, parts.named)


TABLES = [(parts, table_of(parts)) for parts in (made(seed, words=seed % 2 == 0) for seed in range(8))]

texts = st.lists(
    st.sampled_from([*LETTERS, *LETTERS, " ", " ", MARK, "<s>", "</s>", "<s>>", "<", "z", "\n", "😀", "ab"]),
    max_size=150,
).map("".join)


@given(texts, st.sampled_from(range(len(TABLES))))
def test_texts_are_cut_as_the_slow_way_cuts_them(text: str, which: int) -> None:
    parts, table = TABLES[which]
    assert table.tokens(text) == tokens(parts, text)


@given(texts, st.sampled_from(range(len(TABLES))))
def test_vectors_are_those_of_the_slow_way(text: str, which: int) -> None:
    parts, table = TABLES[which]
    expected, vector = embed(parts, text), table.embed(text)
    assert (vector is None) == (expected is None)
    if vector is not None and expected is not None:
        assert floats(vector) == pytest.approx(expected, abs=2e-5)


def test_one_endless_word_is_cut_rightly() -> None:
    parts, table = TABLES[0]
    rng = random.Random(3)
    text = "".join(rng.choice(LETTERS) for _ in range(400))
    assert table.tokens(text) == tokens(parts, text)


def test_rows_of_half_precision_are_read_exactly() -> None:
    parts = made(1)
    values = [0.0, -0.0, 1.0, -2.5, 65504.0, 6e-8, 6.1e-5, 0.333251953125]
    rows = [[values[(row + column) % len(values)] for column in range(5)] for row in range(len(parts.rows))]
    halves = Table(
        b"".join(struct.pack("<5e", *row) for row in rows), 5, True, parts.vocabulary, parts.merges, {}
    )
    singles = Table(
        b"".join(struct.pack("<5f", *struct.unpack("<5e", struct.pack("<5e", *row))) for row in rows),
        5,
        False,
        parts.vocabulary,
        parts.merges,
        {},
    )
    for letter in LETTERS:
        assert halves.embed(letter) == singles.embed(letter)


def test_nothing_and_too_much_have_no_vector() -> None:
    _, table = TABLES[0]
    assert table.embed("") is None
    assert table.embed("a" * LONGEST) is not None
    assert table.embed("a" * (LONGEST + 1)) is None
    with pytest.raises(ValueError, match="too long"):
        table.tokens("a" * (LONGEST + 1))
    with pytest.raises(UnicodeEncodeError):
        table.embed("\ud800")


def broken() -> list[tuple[str, dict[str, object]]]:
    parts = made(0)
    return [
        ("rows end early", {"rows": b"\0" * 19}),
        ("no rows", {"rows": b""}),
        ("no dimensions", {"dimensions": 0}),
        ("a token without a row", {"vocabulary": {**parts.vocabulary, "a": 10_000}}),
        ("a token below zero", {"vocabulary": {**parts.vocabulary, "a": -1}}),
        ("a token that is no number", {"vocabulary": {**parts.vocabulary, "a": "1"}}),
        ("a byte is missing", {"vocabulary": {"a": 0, MARK: 1}}),
        ("a merge of unknown tokens", {"merges": [("no", "such")]}),
        ("a merge into nothing", {"merges": [("<0x00>", "<0x01>")]}),
        ("a named token without a row", {"named": {"<s>": 10_000}}),
        ("a named token too short", {"named": {"s": 1}}),
        ("too many named tokens", {"named": {f"<{number}>": 1 for number in range(20)}}),
    ]


@pytest.mark.parametrize(("what", "change"), broken())
def test_parts_that_do_not_fit_are_refused(what: str, change: dict[str, object]) -> None:
    parts = made(0)
    given_parts: dict[str, Any] = {
        "rows": b"".join(struct.pack("<5f", *row) for row in parts.rows),
        "dimensions": 5,
        "halves": False,
        "vocabulary": parts.vocabulary,
        "merges": parts.merges,
        "named": parts.named,
        **change,
    }
    with pytest.raises((ValueError, KeyError)):
        Table(**given_parts)
