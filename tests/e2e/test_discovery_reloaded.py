"""How often providers are asked for their lists of models, and whether at all, follows the file without a restart."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fault_server import CLOSE, Answer, FaultServer, Seen
from gateway_process import CALLER_KEY, OPENAI_KEY, Gateway, until


def listed(_: Seen) -> Answer:
    content = json.dumps({"object": "list", "data": [{"id": "zeta-1", "object": "model"}]}).encode()
    yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(content)
    yield content
    yield CLOSE


@pytest.fixture
def provider() -> Iterator[FaultServer]:
    server = FaultServer(listed).start()
    yield server
    server.stop()


def test_another_interval_holds_after_a_reload(provider: FaultServer, tmp_path: Path) -> None:
    """It was an hour, so that whoever is asked twice was asked by the new one."""

    def config(discovery: dict[str, Any]) -> dict[str, Any]:
        mine = {"type": "openai", "base_url": f"{provider.url}/v1", "keys": [OPENAI_KEY]}
        return {"auth": {"keys": [CALLER_KEY]}, "providers": {"mine": mine}, "discovery": discovery}

    def say(discovery: dict[str, Any]) -> None:
        gateway.config |= config(discovery)
        (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(gateway.config))
        gateway.signal(signal.SIGHUP)

    gateway = Gateway(config({"every": "1h"}), tmp_path)
    try:
        until(lambda: len(provider.seen) == 1)
        say({"every": "1s"})
        until(lambda: len(provider.seen) >= 3)
        say({"enabled": False})
        until(
            lambda: b"zeta" not in gateway.get("/v1/models", {"authorization": f"Bearer {CALLER_KEY}"}).body
        )
        gateway.stop()
    finally:
        if gateway.process.poll() is None:
            gateway.kill()
