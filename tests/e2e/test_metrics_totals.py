"""`/metrics` counts exactly what was done, the same from whichever worker answers."""

from typing import Any

import openai_wire
import pytest
import wire
from fault_server import FaultServer, Gate
from gateway_process import Gateway
from prometheus_client.parser import text_string_to_metric_families
from raw_client import request
from samples import HELLO

CHAT = "/v1/chat/completions"
COUNTERS = ("gateway_requests", "gateway_tokens", "gateway_cost_usd", "gateway_retries", "gateway_fallbacks")


@pytest.fixture
def fresh(start_gateway: Any) -> Any:
    """A gateway that has counted nothing yet."""
    gateway = start_gateway()
    yield gateway
    gateway.stop()


def ask(gateway: Gateway, model: str, count: int = 1, **changes: Any) -> None:
    for _ in range(count):
        gateway.post(CHAT, {"model": model, "messages": HELLO, **changes})


def test_counts_equal_the_requests_made(
    fresh: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    ask(fresh, "openai/gpt-4o-mini", 7)
    ask(fresh, "openai/gpt-4o-mini", 5, stream=True)
    ask(fresh, "anthropic/claude-sonnet-4-5", 3)
    fresh.post("/v1/messages", {"model": "openai/gpt-4o-mini", "max_tokens": 9, "messages": HELLO})
    fresh.post(CHAT, b"not json")
    fresh.post(CHAT, {"model": "openai/gpt-4o-mini", "messages": HELLO}, key="wrong")
    ask(fresh, "nobody/none", 2)
    total = fresh.metric
    name = "gateway_requests_total"
    openai_chat = {
        "endpoint": "chat_completions",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "status": "200",
    }
    assert total(name, **openai_chat, stream="false") == 7
    assert total(name, **openai_chat, stream="true") == 5
    assert total(name, provider="anthropic", model="claude-sonnet-4-5", status="200") == 3
    assert total(name, endpoint="messages", provider="openai", status="200") == 1
    assert total(name, status="400") == 1
    assert total(name, status="401") == 1
    assert total(name, status="404") == 2
    assert total(name, endpoint="chat_completions") + total(name, endpoint="messages") == 20


def test_tokens_and_cost(
    fresh: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    ask(fresh, "openai/gpt-4o-mini", 4)
    ask(fresh, "openai/gpt-4o-mini", 2, stream=True)  # usage is asked for on the gateway's own account
    ask(fresh, "anthropic/claude-sonnet-4-5", 2, stream=True)
    name = "gateway_tokens_total"
    assert fresh.metric(name, provider="openai", type="input") == 6 * 11
    assert fresh.metric(name, provider="openai", type="output") == 6 * 7
    assert fresh.metric(name, provider="openai", type="cached") == 6 * 4
    assert fresh.metric(name, provider="openai", type="reasoning") == 6 * 2
    assert fresh.metric(name, provider="anthropic", type="input") == 2 * 16
    assert fresh.metric(name, provider="anthropic", type="output") == 2 * 7
    assert fresh.metric(name, provider="anthropic", type="cached") == 2 * 4
    cost = fresh.metric("gateway_cost_usd_total", provider="openai")
    assert cost == pytest.approx(6 * 5.55e-06, rel=1e-6)


def test_retries_fallbacks_and_upstream_errors(
    fresh: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    openai_upstream.script(wire.as_json(openai_wire.error("no"), 503))
    ask(fresh, "stubborn/x")
    ask(fresh, "fast")
    assert fresh.metric("gateway_retries_total", provider="stubborn") == 2
    assert fresh.metric("gateway_fallbacks_total") == 1
    assert fresh.metric("gateway_upstream_errors_total", provider="stubborn") == 3
    assert fresh.metric("gateway_upstream_errors_total", provider="openai") == 1


def test_a_callers_mistake_is_no_upstream_error(
    fresh: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    """Found while translating: the provider was never called."""
    reply = fresh.post(CHAT, {"model": "anthropic/claude-sonnet-4-5", "messages": "hello"})
    assert reply.status == 400
    assert anthropic_upstream.seen == []
    assert fresh.metric("gateway_upstream_errors_total") == 0
    assert fresh.metric("gateway_upstream_duration_seconds_count") == 0


def test_histograms_have_as_many_observations_as_requests(
    fresh: Gateway, openai_upstream: FaultServer
) -> None:
    ask(fresh, "openai/gpt-4o-mini", 6)
    ask(fresh, "openai/gpt-4o-mini", 4, stream=True)
    for name in ("gateway_request_duration_seconds", "gateway_overhead_seconds"):
        assert fresh.metric(f"{name}_count", provider="openai") == 10
        assert fresh.metric(f"{name}_bucket", provider="openai", le="+Inf") == 10
        assert fresh.metric(f"{name}_sum", provider="openai") > 0
    assert fresh.metric("gateway_upstream_duration_seconds_count", provider="openai") == 10
    assert fresh.metric("gateway_time_to_first_token_seconds_count", provider="openai") == 4


def test_any_worker_tells_the_same_totals(fresh: Gateway, openai_upstream: FaultServer) -> None:
    ask(fresh, "openai/gpt-4o-mini", 20)
    openai_upstream.wait(fresh.at_rest)  # the last one may not be counted yet
    pages = set()
    for _ in range(16):  # connections of their own, so that both workers answer some
        families = text_string_to_metric_families(fresh.metrics_text())
        samples = [
            (sample.name, tuple(sorted(sample.labels.items())), sample.value)
            for family in families
            if family.name in COUNTERS
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]
        pages.add(tuple(sorted(samples)))
    assert len(pages) == 1
    assert fresh.metric("gateway_requests_total", provider="openai") == 20


def test_unknown_model_is_never_a_label(gateway: Gateway, openai_upstream: FaultServer) -> None:
    for number in range(50):
        ask(gateway, f"openai/made-up-{number}")
        ask(gateway, f"my-vllm/made-up-{number}")
        ask(gateway, f"made-up-{number}")
    assert "made-up" not in gateway.metrics_text()


def test_declared_model_of_a_custom_provider_is_a_label(
    gateway: Gateway, openai_upstream: FaultServer
) -> None:
    ask(gateway, "my-vllm/llama-3.1-8b")
    assert gateway.metric("gateway_requests_total", provider="my-vllm", model="llama-3.1-8b") >= 1


def test_openmetrics_when_asked(gateway: Gateway) -> None:
    accept: dict[str, str | bytes] = {"accept": "application/openmetrics-text; version=1.0.0"}
    reply = gateway.get("/metrics", accept)
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    assert reply.body.endswith(b"# EOF\n")
    plain = gateway.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain")


def test_in_flight_counts_what_runs(fresh: Gateway, openai_upstream: FaultServer) -> None:
    gate = Gate()
    openai_upstream.script([gate, *wire.as_json(openai_wire.completion())])
    body = {"model": "openai/gpt-4o-mini", "messages": HELLO}
    with fresh.connect() as one, fresh.connect() as two:
        for connection in (one, two):
            connection.send(fresh.encode(CHAT, body))
        openai_upstream.wait_for(2)
        assert fresh.metric_now("gateway_in_flight_requests") == 2
        gate.open()
        assert one.reply().status == two.reply().status == 200
    openai_upstream.wait(fresh.at_rest)


def test_metrics_head(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(request("HEAD", "/metrics"))
        assert connection.reply("HEAD").status == 200
