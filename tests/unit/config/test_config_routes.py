"""Declared names: what they may mention, and what they stand for in the end."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vendors_for_tests import KNOWN

from gateway._speedups import routing
from gateway.config import ConfigError, ModelRoute, RouteTarget, Sticky, load
from gateway.config.nodes import Node, Where
from gateway.config.routes import LARGEST, STRATEGIES, routes
from gateway.schemas.plan import Hedge


@pytest.fixture
def read(tmp_path: Path):
    def read(models: str) -> dict[str, ModelRoute]:
        file = tmp_path / "gateway.yaml"
        file.write_text(
            f"providers: {{openai: {{keys: [k]}}, ollama: }}\nmodels:\n{models}", encoding="utf-8"
        )
        return load(file, {}, known=KNOWN).models

    return read


def targets(route: ModelRoute) -> dict[str, int]:
    return {target.model: target.weight for target in route.targets}


def test_text_is_a_route_with_one_target(read) -> None:
    assert targets(read("  gpt: openai/gpt-4o")["gpt"]) == {"openai/gpt-4o": 1}


def test_a_model_name_may_hold_slashes(read) -> None:
    assert targets(read("  a: ollama/hf.co/x/y:latest")["a"]) == {"ollama/hf.co/x/y:latest": 1}


def fallbacks(route: ModelRoute) -> list[str]:
    return [one.model for one in route.fallbacks]


def test_a_route_in_a_route_stays_a_route(read) -> None:
    found = read(
        """
  inner: {strategy: latency, targets: [{model: openai/a, weight: 3}, ollama/b], fallbacks: [openai/z]}
  outer: {targets: [{model: inner, weight: 2, tags: [EU, eu]}, openai/c], fallbacks: [{model: inner, tags: [us]}]}
"""
    )
    assert targets(found["outer"]) == {"inner": 2, "openai/c": 1}
    assert found["outer"].targets[0].tags == ("eu",)
    assert found["outer"].fallbacks == (RouteTarget("inner", tags=("us",)),)
    assert found["inner"].strategy == "latency"
    assert found["outer"].strategy == "weighted"


def test_a_model_of_a_provider_may_be_declared_to_have_fallbacks(read) -> None:
    found = read("  openai/gpt-4o: {targets: [openai/gpt-4o], fallbacks: [ollama/x]}\n  other: openai/gpt-4o")
    assert targets(found["openai/gpt-4o"]) == {"openai/gpt-4o": 1}
    assert fallbacks(found["openai/gpt-4o"]) == ["ollama/x"]
    assert fallbacks(found["other"]) == []


def test_the_strategies_are_the_planners() -> None:
    assert STRATEGIES == routing.STRATEGIES
    assert LARGEST == routing.LARGEST_ROUTE


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("sticky", Sticky("session")),
        ("sticky, sticky: user", Sticky("user")),
        ("sticky, sticky: {by: 'header:X-Customer'}", Sticky("header:x-customer")),
        ("sticky, sticky: {by: prefix, prefix: 2KiB}", Sticky("prefix", 2048)),
        ("latency", None),
    ],
)
def test_what_keeps_requests_together(read, written: str, expected: Sticky | None) -> None:
    assert read(f"  a: {{targets: [openai/x, openai/y], strategy: {written}}}")["a"].sticky == expected


def test_a_hedge_and_the_end_of_broken_streams_are_a_routes_own(read) -> None:
    found = read(
        "  a: {targets: [openai/x, openai/y], hedge: {share: 10%, after: 800ms}, mid_stream: resume}"
    )
    assert (found["a"].hedge, found["a"].mid_stream) == (Hedge(0.1, 0.8), "resume")


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ("  a: {targets: [openai/x], sticky: user}", "belongs to the strategy sticky"),
        ("  a: {targets: [openai/x], strategy: sticky, sticky: ip}", "session, user, prefix or header:NAME"),
        ("  a: {targets: [openai/x], strategy: sticky, sticky: 'header:a b'}", "such as header:x-customer"),
        (
            "  a: {targets: [openai/x], strategy: sticky, sticky: {by: user, prefix: 9}}",
            "belongs to by: prefix",
        ),
        ("  a: {targets: [openai/x], strategy: random}", "weighted, ordered, round_robin"),
        ("  a: {targets: [{model: openai/x, tags: ['a b']}]}", "is no usable tag"),
        (f"  a: {{targets: [{', '.join(f'openai/{i}' for i in range(65))}]}}", "more than 64 targets"),
        (
            f"  a: {{targets: [b], fallbacks: [{', '.join(f'openai/{i}' for i in range(63))}]}}\n"
            "  b: {targets: [openai/x, openai/y]}",
            "models.a: has more than 64 targets",
        ),
        (
            "  r0: {targets: [openai/a, openai/b]}\n"
            + "\n".join(f"  r{i}: {{targets: [r{i - 1}]}}" for i in range(1, 7)),
            "models.r6: is more than 6 routes deep",
        ),
        (
            "  r0: {targets: [openai/a, openai/b, openai/c, openai/d, openai/e]}\n"
            + "\n".join(f"  r{i}: {{targets: [{', '.join([f'r{i - 1}'] * 5)}]}}" for i in range(1, 4)),
            "models.r3: has more than 512 members",
        ),
    ],
)
def test_mistakes_of_routes_are_named(read, models: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(models)
    assert len(caught.value.problems) == 1
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ("  a: a", "models.a: leads back to itself; a → a"),
        ("  a: b\n  b: c\n  c: a", "models.c: leads back to itself; a → b → c → a"),
        ("  a: {targets: [openai/x], fallbacks: [a]}", "models.a.fallbacks[0]: leads back to itself"),
        ("  x: a\n  a: {targets: [b, openai/x]}\n  b: {targets: [openai/x], fallbacks: [a]}", "a → b → a"),
    ],
)
def test_circles_are_refused(read, models: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(models)
    assert len(caught.value.problems) == 1
    assert expected in str(caught.value)


def test_a_diamond_is_no_circle(read) -> None:
    found = read("  a: {targets: [b, c]}\n  b: d\n  c: {targets: [b, d]}\n  d: openai/x")
    assert targets(found["a"]) == {"b": 1, "c": 1}


def test_many_nested_routes_are_refused_at_once(read) -> None:
    """Each mentions the one below twice: followed naively, the last would have 2^60 targets."""
    rows = ["  r0: {targets: [openai/a, {model: openai/b, weight: 2}]}"]
    rows += [f"  r{i}: {{targets: [r{i - 1}, {{model: r{i - 1}, weight: 7}}]}}" for i in range(1, 60)]
    with pytest.raises(ConfigError, match="routes deep"):
        read("\n".join(rows))


PLACE = Where("f", 1, "models")


def text(value: str) -> Node:
    return Node(PLACE, "text", value)


NAMES = ["a", "b", "c", "d"]
MENTIONS = st.sampled_from([*NAMES, "openai/x", "openai/y", "ollama/z"])


@given(st.dictionaries(st.sampled_from(NAMES), st.tuples(st.lists(MENTIONS, min_size=1), st.lists(MENTIONS))))
def test_property_routes_are_kept_as_they_are_written(drawn) -> None:
    fields = {
        name: Node(
            PLACE,
            "mapping",
            fields={
                "targets": Node(PLACE, "list", items=tuple(map(text, first))),
                "fallbacks": Node(PLACE, "list", items=tuple(map(text, then))),
            },
        )
        for name, (first, then) in drawn.items()
    }
    try:
        found = routes(Node(PLACE, "mapping", fields=fields), frozenset({"openai", "ollama"}))
    except ConfigError:
        assert refers_wrongly(drawn)
        return
    assert not refers_wrongly(drawn)
    assert list(found) == list(drawn)
    for name, route in found.items():
        mentioned = [target.model for target in route.targets], fallbacks(route)
        assert mentioned == drawn[name]


def refers_wrongly(drawn) -> bool:
    """A name that nobody declared, or a circle: found by following every path, one by one."""

    def wrong(name: str, above: tuple[str, ...]) -> bool:
        if "/" in name:
            return False
        if name not in drawn or name in above:
            return True
        first, then = drawn[name]
        return any(wrong(one, (*above, name)) for one in dict.fromkeys([*first, *then]))

    return any(wrong(name, ()) for name in drawn)
