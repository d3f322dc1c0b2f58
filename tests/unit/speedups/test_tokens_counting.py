"""Counting holds under what callers send: hostile text, bytes that are no text, many threads; and checks its tables."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway._speedups.tokens import Encoding
from gateway.tokens.ranks import RankFile, read_ranks


@pytest.fixture(scope="module")
def ranks() -> RankFile:
    found = read_ranks()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def o200k(ranks: RankFile) -> Encoding:
    return made(ranks, "o200k")


def made(ranks: RankFile, name: str) -> Encoding:
    one = ranks.encodings[name]
    return Encoding(one.pattern, one.tokens, one.starts, one.slots, ranks.classes)


def test_nothing_has_no_tokens(o200k: Encoding) -> None:
    assert o200k.count("") == o200k.count(b"") == 0
    assert o200k.encode("") == []


def test_a_text_and_its_bytes_count_alike(o200k: Encoding) -> None:
    text = "Grüße, 世界! 🙂"
    raw = text.encode()
    assert (
        o200k.count(text) == o200k.count(raw) == o200k.count(bytearray(raw)) == o200k.count(memoryview(raw))
    )


@pytest.mark.parametrize(
    "raw",
    [
        *(
            b"\xff",
            b"\xc3",
            b"a\xc3",
            b"\xe4\xb8",
            b"\xf0\x9f\x99",
            b"\xf4\x90\x80\x80",
            b"\xc0\xaf",
            b"\x80" * 300,
        ),
        b"'\xc5",
        b"'",
        b"it'",
        b" \xf5\xf5\xf5 ",
    ],
)
def test_bytes_that_are_no_text_are_counted_all_the_same(o200k: Encoding, raw: bytes) -> None:
    assert 0 < o200k.count(raw) <= len(raw)
    assert len(o200k.encode(raw)) == o200k.count(raw)


def test_half_a_surrogate_pair_counts_as_a_replacement(o200k: Encoding) -> None:
    assert o200k.encode("a\ud800b") == o200k.encode("a\ufffdb")
    assert o200k.encode("\ud83d\ude42") == o200k.encode("🙂")


def test_what_is_no_text_is_refused(o200k: Encoding) -> None:
    with pytest.raises((TypeError, BufferError)):
        o200k.count(3)


@pytest.mark.parametrize("name", ["cl100k", "o200k"])
@pytest.mark.parametrize(
    ("text", "at_most"),
    [
        ("a" * 400_000, 50_000),
        ("ab" * 200_000, 400_000),
        (" " * 400_000, 400_000),
        ("\n " * 200_000, 400_000),
        ("A" * 400_000 + "!", 400_001),
        ("\u0301" + "A" * 200_000 + "!", 200_100),
        ("'" * 400_000, 400_000),
        ("\u0301A" * 100_000 + "1", 400_000),
        ("/\n" * 200_000, 400_000),
    ],
)
def test_work_does_not_grow_with_the_square_of_a_text(
    ranks: RankFile, name: str, text: str, at_most: int
) -> None:
    """Were it to, this would not end."""
    assert 0 < made(ranks, name).count(text) <= at_most


def test_threads_count_alike(o200k: Encoding) -> None:
    texts = [
        f"thread {each} counts qwrtzpsdf{each % 7} unforeseeably, schnappt's auf\n" * 60 for each in range(24)
    ]
    alone = [o200k.count(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            assert list(pool.map(o200k.count, texts)) == alone


def test_memory_never_changes_a_count(ranks: RankFile, o200k: Encoding) -> None:
    """More pieces than are remembered, so that places are taken over and over."""
    words = [f"qx{each:x}zw{each * 7919:x}" for each in range(30_000)]
    used = made(ranks, "o200k")
    for _ in range(2):
        assert all(used.count(word) == len(o200k.encode(word)) for word in words)


def test_damaged_tables_are_refused(ranks: RankFile) -> None:
    one = ranks.encodings["cl100k"]
    with pytest.raises(ValueError, match="pattern"):
        Encoding("r50k", one.tokens, one.starts, one.slots, ranks.classes)
    for parts in (
        (one.tokens[:-1], one.starts, one.slots, ranks.classes),
        (one.tokens, one.starts[:-4], one.slots, ranks.classes),
        (one.tokens, one.starts, one.slots[: len(one.slots) // 4], ranks.classes),
        (one.tokens, one.starts, one.slots[:-4], ranks.classes),
        (one.tokens, one.starts, one.slots, ranks.classes[:-128]),
        (one.tokens, one.starts, one.slots, b""),
    ):
        with pytest.raises(ValueError, match="damaged"):
            Encoding("cl100k", *parts)
