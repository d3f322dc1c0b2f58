"""Clients that put signed thought elsewhere, or forget an empty signature, are understood all the same."""

import json
from typing import Any

import pytest

from gateway.dialects import anthropic, gemini, openai_chat
from gateway.dialects.gemini.signatures import carry
from gateway.errors import BadRequest
from gateway.schemas.chat import Part, Reasoning, SealedReasoning, Text, ToolCall

THOUGHT = Reasoning("they greet me", "c2lnbmF0dXJl", format="anthropic-claude-v1")
ENVELOPE = carry(THOUGHT)


def said_to_gemini(*parts: Any) -> tuple[Part, ...]:
    contents = [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": list(parts)}]
    return gemini.read_request(json.dumps({"contents": contents}).encode()).messages[1].parts


def test_an_envelope_on_the_text_after_a_thought_signs_the_thought() -> None:
    parts = said_to_gemini(
        {"text": THOUGHT.text, "thought": True}, {"text": "hello", "thoughtSignature": ENVELOPE}
    )
    assert parts == (THOUGHT, Text("hello"))


def test_an_envelope_on_a_call_after_a_thought_signs_the_thought() -> None:
    call = {"functionCall": {"id": "c", "name": "time", "args": {}}, "thoughtSignature": ENVELOPE}
    thought, found = said_to_gemini({"text": THOUGHT.text, "thought": True}, call)
    assert thought == THOUGHT
    assert isinstance(found, ToolCall)
    assert found.signature == ""


def test_a_thought_said_twice_is_one_thought() -> None:
    """LiteLLM sends a thought as a thought, and once more as a text that has the signature."""
    parts = said_to_gemini(
        {"text": THOUGHT.text, "thought": True},
        {"text": THOUGHT.text, "thoughtSignature": ENVELOPE},
        {"text": "hello", "thoughtSignature": ENVELOPE},
    )
    assert parts == (THOUGHT, Text("hello"))


def test_an_envelope_without_its_thought_is_nothing_that_google_signed() -> None:
    assert said_to_gemini({"text": "hello", "thoughtSignature": ENVELOPE}) == (Text("hello"),)


def test_googles_own_signature_stays_where_it_was() -> None:
    text, signature = said_to_gemini({"text": "hello", "thoughtSignature": "Z29vZ2xl"})
    assert text == Text("hello")
    assert isinstance(signature, SealedReasoning)


def answered(**fields: Any) -> tuple[Part, ...]:
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello", **fields}]
    return openai_chat.read_request(json.dumps({"model": "m", "messages": turns}).encode()).messages[1].parts


DETAIL = {
    "type": "reasoning.text",
    "text": THOUGHT.text,
    "signature": THOUGHT.signature,
    "format": THOUGHT.format,
}


def test_what_litellm_keeps_among_a_providers_own_fields_is_read() -> None:
    kept = {"refusal": None, "reasoning_details": [DETAIL]}
    assert answered(reasoning_content=THOUGHT.text, provider_specific_fields=kept) == (THOUGHT, Text("hello"))


@pytest.mark.parametrize("kept", [None, {}, {"refusal": None}, {"reasoning_details": []}])
def test_without_signed_thought_there_the_text_alone_is_read(kept: Any) -> None:
    parts = answered(reasoning_content=THOUGHT.text, provider_specific_fields=kept)
    assert parts == (Reasoning(THOUGHT.text), Text("hello"))


def test_signed_thought_in_its_own_place_goes_first() -> None:
    other = {**DETAIL, "text": "something else"}
    kept = {"reasoning_details": [other]}
    assert answered(reasoning_details=[DETAIL], provider_specific_fields=kept)[0] == THOUGHT


def test_a_thinking_block_may_come_back_without_its_empty_signature() -> None:
    def request(block: dict[str, str]) -> bytes:
        turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [block]}]
        return json.dumps({"model": "m", "max_tokens": 9, "messages": turns}).encode()

    block = {"type": "thinking", "thinking": "hm"}
    (part,) = anthropic.read_request(request(block)).messages[1].parts
    assert isinstance(part, Reasoning)
    assert (part.text, part.signature) == ("hm", "")
    with pytest.raises(BadRequest):
        anthropic.read_request(request({"type": "thinking"}))
