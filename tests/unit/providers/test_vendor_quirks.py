"""What each vendor refuses or calls otherwise, on the bytes of a request that passes."""

import json

import pytest

from gateway._speedups.jsonscan import request_facts
from gateway.dialects.edits import adapted
from gateway.providers.registry import PROVIDERS

EMBEDDING = {"input": "a", "encoding_format": "base64", "dimensions": 256, "user": "u"}
CHAT = {"messages": [], "max_completion_tokens": 9, "seed": 1, "user": "u", "store": False, "n": 1}
CASES = [
    ("jina", EMBEDDING, {"input": "a", "embedding_type": "base64", "dimensions": 256}, {"user"}),
    ("voyage", EMBEDDING, {"input": "a", "encoding_format": "base64", "output_dimension": 256}, {"user"}),
    ("mistral", EMBEDDING, {"input": "a", "encoding_format": "base64", "output_dimension": 256}, {"user"}),
    ("mistral", CHAT, {"messages": [], "max_tokens": 9, "random_seed": 1, "n": 1}, {"user", "store"}),
    (
        "zai",
        CHAT,
        {"messages": [], "max_tokens": 9, "seed": 1, "user": "u", "store": False, "n": 1},
        set(),
    ),
    ("deepinfra", CHAT, CHAT, set()),
]


@pytest.mark.parametrize(("name", "asked", "sent", "dropped"), CASES)
def test_a_passing_request_says_it_in_the_vendors_words(
    name: str, asked: dict[str, object], sent: dict[str, object], dropped: set[str]
) -> None:
    vendor = PROVIDERS[name]
    facts = request_facts(json.dumps({"model": "theirs", **asked}).encode())
    body, named = adapted(facts, "its", drops=vendor.drops, renames=vendor.renames)
    assert json.loads(body) == {"model": "its", **sent}
    assert set(named) == dropped
