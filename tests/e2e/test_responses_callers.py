"""OpenAI's SDK in its Responses form reaches every provider; where the provider speaks it, the bytes pass."""

import json
from typing import Any

import anthropic_wire
import openai
import pytest
import wire
from fault_server import FaultServer
from gateway_process import CALLER_KEY, Gateway

TEXT = "echo: hello wörld 🙂"
OTHERS = ["my-vllm/llama-3.1-8b", "anthropic/claude-sonnet-4-5"]
WEATHER = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}


@pytest.fixture
def sdk(gateway: Gateway) -> Any:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=CALLER_KEY, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", OTHERS)
def test_plain(sdk: Any, openai_upstream: FaultServer, anthropic_upstream: FaultServer, model: str) -> None:
    reply = sdk.responses.create(model=model, input="hello wörld 🙂", instructions="be brief")
    assert reply.output_text == TEXT
    assert reply.status == "completed"
    assert reply.usage.input_tokens > 0


@pytest.mark.parametrize("model", OTHERS)
def test_streamed(
    sdk: Any, openai_upstream: FaultServer, anthropic_upstream: FaultServer, model: str
) -> None:
    text, kinds = "", []
    for event in sdk.responses.create(model=model, input="hello wörld 🙂", stream=True):
        kinds.append(event.type)
        if event.type == "response.output_text.delta":
            text += event.delta
    assert text == TEXT
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")


def test_tools_of_another_dialect(sdk: Any, anthropic_upstream: FaultServer) -> None:
    anthropic_upstream.script(
        wire.as_json(anthropic_wire.message(anthropic_wire.tool_use("toolu_1", "weather", {"city": "Oslo"})))
    )
    reply = sdk.responses.create(model=OTHERS[1], input="weather?", tools=[WEATHER])
    (call,) = [item for item in reply.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments), call.call_id) == ("weather", {"city": "Oslo"}, "toolu_1")
    sdk.responses.create(
        model=OTHERS[1],
        tools=[WEATHER],
        input=[
            {"role": "user", "content": "weather?"},
            {
                "type": "function_call",
                "call_id": "toolu_1",
                "name": "weather",
                "arguments": '{"city":"Oslo"}',
            },
            {"type": "function_call_output", "call_id": "toolu_1", "output": "rain"},
        ],
    )
    sent = anthropic_upstream.seen[-1].json()["messages"]
    assert sent[1]["content"][0] == {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "weather",
        "input": {"city": "Oslo"},
    }
    assert sent[2]["content"][0]["tool_use_id"] == "toolu_1"


def test_bytes_pass_where_the_provider_speaks_it(sdk: Any, openai_upstream: FaultServer) -> None:
    body = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-4o-mini",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 3,
            "input_tokens_details": {"cached_tokens": 1},
            "output_tokens": 2,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 5,
        },
    }
    openai_upstream.script(wire.as_json(body))
    reply = sdk.responses.create(model="openai/gpt-4o-mini", input="hi", previous_response_id="resp_0")
    assert reply.id == "resp_1"
    seen = openai_upstream.only
    assert seen.path == "/v1/responses"
    assert seen.json() == {"model": "gpt-4o-mini", "input": "hi", "previous_response_id": "resp_0"}


def test_what_only_openais_store_can_answer_is_refused_elsewhere(
    sdk: Any, anthropic_upstream: FaultServer
) -> None:
    with pytest.raises(openai.BadRequestError, match="previous_response_id"):
        sdk.responses.create(model=OTHERS[1], input="hi", previous_response_id="resp_0")
    assert anthropic_upstream.seen == []


def test_a_cut_stream_is_no_completed_response(sdk: Any, anthropic_upstream: FaultServer) -> None:
    events = [anthropic_wire.start_event(), *anthropic_wire.block_events(0, anthropic_wire.text("half"))[:2]]
    anthropic_upstream.script(wire.stream(events))
    kinds = []
    try:
        for event in sdk.responses.create(model=OTHERS[1], input="hi", stream=True):
            kinds.append(event.type)
    except openai.APIError:
        kinds.append("raised")
    assert "response.completed" not in kinds
    assert kinds[-1] in ("error", "response.failed", "raised")
