"""Each SDK's own types accept the model that its callers are shown, and further facts stand beside."""

import msgspec
import pytest
from anthropic.types import ModelInfo
from cohere.types import ListModelsResponse
from openai.types import Model

from gateway.api.model_shapes import SHAPES, Listed, dollars, pricing, whole_list
from gateway.providers.facts import Abilities, ModelFacts, Period, complete

KNOWN = Listed(
    "p/m",
    "p",
    1_700_000_000,
    ModelFacts(
        "m", 1000, 100, (Period(complete(input=25 * 10**11, output=10**13)),), (), Abilities(vision=True)
    ),
)
UNKNOWN = Listed("p/n", "p")


@pytest.mark.parametrize("one", [KNOWN, UNKNOWN], ids=["known", "unknown"])
def test_the_sdks_accept_their_shapes(one: Listed) -> None:
    assert Model.model_validate(SHAPES["openai"](one, 0)).id == one.name
    assert ModelInfo.model_validate(SHAPES["anthropic"](one, 0)).id == one.name
    assert SHAPES["gemini"](one, 0)["name"] == f"models/{one.name}"  # its SDK: tests/e2e/test_discovery.py
    assert (
        ListModelsResponse.model_validate({"models": [SHAPES["cohere"](one, 0)]}).models[0].name == one.name
    )


def test_what_is_known_is_told_and_what_is_not_is_left_out() -> None:
    shape = SHAPES["openai"](KNOWN, 0)
    assert shape["pricing"] == {"prompt": "0.0000025", "completion": "0.00001"}
    assert (shape["context_window"], shape["max_output_tokens"], shape["capabilities"]) == (
        1000,
        100,
        ["vision"],
    )
    assert set(SHAPES["openai"](UNKNOWN, 0)) == {"id", "object", "created", "owned_by"}


def test_dollars_are_exact_and_plain() -> None:
    assert [dollars(1), dollars(0), dollars(10**18)] == ["0.000000000000000001", "0", "1"]
    assert pricing(ModelFacts("m"), 0) is None


@pytest.mark.parametrize("dialect", SHAPES)
@pytest.mark.parametrize("count", [0, 2])
def test_a_list_is_json_however_long(dialect: str, count: int) -> None:
    models = [msgspec.json.encode(SHAPES[dialect](one, 0)) for one in (KNOWN, UNKNOWN)[:count]]
    found = msgspec.json.decode(whole_list(dialect, models, ["p/m", "p/n"][:count]))
    assert len(found.get("data", found.get("models"))) == count
