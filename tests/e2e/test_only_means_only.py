"""Who asks for kept answers only never makes a provider answer, whatever the cache has to do with the request."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_server import FaultServer
from gateway_process import OPENAI_KEY, Gateway

KEPT, OFF = "gw-kept-canary-1", "gw-off-canary-1"
HELLO = [{"role": "user", "content": "hi"}]


@pytest.fixture
def gateway(openai_upstream: FaultServer, tmp_path: Path) -> Iterator[Gateway]:
    config = {
        "server": {"workers": 1},
        "cache": {"mode": "exact"},
        "providers": {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}},
        "keys": {"kept": {"value": KEPT}, "off": {"value": OFF, "cache": "off"}},
    }
    running = Gateway(config, tmp_path)
    yield running
    running.stop()


def test_no_provider_is_asked(gateway: Gateway, openai_upstream: FaultServer) -> None:
    asked: list[tuple[str, str, dict[str, Any]]] = [
        (OFF, "/v1/chat/completions", {"messages": HELLO}),
        (OFF, "/v1/embeddings", {"input": "hi"}),
        (KEPT, "/v1/chat/completions", {"messages": HELLO, "store": True}),
        (KEPT, "/v1/chat/completions", {"messages": HELLO, "web_search_options": {}}),
        (KEPT, "/v1/chat/completions", {"messages": "unreadable"}),
        (KEPT, "/v1/embeddings", {"input": [f"text {n}" for n in range(100)]}),
        (KEPT, "/v1/moderations", {"input": "hi"}),
        (KEPT, "/v1/audio/speech", {"voice": "alloy", "input": "hi"}),
    ]
    for key, path, body in asked:
        reply = gateway.post(path, {"model": "openai/m", **body}, {"x-gateway-cache": "only"}, key)
        assert (reply.status, reply.json()["error"]["code"]) == (504, "not_cached"), (path, body)
    assert not openai_upstream.seen
