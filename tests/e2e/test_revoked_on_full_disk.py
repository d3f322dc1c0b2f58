"""Keys that the admin API ends while the disk of `data` is really full: refused at once, or not said to be."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fault_server import FaultServer
from gateway_process import PATIENCE, Gateway
from test_admin_process import Admin, end, served, wait_for

from gateway.access import revoked

BODY = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
SIZE = 4 << 20
NAMESPACE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]


def can_mount(folder: Path) -> bool:
    try:
        command = [*NAMESPACE, "mount", "-t", "tmpfs", "none", str(folder)]
        return subprocess.run(command, capture_output=True, timeout=PATIENCE).returncode == 0
    except OSError:
        return False


class Disk:
    """The file system of `data`, which only the gateway sees, as seen through it."""

    def __init__(self, gateway: Gateway, data: Path) -> None:
        self.folder = Path(f"/proc/{gateway.process.pid}/root{data}")
        self._filling = self.folder / "filling"

    def fill(self) -> None:
        """To its last byte."""
        with self._filling.open("wb", buffering=0) as file:
            for piece in (1 << 16, 1):
                while True:
                    try:
                        file.write(bytes(piece))
                    except OSError:
                        break

    def empty(self) -> None:
        self._filling.unlink()


def house(
    openai_server: FaultServer,
    anthropic_server: FaultServer,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    **changes: Any,
) -> tuple[Admin, Disk]:
    data = folder / "data"
    data.mkdir()
    if not can_mount(data):
        pytest.skip("no file system can be mounted here")
    mount = f'mount -t tmpfs -o size={SIZE} none {shlex.quote(str(data))} && exec "$@"'
    monkeypatch.setattr(Gateway, "behind", (*NAMESPACE, "sh", "-c", mount, "sh"))
    openai_server.reset()
    gateway = served(openai_server, anthropic_server, folder, **changes)
    return Admin(gateway), Disk(gateway, data)


@pytest.fixture
def apart(
    openai_server: FaultServer,
    anthropic_server: FaultServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Admin, Disk]]:
    """A gateway whose store is elsewhere."""
    store = {"url": f"sqlite:///{tmp_path}/elsewhere.db"}
    admin, disk = house(openai_server, anthropic_server, tmp_path, monkeypatch, store=store)
    try:
        yield admin, disk
    finally:
        end(admin.gateway)


@pytest.fixture
def together(
    openai_server: FaultServer,
    anthropic_server: FaultServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Admin, Disk]]:
    """A gateway whose store is in `data`."""
    admin, disk = house(openai_server, anthropic_server, tmp_path, monkeypatch)
    try:
        yield admin, disk
    finally:
        end(admin.gateway)


def ask(admin: Admin, path: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {admin.key}"}
    return httpx.post(admin.url + path, headers=headers, timeout=PATIENCE)


def statuses(admin: Admin, key: str) -> set[int]:
    return admin.gateway.statuses("/v1/chat/completions", BODY, key)


def made(admin: Admin, *names: str) -> list[str]:
    keys = [str(admin.post("/api/keys", {"id": one})["key"]) for one in names]
    wait_for(lambda: all(statuses(admin, key) == {200} for key in keys))
    return keys


def untold(admin: Admin) -> float:
    return admin.gateway.metric_now("gateway_changes_untold_total")


def test_an_ended_key_is_refused_though_nothing_can_be_written(apart: tuple[Admin, Disk]) -> None:
    admin, disk = apart
    gone, shut, stays = made(admin, "gone", "shut", "stays")
    disk.fill()
    assert ask(admin, "/api/keys/gone/revoke").status_code == 200
    wait_for(lambda: statuses(admin, gone) == {401})
    assert ask(admin, "/api/keys/shut/block").status_code == 200
    wait_for(lambda: statuses(admin, shut) == {403})
    wait_for(lambda: untold(admin) > 0)  # the snapshot could not follow

    for worker in admin.gateway.workers():  # whoever comes instead goes by what is on the disk
        worker.kill()
        worker.wait(PATIENCE)
    control = psutil.Process(wait_for(admin.pid))
    control.kill()
    wait_for(lambda: admin.pid() not in (0, control.pid))
    assert statuses(admin, gone) == {401}
    assert statuses(admin, shut) == {403}
    assert statuses(admin, stays) == {200}

    reply = wait_for(lambda: ask(admin, "/api/keys/shut/unblock"))
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "not_in_force")
    assert statuses(admin, shut) == {403}
    disk.empty()
    wait_for(lambda: statuses(admin, shut) == {200})  # by itself
    assert statuses(admin, gone) == {401}
    path = disk.folder / f"revoked-{admin.gateway.port}.msgpack"
    wait_for(lambda: revoked.read(path) == ())


def test_a_store_on_the_full_disk_says_that_the_key_is_not_ended(together: tuple[Admin, Disk]) -> None:
    admin, disk = together
    (gone,) = made(admin, "gone")
    disk.fill()
    reply = ask(admin, "/api/keys/gone/revoke")
    if reply.status_code == 200:  # there was room in a file of the store
        wait_for(lambda: statuses(admin, gone) == {401})
        return
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "store_unavailable")
    assert statuses(admin, gone) == {200}
    disk.empty()
    assert ask(admin, "/api/keys/gone/revoke").status_code == 200
    wait_for(lambda: statuses(admin, gone) == {401})
