"""Declared names: what they may mention, and what they stand for in the end."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vendors_for_tests import KNOWN

from gateway.config import ConfigError, ModelRoute, load
from gateway.config.nodes import Node, Where
from gateway.config.routes import routes


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


def test_a_route_in_a_route_gets_its_share(read) -> None:
    found = read(
        """
  inner: {targets: [{model: openai/a, weight: 3}, ollama/b], fallbacks: [openai/z]}
  outer: {targets: [{model: inner, weight: 2}, openai/c, openai/a], fallbacks: [openai/y]}
"""
    )
    assert targets(found["outer"]) == {"openai/a": 5, "ollama/b": 1, "openai/c": 2}
    assert found["outer"].fallbacks == ("openai/y", "openai/z")


def test_a_route_as_fallback_stands_for_its_targets_heaviest_first(read) -> None:
    found = read(
        """
  spare: {targets: [openai/a, {model: openai/b, weight: 5}], fallbacks: [openai/c, openai/main]}
  best: {targets: [openai/main], fallbacks: [spare]}
"""
    )
    assert found["best"].fallbacks == ("openai/b", "openai/a", "openai/c")


def test_a_model_of_a_provider_may_be_declared_to_have_fallbacks(read) -> None:
    found = read("  openai/gpt-4o: {targets: [openai/gpt-4o], fallbacks: [ollama/x]}\n  other: openai/gpt-4o")
    assert targets(found["openai/gpt-4o"]) == {"openai/gpt-4o": 1}
    assert found["openai/gpt-4o"].fallbacks == ("ollama/x",)
    assert found["other"].fallbacks == ()


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
    found = read("  a: {targets: [b, c]}\n  b: d\n  c: d\n  d: openai/x")
    assert targets(found["a"]) == {"openai/x": 1}


def test_many_nested_routes_stay_small(read) -> None:
    """Each mentions the one below twice: followed naively, the last would have 2^60 targets."""
    rows = ["  r0: {targets: [openai/a, {model: openai/b, weight: 2}]}"]
    rows += [
        f"  r{i}: {{targets: [r{i - 1}, {{model: r{i - 1}, weight: 7}}, openai/c{i}]}}" for i in range(1, 60)
    ]
    last = read("\n".join(rows))["r59"]
    assert set(targets(last)) == {"openai/a", "openai/b", *(f"openai/c{i}" for i in range(1, 60))}
    assert all(weight >= 1 for weight in targets(last).values())


PLACE = Where("f", 1, "models")


def text(value: str) -> Node:
    return Node(PLACE, "text", value)


NAMES = ["a", "b", "c", "d"]
MENTIONS = st.sampled_from([*NAMES, "openai/x", "openai/y", "ollama/z"])


@given(st.dictionaries(st.sampled_from(NAMES), st.tuples(st.lists(MENTIONS, min_size=1), st.lists(MENTIONS))))
def test_property_followed_routes_lead_to_providers_only(drawn) -> None:
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
    for route in found.values():
        models = [target.model for target in route.targets] + list(route.fallbacks)
        assert all(model.partition("/")[0] in ("openai", "ollama") for model in models)
        assert len(set(models)) == len(models) or len(route.targets) > len(set(targets(route)))


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
