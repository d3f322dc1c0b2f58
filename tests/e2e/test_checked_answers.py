"""Answers that are found by meaning: a share of them is asked upstream too, and where they err, likeness must grow."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import openai_wire
import pytest
import wire
from fault_server import Answer, FaultServer, Gate, Seen
from gateway_process import Gateway
from raw_client import Reply

StartGateway = Callable[..., Gateway]
CHAT = "/v1/chat/completions"
MODEL = "openai/gpt-4o-mini"
ASKED, ALIKE = "How do I reset my password?", "How can I reset my password?"
ONLY: dict[str, str | bytes] = {"x-gateway-cache": "only"}
UNKEPT: dict[str, str | bytes] = {"x-gateway-cache-ttl": "0"}
CHECKED = {"mode": "semantic", "semantic": {"verify": 1}}

pytestmark = pytest.mark.skipif(find_spec("wordllama") is None, reason="the extra `cache` is not installed")


def ask(gateway: Gateway, text: str, headers: Any = None, **more: Any) -> Reply:
    body = {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}
    return gateway.post(CHAT, body, headers)


def looked(reply: Reply) -> str:
    return reply.headers.get("x-gateway-cache", "")


def answering(**answers: str) -> Callable[[Seen], Answer]:
    """A provider that says of each question what is said here of its second word."""

    def answer(seen: Seen) -> Answer:
        body = seen.json()
        text = answers[openai_wire.last_text(body).split()[1]]
        if body.get("stream"):
            return wire.stream(openai_wire.text_events(openai_wire.in_words(text)))
        return wire.as_json(openai_wire.completion(text))

    return answer


def learned(gateway: Gateway, upstream: FaultServer, **more: Any) -> None:
    """The first question has been asked, and a worker knows it. Who wants no provider asked is not checked on."""
    assert looked(ask(gateway, ASKED, **more)) == "miss"
    upstream.wait(lambda: looked(ask(gateway, ALIKE, ONLY, **more)) == "semantic")
    assert len(upstream.seen) == 1


def verdicts(gateway: Gateway) -> tuple[float, float, float]:
    agreed, differed, failed = (
        gateway.metric("gateway_cache_verified_total", verdict=verdict)
        for verdict in ("agreed", "differed", "failed")
    )
    return agreed, differed, failed


def test_answers_that_are_wrong_are_noticed_until_nothing_is_alike(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    gateway = start_gateway(cache=CHECKED, limits={"shadows": 100})
    openai_upstream.handle(answering(do="Open the settings and press reset.", can="Bananas are yellow."))
    learned(gateway, openai_upstream, stream=True)
    openai_upstream.wait(lambda: looked(ask(gateway, ALIKE, UNKEPT, stream=True)) == "semantic")

    def told() -> set[str]:
        return {looked(ask(gateway, ALIKE, UNKEPT, stream=True)) for _ in range(6)}

    openai_upstream.wait(lambda: told() == {"miss"})
    assert b"yellow" in ask(gateway, ALIKE, stream=True).body
    agreed, differed, _ = verdicts(gateway)
    assert agreed == 0 < differed
    assert gateway.metric("gateway_cache_error_ratio") == 1
    assert gateway.metric("gateway_cache_threshold") > 0.93
    assert 0 < gateway.metric("gateway_cache_verified_ratio") <= 1
    openai_upstream.wait(
        lambda: gateway.metric("gateway_requests_total", endpoint="shadow", provider="openai") >= differed
    )
    assert '"cache_threshold_raised"' in gateway.log()
    gateway.stop()


def test_answers_that_agree_or_cannot_be_compared_change_nothing_and_are_recorded_as_copies(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    log = {"format": "json", "level": "debug"}
    gateway = start_gateway(cache=CHECKED, log=log, server={"workers": 1})
    openai_upstream.handle(answering(do="Press reset.", can="Press  reset.\n"))
    learned(gateway, openai_upstream)
    for _ in range(4):
        assert looked(ask(gateway, ALIKE)) == "semantic"
    openai_upstream.wait(lambda: verdicts(gateway) == (4, 0, 0))
    openai_upstream.script(
        list(wire.as_json(openai_wire.error("busy"), 500)),
        list(wire.as_json(openai_wire.completion("cut", finish="length"))),
    )
    for number in (5, 6):
        assert looked(ask(gateway, ALIKE)) == "semantic"
        openai_upstream.wait(lambda: sum(verdicts(gateway)) == number)  # noqa: B023 - called here
    assert verdicts(gateway) == (4, 0, 2)
    assert gateway.metric("gateway_cache_threshold") == 0.93

    def logged() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in gateway.log().splitlines()]
        return [line for line in lines if line.get("event") == "shadow"]

    openai_upstream.wait(lambda: len(logged()) >= 6)
    copies = logged()
    assert {line["cache"] for line in copies} == {"checked"}
    assert looked(ask(gateway, ASKED)) == "hit"
    assert len(openai_upstream.seen) == 1 + len(copies) == 7, "what is the very same is not asked again"
    gateway.stop()


def test_each_route_has_its_own_account(start_gateway: StartGateway, openai_upstream: FaultServer) -> None:
    models = {"good": {"targets": [MODEL]}, "bad": {"targets": [MODEL], "cache": {"threshold": 0.94}}}
    gateway = start_gateway(cache=CHECKED, models=models, limits={"shadows": 100}, server={"workers": 1})
    openai_upstream.handle(answering(do="Press reset.", can="Press  reset.\n"))
    for model in ("good", "bad", MODEL):
        assert looked(ask(gateway, ASKED, model=model)) == "miss"
        openai_upstream.wait(lambda: looked(ask(gateway, ALIKE, ONLY, model=model)) == "semantic")  # noqa: B023
        assert looked(ask(gateway, ALIKE, UNKEPT, model=model)) == "semantic"
    openai_upstream.wait(lambda: verdicts(gateway) == (3, 0, 0))
    openai_upstream.handle(answering(can="Bananas are yellow."))
    assert looked(ask(gateway, ALIKE, UNKEPT, model="bad")) == "semantic"
    openai_upstream.wait(lambda: verdicts(gateway) == (3, 1, 0))

    def of(name: str) -> list[float]:
        routes = ("good", "bad", "other")
        return [gateway.metric(f"gateway_cache_route_{name}", route=route) for route in routes]

    assert of("checks_total") == [1, 2, 1]
    assert of("wrong_total") == [0, 1, 0]
    good, bad, other = of("threshold")
    assert bad > good == other >= 0.93
    gateway.stop()


def test_a_check_never_delays_and_a_drain_does_not_wait_for_it(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    held = Gate()
    gateway = start_gateway(cache=CHECKED, limits={"shadows": 1}, server={"workers": 1})
    learned(gateway, openai_upstream)

    def never(seen: Seen) -> Answer:
        return [held]

    openai_upstream.handle(never)
    assert looked(ask(gateway, ALIKE)) == "semantic"
    openai_upstream.wait(lambda: len(openai_upstream.seen) == 2)
    assert looked(ask(gateway, ALIKE)) == "semantic"
    openai_upstream.wait(lambda: gateway.metric("gateway_shadow_total", outcome="dropped") == 1)
    assert len(openai_upstream.seen) == 2
    gateway.stop()
    held.open()
