"""Endpoints beside conversations: same dialect, their bytes pass, with routing, retries and records like any other."""

from typing import Any

import openai
import openai_wire
import wire
from fault_server import FaultServer
from gateway_process import CALLER_KEY, Gateway

MODERATION = {
    "id": "modr-1",
    "model": "omni-moderation-latest",
    "results": [
        {"flagged": False, "categories": {}, "category_scores": {}, "category_applied_input_types": {}}
    ],
}
IMAGES = {
    "created": 1,
    "data": [{"b64_json": "aGk="}],
    "usage": {"input_tokens": 4, "output_tokens": 9, "total_tokens": 13},
}
RANKING = {"model": "bge", "results": [{"index": 1, "relevance_score": 0.9}], "usage": {"total_tokens": 7}}


def sdk(gateway: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=CALLER_KEY, max_retries=0)


def test_moderations(gateway: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(MODERATION))
    with sdk(gateway) as client:
        reply = client.moderations.create(model="openai/omni-moderation-latest", input="hello")
    assert reply.results[0].flagged is False
    assert openai_upstream.only.path == "/v1/moderations"
    assert openai_upstream.only.json() == {"model": "omni-moderation-latest", "input": "hello"}


def test_images(gateway: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(IMAGES))
    with sdk(gateway) as client:
        reply = client.images.generate(model="openai/gpt-image-1", prompt="a boat")
    assert reply.data is not None
    assert reply.data[0].b64_json == "aGk="
    assert openai_upstream.only.path == "/v1/images/generations"


def test_rerank_at_a_server_of_ones_own(start_gateway: Any, openai_upstream: FaultServer) -> None:
    providers = {"my-vllm": {"type": "vllm", "base_url": f"{openai_upstream.url}/v1"}}
    gateway = start_gateway(providers=providers, models={})
    asked = {"model": "my-vllm/bge", "query": "sea", "documents": ["a", "b"], "top_n": 1}
    openai_upstream.script(wire.as_json(RANKING))
    assert gateway.post("/v1/rerank", asked).json() == RANKING
    for path in ("/cohere/v2/rerank", "/v2/rerank"):
        assert gateway.post(path, asked).json()["results"] == RANKING["results"]
    assert openai_upstream.seen[0].path == "/v1/rerank"
    assert openai_upstream.seen[0].json() == {**asked, "model": "bge"}
    gateway.stop()


def test_a_provider_without_the_endpoint_says_so(gateway: Gateway, anthropic_upstream: FaultServer) -> None:
    reply = gateway.post("/v1/moderations", {"model": "anthropic/claude-sonnet-4-5", "input": "x"})
    assert reply.status == 400
    assert "does not serve moderations" in reply.json()["error"]["message"]
    assert anthropic_upstream.seen == []


def test_their_errors_are_those_of_the_provider(gateway: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(openai_wire.error("no such size", "invalid_request_error"), 400))
    reply = gateway.post("/v1/images/generations", {"model": "openai/gpt-image-1", "prompt": "x"})
    assert (reply.status, reply.json()["error"]["message"]) == (400, "no such size")
