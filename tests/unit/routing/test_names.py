"""A model's name leads to the targets that the configuration says, or to a clear refusal."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, UnknownModel
from gateway.routing.names import Route, Router
from gateway.schemas.plan import Target

A, B, C = Target("openai", "a"), Target("mine", "b"), Target("anthropic", "c")
KNOWN = {"gpt-x": ("openai",), "shared": ("openai", "mine")}


def router(**routes: Route) -> Router:
    providers = frozenset({"openai", "mine", "anthropic"})
    return Router(routes, providers, lambda name: KNOWN.get(name, ()), draw=Random(7).random)


def test_provider_and_model_go_to_that_provider_with_slashes_kept() -> None:
    assert router().plan("openai/ft:gpt/x").targets == (Target("openai", "ft:gpt/x"),)


def test_a_bare_name_goes_to_the_one_provider_that_knows_it() -> None:
    assert router().plan("gpt-x").targets == (Target("openai", "gpt-x"),)


def test_a_name_that_several_know_is_refused_with_the_choices() -> None:
    with pytest.raises(UnknownModel, match="openai/shared, mine/shared"):
        router().plan("shared")


@pytest.mark.parametrize("name", ["nobody", "unknown/x", "openai/", "/x", "gemini/../../secret"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(UnknownModel):
        router().plan(name)


@pytest.mark.parametrize("name", ["", "a\r\nb", "openai/a\0", "x" * 257, "openai/\u2028"])
def test_a_name_that_no_model_can_have_is_a_bad_request(name: str) -> None:
    with pytest.raises(BadRequest):
        router().plan(name)


def test_weights_are_respected_and_fallbacks_follow() -> None:
    plans = router(fast=Route(((A, 3), (B, 1)), (C,)))
    firsts = Counter(plans.plan("fast").targets[0] for _ in range(4000))
    assert 2850 < firsts[A] < 3150
    assert {plan.targets[-1] for plan in (plans.plan("fast") for _ in range(50))} == {C}
    assert all(len(plans.plan("fast").targets) == 3 for _ in range(50))


@given(
    st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(1, 9)), min_size=1, max_size=6), st.integers()
)
def test_no_plan_visits_a_target_twice(targets: list[tuple[Target, int]], seed: int) -> None:
    route = Route(tuple(targets), (A, C))
    made = Router({"r": route}, frozenset(), lambda _: (), draw=Random(seed).random).plan("r").targets
    assert len(made) == len(set(made))
    assert set(made) == {target for target, _ in targets} | {A, C}


def test_names_that_callers_make_up_do_not_fill_memory() -> None:
    plans = router()
    for number in range(20_000):
        plans.plan(f"openai/{number}")
    assert len(plans._plans) <= 4096
