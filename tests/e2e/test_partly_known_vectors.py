"""Embeddings of which some are known: what is asked for is paid for, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
import wire
from fault_server import Answer, FaultServer, Seen
from gateway_process import Gateway
from raw_client import Reply

StartGateway = Callable[..., Gateway]
MODEL = "text-embedding-3-small"
A_TEXT = 10


def telling(sizes: dict[str, int]) -> Any:
    """A provider that counts ten tokens for each text; its vectors are as long as is said here."""

    def answer(seen: Seen) -> Answer:
        inputs = seen.json()["input"]
        count = len(inputs) if isinstance(inputs, list) else 1
        vector = [1.0] * sizes[seen.json()["model"]]
        data = [{"object": "embedding", "index": at, "embedding": vector} for at in range(count)]
        usage = {"prompt_tokens": A_TEXT * count, "total_tokens": A_TEXT * count}
        return wire.as_json({"object": "list", "data": data, "model": MODEL, "usage": usage})

    return answer


def ask(gateway: Gateway, *texts: str) -> Reply:
    reply = gateway.post("/v1/embeddings", {"model": f"openai/{MODEL}", "input": list(texts)})
    assert reply.status == 200, reply.body
    return reply


def cost(reply: Reply) -> float:
    return float(reply.headers["x-gateway-cost-usd"])


def test_only_what_is_asked_for_costs(start_gateway: StartGateway, openai_upstream: FaultServer) -> None:
    sizes = {MODEL: 2}
    openai_upstream.handle(telling(sizes))
    gateway = start_gateway(cache={"mode": "exact"}, server={"workers": 1})
    first, second, third = ask(gateway, "a", "b"), ask(gateway, "b", "c", "a"), ask(gateway, "c", "b")
    assert [reply.headers["x-gateway-cache"] for reply in (first, second, third)] == ["miss", "miss", "hit"]
    assert second.headers["x-gateway-cache-inputs"] == "2/3"
    assert (cost(second), cost(third)) == (pytest.approx(cost(first) / 2), 0)
    told = [reply.json()["usage"]["prompt_tokens"] for reply in (first, second, third)]
    assert told == [2 * A_TEXT, 3 * A_TEXT, 2 * A_TEXT], "what the caller would else have been told"
    assert gateway.metric("gateway_tokens_total", type="input", endpoint="embeddings") == 3 * A_TEXT
    assert gateway.metric("gateway_cache_saved_tokens_total", type="input", result="hit") == 4 * A_TEXT
    paid = gateway.metric("gateway_cost_usd_total", endpoint="embeddings")
    assert gateway.metric("gateway_cache_saved_usd_total", result="hit") == pytest.approx(paid * 4 / 3)
    sizes[MODEL] = 3  # the model behind the name is another one now: both do not go together
    fourth = ask(gateway, "a", "d")
    assert {len(one["embedding"]) for one in fourth.json()["data"]} == {3}
    assert [len(seen.json()["input"]) for seen in openai_upstream.seen[-2:]] in ([1, 2], [1, 2])
    assert cost(fourth) == pytest.approx(cost(first) * 3 / 2), "what was asked for in vain is paid too"
    gateway.stop()
