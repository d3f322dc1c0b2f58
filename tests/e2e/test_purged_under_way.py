"""What is purged stays away, though an answer of it was under way; and whoever has a name later is somebody else."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai_wire
import pytest
from fault_server import FaultServer, Gate
from gateway_process import OPENAI_KEY, Gateway
from raw_client import Reply
from test_admin_process import Admin

CHAT = "/v1/chat/completions"
ALICE = "gw-alice-canary-purge-1"


@pytest.fixture
def gateway(openai_upstream: FaultServer, tmp_path: Path) -> Iterator[Gateway]:
    config = {
        "providers": {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}},
        "cache": {"mode": "exact", "scope": "team"},
        "admin": {"enabled": True},
        "keys": {"alice": {"value": ALICE}},
    }
    running = Gateway(config, tmp_path / "gateway")
    yield running
    running.signal(15)
    assert running.wait() == 0, running.log()


def ask(gateway: Gateway, key: str, text: str) -> Reply:
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    return gateway.post(CHAT, body, None, key)


def looked(reply: Reply) -> str:
    return reply.headers.get("x-gateway-cache", str(reply.status))


def asked(admin: Admin, method: str, path: str, body: Any = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {admin.key}"}
    return httpx.request(method, admin.url + path, json=body, headers=headers)


def test_an_answer_under_way_at_a_purge_is_not_kept(gateway: Gateway, openai_upstream: FaultServer) -> None:
    admin, gate = Admin(gateway), Gate()
    openai_upstream.handle(lambda seen: [gate, *openai_wire.echo(seen)])
    told: list[Reply] = []
    waiting = threading.Thread(target=lambda: told.append(ask(gateway, ALICE, "before")))
    waiting.start()
    openai_upstream.wait(lambda: len(openai_upstream.seen) == 1)
    assert asked(admin, "DELETE", "/api/cache?key=alice").status_code == 204
    gate.open()
    waiting.join()
    assert told[0].status == 200
    assert looked(ask(gateway, ALICE, "before")) == "miss"
