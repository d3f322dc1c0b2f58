"""A model's name leads to the targets that the configuration says, or to a clear refusal."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from routes_for_tests import Head, House, call

from gateway.errors import BadRequest, UnknownModel
from gateway.schemas.plan import Target, Timeouts

HOUSE = House(
    """
models:
  one: mine/a
  fast: {targets: [{model: mine/a, weight: 3}, mine/b], fallbacks: [mine/c]}
  inner: {targets: [mine/a, mine/b], strategy: ordered, fallbacks: [mine/c]}
  outer: {targets: [inner, mine/d], strategy: ordered, fallbacks: [mine/e, mine/a], retries: {max: 4}}
  sticky: {targets: [mine/a, mine/b, mine/c, mine/d], strategy: sticky}
  mine/a: {targets: [mine/a], fallbacks: [mine/z]}
  slow: {targets: [mine/a, mine/b], timeouts: {total: 90s}}
"""
)


def test_provider_and_model_go_to_that_provider_with_slashes_kept() -> None:
    assert HOUSE.plan("openai/ft:gpt/x").targets == (Target("openai", "ft:gpt/x"),)


def test_a_bare_name_goes_to_the_one_provider_that_knows_it() -> None:
    assert HOUSE.plan("gpt-4o").targets == (Target("openai", "gpt-4o"),)


def test_a_name_that_several_know_is_refused_with_the_choices() -> None:
    house = House("  again: {type: openai, base_url: 'http://127.0.0.1:2/v1', models: [gpt-4o]}\n")
    with pytest.raises(UnknownModel, match="openai/gpt-4o, again/gpt-4o"):
        house.plan("gpt-4o")


@pytest.mark.parametrize("name", ["nobody", "unknown/x", "openai/", "/x", "gemini/../../secret"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(UnknownModel):
        HOUSE.plan(name)


@pytest.mark.parametrize("name", ["a\r\nb", "openai/a\0", "x" * 257, "openai/\u2028"])
def test_a_name_that_no_model_can_have_is_a_bad_request(name: str) -> None:
    with pytest.raises(BadRequest):
        HOUSE.plan(name)
    with pytest.raises(BadRequest):
        HOUSE.router.named(name)


def test_weights_are_respected_and_fallbacks_follow() -> None:
    plans = [HOUSE.order("fast") for _ in range(4000)]
    firsts = Counter(plan[0] for plan in plans)
    assert 2850 < firsts["mine/a"] < 3150
    assert {(plan[-1], len(plan)) for plan in plans} == {("mine/c", 3)}


def test_a_route_in_a_route_keeps_its_order_and_its_fallbacks() -> None:
    assert HOUSE.order("outer") == ["mine/a", "mine/b", "mine/c", "mine/d", "mine/e"]
    plan = HOUSE.plan("outer")
    assert (plan.retries, plan.route, plan.strict) == (4, "outer", False)


def test_a_route_named_as_a_model_gives_that_model_fallbacks() -> None:
    assert HOUSE.order("mine/a") == ["mine/a", "mine/z"]
    assert HOUSE.order("one") == ["mine/a"]


def test_a_target_whose_breaker_is_open_comes_last() -> None:
    house = House("models: {r: {targets: [mine/a, mine/b], strategy: ordered}}")
    health = house.health(Target("mine", "a"))
    for _ in range(5):
        health.failed(10**18)
    assert house.order("r") == ["mine/b", "mine/a"]


def test_a_routes_time_outs_are_for_the_providers_of_its_targets() -> None:
    assert HOUSE.plan("slow").timeouts == {"mine": Timeouts(total=90.0)}


def test_plans_are_kept_and_their_order_is_drawn_anew() -> None:
    assert HOUSE.plan("one") is HOUSE.plan("one")
    assert HOUSE.plan("openai/x") is HOUSE.plan("openai/x")
    drawn = {id(plan): plan for plan in [HOUSE.plan("fast") for _ in range(300)]}
    assert len(drawn) == len({plan.targets for plan in drawn.values()}) == 2


def test_names_that_callers_make_up_do_not_fill_memory() -> None:
    for number in range(20_000):
        HOUSE.router.named(f"openai/{number}")
    assert len(HOUSE.router._plans) <= 4096


def test_other_models_make_other_routes() -> None:
    house = House("models: {r: {targets: [mine/a, mine/b]}}")
    before = house.router._routes["r"]
    house.plan("openai/x")
    house.router.forget()
    assert house.router._routes["r"] is not before
    assert not house.router._plans


# --- sticky ---


def test_a_session_stays_and_sessions_spread() -> None:
    seats = {
        number: {HOUSE.order("sticky", Head(x_gateway_session=f"s{number}"))[0] for _ in range(5)}
        for number in range(60)
    }
    assert all(len(seat) == 1 for seat in seats.values())
    assert len(set().union(*seats.values())) == 4


def test_a_lost_target_moves_only_its_own_sessions() -> None:
    house = House("models: {r: {targets: [mine/a, mine/b, mine/c], strategy: sticky}}")
    heads = [Head(x_gateway_session=str(number)) for number in range(60)]
    before = [house.order("r", head)[0] for head in heads]
    for _ in range(5):
        house.health(Target("mine", "b")).failed(10**18)
    after = [house.order("r", head)[0] for head in heads]
    assert "mine/b" in before
    assert "mine/b" not in after
    assert all(old in (new, "mine/b") for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("by", "same", "other"),
    [
        ("session", {"prompt_cache_key": "k"}, {"prompt_cache_key": "k2"}),
        ("user", {"user": "u"}, {"user": "u2"}),
        ("user", {"metadata": {"user_id": "u"}}, {"metadata": {"user_id": "u2"}}),
    ],
)
def test_what_the_body_says_keeps_requests_together(by: str, same: dict, other: dict) -> None:
    house = House(f"models: {{r: {{targets: [mine/a, mine/b], strategy: sticky, sticky: {by}}}}}")
    route = house.router._routes["r"]
    first = route.question(call("r", **same), {}).sticky
    assert first
    assert first == route.question(call("r", temperature=1, **same), {}).sticky
    assert first != route.question(call("r", **other), {}).sticky
    assert route.question(call("r", **dict.fromkeys(same)), {}).sticky == 0


def test_a_conversation_that_grows_keeps_its_prefix() -> None:
    house = House("models: {r: {targets: [mine/a, mine/b], strategy: sticky, sticky: prefix}}")
    route = house.router._routes["r"]
    opening = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}]
    more = [*opening, {"role": "assistant", "content": "hello"}, {"role": "user", "content": "why?"}]
    prefix = route.question(call("r", messages=opening), {}).sticky
    assert prefix
    assert prefix == route.question(call("r", messages=more), {}).sticky
    changed = [opening[0], {"role": "user", "content": "bye"}]
    assert prefix != route.question(call("r", messages=changed), {}).sticky


# --- properties ---

TARGETS = st.sampled_from(["mine/a", "mine/b", "mine/c", "openai/gpt-4o", "low", "high"])
STRATEGIES = st.sampled_from(
    ["weighted", "ordered", "round_robin", "least_busy", "latency", "cost", "adaptive"]
)


@given(st.lists(TARGETS, min_size=1, max_size=8), st.lists(TARGETS, max_size=4), STRATEGIES, STRATEGIES)
def test_property_no_plan_visits_a_target_twice(
    targets: list[str], fallbacks: list[str], outer: str, inner: str
) -> None:
    house = House(
        f"""
models:
  low: {{targets: [mine/a, mine/d], strategy: {inner}, fallbacks: [mine/e]}}
  high: {{targets: [low, mine/f], strategy: {inner}}}
  r: {{targets: [{", ".join(targets)}], fallbacks: [{", ".join(fallbacks)}], strategy: {outer}}}
"""
    )
    below = {"low": {"mine/a", "mine/d", "mine/e"}}
    below["high"] = below["low"] | {"mine/f"}
    expected = set().union(*(below.get(name, {name}) for name in (*targets, *fallbacks)))
    for _ in range(3):
        made = house.order("r")
        assert len(made) == len(set(made))
        assert set(made) == expected
