"""The admin API as `gateway serve` runs it: a key once, a process that comes back, a port that others may hold."""

import re
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fault_server import FaultServer
from gateway_process import ANTHROPIC_KEY, CALLER_KEYS, OPENAI_KEY, PATIENCE, PROVIDER_KEYS, Gateway

ROOT_KEY = re.compile(r"gwa-\S+")


def served(
    openai_server: FaultServer, anthropic_server: FaultServer, folder: Path, **changes: Any
) -> Gateway:
    config = {
        "auth": {"keys": list(CALLER_KEYS)},
        "server": {"drain": "10s"},
        "providers": {
            "openai": {"base_url": f"{openai_server.url}/v1", "keys": [OPENAI_KEY]},
            "anthropic": {"base_url": anthropic_server.url, "keys": [ANTHROPIC_KEY]},
        },
    }
    return Gateway({**config, "admin": {"enabled": True}, "log": {"format": "json"}, **changes}, folder)


def wait_for(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            found = look()
        except (httpx.HTTPError, OSError):
            found = None
        if found:
            return found
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Admin:
    """The admin port of a running gateway, asked with its root key."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.url = f"http://127.0.0.1:{gateway.config['server']['admin_port']}"
        self.key = wait_for(lambda: ROOT_KEY.search(gateway.log()))[0]
        wait_for(lambda: self.get("/api/me").status_code == 200)

    def get(self, path: str, key: str | None = None) -> httpx.Response:
        used = self.key if key is None else key
        headers = {"authorization": f"Bearer {used}"} if used else {}
        return httpx.get(self.url + path, headers=headers, timeout=PATIENCE)

    def post(self, path: str, body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {self.key}"}
        answer = httpx.post(self.url + path, json=body, headers=headers, timeout=PATIENCE)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def delete(self, path: str) -> httpx.Response:
        return httpx.delete(
            self.url + path, headers={"authorization": f"Bearer {self.key}"}, timeout=PATIENCE
        )

    def pid(self) -> int:
        """The control process: the child that holds the admin port."""
        port = int(self.url.rpartition(":")[2])
        for child in psutil.Process(self.gateway.process.pid).children(recursive=True):
            with suppress(psutil.Error):  # it may have ended since it was listed
                if any(link.laddr.port == port for link in child.net_connections("tcp")):
                    return child.pid
        return 0


def end(gateway: Gateway) -> str:
    """Stops it; returns its log, in which the banner is no JSON."""
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0, gateway.log()
    log = gateway.log()
    assert "Traceback" not in log, log
    assert not any(secret in log for secret in (*CALLER_KEYS, *PROVIDER_KEYS))
    return log


def test_admin_api_lives_beside_the_workers(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path: Path
) -> None:
    gateway = served(openai_server, anthropic_server, tmp_path)
    try:
        admin = Admin(gateway)
        assert admin.get("/api/me", "").status_code == 401
        assert admin.get("/api/health").json()["status"] == "ok"
        assert "gateway_info" in admin.get("/metrics").text or "# HELP" in admin.get("/metrics").text
        assert {one["id"] for one in admin.get("/api/providers").json()["data"]} >= {"openai", "anthropic"}
        first = wait_for(admin.pid)
        psutil.Process(first).kill()
        assert gateway.get("/ready").status == 200
        assert wait_for(lambda: admin.pid() not in (0, first))
        wait_for(lambda: admin.get("/api/me").status_code == 200)
    finally:
        log = end(gateway)
    assert len(ROOT_KEY.findall(log)) == 1  # the second start of control shows none
    assert (tmp_path / "data" / "gateway.db").stat().st_mode & 0o077 == 0


def test_key_of_the_api_is_a_callers_key_until_it_is_revoked(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path: Path
) -> None:
    gateway = served(openai_server, anthropic_server, tmp_path)
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
    try:
        admin = Admin(gateway)
        made = admin.post("/api/keys", {"name": "ci"})

        def status() -> int:
            return gateway.post("/v1/chat/completions", body, key=made["key"]).status

        wait_for(lambda: status() == 200)
        admin.post(f"/api/keys/{made['id']}/revoke")
        wait_for(lambda: status() == 401)
    finally:
        log = end(gateway)
    assert made["key"] not in log


def test_taken_admin_port_stops_nobody(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = {"drain": "10s", "admin_port": taken.getsockname()[1]}
        gateway = served(openai_server, anthropic_server, tmp_path, server=server)
        try:
            wait_for(lambda: "admin_cannot_listen" in gateway.log())
            assert gateway.get("/ready").status == 200
        finally:
            taken.close()
            wait_for(lambda: "admin_listening" in gateway.log())
            end(gateway)


@pytest.mark.parametrize("off", ["off", False, {"enabled": False}])
def test_without_it_nothing_listens(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path: Path, off: object
) -> None:
    gateway = served(openai_server, anthropic_server, tmp_path, admin=off, journal={"enabled": False})
    try:
        children = psutil.Process(gateway.process.pid).children(recursive=True)
        ports = {
            link.laddr.port
            for child in children
            for link in child.net_connections("tcp")
            if link.status == "LISTEN"
        }
        assert ports == {gateway.port}
    finally:
        gateway.stop()
