"""Who listens to somebody else's answer pays nothing for it, and keeps to their own rights and limits all the same."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai_wire
import pytest
import wire
from fault_server import FaultServer, Gate
from gateway_process import OPENAI_KEY, Gateway
from raw_client import Reply

CHAT = "/v1/chat/completions"
LEADER, JOINER, BARRED = "gw-leads-canary-1", "gw-joins-canary-1", "gw-barred-canary-1"
BODY = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 100}


@pytest.fixture
def gateway(openai_upstream: FaultServer, tmp_path: Path) -> Iterator[Gateway]:
    limits = [{"requests": 2, "tokens": 5000, "per": "hour"}]
    budget = [{"usd": 1, "per": "never"}]
    config = {
        "server": {"workers": 1},
        "retries": {"max": 0},
        "cache": {"mode": "exact", "scope": "team"},
        "providers": {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}},
        "prices": {"openai/gpt-4o-mini": {"input": 100, "output": 100}},
        "teams": {"one": {}},
        "keys": {
            "leads": {"value": LEADER, "team": "one", "budgets": budget},
            "joins": {"value": JOINER, "team": "one", "limits": limits, "budgets": budget},
            "barred": {"value": BARRED, "team": "one", "models": ["openai/another"]},
        },
    }
    running = Gateway(config, tmp_path)
    yield running
    running.stop()


def test_who_joins_pays_nothing_but_counts(gateway: Gateway, openai_upstream: FaultServer) -> None:
    gate = Gate()
    openai_upstream.script([gate, *wire.as_json(openai_wire.completion("Hello"))])
    with ThreadPoolExecutor(2) as pool:

        def asked(key: str) -> Reply:
            return gateway.post(CHAT, BODY, None, key)

        leads = pool.submit(asked, LEADER)
        openai_upstream.wait_for(1)
        joins = pool.submit(asked, JOINER)
        openai_upstream.wait(lambda: gateway.metric_now("gateway_in_flight_requests") == 2)
        barred = asked(BARRED)
        gate.open()
        first, second = leads.result(20), joins.result(20)
    assert barred.status == 403
    assert [one.headers["x-gateway-cache"] for one in (first, second)] == ["miss", "coalesced"]
    assert float(first.headers["x-gateway-cost-usd"]) > 0
    assert float(second.headers["x-gateway-cost-usd"]) == 0
    openai_upstream.wait(gateway.at_rest)
    again = asked(JOINER)
    assert again.headers["x-gateway-cache"] == "hit"
    assert again.headers["x-ratelimit-remaining-requests"] == "0"
    assert int(again.headers["x-ratelimit-remaining-tokens"]) > 4700  # what this one has taken for the moment
    assert asked(JOINER).status == 429
    assert len(openai_upstream.seen) == 1
    assert gateway.metric("gateway_cost_usd_total") == pytest.approx(
        float(first.headers["x-gateway-cost-usd"])
    )
