"""What a request asks of its own plan: other models, time, tries, tags, and to have it explained."""

import json

import pytest
from routes_for_tests import Head, House, call

from gateway.errors import BadRequest, UnknownModel
from gateway.schemas.plan import Target

HOUSE = House(
    """
per_request: {fallbacks: 3, retries: 2, timeout: 90s}
models:
  eu: {targets: [{model: mine/a, tags: [EU]}, {model: mine/b, tags: [us, zdr]}], strategy: ordered}
  pair: {targets: [mine/a, mine/b], strategy: ordered}
  one: mine/a
  blind: openai/gpt-3.5-turbo
"""
)


def test_fallbacks_of_the_body_follow_and_leave_it() -> None:
    asked = call("mine/x", fallbacks=["openai/gpt-4o", "pair", "mine/x"], temperature=1)
    plan = HOUSE.router.plan(asked, Head())
    assert plan.targets == (
        *(Target("mine", "x"), Target("openai", "gpt-4o"), Target("mine", "a")),
        Target("mine", "b"),
    )
    assert "fallbacks" not in json.loads(asked.body)
    assert json.loads(asked.facts.rewrite("y"))["model"] == "y"
    assert json.loads(asked.body)["temperature"] == 1


def test_the_first_of_models_stands_in_for_a_model() -> None:
    asked = call(None, models=["mine/x", "mine/y"])
    assert HOUSE.router.plan(asked, Head()).targets == (Target("mine", "x"), Target("mine", "y"))
    assert json.loads(asked.body)["model"] == "mine/x"
    assert "models" not in json.loads(asked.body)


def test_models_are_openrouters_own_where_it_is_asked() -> None:
    asked = call("openrouter/x/y", models=["a/b"], fallbacks=["mine/z"])
    assert HOUSE.router.plan(asked, Head()).targets == (Target("openrouter", "x/y"), Target("mine", "z"))
    assert json.loads(asked.body)["models"] == ["a/b"]
    assert "fallbacks" not in json.loads(asked.body)


@pytest.mark.parametrize(
    "named", ["mine/y", 7, [7], {"a": 1}, [["mine/y"]], ["mine/1", "mine/2", "mine/3", "mine/4"]]
)
def test_what_is_no_list_of_names_or_too_long_is_refused(named: object) -> None:
    with pytest.raises(BadRequest) as caught:
        HOUSE.plan("mine/x", fallbacks=named)
    assert caught.value.param == "fallbacks"


def test_an_unknown_fallback_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(UnknownModel):
        HOUSE.plan("mine/x", fallbacks=["nobody/y"])


def test_no_list_is_no_wish() -> None:
    assert HOUSE.order("mine/x", fallbacks=None, models=[]) == ["mine/x"]


@pytest.mark.parametrize(("said", "total"), [("2.5", 2.5), ("500ms", 0.5), ("1m", 60.0), ("1h", 90.0)])
def test_a_time_out_is_cut_to_the_bound(said: str, total: float) -> None:
    timeouts = HOUSE.plan("pair", Head(x_gateway_timeout=said)).timeouts
    assert timeouts is not None
    assert timeouts["mine"].total == total
    assert timeouts["mine"].connect == HOUSE.config.timeouts.connect


@pytest.mark.parametrize(("said", "retries"), [("0", 0), ("1", 1), ("99", 2)])
def test_retries_are_cut_to_the_bound(said: str, retries: int) -> None:
    assert HOUSE.plan("one", Head(x_gateway_retries=said)).retries == retries


@pytest.mark.parametrize(
    "head",
    [
        *(
            Head(x_gateway_timeout=said)
            for said in ("", "0", "-1", "soon", "nan", "inf", "1e9", "9" * 300, "٣")
        ),
        *(Head(x_gateway_retries=said) for said in ("", "-1", "many", "1.5", "9" * 7, "²")),
        Head(x_gateway_tags=",".join(str(number) for number in range(17))),
        Head(x_gateway_tags="ä"),
    ],
)
def test_headers_that_cannot_be_read_are_refused(head: Head) -> None:
    with pytest.raises(BadRequest, match="x-gateway-"):
        HOUSE.plan("one", head)


def test_tags_choose_targets() -> None:
    assert HOUSE.order("eu", Head(x_gateway_tags="eu")) == ["mine/a"]
    assert HOUSE.order("eu", Head(x_gateway_tags=" ZDR , us")) == ["mine/b"]
    assert HOUSE.order("eu", Head(x_gateway_tags="")) == ["mine/a", "mine/b"]


@pytest.mark.parametrize(("name", "tags"), [("eu", "eu,us"), ("eu", "mars"), ("one", "eu"), ("mine/a", "eu")])
def test_tags_that_no_target_has_are_refused(name: str, tags: str) -> None:
    with pytest.raises(BadRequest, match="mine/a has not all of the tags asked for"):
        HOUSE.plan(name, Head(x_gateway_tags=tags))


def test_a_plan_is_explained_when_asked() -> None:
    plan = HOUSE.plan("eu", Head(x_gateway_explain="1", x_gateway_tags="us"), fallbacks=["openai/gpt-4o"])
    assert plan.targets == (Target("mine", "b"), Target("openai", "gpt-4o"))[:1]
    assert dict(plan.explained)[Target("mine", "a")] == "has not all of the tags asked for"
    assert not HOUSE.plan("eu", Head(x_gateway_explain="0")).explained
    assert HOUSE.plan("mine/x", Head(x_gateway_explain="1")).explained == (
        (Target("mine", "x"), "asked for by name"),
    )


def test_explaining_does_not_change_what_is_served() -> None:
    """A name of one target is not measured against the request: its provider knows best."""
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}]
    assert HOUSE.order("blind", messages=image) == HOUSE.order(
        "blind", Head(x_gateway_explain="1"), messages=image
    )


def test_what_the_operator_forbids_is_not_done() -> None:
    house = House("per_request: {fallbacks: 0, explain: false, retries: 0}")
    assert not house.plan("mine/x", Head(x_gateway_explain="1")).explained
    assert house.plan("mine/x", Head(x_gateway_retries="3")).retries == 0
    with pytest.raises(BadRequest, match="no other models"):
        house.plan("mine/x", fallbacks=["mine/y"])
