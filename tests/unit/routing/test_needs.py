"""What a request needs of a target: never more than it plainly says, and no target that lacks it is asked."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from routes_for_tests import House, call

from gateway.errors import BadRequest
from gateway.routing import needs
from gateway.routing.needs import SHAPES, output_tokens, prompt_tokens
from gateway.schemas.call import Call

ALL = 63
PNG = base64.b64encode(bytes(4000)).decode()
TEXT = [{"role": "user", "content": "hi"}]


def chat(content: Any, **body: Any) -> Call:
    return call("m", messages=[{"role": "user", "content": content}], **body)


def openai_part(kind: str, **rest: Any) -> Call:
    return chat([{"type": "text", "text": "look"}, {"type": kind, **rest}])


SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
MODEL = ("m", "generate_content")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (call("m"), 0),
        (call("m", tools=[{"type": "function", "function": {"name": "f"}}]), needs.TOOLS),
        (call("m", tools=[]), 0),
        (call("m", tools=None), 0),
        (call("m", response_format=SCHEMA), needs.JSON_SCHEMA),
        (call("m", response_format={"type": "json_object"}), 0),
        (call("m", reasoning_effort="high"), needs.REASONING),
        (call("m", reasoning_effort="none"), 0),
        (openai_part("image_url", image_url={"url": f"data:image/png;base64,{PNG}"}), needs.VISION),
        (openai_part("input_audio", input_audio={"data": PNG, "format": "wav"}), needs.AUDIO),
        (openai_part("file", file={"file_data": f"data:application/pdf;base64,{PNG}"}), needs.DOCUMENTS),
        (chat('say {"type": "image_url"} or "tools" and "type":"input_audio"'), 0),
        (call("m", tools=[{"type": "function", "function": {"parameters": {"image_url": {}}}}]), needs.TOOLS),
        (call("m", "responses", input=[{"type": "input_image", "image_url": "x"}]), needs.VISION),
        (call("m", "responses", input="hi", reasoning={"effort": "low"}), needs.REASONING),
        (call("m", "responses", input="hi", text={"format": SCHEMA}), needs.JSON_SCHEMA),
        (
            call("m", "messages", messages=[{"role": "user", "content": [{"type": "image", "source": {}}]}]),
            needs.VISION,
        ),
        (call("m", "messages", messages=TEXT, thinking={"type": "enabled"}), needs.REASONING),
        (call("m", "messages", messages=TEXT, thinking={"type": "disabled"}), 0),
        (
            call(*MODEL, contents=[{"parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}]),
            needs.VISION,
        ),
        (
            call(*MODEL, contents=[{"parts": [{"inline_data": {"mime_type": "audio/wav", "data": PNG}}]}]),
            needs.AUDIO,
        ),
        (call(*MODEL, contents=[], generationConfig={"responseSchema": {}}), needs.JSON_SCHEMA),
        (call(*MODEL, contents=[], generationConfig={"thinkingConfig": {"thinkingBudget": 0}}), 0),
        (
            call("m", "converse", messages=[{"role": "user", "content": [{"image": {"source": {}}}]}]),
            needs.VISION,
        ),
        (call("m", "converse", messages=[], toolConfig={"tools": [{"toolSpec": {}}]}), needs.TOOLS),
    ],
)
def test_a_need_is_read_where_the_dialect_says_it(asked: Call, expected: int) -> None:
    assert needs.needs(asked, SHAPES[asked.endpoint], ALL) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (call("m"), 0),
        (call("m", max_tokens=5), 5),
        (call("m", max_tokens=10**15), needs.MOST_TOKENS),
        (call("m", max_tokens=-5), 0),
        (call("m", max_tokens=5, max_completion_tokens=7), 7),
        (call("m", "responses", input="x", max_output_tokens=9), 9),
        (call("m", "responses", input="x", max_output_tokens="many"), 0),
        (call(*MODEL, contents=[], generationConfig={"maxOutputTokens": 11}), 11),
        (call(*MODEL, contents=[], generationConfig=[]), 0),
        (call("m", "converse", messages=[], inferenceConfig={"maxTokens": 13}), 13),
    ],
)
def test_the_bound_on_the_answer(asked: Call, expected: int) -> None:
    assert output_tokens(asked, SHAPES[asked.endpoint]) == expected


def test_files_are_no_prompt() -> None:
    big = base64.b64encode(bytes(600_000)).decode()
    asked = openai_part("image_url", image_url={"url": f"data:image/png;base64,{big}"})
    assert prompt_tokens(asked.body) < 100
    assert 1500 < prompt_tokens(chat("word " * 2000).body) < 2000


HOUSE = House(
    """
models:
  able: {targets: [openai/gpt-3.5-turbo, openai/gpt-4o], strategy: ordered}
  blind: {targets: [openai/gpt-3.5-turbo, openai/gpt-4], strategy: ordered}
  unknown: {targets: [openai/gpt-3.5-turbo, mine/llava], strategy: ordered}
  eu: {targets: [{model: mine/a, tags: [eu]}, {model: mine/b, tags: [us, zdr]}], strategy: ordered}
"""
)
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}]


def test_a_target_that_is_known_to_be_unable_is_left_out() -> None:
    assert HOUSE.order("able") == ["openai/gpt-3.5-turbo", "openai/gpt-4o"]
    assert HOUSE.order("able", messages=IMAGE) == ["openai/gpt-4o"]
    assert HOUSE.order("unknown", messages=IMAGE) == ["mine/llava"]


def test_a_prompt_that_is_too_long_goes_to_the_larger_window() -> None:
    long = [{"role": "user", "content": "word " * 25_000}]
    assert HOUSE.order("able", messages=long) == ["openai/gpt-4o"]
    assert HOUSE.order("able", max_tokens=20_000) == ["openai/gpt-4o"]


def test_when_none_is_able_the_refusal_names_why_for_each() -> None:
    with pytest.raises(BadRequest) as caught:
        HOUSE.plan("blind", messages=IMAGE, max_tokens=7)
    text = str(caught.value)
    assert "needs vision" in text
    assert "openai/gpt-3.5-turbo cannot do what the request needs; openai/gpt-4 cannot" in text


@given(
    st.lists(st.sampled_from(["vision", "tools", "schema", "reasoning"]), unique=True),
    st.sampled_from(["able", "blind", "unknown"]),
)
def test_property_no_unable_target_passes(wanted: list[str], name: str) -> None:
    fields: dict[str, Any] = {"messages": IMAGE} if "vision" in wanted else {}
    fields |= {"tools": [{"type": "function", "function": {"name": "f"}}]} if "tools" in wanted else {}
    fields |= {"response_format": SCHEMA} if "schema" in wanted else {}
    fields |= {"reasoning_effort": "high"} if "reasoning" in wanted else {}
    lacking = {"vision", "schema", "reasoning"} & set(wanted)
    able = {
        "openai/gpt-3.5-turbo": not lacking,
        "openai/gpt-4": not lacking,
        "openai/gpt-4o": "reasoning" not in wanted,
        "mine/llava": True,
    }
    route = HOUSE.config.models[name]
    expected = [target.model for target in route.targets if able[target.model]]
    if expected:
        assert HOUSE.order(name, **fields) == expected
    else:
        with pytest.raises(BadRequest, match="no target of"):
            HOUSE.plan(name, **fields)
