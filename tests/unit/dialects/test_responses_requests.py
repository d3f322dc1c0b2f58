"""What other dialects' requests become for the Responses API, and its own for others, where that takes a decision."""

import json
from typing import Any

from journeys import chat

from gateway.dialects import anthropic, openai_chat, openai_responses
from gateway.dialects.codec import Codec, TargetFacts

GPT = TargetFacts("gpt-5.2")
USER = {"role": "user", "content": "hi"}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
CODEC: Codec = openai_responses


def from_chat(body: dict[str, Any], facts: TargetFacts = GPT) -> tuple[dict[str, Any], tuple[str, ...]]:
    written = CODEC.write_request(openai_chat.read_request(json.dumps(body).encode()), facts)
    return json.loads(written.body), written.dropped


def to_chat(**fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    body = json.dumps({"model": "m", "input": "hi", **fields}).encode()
    written = openai_chat.write_request(CODEC.read_request(body), GPT)
    return json.loads(written.body), written.dropped


def test_another_dialects_request_stores_nothing() -> None:
    body, _ = from_chat(chat(USER))
    assert body["store"] is False
    assert "include" not in body


def test_sealed_thought_is_asked_for_with_thinking() -> None:
    body, dropped = from_chat(chat(USER, reasoning_effort="high"))
    assert body["reasoning"] == {"effort": "high"}
    assert body["include"] == ["reasoning.encrypted_content"]
    assert dropped == ()


def test_a_tool_that_was_not_strict_stays_so() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    body, _ = from_chat(chat(USER, tools=[tool]))
    assert body["tools"][0]["strict"] is False


def test_a_grammar_is_nested_in_one_dialect_and_flat_in_the_other() -> None:
    body, dropped = to_chat(tools=[{"type": "custom", "name": "t", "format": GRAMMAR}])
    inner = {"syntax": "lark", "definition": "start: x"}
    assert body["tools"][0]["custom"]["format"] == {"type": "grammar", "grammar": inner}
    assert dropped == ()
    back, _ = from_chat(body)
    assert back["tools"] == [{"type": "custom", "name": "t", "format": GRAMMAR}]


def test_too_small_a_maximum_is_raised_and_named() -> None:
    body, dropped = from_chat(chat(USER, max_tokens=5))
    assert (body["max_output_tokens"], dropped) == (16, ("max_tokens<16",))


def test_what_a_provider_refuses_is_left_out_and_named() -> None:
    body, dropped = from_chat(chat(USER, user="u"), TargetFacts("m", drops=("user",)))
    assert "user" not in body
    assert dropped == ("user",)


def test_what_another_dialect_cannot_say_is_named() -> None:
    fields = {"truncation": "auto", "max_tool_calls": 2, "store": True, "tools": [{"type": "web_search"}]}
    _, dropped = to_chat(**fields)
    assert set(dropped) == {"truncation", "max_tool_calls", "tools.web_search"}


def test_what_chat_completions_says_too_crosses() -> None:
    shared = {
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
        "safety_identifier": "s",
        "service_tier": "flex",
        "store": True,
        "metadata": {"a": "b"},
    }
    body, dropped = to_chat(**shared, text={"verbosity": "low"})
    assert {name: body[name] for name in shared} == shared
    assert body["verbosity"] == "low"
    assert dropped == ()


def test_metadata_of_an_answer_that_is_not_stored_is_named() -> None:
    body, dropped = to_chat(metadata={"a": "b"})
    assert "metadata" not in body
    assert "store" not in body
    assert dropped == ("metadata",)


def test_a_number_of_logprobs_without_asking_for_any_is_not_repeated() -> None:
    assert "top_logprobs" not in to_chat(top_logprobs=2)[0]
    body, _ = to_chat(top_logprobs=2, include=["message.output_text.logprobs"])
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)


def test_what_says_no_more_than_the_default_is_not_named() -> None:
    fields = {"truncation": "disabled", "store": False, "include": ["reasoning.encrypted_content"]}
    _, dropped = to_chat(
        **fields, stream_options={"include_obfuscation": False}, text={"format": {"type": "text"}}
    )
    assert dropped == ()


def test_a_failed_tool_is_named_as_it_cannot_be_said() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "is_error": True}
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    messages = [USER, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    read = anthropic.read_request(json.dumps(chat(*messages, max_tokens=99)).encode())
    written = CODEC.write_request(read, GPT)
    assert json.loads(written.body)["input"][-1] == {
        "type": "function_call_output",
        "call_id": "t",
        "output": "error",
    }
    assert written.dropped == ("messages.content.is_error",)


def test_pictures_in_a_tools_result_stay_in_it() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}, image]}
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    messages = [USER, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    read = anthropic.read_request(json.dumps(chat(*messages, max_tokens=99)).encode())
    written = CODEC.write_request(read, GPT)
    assert json.loads(written.body)["input"][-1]["output"] == [
        {"type": "input_text", "text": "x"},
        {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AAAA"},
    ]
    assert written.dropped == ()


def test_calls_and_their_results_are_not_torn_apart_by_a_text_between() -> None:
    said = {"type": "message", "role": "assistant", "content": "Wait."}
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    items = [{**call, "call_id": "a"}, said, {**call, "call_id": "b"}]
    items += [{"type": "function_call_output", "call_id": each, "output": "x"} for each in "ab"]
    body, _ = to_chat(input=items)
    assert [message["role"] for message in body["messages"]] == ["assistant", "tool", "tool"]
