"""A conversation's tokens are those that OpenAI's API reports, where that is known."""

import json
from typing import Any

import pytest

from gateway._speedups.tokens import Encoding
from gateway.dialects.counting.estimate import estimated
from gateway.dialects.endpoints import ENDPOINTS
from gateway.schemas.chat import ChatRequest
from gateway.tokens import conversations
from gateway.tokens.conversations import WHOLE, prompt_tokens, text_tokens
from gateway.tokens.encodings import encoding
from gateway.tokens.models import reading_of

WEATHER = [
    {
        "role": "system",
        "content": "You are a helpful assistant that can answer to questions about the weather.",
    },
    {"role": "user", "content": "What's the weather like in San Francisco?"},
]
TOOL = {
    "name": "get_current_weather",
    "description": "Get the current weather in a given location",
    "parameters": {
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
            "unit": {
                "type": "string",
                "description": "The unit of temperature to return",
                "enum": ["celsius", "fahrenheit"],
            },
        },
        "required": ["location"],
    },
}


def chat(messages: Any, tools: Any = (), **more: Any) -> ChatRequest:
    body = {"model": "m", "messages": messages, **more}
    if tools:
        body["tools"] = [{"type": "function", "function": tool} for tool in tools]
    endpoint = ENDPOINTS["chat_completions"]
    read = endpoint.codec.read_request(json.dumps(body).encode())
    assert isinstance(read, ChatRequest)
    return read


def said(text: str) -> ChatRequest:
    return chat([{"role": "user", "content": text}])


@pytest.mark.parametrize(
    ("model", "reported"),
    [("gpt-3.5-turbo", 105), ("gpt-4", 105), ("gpt-4o", 101), ("openai/gpt-4o-mini", 101)],
)
def test_messages_and_tools_count_as_reported(model: str, reported: int) -> None:
    """The example of OpenAI's cookbook, with the numbers that its API answered."""
    assert prompt_tokens(model, chat(WEATHER, [TOOL])) == reported


def test_a_name_counts() -> None:
    named = chat([{"role": "user", "name": "Ann", "content": "hi"}])
    assert prompt_tokens("gpt-4o", named) - prompt_tokens("gpt-4o", said("hi")) == 2


@pytest.mark.parametrize(
    ("model", "name", "known"),
    [
        ("gpt-4o-2024-08-06", "o200k", True),
        ("gpt-4.1-nano", "o200k", True),
        ("gpt-5-mini", "o200k", True),
        ("o1", "o200k", True),
        ("o4-mini-2025-04-16", "o200k", True),
        ("azure/gpt-4o", "o200k", True),
        ("openai.gpt-oss-120b-1:0", "o200k", True),
        ("ft:gpt-4o-mini:acme::7p4l", "o200k", True),
        ("gpt-4", "cl100k", True),
        ("gpt-4-turbo", "cl100k", True),
        ("GPT-35-turbo", "cl100k", True),
        ("text-embedding-3-small", "cl100k", True),
        ("claude-opus-4", "o200k", False),
        ("gemini-2.5-pro", "o200k", False),
        ("olmo-7b", "o200k", False),
    ],
)
def test_a_models_name_tells_its_encoding(model: str, name: str, known: bool) -> None:
    found = reading_of(model)
    assert (found.encoding, found.known) == (name, known)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"type": "object"},
        {"type": "object", "properties": []},
        {"type": "object", "properties": {"a": True, "b": {"anyOf": [{"type": "string"}]}}},
        {"properties": {"a": {"type": ["string", "null"], "enum": [1, None]}}},
        {
            "properties": {
                "a": {"type": "array", "items": {"type": "object", "properties": {"b": {"type": "x"}}}}
            }
        },
    ],
)
def test_odd_schemas_count_more_than_none(parameters: Any) -> None:
    tool = {"name": "f", "parameters": parameters}
    assert prompt_tokens("gpt-4o", chat(WEATHER, [tool])) > prompt_tokens("gpt-4o", chat(WEATHER)) + 12


def test_a_deep_schema_is_counted() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(100):
        schema = {"type": "object", "properties": {"inner": schema}}
    assert prompt_tokens("gpt-4o", chat(WEATHER, [{"name": "f", "parameters": schema}])) > 500


def test_calls_results_and_shapes_count() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"city": "Paris"}'}}
    turns = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "21 degrees and sunny"},
    ]
    schema = {
        "type": "json_schema",
        "json_schema": {"name": "s", "schema": {"type": "object", "title": "Weather"}},
    }
    plain = prompt_tokens("gpt-4o", chat(WEATHER))
    assert prompt_tokens("gpt-4o", chat([*WEATHER, *turns])) > plain + 8 + 10
    assert prompt_tokens("gpt-4o", chat(WEATHER, response_format=schema)) > plain + 5


def test_special_tokens_are_text_like_any_other() -> None:
    counted = prompt_tokens("gpt-4o", said("<|endoftext|>")) - prompt_tokens("gpt-4o", said(""))
    assert counted == text_tokens("gpt-4o", "<|endoftext|>") == 7


def test_a_very_long_text_is_judged_by_its_beginning() -> None:
    line = "The quick brown fox jumps over the lazy dog, again and again. "
    text = line * (3 * WHOLE // len(line))
    found = encoding("o200k")
    assert found is not None
    assert prompt_tokens("gpt-4o", said(text)) == pytest.approx(found.count(text), rel=0.01)


def test_without_ranks_the_estimate_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> Encoding | None:
        return None

    monkeypatch.setattr(conversations, "encoding", none)
    request = chat(WEATHER, [TOOL])
    assert prompt_tokens("gpt-4o", request) == estimated("gpt-4o", request)
    assert text_tokens("gpt-4o", "hello") is None
