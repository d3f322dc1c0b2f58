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


def config(provider: FaultServer, discovery: dict[str, Any], **more: Any) -> dict[str, Any]:
    mine = {"type": "openai", "base_url": f"{provider.url}/v1", "keys": [OPENAI_KEY], **more}
    return {"auth": {"keys": [CALLER_KEY]}, "providers": {"mine": mine}, "discovery": discovery}


def say(gateway: Gateway, folder: Path, changed: dict[str, Any]) -> None:
    gateway.config |= changed
    (folder / "gateway.yaml").write_text(yaml.safe_dump(gateway.config))
    gateway.signal(signal.SIGHUP)


def lists(gateway: Gateway, model: bytes) -> bool:
    return model in gateway.get("/v1/models", {"authorization": f"Bearer {CALLER_KEY}"}).body


def end(gateway: Gateway) -> None:
    if gateway.process.poll() is None:
        gateway.kill()


def test_another_interval_holds_after_a_reload(provider: FaultServer, tmp_path: Path) -> None:
    """It was an hour, so that whoever is asked twice was asked by the new one."""
    gateway = Gateway(config(provider, {"every": "1h"}), tmp_path)
    try:
        until(lambda: len(provider.seen) == 1)
        say(gateway, tmp_path, config(provider, {"every": "1s"}))
        until(lambda: len(provider.seen) >= 3)
        say(gateway, tmp_path, config(provider, {"enabled": False}))
        until(lambda: not lists(gateway, b"zeta"))
        gateway.stop()
    finally:
        end(gateway)


def test_what_was_off_at_the_start_begins_with_a_reload(provider: FaultServer, tmp_path: Path) -> None:
    before = Gateway(config(provider, {"every": "1h"}), tmp_path)
    try:
        until(lambda: lists(before, b"zeta"))
        before.stop()
    finally:
        end(before)
    off, asked = {"enabled": False}, len(provider.seen)
    gateway = Gateway({**config(provider, off), "server": {"port": before.port}}, tmp_path)
    try:
        assert not lists(gateway, b"zeta")  # it is known from before, and not wanted
        say(gateway, tmp_path, config(provider, off, models=["alpha-1"]))
        until(lambda: lists(gateway, b"alpha-1"))
        assert not lists(gateway, b"zeta")
        assert len(provider.seen) == asked
        say(gateway, tmp_path, config(provider, {"every": "1h"}))
        until(lambda: len(provider.seen) == asked + 1)
        until(lambda: lists(gateway, b"zeta"))
        gateway.stop()
    finally:
        end(gateway)
