"""An SDK that asks for kept answers only is told at once that there is none: it does not ask again and again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from fault_server import FaultServer
from gateway_process import CALLER_KEY, OPENAI_KEY, Gateway, until

ONLY = {"x-gateway-cache": "only"}
HELLO = [{"role": "user", "content": "hi"}]
ASKED: dict[str, Any] = {"model": "openai/m", "messages": HELLO, "max_tokens": 9}


@pytest.fixture
def gateway(openai_upstream: FaultServer, tmp_path: Path) -> Iterator[Gateway]:
    config = {
        "server": {"workers": 1},
        "auth": {"keys": [CALLER_KEY]},
        "cache": {"mode": "exact"},
        "providers": {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}},
    }
    running = Gateway(config, tmp_path)
    yield running
    running.stop()


def refused(gateway: Gateway) -> float:
    return gateway.metric("gateway_requests_total", status="504")


def test_no_sdk_asks_again(gateway: Gateway) -> None:
    with openai.OpenAI(api_key=CALLER_KEY, base_url=f"{gateway.url}/v1") as client:
        with pytest.raises(openai.InternalServerError) as first:
            client.chat.completions.create(**ASKED, extra_headers=ONLY)
        assert first.value.code == "not_cached"
    with (
        anthropic.Anthropic(api_key=CALLER_KEY, base_url=gateway.url) as other,
        pytest.raises(anthropic.APIStatusError, match="no answer to this in the cache"),
    ):
        other.messages.create(**ASKED, extra_headers=ONLY)
    until(lambda: refused(gateway) >= 2)
    assert refused(gateway) == 2
