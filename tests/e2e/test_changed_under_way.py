"""A provider is changed while requests are under way that have not come to it yet: they end as they began."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai_wire
import pytest
import wire
import yaml
from fault_server import FaultServer
from gateway_process import CALLER_KEY, OPENAI_KEY, Gateway, until
from raw_client import Reply

CHAT = "/v1/chat/completions"
BODY = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def gateway(openai_upstream: FaultServer, tmp_path: Path) -> Iterator[Gateway]:
    openai = {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}
    config = {
        "auth": {"keys": [CALLER_KEY]},
        "server": {"workers": 1},
        "breaker": "off",
        "retries": {"max": 1},
        "providers": {"openai": openai},
    }
    running = Gateway(config, tmp_path)
    yield running
    running.stop()


def changed(gateway: Gateway, **of_provider: Any) -> None:
    """The file with another provider, once the worker goes by it."""
    gateway.config["providers"] = {"openai": {**gateway.config["providers"]["openai"], **of_provider}}
    path = gateway.log_path.with_name("gateway.yaml")
    path.with_suffix(".new").write_text(yaml.safe_dump(gateway.config))
    path.with_suffix(".new").replace(path)
    gateway.signal(signal.SIGHUP)
    until(lambda: '"reloaded"' in gateway.log())
    time.sleep(0.5)  # for the worker; were it too short, the test would prove less, not fail


def test_a_request_whose_body_is_on_its_way(gateway: Gateway, openai_upstream: FaultServer) -> None:
    data = gateway.encode(CHAT, BODY)
    with gateway.connect() as connection:
        connection.send(data[:-10])
        time.sleep(0.1)  # likewise
        changed(gateway, keys=["sk-another-canary"])
        connection.send(data[-10:])
        reply = connection.reply()
    assert reply.status == 200, reply.body
    assert openai_upstream.seen[-1].header("authorization") == f"Bearer {OPENAI_KEY}"

    def goes_by_the_new_one() -> bool:
        assert gateway.post(CHAT, BODY).status == 200
        return openai_upstream.seen[-1].header("authorization") == "Bearer sk-another-canary"

    until(goes_by_the_new_one)


def test_a_request_that_rests_before_it_is_tried_again(
    gateway: Gateway, openai_upstream: FaultServer
) -> None:
    busy = wire.as_json(openai_wire.error("busy"), 429, retry_after="2")
    openai_upstream.script(busy, wire.as_json(openai_wire.completion()))
    told: list[Reply] = []
    asking = threading.Thread(target=lambda: told.append(gateway.post(CHAT, BODY)))
    asking.start()
    openai_upstream.wait_for(1)
    changed(gateway, keys=["sk-another-canary"])
    asking.join()
    assert told[0].status == 200, told[0].body
