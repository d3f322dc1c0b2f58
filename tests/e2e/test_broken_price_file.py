"""A price file that breaks while the gateway runs keeps nobody from being served: what it said before holds on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

    def status(model: str) -> int:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        return gateway.post(CHAT, body, None, KEY).status

    spoil(prices)
    admin.post("/api/providers", {"id": "new", "type": "openai", "base_url": f"{openai_upstream.url}/v1"})
    admin.post("/api/credentials", {"provider": "new", "value": "sk-new-canary"})
    until(lambda: status("new/m") == 200)
    gateway.kill_workers()
    assert [status(model) for model in ("openai/own-model", "new/m")] == [200, 200]
    reply = gateway.post(CHAT, {"model": "openai/own-model", "messages": []}, None, KEY)
    assert float(reply.headers["x-gateway-cost-usd"]) > 0
    gateway.signal(15)
    assert gateway.wait() == 0
    assert '"prices_unreadable"' in gateway.log()
