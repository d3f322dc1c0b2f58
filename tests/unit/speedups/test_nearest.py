"""The nearest rows are those that a slow search finds, whatever was added and dropped before."""

import math
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups.nearest import MOST, Rows, inner


def vector(rng: random.Random, dimensions: int) -> bytes:
    return struct.pack(f"<{dimensions}f", *(rng.gauss(0, 1) for _ in range(dimensions)))


def product(left: bytes, right: bytes) -> float:
    count = len(left) // 4
    pairs = zip(struct.unpack(f"<{count}f", left), struct.unpack(f"<{count}f", right), strict=True)
    return math.fsum(one * other for one, other in pairs)


@given(st.integers(1, 70), st.integers(0, 1 << 32))
def test_products_are_right_in_all_dimensions(dimensions: int, seed: int) -> None:
    rng = random.Random(seed)
    left, right = vector(rng, dimensions), vector(rng, dimensions)
    for plain in (False, True):
        assert inner(left, right, plain=plain) == pytest.approx(product(left, right), abs=1e-4)


steps = st.lists(st.one_of(st.just("add"), st.just("add"), st.integers(0, 5)), max_size=120)


@given(steps, st.integers(1, 9), st.integers(-1, 8), st.integers(0, 1 << 32))
def test_the_nearest_are_found(steps: list[str | int], most: int, newest: int, seed: int) -> None:
    rng, rows, kept = random.Random(seed), Rows(7), list[bytes]()
    for step in steps:
        if isinstance(step, str):
            kept.append(vector(rng, 7))
            rows.add(kept[-1])
        else:
            count = min(step, len(kept))
            assert rows.oldest(count) == b"".join(kept[:count])
            rows.drop(count)
            del kept[:count]
        assert len(rows) == len(kept)
    asked = vector(rng, 7)
    first = len(kept) - newest if 0 <= newest < len(kept) else 0
    right = sorted(
        ((product(asked, one), number) for number, one in enumerate(kept[first:], first)), reverse=True
    )
    expected = [(number, near) for near, number in right if near >= 0.5][:most]
    found = rows.nearest(asked, most, 0.5, newest)
    assert [number for number, _ in found] == [number for number, _ in expected]
    assert [near for _, near in found] == pytest.approx([near for _, near in expected], abs=1e-4)


def test_one_row_can_be_compared() -> None:
    rng = random.Random(5)
    kept, rows = [vector(rng, 7) for _ in range(9)], Rows(7)
    for one in kept:
        rows.add(one)
    rows.drop(2)
    asked = vector(rng, 7)
    for row, one in enumerate(kept[2:]):
        assert rows.product(row, asked) == pytest.approx(product(asked, one), abs=1e-4)
    for row in (-1, 7):
        with pytest.raises(IndexError):
            rows.product(row, asked)
    with pytest.raises(ValueError, match="length"):
        rows.product(0, asked[:-4])


def test_memory_follows_what_is_kept() -> None:
    rows = Rows(64)
    for _ in range(1_000):
        rows.add(bytes(256))
    full = rows.nbytes
    rows.drop(990)
    assert rows.nbytes < full / 5
    rows.drop(10)
    assert rows.nbytes == 0
    rows.add(bytes(256))
    assert len(rows) == 1


def test_what_does_not_fit_is_refused() -> None:
    rows = Rows(4)
    rows.add(bytes(16))
    for wrong in (b"", bytes(15), bytes(20)):
        with pytest.raises((ValueError, BufferError)):
            rows.add(wrong)
        with pytest.raises((ValueError, BufferError)):
            rows.nearest(wrong, 1, 0.0)
    for count in (2, -1):
        with pytest.raises(ValueError, match="not so many"):
            rows.drop(count)
        with pytest.raises(ValueError, match="not so many"):
            rows.oldest(count)
    for most in (0, MOST + 1):
        with pytest.raises(ValueError, match="never told"):
            rows.nearest(bytes(16), most, 0.0)
    with pytest.raises(ValueError, match="dimensions"):
        Rows(0)
    with pytest.raises(ValueError, match="length"):
        inner(b"", b"")


def test_numbers_that_are_none_are_never_near() -> None:
    rows = Rows(4)
    rows.add(struct.pack("<4f", math.nan, 0, 0, 0))
    assert rows.nearest(struct.pack("<4f", 1, 0, 0, 0), 3, -1.0) == []
