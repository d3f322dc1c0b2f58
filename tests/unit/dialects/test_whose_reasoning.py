"""Bedrock's answers do not say whose they are: thought is Claude's only where the target is a Claude."""

import json
from typing import Any

import pytest

from gateway.dialects import gemini
from gateway.dialects.dropped import telling
from gateway.dialects.endpoints import ENDPOINTS
from gateway.schemas.chat import Reasoning
from gateway.schemas.events import ReasoningDelta

CONVERSE = ENDPOINTS["converse"]
CLAUDE = "anthropic-claude-v1"
MODELS = {"us.anthropic.claude-sonnet-4-5-v1:0": CLAUDE, "amazon.nova-pro-v1:0": "", "deepseek.r1-v1:0": ""}


@pytest.mark.parametrize("model", MODELS)
def test_thought_is_the_target_models(model: str) -> None:
    block = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}}
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    message = {"role": "assistant", "content": [block]}
    body: Any = {"output": {"message": message}, "stopReason": "end_turn", "usage": usage}
    reply = CONVERSE.read_replies([json.dumps(body).encode()], [], model)
    assert reply.choices[0].parts == (Reasoning("Hm.", "c2ln", format=MODELS[model]),)
    delta = {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm."}}}
    events = CONVERSE.codec.reader(model).read("contentBlockDelta", json.dumps(delta).encode())
    assert events == [ReasoningDelta(0, "Hm.", "", "", MODELS[model])]


def test_a_name_that_gemini_has_no_place_for_is_told_and_harmless() -> None:
    blob = {"mimeType": "image/png", "data": "AAAA", "displayName": "a.png"}
    body = json.dumps({"contents": [{"parts": [{"inlineData": blob}]}]}).encode()
    unknown = gemini.read_request(body, "m").unknown
    assert unknown == ("contents.parts.inlineData.displayName",)
    assert telling([*unknown, "messages.content.document.name", "top_k"]) == ("top_k",)
