"""Behind the operator's proxies a caller's address is its own: what a key's networks allow, and what a record says."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gateway_process import Gateway, until
from realtime_provider import RealtimeProvider
from test_admin_process import Admin
from test_realtime import config_for_sessions, session
from websockets.exceptions import InvalidStatus

KEY = "gw-proxied-canary-1"
ALLOWED, OTHER = "203.0.113.9", "198.51.100.1"
TARGET = "/v1/realtime?model=openai/echo"


@pytest.fixture
def provider() -> Iterator[RealtimeProvider]:
    server = RealtimeProvider().start()
    yield server
    server.stop()


def clients(folder: Path, count: int) -> list[tuple[str, int]]:
    """Addresses and statuses of the stored records, once there are so many."""
    found: list[tuple[str, int]] = []

    def there() -> bool:
        try:
            with sqlite3.connect(f"file:{folder}/data/gateway.db?mode=ro", uri=True) as store:
                found[:] = store.execute("SELECT client, status FROM records ORDER BY id").fetchall()
        except sqlite3.OperationalError:
            return False
        return len(found) == count

    until(there)
    return found


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_keys_networks_are_those_of_its_callers(
    provider: RealtimeProvider, tmp_path: Path, trusted: bool
) -> None:
    config = config_for_sessions(provider, keys={"k": {"value": KEY, "networks": [f"{ALLOWED}/32"]}})
    config["server"] |= {"trusted_proxies": ["127.0.0.0/8"]} if trusted else {}
    gateway = Gateway(config, tmp_path)
    try:
        for said, status in ((ALLOWED, 404), (OTHER, 403), (f"{ALLOWED}, {OTHER}", 403)):
            body = {"model": "nobody/knows", "messages": []}
            reply = gateway.post("/v1/chat/completions", body, {"x-forwarded-for": said}, KEY)
            assert reply.status == (status if trusted else 403)
        headers = {"Authorization": f"Bearer {KEY}", "X-Forwarded-For": ALLOWED}
        if trusted:
            async with session(gateway, TARGET, additional_headers=headers) as caller:
                await caller.send("hello")
                assert await caller.recv() == "hello"
        else:
            with pytest.raises(InvalidStatus):
                await session(gateway, TARGET, additional_headers=headers)
        seen = [ALLOWED, OTHER, OTHER, ALLOWED] if trusted else ["127.0.0.1"] * 4
        assert [client for client, _ in clients(tmp_path, 4)] == seen
        gateway.stop()
    finally:
        if gateway.process.poll() is None:
            gateway.kill()


def test_without_keys_nobody_is_served_through_a_proxy(tmp_path: Path) -> None:
    """Its own connection comes from this machine, whoever is behind it."""
    config = {
        "server": {"workers": 1, "trusted_proxies": ["127.0.0.1"]},
        "admin": {"enabled": True},
        "providers": {"openai": {"base_url": "http://127.0.0.1:1/v1", "keys": ["sk-x"]}},
    }
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gateway.db").touch()  # a store, which may have keys
    gateway = Gateway(config, tmp_path)
    try:
        body = {"model": "openai/m", "messages": []}
        for headers in ({}, {"x-forwarded-for": OTHER}, {"x-forwarded-for": "127.0.0.1"}):
            assert (
                gateway.post("/v1/chat/completions", body, {"host": "localhost", **headers}, "").status == 401
            )
    finally:
        gateway.kill()


def test_the_audit_log_names_who_asked_the_proxy(tmp_path: Path) -> None:
    config = {
        "server": {"workers": 1, "trusted_proxies": ["127.0.0.1"]},
        "admin": {"enabled": True},
        "auth": {"keys": [KEY]},
        "providers": {"openai": {"base_url": "http://127.0.0.1:1/v1", "keys": ["sk-x"]}},
    }
    gateway = Gateway(config, tmp_path)
    try:
        admin = Admin(gateway)
        headers = {"authorization": f"Bearer {admin.key}", "x-forwarded-for": f"{ALLOWED}, {OTHER}"}
        made = httpx.post(f"{admin.url}/api/users", json={"name": "u"}, headers=headers, timeout=40)
        assert made.status_code == 201
        assert admin.get("/api/audit").json()["data"][0]["ip"] == OTHER
    finally:
        gateway.kill()
