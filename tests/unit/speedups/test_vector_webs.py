"""The compiled graph: what looking at all vectors finds, beside a thread that adds, and whatever it is given."""

import random
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups.graph import MOST, Graph
from gateway._speedups.nearest import Rows
from tests.unit.cache.meaning_house import beside, direction


def made(count: int, dimensions: int) -> list[bytes]:
    """Vectors in heaps, as questions are: about one theme each."""
    themes = [direction(("theme", theme), dimensions) for theme in range(max(1, count // 40))]
    return [beside(themes[number % len(themes)], number, 0.8) for number in range(count)]


@pytest.mark.parametrize("dimensions", [24, 160, 300])
def test_the_nearest_is_found_and_its_cosine_told(dimensions: int) -> None:
    vectors = made(1_500, dimensions)
    graph, rows = Graph(dimensions, len(vectors)), Rows(dimensions)
    for vector in vectors:
        rows.add(vector)
    graph.add(b"".join(vectors))
    rng, right = random.Random(3), 0
    for turn in range(200):
        asked = beside(vectors[rng.randrange(len(vectors))], ("asked", turn), 0.3)
        (best, product), *_ = rows.nearest(asked, 1, -1.0)
        found = graph.nearest(asked, 4, 0.9)
        right += bool(found) and found[0][0] == best
        exact = dict(rows.nearest(asked, MOST, -1.0))
        assert all(abs(exact[number] - cosine) < 0.003 for number, cosine in found if number in exact)
        assert all(cosine >= 0.9 for _, cosine in found)
        assert product >= 0.9
        assert abs(graph.product(best, asked) - product) < 0.003
    assert right >= 198
    for number in (-1, len(vectors)):
        with pytest.raises(IndexError):
            graph.product(number, vectors[0])
    with pytest.raises(ValueError, match="length"):
        graph.product(0, vectors[0][:-4])


def test_a_search_beside_an_addition_tells_what_was_there() -> None:
    dimensions = 32
    vectors = made(6_000, dimensions)
    graph = Graph(dimensions, len(vectors))
    graph.add(vectors[0])
    thread = threading.Thread(target=graph.add, args=(b"".join(vectors[1:]),))
    thread.start()
    wrong = searches = 0
    while thread.is_alive() or not searches:
        until = graph.filled
        number = random.Random(searches).randrange(until)
        found = graph.nearest(vectors[number], 4, 0.99)
        wrong += not found or found[0][0] != number
        assert all(label < len(vectors) and cosine < 1.0001 for label, cosine in found)
        searches += 1
    thread.join()
    assert graph.filled == len(vectors)
    assert wrong <= searches // 50


def test_end_ends_an_addition() -> None:
    graph = Graph(8, 1_000)
    graph.end()
    graph.add(b"".join(made(1_000, 8)))
    assert graph.filled == 0


numbers = st.floats(width=32, allow_nan=True, allow_infinity=True)


@given(
    st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=40),
    st.lists(numbers, min_size=3, max_size=3),
)
def test_no_numbers_are_too_wild(rows: list[list[float]], asked: list[float]) -> None:
    graph = Graph(3, 40)
    for row in rows:
        graph.add(struct.pack("<3f", *row))
    found = graph.nearest(struct.pack("<3f", *asked), 8, -2.0)
    assert len({number for number, _ in found}) == len(found) == min(8, len(rows))
    assert all(abs(cosine) < 1.0001 for _, cosine in found)


def test_the_same_vector_many_times_is_found_as_often_as_asked_for() -> None:
    graph = Graph(16, 2_000)
    graph.add(direction(1, 16) * 1_999 + direction(2, 16))
    assert len(graph.nearest(direction(1, 16), 8, 0.99)) == 8
    assert graph.filled == 2_000


def test_what_does_not_fit_is_refused() -> None:
    graph = Graph(4, 2)
    vector = direction(1, 4)
    for wrong in (b"", vector[:-1], vector * 3):
        with pytest.raises(ValueError, match=r"dimensions|place"):
            graph.add(wrong)
    for most, asked in ((0, vector), (MOST + 1, vector), (1, vector[:-4])):
        with pytest.raises(ValueError, match=r"never|length"):
            graph.nearest(asked, most, 0.0)
    for dimensions, most in ((0, 1), (4097, 1), (1, 0)):
        with pytest.raises(ValueError, match="many"):
            Graph(dimensions, most)
    assert graph.nearest(vector, 1, -1.0) == []
    graph.add(vector * 2)
    with pytest.raises(ValueError, match="place"):
        graph.add(vector)
