"""A provider that knows a field by another name gets it under that name, passed or translated."""

from typing import Any

from fault_server import FaultServer
from samples import HELLO


def test_renames_hold_for_passed_and_translated_requests(
    start_gateway: Any, openai_upstream: FaultServer
) -> None:
    providers = {"mistral": {"base_url": f"{openai_upstream.url}/v1", "keys": ["k"]}}
    gateway = start_gateway(providers=providers, models={})
    chat = {"model": "mistral/mistral-small-latest", "messages": HELLO, "seed": 7, "max_completion_tokens": 9}
    assert gateway.post("/v1/chat/completions", chat).status == 200
    sent = openai_upstream.seen[0].json()
    assert (sent["random_seed"], sent["max_tokens"]) == (7, 9)
    assert not {"seed", "max_completion_tokens"} & set(sent)
    message = {"model": "mistral/mistral-small-latest", "messages": HELLO, "max_tokens": 9}
    assert gateway.post("/v1/messages", message).status == 200
    assert openai_upstream.seen[1].json()["max_tokens"] == 9
    gateway.stop()
