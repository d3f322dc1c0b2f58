"""Namespaces find their own nearest texts, forget the older half, and all of them stay within their memory."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache import spaces
from gateway.cache.spaces import UNKNOWN, Candidate, Index
from gateway.cache.vectors import Vectors
from tests.unit.cache.meaning_house import (
    DIMENSIONS,
    LATER,
    NOW,
    beside,
    direction,
    key_of,
    mark_of,
    question,
)

SPACE = b"a" * 16


def vectors(**changes: float) -> Vectors:
    given_settings = {"memory": 1 << 30, "most": 1_000, "life": 1_000.0, **changes}
    return Vectors(
        DIMENSIONS,
        memory=int(given_settings["memory"]),
        most=int(given_settings["most"]),
        life=given_settings["life"],
    )


def keys(found: list[Candidate]) -> list[bytes]:
    return [candidate.key for candidate in found]


def test_the_nearest_comes_first_and_none_below_the_floor() -> None:
    kept = vectors()
    for number in range(50):
        kept.add(SPACE, 1, question(number), NOW)
    near = beside(direction(7), "away", 0.2)
    kept.add(SPACE, 1, question("near", near), NOW)
    found = kept.nearest(SPACE, direction(7), 8, 0.9, NOW)
    assert keys(found)[:2] == [key_of(7), key_of("near")]
    assert found[0].similarity == pytest.approx(1.0, abs=1e-5)
    assert all(candidate.similarity >= 0.9 for candidate in found)


named = st.tuples(st.integers(0, 3), st.integers(0, 30))


@given(st.lists(named, max_size=60), named)
def test_namespaces_never_meet(learned: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    kept = vectors(most=20)
    for space, number in learned:
        kept.add(bytes([space]) * 16, space, question((space, number), direction(number)), NOW)
    space, number = asked
    own = {key_of((space, number)) for where, number in learned if where == space}
    assert set(keys(kept.nearest(bytes([space]) * 16, direction(number), 8, -1.0, NOW))) <= own


def test_rotation_by_number_keeps_the_newer_half() -> None:
    kept = vectors(most=20)
    for number in range(95):
        kept.add(SPACE, 1, question(number), NOW)
        for young in range(max(0, number - 9), number + 1):
            assert keys(kept.nearest(SPACE, direction(young), 1, 0.99, NOW)) == [key_of(young)]
        assert kept.entries <= 20
    assert kept.nearest(SPACE, direction(60), 1, 0.99, NOW) == []


def test_rotation_by_age_keeps_what_is_younger_than_half_a_life() -> None:
    kept = vectors(life=100.0)
    for second in range(0, 500, 10):
        kept.add(SPACE, 1, question(second), NOW + second)
        for younger in range(max(0, second - 40), second + 1, 10):
            assert keys(kept.nearest(SPACE, direction(younger), 1, 0.99, NOW + second)) == [key_of(younger)]
    assert kept.entries <= 10


def test_what_has_ended_or_is_forgotten_is_not_told() -> None:
    kept = vectors()
    kept.add(SPACE, 1, question(1, expires=NOW + 5), NOW)
    kept.add(SPACE, 1, question(2), NOW)
    assert keys(kept.nearest(SPACE, direction(1), 1, 0.99, NOW + 4)) == [key_of(1)]
    assert kept.nearest(SPACE, direction(1), 1, 0.99, NOW + 5) == []
    kept.forget(SPACE, key_of(2))
    kept.forget(b"unknown namespac", key_of(2))
    assert kept.nearest(SPACE, direction(2), 1, 0.99, NOW) == []


def test_told_twice_is_kept_once_with_the_later_end() -> None:
    kept = vectors()
    for expires in (NOW + 5, NOW + 50, NOW + 20):
        kept.add(SPACE, 1, question(1, expires=expires), NOW)
    assert kept.entries == 1
    assert keys(kept.nearest(SPACE, direction(1), 8, 0.99, NOW + 49)) == [key_of(1)]
    assert kept.nearest(SPACE, direction(1), 8, 0.99, NOW + 50) == []


def test_purging_forgets_one_scope_up_to_a_moment() -> None:
    kept = vectors()
    other = b"b" * 16
    kept.add(SPACE, 1, question("before", written=NOW), NOW)
    kept.add(SPACE, 1, question("after", written=NOW + 2), NOW)
    kept.add(other, 2, question("before", written=NOW), NOW)
    kept.purge(1, NOW + 1)
    assert kept.nearest(SPACE, direction("before"), 1, 0.99, NOW) == []
    assert keys(kept.nearest(SPACE, direction("after"), 1, 0.99, NOW)) == [key_of("after")]
    assert keys(kept.nearest(other, direction("before"), 1, 0.99, NOW)) == [key_of("before")]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10_000)), max_size=200), st.integers(2_000, 60_000)
)
def test_memory_is_bounded_and_its_sum_is_right(learned: list[tuple[int, int]], memory: int) -> None:
    kept = vectors(memory=memory, most=16)
    for space, number in learned:
        kept.add(space.to_bytes(16, "big"), space, question(number), NOW)
        assert kept.weight <= memory
        assert kept.weight == sum(one.weight for one in kept._spaces.values())


def test_the_namespace_that_was_used_longest_ago_goes_first() -> None:
    one = spaces.PER_SPACE + spaces.PER_ENTRY + 4 * DIMENSIONS + len("question 0")
    kept = vectors(memory=3 * one)
    names = [bytes([name]) * 16 for name in range(4)]
    for name in names[:3]:
        kept.add(name, 1, question(0), NOW)
    assert kept.nearest(names[0], direction(0), 1, 0.9, NOW)
    kept.add(names[3], 1, question(0), NOW)
    assert [bool(kept.nearest(name, direction(0), 1, 0.9, NOW)) for name in names] == [
        True,
        False,
        True,
        True,
    ]


def test_namespaces_that_ended_are_dropped() -> None:
    kept = vectors()
    for number in range(5):
        kept.add(bytes([number]) * 16, 1, question(number, expires=NOW + number), NOW)
    kept.tend(NOW + 2)
    assert len(kept) == 2
    kept.tend(LATER)
    assert (len(kept), kept.weight) == (0, 0)


def test_what_says_the_same_is_found_by_its_mark_newest_first() -> None:
    kept = vectors(most=20)
    for number in range(12):
        kept.add(SPACE, 1, question(number, mark=number % 3), NOW)
    found = kept.same(SPACE, 2, direction(8), NOW)
    assert keys(found) == [key_of(number) for number in (11, 8, 5, 2)]
    assert found[1].similarity == pytest.approx(1.0, abs=1e-5)
    assert kept.same(SPACE, 2, b"", NOW)[1].similarity == UNKNOWN
    assert kept.same(SPACE, 3, b"", NOW) == kept.same(b"b" * 16, 2, b"", NOW) == []
    assert kept.same(SPACE, 2, direction(8, 3), NOW) == []


def test_what_says_the_same_ends_is_forgotten_purged_and_rotates_as_all_does() -> None:
    kept = vectors(most=6)
    for number, end in enumerate((LATER, NOW + 5, LATER, LATER)):
        kept.add(SPACE, 1, question(number, expires=end, written=NOW + number, mark=7), NOW)
    kept.forget(SPACE, key_of(3))
    assert keys(kept.same(SPACE, 7, b"", NOW + 6)) == [key_of(2), key_of(0)]
    kept.purge(1, NOW + 1)
    assert keys(kept.same(SPACE, 7, b"", NOW)) == [key_of(2)]
    for number in range(10, 17):
        kept.add(SPACE, 1, question(number), NOW)
    assert kept.same(SPACE, 7, b"", NOW) == []


def test_a_vector_of_other_dimensions_is_refused() -> None:
    kept = vectors()
    with pytest.raises(ValueError, match="length"):
        kept.add(SPACE, 1, question(1, struct.pack("<3f", 1, 0, 0)), NOW)
    assert kept.nearest(SPACE, direction(1), 8, -1.0, NOW) == []


class Slow:
    """An index that takes vectors when it is told to."""

    fixed = 1_000

    def __init__(self) -> None:
        self.lots: list[bytes] = []
        self.rows: list[bytes] = []
        self.filled = 0
        self.dropped = False

    def weigh(self, dimensions: int) -> int:
        return dimensions + 10

    def graph(self, dimensions: int, most: int) -> Index:
        return self

    def nearest(self, vector: bytes, most: int, floor: float) -> list[tuple[int, float]]:
        found = [(number, spaces_product(vector, row)) for number, row in enumerate(self.rows)]
        return sorted((near for near in found if near[1] >= floor), key=lambda near: -near[1])[:most]

    def product(self, number: int, vector: bytes) -> float:
        return spaces_product(vector, self.rows[number])

    def take(self, rows: bytes) -> None:
        self.lots.append(rows)

    def drop(self) -> None:
        self.dropped = True

    def work(self) -> None:
        for lot in self.lots:
            self.rows += [lot[at : at + 4 * DIMENSIONS] for at in range(0, len(lot), 4 * DIMENSIONS)]
        self.lots.clear()
        self.filled = len(self.rows)


def spaces_product(left: bytes, right: bytes) -> float:
    one, other = (struct.unpack(f"<{DIMENSIONS}f", vector) for vector in (left, right))
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_vectors_wander_into_an_index_and_are_found_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spaces, "MANY", 20)
    monkeypatch.setattr(spaces, "WAITING", 5)
    monkeypatch.setattr(spaces, "LOT", 8)
    slow = Slow()
    kept = Vectors(DIMENSIONS, memory=1 << 30, most=10_000, life=1_000.0, indexing=slow)
    for number in range(100):
        kept.add(SPACE, 1, question(number), NOW)
        if number % 3 == 0:
            slow.work()
        if number % 7 == 0:
            kept.tend(NOW)
        for known in (0, number // 2, number):
            found = kept.nearest(SPACE, direction(known), 3, 0.99, NOW)
            assert keys(found) == [key_of(known)]
            [same] = kept.same(SPACE, mark_of(f"question {known}"), direction(known), NOW)
            assert (same.key, same.similarity) == (key_of(known), pytest.approx(1.0, abs=1e-3))
    for _ in range(20):
        slow.work()
        kept.tend(NOW)
    assert len(slow.rows) > 90
    assert kept.weight == sum(one.weight for one in kept._spaces.values())


def test_it_is_crowded_while_more_wait_for_an_index_than_are_looked_at() -> None:
    slow = Slow()
    kept = Vectors(DIMENSIONS, memory=1 << 30, most=20_000, life=1_000.0, indexing=slow)
    for number in range(spaces.NEWEST + 1):
        assert not kept.crowded
        kept.add(SPACE, 1, question(number), NOW)
    assert kept.crowded
    slow.work()
    kept.tend(NOW)
    assert not kept.crowded
