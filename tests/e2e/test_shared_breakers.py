"""Four workers, one opinion: what one of them learns of a target or a key, all of them go by."""

import json
from collections.abc import Callable
from typing import Any

import openai_wire
import pytest
import wire
from conftest import StartGateway
from fault_server import HANG, Answer, FaultServer, Gate, Seen
from gateway_process import OPENAI_KEY, Gateway
from raw_client import RawConnection
from samples import HELLO

PATH = "/v1/chat/completions"
ASK = {"model": "route", "messages": HELLO}
SECOND_KEY = "sk-second-canary-55d1"
AT_ONCE = 10.0  # seconds; every time-out of the gateway is 30 s here


def route(server: FaultServer, **first: Any) -> dict[str, Any]:
    """A route from a target that fails to one that works, both on the same server under their own paths."""
    usual = {"type": "openai", "retries": {"max": 0}, "breaker": {"cooldown": "60s"}}
    return {
        "providers": {
            "bad": {
                **usual,
                "base_url": f"{server.url}/bad/v1",
                "keys": [OPENAI_KEY],
                "models": ["m"],
                **first,
            },
            "good": {**usual, "base_url": f"{server.url}/good/v1", "models": ["m"]},
        },
        "models": {"route": {"targets": [{"model": "bad/m"}], "fallbacks": ["good/m"]}},
        "server": {"workers": 4},
    }


def answering(bad: Callable[[Seen], Answer]) -> Callable[[Seen], Answer]:
    def handler(seen: Seen) -> Answer:
        return bad(seen) if seen.path.startswith("/bad/") else wire.as_json(openai_wire.completion("good"))

    return handler


def asked(server: FaultServer) -> int:
    return sum(seen.path.startswith("/bad/") for seen in server.seen)


def sent(gateway: Gateway, count: int) -> list[RawConnection]:
    """So many requests at once, each on a connection of its own."""
    held = [gateway.connect() for _ in range(count)]
    for one in held:
        one.send(gateway.encode(PATH, ASK))
    return held


def test_a_failing_target_is_out_for_all_workers(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.handle(answering(lambda _: wire.as_json(openai_wire.error("oops"), 500)))
    gateway = start_gateway(**route(openai_upstream))
    with gateway.each_worker() as workers:
        for turn in range(52):
            workers[turn % 4].send(gateway.encode(PATH, ASK))
            assert workers[turn % 4].reply().json()["choices"][0]["message"]["content"] == "good"
    assert asked(openai_upstream) == 5  # by all four workers: five in a row open it for all
    assert gateway.metric("gateway_breaker_opened_total", provider="bad", model="m") == 1
    assert gateway.metric("gateway_breaker_state", provider="bad", model="m") == 2
    opened = [line for line in gateway.log().splitlines() if json.loads(line)["event"] == "breaker"]
    assert len(opened) == 1  # said once, by the one that decided


def test_one_probe_at_a_time_from_all_workers(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    """The provider asked for a second's rest: after it one request goes there, whoever carries it."""
    limited = wire.as_json(openai_wire.error("later"), 429, retry_after="1")
    openai_upstream.handle(answering(lambda _: limited))
    gateway = start_gateway(**route(openai_upstream))
    assert gateway.post(PATH, ASK).status == 200
    assert asked(openai_upstream) == 1
    openai_upstream.wait(lambda: gateway.metric("gateway_breaker_state", provider="bad") == 1)
    gate = Gate()
    openai_upstream.handle(answering(lambda _: [gate, *wire.as_json(openai_wire.completion("back"))]))
    held = sent(gateway, 24)
    openai_upstream.wait(
        lambda: sum(seen.path.startswith("/good/") for seen in openai_upstream.seen) == 1 + 23
    )
    assert asked(openai_upstream) == 2
    gate.open()
    texts = [one.reply().json()["choices"][0]["message"]["content"] for one in held]
    assert sorted(texts) == ["back"] + ["good"] * 23
    assert gateway.metric("gateway_breaker_state", provider="bad") == 0
    assert gateway.post(PATH, ASK).json()["choices"][0]["message"]["content"] == "back"
    for one in held:
        one.close()


def test_a_probes_caller_that_leaves_takes_no_claim_along(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.handle(
        answering(lambda _: wire.as_json(openai_wire.error("later"), 429, retry_after="1"))
    )
    gateway = start_gateway(**route(openai_upstream))
    gateway.post(PATH, ASK)
    openai_upstream.wait(lambda: gateway.metric("gateway_breaker_state", provider="bad") == 1)
    openai_upstream.handle(answering(lambda _: [HANG]))
    with gateway.connect() as connection:
        connection.send(gateway.encode(PATH, ASK))
        openai_upstream.wait(lambda: asked(openai_upstream) == 2)
    openai_upstream.wait(lambda: openai_upstream.seen[-1].closed_by_peer, AT_ONCE)
    openai_upstream.wait(gateway.at_rest)
    openai_upstream.handle(answering(lambda _: wire.as_json(openai_wire.completion("back"))))
    assert gateway.post(PATH, ASK).json()["choices"][0]["message"]["content"] == "back"


def test_a_refused_key_is_benched_in_all_workers(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    def bad(seen: Seen) -> Answer:
        if seen.header("authorization") == f"Bearer {OPENAI_KEY}":
            return wire.as_json(openai_wire.error("no such key"), 401)
        return wire.as_json(openai_wire.completion("second key"))

    openai_upstream.handle(answering(bad))
    gateway = start_gateway(**route(openai_upstream, keys=[OPENAI_KEY, SECOND_KEY]))
    with gateway.each_worker() as workers:
        for turn in range(40):
            workers[turn % 4].send(gateway.encode(PATH, ASK))
            assert workers[turn % 4].reply().json()["choices"][0]["message"]["content"] == "second key"
    refused = [
        seen for seen in openai_upstream.seen if seen.header("authorization") == f"Bearer {OPENAI_KEY}"
    ]
    assert len(refused) == 1
    assert gateway.metric("gateway_key_benched", provider="bad", key="0") == 1
    assert gateway.metric("gateway_key_benched", provider="bad", key="1") == 0
    told = [line for line in gateway.log().splitlines() if json.loads(line)["event"] == "key_benched"]
    assert len(told) == 1
    for text in (gateway.metrics_text(), gateway.log()):
        assert OPENAI_KEY not in text
        assert SECOND_KEY not in text


def test_when_all_are_limited_the_caller_learns_the_shortest_wait(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    def limited(seen: Seen) -> Answer:
        wait = "90" if seen.path.startswith("/bad/") else "40"
        return wire.as_json(openai_wire.error("later"), 429, retry_after=wait)

    openai_upstream.handle(limited)
    gateway = start_gateway(**route(openai_upstream))
    reply = gateway.post(PATH, ASK)
    assert (reply.status, reply.headers["retry-after"]) == (429, "40")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_caller_that_left_is_not_served_elsewhere(
    start_gateway: StartGateway, openai_upstream: FaultServer, stream: bool
) -> None:
    """Neither from a target that says nothing, nor in the pause before a retry: no other try, no fallback."""
    openai_upstream.handle(answering(lambda _: [HANG]))
    gateway = start_gateway(**route(openai_upstream, retries={"max": 3}))
    with gateway.connect() as connection:
        connection.send(gateway.encode(PATH, {**ASK, "stream": stream}))
        openai_upstream.wait_for(1)
    openai_upstream.wait(lambda: openai_upstream.only.closed_by_peer, AT_ONCE)
    openai_upstream.wait(gateway.at_rest)
    assert len(openai_upstream.seen) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_slow_first_target_is_hedged(
    start_gateway: StartGateway, openai_upstream: FaultServer, stream: bool
) -> None:
    def handler(seen: Seen) -> Answer:
        return [HANG] if seen.path.startswith("/bad/") else openai_wire.echo(seen)

    openai_upstream.handle(handler)
    config = route(openai_upstream)
    config["models"]["route"]["hedge"] = {"share": "100%", "after": "50ms"}
    gateway = start_gateway(**config)
    reply = gateway.post(PATH, {**ASK, "stream": stream})
    assert reply.status == 200
    assert (reply.headers["x-gateway-provider"], reply.headers["x-gateway-attempts"]) == ("good", "2")
    assert b"echo:" in reply.body
    slow = next(seen for seen in openai_upstream.seen if seen.path.startswith("/bad/"))
    openai_upstream.wait(lambda: slow.closed_by_peer, AT_ONCE)
    openai_upstream.wait(gateway.at_rest)
    assert gateway.metric("gateway_hedges_total", outcome="won") == 1
    assert gateway.metric("gateway_breaker_state", provider="bad") == 0
