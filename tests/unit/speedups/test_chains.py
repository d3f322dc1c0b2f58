"""Numbers under marks: found newest first, however many there are and wherever their marks lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups.chains import Chains

marks = st.one_of(st.integers(0, 5), st.integers(0, 2**64 - 1), st.integers(0, 40).map((1).__lshift__))


def filled(given_marks: list[int]) -> Chains:
    chains = Chains()
    for mark in given_marks:
        chains.add(mark)
    return chains


@given(st.lists(marks, max_size=300), marks, st.integers(0, 8))
def test_the_newest_under_a_mark_come_first(added: list[int], sought: int, most: int) -> None:
    chains = filled(added)
    assert len(chains) == len(added)
    for mark in {*added, sought}:
        expected = [number for number in reversed(range(len(added))) if added[number] == mark]
        assert chains.find(mark, 400) == expected
        assert chains.find(mark, most) == expected[:most]


def test_many_marks_take_some_twenty_bytes_each() -> None:
    chains = filled(list(range(50_000)))
    assert all(chains.find(mark, 2) == [mark] for mark in range(50_000))
    assert 16 * 50_000 <= chains.nbytes <= 30 * 50_000


@pytest.mark.parametrize("mark", [-1, 2**64])
def test_a_mark_has_64_bits(mark: int) -> None:
    chains = Chains()
    with pytest.raises(OverflowError):
        chains.add(mark)
    assert len(chains) == 0


def test_nothing_is_found_in_nothing() -> None:
    assert Chains().find(0, 8) == []
