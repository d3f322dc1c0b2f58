"""The planner: what each strategy orders, what never comes, what comes last."""

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway._speedups.health import Board, sections
from gateway._speedups.ledger import Ledger
from gateway._speedups.routing import STRATEGIES, Leaf, Planner

S = 1_000_000_000
NOW = 1_000 * S


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    return Ledger.create(tmp_path_factory.mktemp("planner") / "ledger", sections())


class Field:
    """Targets named a, b, c … with health of their own."""

    _made = 0

    def __init__(self, ledger: Ledger, count: int, **facts: list[Any]) -> None:
        Field._made += 1
        board = Board(ledger, 0)
        self.names = [chr(ord("a") + number) for number in range(count)]
        self.health = [board.target(b"%d\0%d" % (Field._made, n), failures=1) for n in range(count)]
        self.leaves = [
            Leaf(name, health, mark=n * 7919 + 1, **{fact: values[n] for fact, values in facts.items()})
            for n, (name, health) in enumerate(zip(self.names, self.health, strict=True))
        ]

    def planner(self, strategy: str, *weights: float, fallbacks: tuple[Any, ...] = ()) -> Planner:
        given = weights or (1.0,) * len(self.leaves)
        tree = (strategy, tuple(enumerate(given)))
        return Planner(self.leaves, tree, fallbacks, seed=11)


def firsts(planner: Planner, times: int, **ask: int) -> Counter[str]:
    return Counter(planner.plan(NOW, **ask)[0] for _ in range(times))


@pytest.mark.parametrize("strategy", ["weighted", "headroom"])
def test_weights_are_respected(ledger: Ledger, strategy: str) -> None:
    found = firsts(Field(ledger, 3).planner(strategy, 1, 2, 7), 20_000)
    for name, share in {"a": 0.1, "b": 0.2, "c": 0.7}.items():
        assert found[name] / 20_000 == pytest.approx(share, abs=0.02)  # six standard deviations


def test_a_lost_target_leaves_its_share_to_the_others_by_weight(ledger: Ledger) -> None:
    field = Field(ledger, 3)
    field.health[2].failed(NOW)
    found = firsts(field.planner("weighted", 1, 3, 6), 10_000)
    assert found["c"] == 0
    assert found["b"] / 10_000 == pytest.approx(0.75, abs=0.03)


def test_in_order_and_in_turn(ledger: Ledger) -> None:
    field = Field(ledger, 3)
    assert field.planner("ordered").plan(NOW) == ("a", "b", "c")
    turning = field.planner("round_robin")
    assert [turning.plan(NOW) for _ in range(4)] == [
        ("a", "b", "c"),
        ("b", "c", "a"),
        ("c", "a", "b"),
        ("a", "b", "c"),
    ]


def test_the_least_busy_first_of_all_workers(ledger: Ledger) -> None:
    field = Field(ledger, 3)
    for health, flying in zip(field.health, (2, 0, 1), strict=True):
        for _ in range(flying):
            health.begin()
    elsewhere = Board(ledger, 9).target(field.health[1].key)
    for _ in range(5):
        elsewhere.begin()
    assert field.planner("least_busy").plan(NOW) == ("c", "a", "b")


def test_the_slower_of_two_is_never_first(ledger: Ledger) -> None:
    field = Field(ledger, 3)
    for health, first in zip(field.health, (9_000_000, 1_000_000, 5_000_000), strict=True):
        health.succeeded(first, NOW)
    found = firsts(field.planner("latency"), 6_000)
    assert found["a"] == 0, "it loses against each of the others"
    assert found["b"] / 6_000 == pytest.approx(2 / 3, abs=0.04), "it wins each draw that it is in"


def test_the_cheapest_able_target_for_this_request(ledger: Ledger) -> None:
    field = Field(ledger, 3, price_in=[1.0, 10.0, -1.0], price_out=[100.0, 10.0, -1.0])
    cost = field.planner("cost")
    assert cost.plan(NOW, tokens=1_000, output=1) == ("a", "b", "c")
    assert cost.plan(NOW, tokens=10, output=1_000) == ("b", "a", "c"), "unknown prices come last"


def test_headroom_leaves_a_target_near_its_limit_alone(ledger: Ledger) -> None:
    field = Field(ledger, 2)
    field.health[0].limits(NOW, requests=(2, 100, 60 * S))
    found = firsts(field.planner("headroom"), 2_000)
    assert found["a"] < 20


def test_sticky_stays_and_moves_only_what_sat_on_a_lost_target(ledger: Ledger) -> None:
    field = Field(ledger, 5)
    planner = field.planner("sticky")
    keys = [number * 104_729 + 1 for number in range(2_000)]
    before = {key: planner.plan(NOW, sticky=key)[0] for key in keys}
    assert before == {key: planner.plan(NOW, sticky=key)[0] for key in keys}
    assert min(Counter(before.values()).values()) > 300, "all get their share"
    field.health[2].failed(NOW)
    for key, seat in before.items():
        now = planner.plan(NOW, sticky=key)[0]
        assert now == seat if seat != "c" else now != "c"


def test_a_crowded_sticky_target_passes_requests_on(ledger: Ledger) -> None:
    field = Field(ledger, 3)
    planner = field.planner("sticky")
    seat = planner.plan(NOW, sticky=42)[0]
    for _ in range(20):
        field.health[field.names.index(seat)].begin()
    assert planner.plan(NOW, sticky=42)[0] != seat


def test_adaptive_prefers_what_works_and_still_looks_around(ledger: Ledger) -> None:
    field = Field(ledger, 3)
    for _ in range(30):
        field.health[0].succeeded(2_000_000, NOW)
        field.health[1].succeeded(50_000_000, NOW)
        field.health[2].succeeded(2_000_000, NOW)
    found = firsts(field.planner("adaptive"), 5_000)
    assert found["a"] + found["c"] > 4_500
    assert found["b"] > 20


def test_open_targets_come_last_and_the_soonest_to_shut_first(ledger: Ledger) -> None:
    field = Field(ledger, 3)
    field.health[0].cool(NOW, 60 * S)
    field.health[1].cool(NOW, 20 * S)
    planner = field.planner("ordered")
    assert planner.plan(NOW) == ("c", "b", "a")
    field.health[2].cool(NOW, 90 * S)
    assert planner.plan(NOW) == ("b", "a", "c")


def test_routes_in_routes_are_one_member_each(ledger: Ledger) -> None:
    field = Field(ledger, 4, price_in=[4.0, 3.0, 2.0, 1.0], price_out=[1.0, 1.0, 1.0, 1.0])
    inner = ("cost", ((0, 1.0), (1, 1.0)))
    planner = Planner(field.leaves, ("weighted", ((inner, 3.0), (2, 1.0))), (3, 0), seed=3)
    found = Counter(planner.plan(NOW, tokens=1_000) for _ in range(8_000))
    assert set(found) == {("b", "a", "c", "d"), ("c", "b", "a", "d")}
    assert found["b", "a", "c", "d"] / 8_000 == pytest.approx(0.75, abs=0.03)


def test_every_place_has_a_reason_and_what_is_left_out_too(ledger: Ledger) -> None:
    field = Field(ledger, 3, window=[100, 100_000, 100_000], unable=[0, 1, 0])
    field.health[2].cool(NOW, 3 * S)
    explained = field.planner("ordered").explain(NOW, needs=1, tokens=500)
    assert explained == [
        ("c", "its breaker is open for 3.0 s"),
        ("a", "the prompt does not fit into its context window"),
        ("b", "cannot do what the request needs"),
    ]


@pytest.mark.parametrize(
    "tree",
    [
        ("fastest", ((0, 1.0),)),
        ("weighted", ()),
        ("weighted", ((9, 1.0),)),
        ("weighted", ((0, 0.0),)),
        ("weighted", ((-1, 1.0),)),
    ],
)
def test_a_tree_that_is_none_is_refused(ledger: Ledger, tree: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words vary
        Planner(Field(ledger, 2).leaves, tree)


def _members() -> st.SearchStrategy[Any]:
    return st.one_of(st.integers(0, 7), TREES)


MEMBERS = st.deferred(_members)
TREES = st.tuples(
    st.sampled_from(STRATEGIES),
    st.lists(st.tuples(MEMBERS, st.floats(0.1, 10)), min_size=1, max_size=4).map(tuple),
)
WINDOWS = st.lists(st.sampled_from([0, 100, 1_000]), min_size=8, max_size=8)
MASKS = st.lists(st.integers(0, 7), min_size=8, max_size=8)


@settings(max_examples=200)
@given(
    tree=TREES,
    fallbacks=st.lists(MEMBERS, max_size=3),
    windows=WINDOWS,
    unable=MASKS,
    tags=MASKS,
    broken=st.sets(st.integers(0, 7)),
    ask=st.tuples(st.integers(0, 7), st.integers(0, 2_000), st.integers(0, 500), st.integers(0, 7)),
)
def test_no_target_comes_twice_and_none_that_is_unable(
    tree: Any,
    fallbacks: list[Any],
    windows: list[int],
    unable: list[int],
    tags: list[int],
    broken: set[int],
    ask: tuple[int, int, int, int],
) -> None:
    path = Path(tempfile.gettempdir(), f"planner-{time.monotonic_ns()}")
    try:
        field = Field(Ledger.create(path, sections()), 8, window=windows, unable=unable, tags=tags)
    finally:
        path.unlink()
    for number in broken:
        field.health[number].failed(NOW)
    planner = Planner(field.leaves, tree, fallbacks)
    needs, tokens, output, wanted = ask
    found = planner.plan(NOW, needs=needs, tokens=tokens, output=output, tags=wanted)
    assert len(set(found)) == len(found)
    able = {
        name
        for n, name in enumerate(field.names)
        if not unable[n] & needs
        and (not windows[n] or tokens + output <= windows[n])
        and wanted & ~tags[n] == 0
    }
    assert set(found) == able & _named(tree, fallbacks)
    opened = [field.names.index(name) in broken for name in found]
    assert opened == sorted(opened)


def _named(tree: Any, fallbacks: list[Any]) -> set[str]:
    if isinstance(tree, int):
        return {chr(ord("a") + tree)}
    inner = set().union(*(_named(member, []) for member, _ in tree[1]))
    return inner.union(*(_named(member, []) for member in fallbacks))
