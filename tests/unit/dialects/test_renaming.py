"""A model that Gemini's bodies name once more is the target's, however the caller spelled it."""

import json
from typing import Any

import pytest

from gateway.dialects.renaming import gemini_model

NAMED: list[tuple[Any, Any]] = [
    (
        {"requests": [{"model": "models/a/b", "x": 1}, {"y": 2}]},
        {"requests": [{"model": "models/m", "x": 1}, {"y": 2}]},
    ),
    ({"model": "a", "content": {"model": "kept"}}, {"model": "models/m", "content": {"model": "kept"}}),
    ({"generateContentRequest": {"model": "a"}}, {"generateContentRequest": {"model": "models/m"}}),
    ({"contents": []}, {"contents": []}),
]


@pytest.mark.parametrize(("given", "wanted"), NAMED)
def test_every_name_of_the_model_is_replaced(given: Any, wanted: Any) -> None:
    body = json.dumps(given)
    assert json.loads(gemini_model(body.encode(), "m")) == wanted
    escaped = body.replace('"model"', '"\\u006dodel"')
    assert json.loads(gemini_model(escaped.encode(), "m")) == wanted


def test_a_body_without_a_model_keeps_its_bytes() -> None:
    body = b'{ "contents" : [ ] }'
    assert gemini_model(body, "m") is body


@pytest.mark.parametrize("body", [b'{"model"', b'["model"]', b'{"model": 1, "requests": [3]}'])
def test_what_is_no_request_is_left_to_the_provider(body: bytes) -> None:
    assert gemini_model(body, "m") == body
