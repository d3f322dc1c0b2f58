"""Questions of all namespaces are found by what they say, and cost nothing but themselves, however many namespaces."""

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache import worded
from gateway.cache.spaces import LOOKED_AT, UNKNOWN, Candidate
from gateway.cache.worded import Worded
from tests.unit.cache.meaning_house import LATER, NOW, beside, direction, key_of, question

SPACE, OTHER = b"a" * 16, b"b" * 16


def kept(memory: int = 1 << 24, life: float = 1_000.0) -> Worded:
    return Worded(memory=memory, life=life, now=NOW)


def keys(found: list[Candidate]) -> list[bytes]:
    return [candidate.key for candidate in found]


def test_what_says_the_same_is_found_newest_first_with_its_likeness() -> None:
    one = kept()
    for number in range(12):
        one.add(SPACE, 1, question(number, mark=number % 3), NOW)
    found = one.same(SPACE, 2, direction(8), NOW)
    assert keys(found) == [key_of(number) for number in (11, 8, 5, 2)]
    assert found[1].similarity == pytest.approx(1.0, abs=1e-5)
    assert found[0].text == "question 11"
    assert {candidate.similarity for candidate in one.same(SPACE, 2, b"", NOW)} == {UNKNOWN}
    one.add(SPACE, 1, question("short", beside(direction(1), 1, 0.1)[:-4], mark=9), NOW)
    assert one.same(SPACE, 9, direction(1), NOW)[0].similarity == UNKNOWN, "of other dimensions"


named = st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 4))


@given(st.lists(named, max_size=60), st.integers(0, 3), st.integers(0, 4))
def test_namespaces_never_meet(learned: list[tuple[int, int, int]], space: int, mark: int) -> None:
    one = kept()
    for where, number, under in learned:
        one.add(bytes([where]) * 16, where, question((where, number, under), mark=under), NOW)
    own = {key_of(each) for each in learned if each[0] == space and each[2] == mark}
    assert set(keys(one.same(bytes([space]) * 16, mark, b"", NOW))) == own


def test_namespaces_that_share_what_a_mark_is_laid_under_never_meet() -> None:
    one = kept()
    first, second = (1).to_bytes(8, "little") + bytes(8), (2).to_bytes(8, "little") + bytes(8)
    one.add(first, 1, question("first", mark=4), NOW)
    one.add(second, 2, question("second", mark=7), NOW)
    assert 1 ^ 4 == 2 ^ 7
    assert keys(one.same(first, 4, b"", NOW)) == [key_of("first")]
    assert keys(one.same(second, 7, b"", NOW)) == [key_of("second")]
    one.forget(first, key_of("second"))
    assert keys(one.same(second, 7, b"", NOW)) == [key_of("second")]


def test_what_has_ended_or_is_forgotten_is_not_told() -> None:
    one = kept()
    one.add(SPACE, 1, question(1, expires=NOW + 5, mark=1), NOW)
    one.add(SPACE, 1, question(2, mark=1), NOW)
    assert keys(one.same(SPACE, 1, b"", NOW + 4)) == [key_of(2), key_of(1)]
    assert keys(one.same(SPACE, 1, b"", NOW + 5)) == [key_of(2)]
    one.forget(OTHER, key_of(2))
    assert keys(one.same(SPACE, 1, b"", NOW + 5)) == [key_of(2)]
    one.forget(SPACE, key_of(2))
    assert one.same(SPACE, 1, b"", NOW + 5) == []


def test_told_twice_is_kept_once_with_the_later_end() -> None:
    one = kept()
    for expires in (NOW + 5, NOW + 50, NOW + 20):
        one.add(SPACE, 1, question(1, expires=expires, mark=1), NOW)
    assert one.entries == 1
    assert keys(one.same(SPACE, 1, b"", NOW + 49)) == [key_of(1)]
    assert one.same(SPACE, 1, b"", NOW + 50) == []


def test_a_purge_holds_at_once_and_erases_by_and_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worded, "ERASED", 3)
    one = kept()
    for number in range(10):
        one.add(SPACE, 1, question(number, written=NOW + number, mark=1), NOW)
    one.add(OTHER, 2, question("other", mark=1), NOW)
    one.purge(1, NOW + 7)
    assert keys(one.same(SPACE, 1, b"", NOW)) == [key_of(9), key_of(8)]
    assert keys(one.same(OTHER, 1, b"", NOW)) == [key_of("other")]
    left = []
    for _ in range(6):
        left.append(sum(text != b"" for text in one._young._texts))
        one.tend(NOW)
    assert left == [11, 8, 5, 3, 3, 3]
    one.add(SPACE, 1, question("anew", written=NOW + 9, mark=1), NOW)
    assert keys(one.same(SPACE, 1, b"", NOW))[0] == key_of("anew")


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 400), st.booleans()), max_size=300),
    st.integers(4_000, 30_000),
)
def test_memory_is_bounded_and_its_sum_is_right(steps: list[tuple[int, int, bool]], memory: int) -> None:
    one = kept(memory)
    for space, number, asked in steps:
        if asked:
            one.same(space.to_bytes(16, "big"), number, b"", NOW)
        else:
            one.add(space.to_bytes(16, "big"), space, question(number, mark=number), NOW)
        assert one.weight <= memory + 2_000, "one entry more than half of it, twice"
        for generation in (one._young, one._old):
            texts = sum(len(text) for text in generation._texts)
            vectors = sum(len(vector) for vector in generation._vectors)
            assert generation.weight == texts + vectors + worded.PER_ENTRY * len(generation)


def test_what_is_asked_for_stays_while_others_come_and_go() -> None:
    one = kept(memory=40_000)
    one.add(SPACE, 1, question("asked", mark=1), NOW)
    one.add(SPACE, 1, question("not asked", mark=2), NOW)
    for number in range(500):
        one.add(number.to_bytes(16, "big"), 2, question(number, mark=3), NOW)
        assert keys(one.same(SPACE, 1, b"", NOW)) == [key_of("asked")]
    assert one.same(SPACE, 2, b"", NOW) == []
    assert one.weight <= 40_000


def test_what_has_ended_goes_and_what_lives_longer_stays() -> None:
    one = kept(life=100.0)
    for number in range(50):
        one.add(SPACE, 1, question(number, expires=NOW + 100, mark=number), NOW)
    one.add(SPACE, 1, question("long", expires=NOW + 500, mark=99), NOW)
    for second in range(0, 500, 50):
        one.tend(NOW + second)
        assert keys(one.same(SPACE, 99, b"", NOW + second)) == [key_of("long")]
    for second in (500, 601):
        one.tend(NOW + second)
    one.add(SPACE, 1, question("new", mark=1), NOW + 602)
    one.tend(NOW + 602)
    assert one.entries == 1


def test_of_very_many_that_say_the_same_some_of_the_newest_are_looked_at() -> None:
    one = kept()
    for number in range(3 * LOOKED_AT):
        one.add(SPACE, 1, question(number, mark=1), NOW)
    found = keys(one.same(SPACE, 1, b"", NOW))
    assert found == [key_of(number) for number in reversed(range(2 * LOOKED_AT, 3 * LOOKED_AT))]


def test_a_flood_of_namespaces_leaves_nothing_for_the_collector_to_look_at() -> None:
    one = kept(memory=2 << 20)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(20_000):
        one.add(number.to_bytes(16, "big"), number, question(number, b"", mark=number), NOW)
    assert len(gc.get_objects()) - before < 100
    assert one.weight <= (2 << 20) + 1_000
    assert 3_000 < one.entries < 8_000


def test_a_namespace_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        kept().add(b"short", 1, question(1), NOW)
    assert kept().same(b"short", 1, b"", LATER) == []
