"""What a key names of requests is looked at when it is written: endpoints that there are, parameters that can be."""

from typing import Any

import pytest
from admin_house import House

WRONG = [
    ({"endpoints": ["embeddings", "embedings"]}, "endpoints[1]", "did you mean embeddings?"),
    ({"endpoints": ["qq"]}, "endpoints[0]", "chat_completions"),
    ({"forced": {"max_tokens": "x"}}, "forced.max_tokens", "a whole number of at least 1, such as"),
    ({"forced": {"max_tokens": True}}, "forced.max_tokens", "a whole number"),
    ({"defaults": {"max_completion_tokens": -5}}, "defaults.max_completion_tokens", "at least 1"),
    ({"defaults": {"temperature": "0.5"}}, "defaults.temperature", "a number"),
    ({"defaults": {"stop": [1]}}, "defaults.stop", "a list of texts"),
    ({"forced": {"store": "no"}}, "forced.store", "true or false"),
    ({"forced": {"user": 5}}, "forced.user", "a text"),
    ({"forced": {"model": "openai/gpt-4o"}}, "forced.model", "not for a key to set"),
]
RIGHT: list[Any] = [
    {"endpoints": ["chat_completions", "passthrough", "files"]},
    {"forced": {"max_tokens": 5, "temperature": 0, "top_p": 0.5, "stop": "END", "store": False}},
    {"defaults": {"stop": ["a", "b"], "seed": 0, "user": None, "a_providers_own": {"x": [1]}}},
]


@pytest.mark.parametrize(("body", "path", "said"), WRONG)
async def test_what_no_request_can_have_is_refused(house: House, body: Any, path: str, said: str) -> None:
    await house.make("keys", id="k")
    for method, place in (("POST", "keys"), ("PATCH", "keys/k")):
        answer = await house.ask(method, f"/api/{place}", body)
        assert answer.status_code == 422, answer.text
        error = answer.json()["error"]
        assert error["path"] == path
        assert said in error["message"]


@pytest.mark.parametrize("body", RIGHT)
async def test_what_can_be_is_taken(house: House, body: Any) -> None:
    await house.make("keys", id="k", **body)
    assert (await house.ask("PATCH", "/api/keys/k", body)).status_code == 200
