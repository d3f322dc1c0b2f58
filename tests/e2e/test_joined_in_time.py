"""Whoever waits for somebody else's answer waits no longer than for one of their own."""

import threading
import time
from pathlib import Path

import openai_wire
from fault_server import FaultServer, Gate
from gateway_process import CALLER_KEY, OPENAI_KEY, Gateway
from raw_client import Reply

BODY = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "the same"}]}


def test_a_joined_requests_own_time_out_holds(openai_upstream: FaultServer, tmp_path: Path) -> None:
    config = {
        "auth": {"keys": [CALLER_KEY]},
        "server": {"workers": 1},
        "retries": {"max": 0},
        "cache": {"mode": "exact"},
        "providers": {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}},
    }
    gateway, gate = Gateway(config, tmp_path), Gate()
    openai_upstream.handle(lambda seen: [gate, *openai_wire.echo(seen)])
    told: list[Reply] = []
    leader = threading.Thread(target=lambda: told.append(gateway.post("/v1/chat/completions", BODY)))
    leader.start()
    openai_upstream.wait(lambda: len(openai_upstream.seen) == 1)
    threading.Timer(4.0, gate.open).start()
    before = time.monotonic()
    reply = gateway.post("/v1/chat/completions", BODY, {"x-gateway-timeout": "300ms"})
    assert (reply.status, gate._event.is_set()) == (504, False), time.monotonic() - before
    gate.open()
    leader.join()
    assert told[0].status == 200
    gateway.stop()
