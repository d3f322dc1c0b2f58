"""Keys that the admin API ends are refused by all workers under load, and come back where they are admitted again."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fault_server import FaultServer
from gateway_process import PATIENCE, Gateway
from test_admin_process import Admin, end, served, wait_for

BODY = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
THREADS = 4


class Crowd:
    """Callers that never stop asking with some keys, each time on a connection of its own."""

    def __init__(self, gateway: Gateway, keys: tuple[str, ...]) -> None:
        self._gateway, self._keys = gateway, keys
        self._over = threading.Event()
        self.seen: list[tuple[float, str, int]] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(THREADS)]

    def __enter__(self) -> "Crowd":
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in self._threads:
            one.join()

    def _ask(self) -> None:
        while not self._over.is_set():
            for key in self._keys:
                began = time.monotonic()
                answer = self._gateway.post("/v1/chat/completions", BODY, key=key)
                self.seen.append((began, key, answer.status))

    def since(self, at: float, key: str, least: int = 40) -> set[int]:
        """The statuses of at least that many requests that began after this."""
        return {one for _, one in wait_for(lambda: self._enough(at, key, least))}

    def _enough(self, at: float, key: str, least: int) -> list[tuple[float, int]]:
        found = [(began, status) for began, one, status in tuple(self.seen) if one == key and began > at]
        return found if len(found) >= least else []


@pytest.fixture
def admin(openai_server: FaultServer, anthropic_server: FaultServer, tmp_path: Path) -> Iterator[Admin]:
    openai_server.reset()
    gateway = served(openai_server, anthropic_server, tmp_path, server={"drain": "10s", "workers": 4})
    try:
        yield Admin(gateway)
    finally:
        end(gateway)


def made(admin: Admin, *names: str) -> dict[str, str]:
    """Keys that every worker serves."""
    keys = {one: str(admin.post("/api/keys", {"id": one})["key"]) for one in names}
    for key in keys.values():
        known(admin, key, 200)
    return keys


def known(admin: Admin, key: str, status: int) -> float:
    """When every worker had answered so: from then on nobody may get another answer."""
    wait_for(lambda: admin.gateway.statuses("/v1/chat/completions", BODY, key) == {status})
    return time.monotonic()


def status(admin: Admin, key: str) -> int:
    return admin.gateway.post("/v1/chat/completions", BODY, key=key).status


def test_ended_keys_are_refused_by_all_workers_and_the_others_served(admin: Admin) -> None:
    keys = made(admin, "revoked", "rotated", "deleted", "blocked", "expired", "stays")

    def delete() -> None:
        assert admin.delete("/api/keys/deleted").status_code == 204

    def expire() -> None:
        headers = {"authorization": f"Bearer {admin.key}"}
        url = f"{admin.url}/api/keys/expired"
        answer = httpx.patch(url, json={"expires": 5}, headers=headers, timeout=PATIENCE)
        assert answer.status_code == 200

    new: dict[str, Any] = {}
    steps: tuple[tuple[str, int, Callable[[], Any]], ...] = (
        ("revoked", 401, lambda: admin.post("/api/keys/revoked/revoke")),
        ("rotated", 401, lambda: new.update(admin.post("/api/keys/rotated/rotate", {"grace": 0}))),
        ("deleted", 401, delete),
        ("blocked", 403, lambda: admin.post("/api/keys/blocked/block")),
        ("expired", 401, expire),
    )
    with Crowd(admin.gateway, tuple(keys.values())) as crowd:
        for _, _, step in steps:
            step()
        for name, refused, _ in steps:
            assert crowd.since(known(admin, keys[name], refused), keys[name]) == {refused}, name
        assert crowd.since(0, keys["stays"]) == {200}
        known(admin, new["key"], 200)
        admin.post("/api/keys/blocked/unblock")
        assert crowd.since(known(admin, keys["blocked"], 200), keys["blocked"]) == {200}
        admin.post("/api/keys/blocked/block")
        admin.post("/api/keys/blocked/unblock")  # the last word counts, whatever overtook it
        wait_for(lambda: crowd.since(time.monotonic(), keys["blocked"]) == {200})


def test_it_holds_though_the_control_process_and_a_worker_end_at_once(admin: Admin) -> None:
    keys = made(admin, "revoked", "stays")
    control, supervisor = admin.pid(), psutil.Process(admin.gateway.process.pid)
    admin.post("/api/keys/revoked/revoke")
    psutil.Process(control).kill()
    with Crowd(admin.gateway, tuple(keys.values())) as crowd:
        assert crowd.since(known(admin, keys["revoked"], 401), keys["revoked"]) == {401}
        assert crowd.since(time.monotonic(), keys["stays"]) == {200}
    before = {one.pid for one in supervisor.children(recursive=True)}
    worker = next(one for one in supervisor.children(recursive=True) if _listens(one, admin.gateway.port))
    worker.kill()
    wait_for(lambda: {one.pid for one in supervisor.children(recursive=True)} - before)
    wait_for(lambda: admin.get("/api/me").status_code == 200)
    for name, expected in (("revoked", 401), ("stays", 200)):
        assert admin.gateway.statuses("/v1/chat/completions", BODY, keys[name]) == {expected}
        assert {status(admin, keys[name]) for _ in range(24)} == {expected}


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        return any(link.laddr.port == port for link in process.net_connections("tcp"))
    except psutil.Error:
        return False
