"""A price file that breaks while the gateway runs keeps nobody from being served: what it said before holds on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fault_server import FaultServer
from gateway_process import OPENAI_KEY, Gateway, until
from test_admin_process import Admin

KEY = "gw-priced-canary-1"
CHAT = "/v1/chat/completions"
PRICE = {
    "own-model": {
        "litellm_provider": "openai",
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 1e-6,
    }
}


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("half of")], ids=["gone", "cut"])
def test_a_broken_price_file_stops_nothing(
    openai_upstream: FaultServer, tmp_path: Path, spoil: Callable[[Path], Any]
) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps(PRICE))
    provider = {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}
    config = {
        "server": {"workers": 1},
        "admin": {"enabled": True},
        "providers": {"openai": provider},
        "price_files": [str(prices)],
        "keys": {"priced": {"value": KEY}},
    }
    gateway = Gateway(config, tmp_path / "gateway")
    admin = Admin(gateway)

    def made(path: str, body: Any) -> None:
        answer = httpx.post(admin.url + path, json=body, headers={"authorization": f"Bearer {admin.key}"})
        assert answer.status_code == 201, answer.text

    def status(model: str) -> int:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        return gateway.post(CHAT, body, None, KEY).status

    spoil(prices)
    made("/api/providers", {"id": "new", "type": "openai", "base_url": f"{openai_upstream.url}/v1"})
    made("/api/credentials", {"provider": "new", "value": "sk-new-canary"})
    until(lambda: status("new/m") == 200)
    (worker,) = gateway.workers()
    worker.kill()
    until(lambda: bool(gateway.workers()) and gateway.workers()[0].pid != worker.pid)
    until(lambda: gateway.get("/ready").status == 200)
    assert [status(model) for model in ("openai/own-model", "new/m")] == [200, 200]
    reply = gateway.post(CHAT, {"model": "openai/own-model", "messages": []}, None, KEY)
    assert float(reply.headers["x-gateway-cost-usd"]) > 0
    gateway.signal(15)
    assert gateway.wait() == 0
    assert '"prices_unreadable"' in gateway.log()
