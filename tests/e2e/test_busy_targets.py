"""Bounds on what is in flight: at a provider, of all workers together; and in a worker itself."""

import json
from collections.abc import Iterator
from typing import Any

import openai_wire
import pytest
import wire
from conftest import StartGateway
from fault_server import HANG, Answer, FaultServer, Gate, Pause, Seen
from gateway_process import OPENAI_KEY, Gateway
from raw_client import RawConnection
from samples import HELLO

PATH = "/v1/chat/completions"
ROUTE = {"model": "route", "messages": HELLO}
ALONE = {"model": "slow/m", "messages": HELLO}
MOST = 4


def bounded(upstream: FaultServer, concurrency: Any, **more: Any) -> dict[str, Any]:
    usual = {"type": "openai", "retries": {"max": 0}, "keys": [OPENAI_KEY], "models": ["m"]}
    return {
        "providers": {
            "slow": {**usual, "base_url": f"{upstream.url}/slow/v1", "concurrency": concurrency},
            "spare": {**usual, "base_url": f"{upstream.url}/spare/v1"},
        },
        "models": {"route": {"targets": ["slow/m"], "fallbacks": ["spare/m"]}},
        **more,
    }


def asked(server: FaultServer, provider: str = "slow") -> int:
    return sum(seen.path.startswith(f"/{provider}/") for seen in server.seen)


def sent(gateway: Gateway, count: int, body: dict[str, Any]) -> list[RawConnection]:
    """So many requests at once, each on a connection of its own."""
    held = [gateway.connect() for _ in range(count)]
    for one in held:
        one.send(gateway.encode(PATH, body))
    return held


@pytest.fixture
def gates() -> Iterator[list[Gate]]:
    made: list[Gate] = []
    yield made
    for gate in made:
        gate.open()


def test_no_more_than_the_bound_are_ever_under_way(
    start_gateway: StartGateway, openai_upstream: FaultServer, gates: list[Gate]
) -> None:
    """Two workers, one bound: the provider itself counts."""
    most: list[int] = []
    under_way = 0
    gates.append(Gate())

    def answer(seen: Seen) -> Answer:
        nonlocal under_way
        under_way += 1
        most.append(under_way)
        yield gates[0]
        yield Pause(0.02)
        under_way -= 1  # before it is told: from then on the next one may come
        yield from wire.as_json(openai_wire.completion("slow"))

    openai_upstream.handle(answer)
    gateway = start_gateway(**bounded(openai_upstream, {"max": MOST, "queue": 100, "wait": "20s"}))
    held = sent(gateway, 80, ALONE)
    waiting = ("gateway_queue_waiting", {"provider": "slow", "model": ""})
    openai_upstream.wait(lambda: gateway.metric_now(waiting[0], **waiting[1]) == 80 - MOST)
    gates[0].open()
    assert [one.reply().status for one in held] == [200] * 80
    assert max(most) == MOST
    assert asked(openai_upstream) == 80
    assert gateway.metric("gateway_queue_seconds_count", provider="slow") >= 80 - MOST
    assert gateway.metric("gateway_queue_seconds_sum", provider="slow") > 0
    assert gateway.metric("gateway_queue_refused_total", provider="slow") == 0
    assert gateway.metric("gateway_breaker_state", provider="") == 0
    assert 'provider=""' not in "".join(
        line
        for line in gateway.metrics_text().splitlines()
        if line.startswith(("gateway_breaker", "gateway_key"))
    )
    for one in held:
        one.close()


def test_what_finds_no_place_goes_to_the_next_target(
    start_gateway: StartGateway, openai_upstream: FaultServer, gates: list[Gate]
) -> None:
    gates.append(Gate())

    def answer(seen: Seen) -> Answer:
        if seen.path.startswith("/slow/"):
            return [gates[0], *wire.as_json(openai_wire.completion("slow"))]
        return wire.as_json(openai_wire.completion("spare"))

    openai_upstream.handle(answer)
    gateway = start_gateway(**bounded(openai_upstream, {"max": MOST, "queue": 0}))
    held = sent(gateway, 12, ROUTE)
    openai_upstream.wait(lambda: asked(openai_upstream) + asked(openai_upstream, "spare") == 12)
    assert 1 <= asked(openai_upstream) <= MOST
    kept = asked(openai_upstream)
    gates[0].open()
    texts = [one.reply().json()["choices"][0]["message"]["content"] for one in held]
    assert sorted(texts) == ["slow"] * kept + ["spare"] * (12 - kept)
    assert gateway.metric("gateway_queue_refused_total", provider="slow", why="full") == 12 - kept
    assert gateway.metric("gateway_fallbacks_total", provider="slow") == 12 - kept
    assert gateway.metric("gateway_breaker_state", provider="slow") == 0
    for one in held:
        one.close()


def test_alone_it_is_refused_in_the_callers_dialect(
    start_gateway: StartGateway, openai_upstream: FaultServer, gates: list[Gate]
) -> None:
    gates.append(Gate())
    openai_upstream.handle(lambda _: [gates[0], *wire.as_json(openai_wire.completion("slow"))])
    gateway = start_gateway(**bounded(openai_upstream, {"max": 1, "queue": 5, "wait": "500ms"}))
    (first,) = sent(gateway, 1, ALONE)
    openai_upstream.wait(lambda: asked(openai_upstream) == 1)
    refused = gateway.post(PATH, ALONE)
    assert refused.status == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["code"] == "target_busy"
    queued, overhead = (int(refused.headers[f"x-gateway-{name}-us"]) for name in ("queue", "overhead"))
    assert queued >= 490_000
    assert overhead < queued  # waiting in a line is none of the gateway's own work
    message = gateway.post("/v1/messages", {**ALONE, "max_tokens": 5}, {"anthropic-version": "2023-06-01"})
    assert (message.status, message.json()["error"]["type"]) == (429, "rate_limit_error")
    gates[0].open()
    assert first.reply().status == 200
    first.close()
    assert gateway.post(PATH, ALONE).status == 200


def test_a_stream_whose_caller_leaves_gives_its_place_back(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.handle(
        lambda _: [*wire.stream([openai_wire.delta({"role": "assistant", "content": "a"})])[:-1], HANG]
    )
    gateway = start_gateway(**bounded(openai_upstream, {"max": 1, "queue": 5, "wait": "10s"}))
    with gateway.connect() as leaver:
        leaver.send(gateway.encode(PATH, {**ALONE, "stream": True}))
        openai_upstream.wait(lambda: asked(openai_upstream) == 1)
        (waiting,) = sent(gateway, 1, ALONE)
        openai_upstream.handle(lambda _: wire.as_json(openai_wire.completion("next")))
        openai_upstream.wait(lambda: gateway.metric_now("gateway_in_flight_requests") == 2)
        assert asked(openai_upstream) == 1
    assert waiting.reply().json()["choices"][0]["message"]["content"] == "next"
    waiting.close()


def test_a_model_may_have_a_bound_of_its_own(
    start_gateway: StartGateway, openai_upstream: FaultServer, gates: list[Gate]
) -> None:
    gates.append(Gate())

    def answer(seen: Seen) -> Answer:
        slow = json.loads(seen.body)["model"] == "m"
        return [*([gates[0]] if slow else []), *wire.as_json(openai_wire.completion("x"))]

    openai_upstream.handle(answer)
    config = bounded(openai_upstream, None)
    config["models"]["route"]["targets"] = [{"model": "slow/m", "concurrency": {"max": 1, "queue": 0}}]
    gateway = start_gateway(**config)
    (first,) = sent(gateway, 1, ROUTE)
    openai_upstream.wait(lambda: asked(openai_upstream) == 1)
    assert gateway.post(PATH, ALONE).status == 429  # by whatever name
    assert gateway.post(PATH, {**ALONE, "model": "slow/other"}).status == 200
    gates[0].open()
    assert first.reply().status == 200
    first.close()


def test_a_worker_turns_away_what_it_cannot_hold(
    start_gateway: StartGateway, openai_upstream: FaultServer, gates: list[Gate]
) -> None:
    gates.append(Gate())
    openai_upstream.handle(lambda _: [gates[0], *wire.as_json(openai_wire.completion("slow"))])
    config = bounded(openai_upstream, None, limits={"requests": 3}, server={"workers": 1})
    gateway = start_gateway(**config)
    held = sent(gateway, 3, ALONE)
    openai_upstream.wait(lambda: asked(openai_upstream) == 3)
    refused = gateway.post(PATH, {**ALONE, "padding": "x" * 100_000})
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert gateway.get("/health").status == 200
    gates[0].open()
    assert [one.reply().status for one in held] == [200] * 3
    assert gateway.post(PATH, ALONE).status == 200
    for one in held:
        one.close()
