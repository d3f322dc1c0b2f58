"""A provider's list of models: each vendor's spelling is read, unknown stays unknown, nothing is believed unchecked."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.abilities import abilities_of
from gateway.providers.facts import UNKNOWN, Abilities
from gateway.providers.offers import MOST_MODELS, BadList, Offer, offer, read_page

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    st.lists,
    max_leaves=20,
)


def _page(what: Any, dialect: str = "openai_chat") -> Any:
    return read_page(dialect, json.dumps(what).encode())


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param({"id": "a"}, Offer(), id="says-nothing"),
        pytest.param(
            {"max_model_len": 8192, "created": 1_700_000_000}, Offer(8192, None, 1_700_000_000), id="vllm"
        ),
        pytest.param(
            {"context_window": 131072, "max_completion_tokens": 32768}, Offer(131072, 32768), id="groq"
        ),
        pytest.param(
            {
                "context_length": 200_000,
                "architecture": {"input_modalities": ["text", "image"]},
                "supported_parameters": ["tools", "structured_outputs"],
                "top_provider": {"max_completion_tokens": 8192},
            },
            Offer(200_000, 8192, 0, Abilities(True, False, False, True, True, False)),
            id="openrouter",
        ),
        pytest.param(
            {"inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536, "thinking": True},
            Offer(1_048_576, 65_536, 0, Abilities(reasoning=True)),
            id="gemini",
        ),
        pytest.param(
            {
                "max_input_tokens": 200_000,
                "max_tokens": 64_000,
                "capabilities": {
                    "image_input": {"supported": True},
                    "structured_outputs": {"supported": False},
                    "thinking": {"supported": True, "types": {}},
                },
            },
            Offer(200_000, 64_000, 0, Abilities(vision=True, json_schema=False, reasoning=True)),
            id="anthropic",
        ),
        pytest.param(
            {"max_context_length": 32768, "capabilities": {"vision": False, "function_calling": True}},
            Offer(32768, None, 0, Abilities(vision=False, tools=True)),
            id="mistral",
        ),
        pytest.param(
            {"context_length": 128000.0, "features": ["json_schema", "tools"]},
            Offer(128_000, None, 0, Abilities(tools=True, json_schema=True)),
            id="cohere",
        ),
        pytest.param({"context_length": 4096, "max_tokens": 4096}, Offer(4096), id="the-window-is-no-bound"),
        pytest.param({"context_length": True, "max_tokens": "many", "created": -1}, Offer(), id="no-numbers"),
        pytest.param({"context_length": 1 << 60, "capabilities": ["vision"]}, Offer(), id="out-of-bounds"),
    ],
)
def test_each_vendors_spelling_is_read(entry: dict[str, Any], expected: Offer) -> None:
    assert offer(entry) == expected


def test_what_is_not_said_is_not_false() -> None:
    assert offer({"features": ["chat"]}).abilities == UNKNOWN
    assert offer({"supported_parameters": []}).abilities == UNKNOWN


def test_retired_models_and_the_collections_name_are_left_out() -> None:
    page = _page({"data": [{"id": "old", "lifecycle": "retired"}, {"id": "new", "lifecycle": "deprecated"}]})
    assert list(page.offers) == ["new"]
    assert list(_page({"models": [{"name": "models/gemini-x"}]}, "gemini").offers) == ["gemini-x"]
    assert list(_page([{"id": "together"}]).offers) == ["together"]


def test_a_mark_for_the_next_page_cannot_add_to_the_query() -> None:
    page = _page({"models": [], "nextPageToken": "a&b=c#d\r\nx: y"}, "gemini")
    assert page.following == "pageSize=1000&pageToken=a%26b%3Dc%23d%0D%0Ax%3A%20y"
    assert _page({"models": [], "nextPageToken": "x" * 5000}, "gemini").following == ""
    assert _page({"data": [], "last_id": "z", "has_more": False}, "anthropic").following == ""


@given(JSON)
def test_no_entry_breaks_a_list(entry: Any) -> None:
    page = _page(
        {"data": [entry, {"id": "sound", "capabilities": entry, "architecture": entry, "features": entry}]}
    )
    assert "sound" in page.offers


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_none(body: bytes) -> None:
    with suppress(BadList):
        assert len(read_page("gemini", body).offers) <= MOST_MODELS


@pytest.mark.parametrize(
    ("model", "vision", "tools", "json_schema", "reasoning"),
    [
        ("claude-sonnet-4-5-20250929", True, True, True, True),
        ("us.anthropic.claude-3-haiku-20240307-v1:0", True, True, False, False),
        ("anthropic/claude-opus-4.5", True, True, True, True),
        ("claude-2.1", False, False, False, False),
        ("gpt-4o-mini", True, True, True, False),
        ("openai/gpt-5.1", True, True, True, True),
        ("gpt-3.5-turbo", False, None, False, False),
        ("o3-mini", False, True, True, True),
        ("gemini-2.5-flash-lite", True, True, True, True),
        ("gemini-2.0-flash", True, True, True, False),
        ("command-r-plus-08-2024", False, True, True, False),
        ("command-a-vision-07-2025", True, False, True, False),
        ("no-such-model", None, None, None, None),
    ],
)
def test_a_familys_abilities_are_known(
    model: str, vision: bool | None, tools: bool | None, json_schema: bool | None, reasoning: bool | None
) -> None:
    found = abilities_of(model)
    assert (found.vision, found.tools, found.json_schema, found.reasoning) == (
        vision,
        tools,
        json_schema,
        reasoning,
    )
