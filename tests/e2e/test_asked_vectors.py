"""Questions compared by a provider's embedding model: asked for beside the request, and never waited for in vain."""

import itertools
from collections.abc import Callable
from typing import Any

import openai_wire
import wire
from fault_server import Answer, FaultServer, Gate, Seen
from gateway_process import CALLER_KEY, SECOND_CALLER_KEY, Gateway
from raw_client import Reply

StartGateway = Callable[..., Gateway]
CHAT = "/v1/chat/completions"
MODEL = "openai/gpt-4o-mini"
ASKED, ALIKE, OTHER = "How do I reset my password?", "How can I reset my password?", "Is Paris in France?"
ONLY: dict[str, str | bytes] = {"x-gateway-cache": "only"}


def by(embedder: str) -> dict[str, Any]:
    return {"mode": "semantic", "semantic": {"embedder": embedder}}


def ask(
    gateway: Gateway, text: str, headers: Any = None, *, model: str = MODEL, key: str = CALLER_KEY
) -> Reply:
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    return gateway.post(CHAT, body, headers, key)


def looked(reply: Reply) -> str:
    return reply.headers.get("x-gateway-cache", "")


def embeddings(upstream: FaultServer) -> list[Seen]:
    return [seen for seen in upstream.seen if seen.path.endswith("/embeddings")]


def pointing(*steps: Any) -> Callable[[Seen], Answer]:
    """A provider that says of passwords one thing and of all else another, after these steps."""

    def answer(seen: Seen) -> Answer:
        if not seen.path.endswith("/embeddings"):
            return openai_wire.echo(seen)
        inputs = seen.json()["input"]
        vectors = [
            [1.0, 0.1 * ("can" in text), 0.0] if "password" in text else [0.0, 0.0, 1.0] for text in inputs
        ]
        data = [{"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(vectors)]
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        return [*steps, *wire.as_json({"object": "list", "data": data, "model": "e5", "usage": usage})]

    return answer


def test_a_provider_says_what_is_alike(start_gateway: StartGateway, openai_upstream: FaultServer) -> None:
    openai_upstream.handle(pointing())
    gateway = start_gateway(cache=by("openai/text-embedding-3-small"), server={"workers": 1})
    assert looked(ask(gateway, ASKED)) == "miss"
    openai_upstream.wait(lambda: looked(ask(gateway, ALIKE, ONLY)) == "semantic")
    assert looked(ask(gateway, OTHER)) == "miss"
    openai_upstream.wait(lambda: len(embeddings(openai_upstream)) > 2)  # beside the request
    asked = embeddings(openai_upstream)
    assert [seen.json()["input"] for seen in asked] == [[ASKED], [ALIKE], [OTHER]], "each text once"
    assert asked[0].json()["model"] == "text-embedding-3-small"
    openai_upstream.wait(
        lambda: gateway.metric("gateway_requests_total", endpoint="embeddings", status="200") == 3
    )
    assert gateway.metric("gateway_tokens_total", endpoint="embeddings", type="input") == 15
    assert gateway.metric("gateway_cost_usd_total", endpoint="embeddings") > 0
    looks = gateway.metric("gateway_cache_lookups_total")
    chats = gateway.metric("gateway_requests_total", endpoint="chat_completions")
    assert looks == chats, "vectors do not pass through the cache"
    gateway.stop()


def test_a_route_and_a_key_have_settings_of_their_own(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.handle(pointing())
    routes: dict[str, Any] = {"strict": {"threshold": 0.999}, "exact": "exact", "loose": None}
    models = {
        name: {"targets": [MODEL], **({"cache": cache} if cache else {})} for name, cache in routes.items()
    }
    keys = {
        "usual": {"value": CALLER_KEY},
        "careful": {"value": SECOND_CALLER_KEY, "cache": {"threshold": 0.998}},
    }
    gateway = start_gateway(
        cache=by("openai/text-embedding-3-small"), models=models, auth={}, keys=keys, server={"workers": 1}
    )
    for model, key in ((model, key) for model in routes for key in (SECOND_CALLER_KEY, CALLER_KEY)):
        ask(gateway, ASKED, model=model, key=key)
    openai_upstream.wait(lambda: looked(ask(gateway, ALIKE, ONLY, model="loose")) == "semantic")
    for model, key in (("strict", CALLER_KEY), ("exact", CALLER_KEY), ("loose", SECOND_CALLER_KEY)):
        for _ in range(3):
            assert ask(gateway, ALIKE, ONLY, model=model, key=key).status == 504, (model, key)
    assert looked(ask(gateway, ALIKE, ONLY, model="loose")) == "semantic"
    gateway.stop()


def test_a_provider_that_is_dead_is_left_alone(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    gateway = start_gateway(cache=by("dead/e5"), server={"workers": 1})
    for number in range(8):
        reply = ask(gateway, f"What is {number}?")
        assert (reply.status, looked(reply)) == (200, "miss")
    assert gateway.metric("gateway_requests_total", endpoint="embeddings", provider="dead") == 3
    assert gateway.log().count('"cache_embedder_rests"') == 1
    assert looked(ask(gateway, "What is 0?")) == "hit"
    gateway.stop()


def test_a_provider_that_is_slow_holds_nobody_up_for_long(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    held = Gate()
    openai_upstream.handle(pointing(held))
    gateway = start_gateway(cache=by("openai/text-embedding-3-small"), server={"workers": 1})
    numbers = itertools.count()

    def misses() -> bool:
        reply = ask(gateway, f"What is {next(numbers)}?")
        return (reply.status, looked(reply)) == (200, "miss")

    openai_upstream.wait(lambda: misses() and "cache_embedder_rests" in gateway.log())
    before = len(embeddings(openai_upstream))
    assert all(misses() for _ in range(6))
    # Where that took five seconds, one more is tried beside the requests.
    assert before >= 3
    assert len(embeddings(openai_upstream)) <= before + 1
    gateway.stop()
    held.open()
