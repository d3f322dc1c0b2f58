"""The graph finds what looking at all vectors finds, while it is filled by another thread, and lets go when dropped."""

import random
import time

import pytest

from gateway._speedups.nearest import Rows
from gateway.cache.graph import Graphs
from gateway.cache.vectors import Vectors
from tests.unit.cache.meaning_house import NOW, beside, direction, question

WIDE = 64
SPACE = b"s" * 16


def test_recall_is_that_of_looking_at_all() -> None:
    graphs = Graphs(pytest.fail)
    count = 4_500
    graph = graphs.graph(WIDE, 2 * count)
    all_of_them = Rows(WIDE)
    made = [direction(number, WIDE) for number in range(count)]
    for vector in made:
        all_of_them.add(vector)
    graph.take(all_of_them.oldest(count))
    while graph.filled < count:
        time.sleep(0.01)
    graphs.stop()
    assert graph.filled == count
    rng = random.Random(5)
    right = 0
    for turn in range(300):
        asked = beside(made[rng.randrange(count)], ("asked", turn), 0.3)
        found = graph.nearest(asked, 4, -1.0)
        assert found == sorted(found, key=lambda near: -near[1])
        (best, product), *_ = all_of_them.nearest(asked, 1, -1.0)
        right += found[0][0] == best
        assert found[0][1] <= product + 2e-3
    assert right >= 295


def test_it_is_searched_while_it_is_filled() -> None:
    graphs = Graphs(pytest.fail)
    kept = Vectors(WIDE, memory=1 << 30, most=20_000, life=1_000.0, indexing=graphs)
    newest = 0
    for number in range(6_000):
        kept.add(SPACE, 1, question(number, direction(number, WIDE)), NOW)
        if number % 50 == 0:
            newest = number
            found = kept.nearest(SPACE, direction(newest, WIDE), 1, 0.99, NOW)
            assert [candidate.text for candidate in found] == [f"question {newest}"]
            kept.tend(NOW)
    while kept.pending:
        kept.tend(NOW)
    missed = [
        number
        for number in range(0, 6_000, 60)
        if not kept.nearest(SPACE, direction(number, WIDE), 1, 0.99, NOW)
    ]
    graphs.stop()
    assert len(missed) <= 2


def test_a_dropped_graph_takes_nothing_more() -> None:
    graphs = Graphs(pytest.fail)
    graph = graphs.graph(WIDE, 100)
    graph.drop()
    graph.take(direction(1, WIDE))
    other = graphs.graph(WIDE, 100)
    other.take(direction(1, WIDE))
    while not other.filled:
        time.sleep(0.01)
    graphs.stop()
    assert graph.filled == 0
    assert graph.nearest(direction(1, WIDE), 1, -1.0) == []


def test_what_does_not_fit_is_a_warning() -> None:
    warned: list[str] = []
    graphs = Graphs(warned.append)
    graph = graphs.graph(WIDE, 100)
    graph.take(bytes(4 * WIDE - 4))
    graph.take(direction(1, WIDE))
    while not graph.dropped:
        time.sleep(0.01)
    graphs.stop()
    assert graph.filled == 0
    assert len(warned) == 1
    assert graph.dropped


def test_stopping_does_not_wait_for_all_that_is_left() -> None:
    graphs = Graphs(pytest.fail)
    graph = graphs.graph(WIDE, 10_000)
    graph.take(b"".join(direction(number, WIDE) for number in range(10_000)))
    graphs.stop()
    assert graph.filled < 10_000
