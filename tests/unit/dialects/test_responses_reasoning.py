"""Thought that goes there and back again: what a caller gets, sends back, and what reaches the provider next turn."""

import json
from typing import Any

import pytest
from journeys import events_of, join_openai, translate_stream
from responses_sdk import joined, response
from test_dialect_streams import OPENAI_REQUEST

from gateway.dialects import anthropic, openai_chat, openai_responses
from gateway.dialects.codec import TargetFacts
from gateway.dialects.sealing import PREFIX, seal, unseal
from gateway.schemas.chat import Reasoning, SealedReasoning

CLAUDE = TargetFacts("claude-sonnet-4-6", max_output=64000)
GPT = TargetFacts("gpt-5.2")
TOOL = {"type": "custom", "name": "shell", "description": "Runs a command"}
THOUGHTS = [
    {"type": "thinking", "thinking": "First.", "signature": "c2ln"},
    {"type": "thinking", "thinking": "", "signature": "bm90ZXh0"},
    {"type": "redacted_thinking", "data": "c2VhbGVk"},
]
USAGE = {"input_tokens": 1, "output_tokens": 1}


def claude_says(*blocks: dict[str, Any]) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_sequence": None}
    return {**head, "content": list(blocks), "stop_reason": "end_turn", "usage": USAGE}


def claude_streams(reply: dict[str, Any]) -> list[tuple[str, bytes]]:
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {**reply, "content": []}}]
    for index, block in enumerate(reply["content"]):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    return [(event["type"], json.dumps(event).encode()) for event in events]


@pytest.mark.parametrize("streamed", [False, True])
def test_claudes_thought_survives_a_responses_caller_over_three_turns(streamed: bool) -> None:
    items: list[Any] = [{"role": "user", "content": "Go."}]
    for turn in range(3):
        body = {"model": "m", "input": items, "tools": [TOOL]}
        request = openai_responses.read_request(json.dumps(body).encode())
        sent = json.loads(anthropic.write_request(request, CLAUDE).body)
        said = [message["content"] for message in sent["messages"] if message["role"] == "assistant"]
        assert [block[:3] for block in said] == [THOUGHTS] * turn
        call = {"type": "tool_use", "id": f"t{turn}", "name": "shell", "input": {"input": "ls -l"}}
        assert [block[3] for block in said] == [call | {"id": f"t{n}"} for n in range(turn)]
        reply = claude_says(*THOUGHTS, call)
        if streamed:
            sse = translate_stream(anthropic, openai_responses, request, claude_streams(reply))
            output = joined(sse)["output"]
        else:
            neutral = anthropic.read_reply(json.dumps(reply).encode())
            output = json.loads(openai_responses.write_reply(neutral, request=request))["output"]
        assert output[-1]["type"] == "custom_tool_call"
        assert output[-1]["input"] == "ls -l"
        items += [*output, {"type": "custom_tool_call_output", "call_id": f"t{turn}", "output": "ok"}]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_sealed_response_survives_a_chat_caller(streamed: bool) -> None:
    thought = {
        "id": "rs_1",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}],
        "encrypted_content": "gAAAAsealed",
    }
    reply = response([thought])
    if streamed:
        events: list[dict[str, Any]] = [{"type": "response.created", "response": {**reply, "output": []}}]
        events.append({"type": "response.output_item.done", "output_index": 0, "item": thought})
        events.append({"type": "response.completed", "response": reply})
        pairs = [(event["type"], json.dumps(event).encode()) for event in events]
        message = join_openai(translate_stream(openai_responses, openai_chat, OPENAI_REQUEST, pairs))[
            "message"
        ]
        for entry in message["reasoning_details"]:
            entry.setdefault("summary", "")
    else:
        neutral = openai_responses.read_reply(json.dumps(reply).encode())
        message = json.loads(openai_chat.write_reply(neutral))["choices"][0]["message"]
    history = [{"role": "user", "content": "Go."}, {"role": "assistant", **message}]
    body = {"model": "m", "messages": [*history, {"role": "user", "content": "On."}]}
    written = openai_responses.write_request(openai_chat.read_request(json.dumps(body).encode()), GPT)
    assert json.loads(written.body)["input"][1] == {
        name: thought[name] for name in ("type", "id", "summary", "encrypted_content")
    }


def test_thought_that_nobody_signed_comes_back_as_it_was() -> None:
    reply = {
        "choices": [{"message": {"content": "Hi.", "reasoning_content": "Hm."}, "finish_reason": "stop"}]
    }
    neutral = openai_chat.read_reply(json.dumps(reply).encode())
    output = json.loads(openai_responses.write_reply(neutral, reply_id="r"))["output"]
    assert "encrypted_content" not in output[0]
    request = openai_responses.read_request(json.dumps({"model": "m", "input": output}).encode())
    assert request.messages[0].parts[0] == Reasoning("Hm.")


def test_another_providers_thought_is_not_sent_to_openai() -> None:
    item = {"type": "reasoning", "id": "rs_gateway_1", "summary": [], "encrypted_content": None}
    item["encrypted_content"] = seal(SealedReasoning("x", format="anthropic-claude-v1"))
    body = {"model": "m", "input": [item, {"role": "user", "content": "Hi."}]}
    written = openai_responses.write_request(openai_responses.read_request(json.dumps(body).encode()), GPT)
    assert [item["type"] for item in json.loads(written.body)["input"]] == ["message"]
    assert written.dropped == ("messages.reasoning.signature",)


@pytest.mark.parametrize("broken", ["", "gAAAA", PREFIX + "!", PREFIX + "bm8=", PREFIX + "é"])
def test_what_is_no_envelope_is_not_opened(broken: str) -> None:
    assert unseal(broken, "text") is None


@pytest.mark.parametrize(
    "thought",
    [
        Reasoning("text", "sig", "id", "format", True),
        SealedReasoning("data", "id", "google"),
        SealedReasoning(""),
    ],
)
def test_an_envelope_keeps_everything(thought: Reasoning | SealedReasoning) -> None:
    assert unseal(seal(thought), "text") == thought


def test_a_schema_laid_out_in_lines_does_not_break_an_event() -> None:
    tool = b'{"type":"function","name":"f","parameters":{\n  "type": "object"\r\n}}'
    request = openai_responses.read_request(b'{"model":"m","input":"x","tools":[' + tool + b"]}")
    sse = translate_stream(anthropic, openai_responses, request, claude_streams(claude_says()))
    assert all(json.loads(data)["type"] == name for name, data in events_of(sse))
