"""`gateway keys`, `usage`, `logs`, `budgets` and `doctor` beside a running gateway, as its operator uses them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fault_server import FaultServer
from gateway_process import Gateway, clean_environment
from test_admin_process import Admin, end, served, wait_for

ASKED = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
PATH = "/v1/chat/completions"


class Shell:
    """A shell in which the gateway's operator works."""

    def __init__(self, gateway: Gateway, folder: Path, key: str) -> None:
        self._config = ["--config", str(folder / "gateway.yaml")]
        self._data = ["--data", str(folder / "data")]
        self.env = {**clean_environment(), "GATEWAY_ADMIN_KEY": key}
        self.gateway = gateway
        self.served = 0

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        where = self._config if arguments[0] == "keys" else self._config + self._data
        return subprocess.run(
            [sys.executable, "-m", "gateway.cli", *arguments, *where],
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def out(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def answered(self, key: str, status: int) -> bool:
        """Whether all workers answer the key so. What they serve is counted."""
        replies = self.gateway.from_each(self.gateway.encode(PATH, ASKED, None, key))
        self.served += sum(reply.status == 200 for reply in replies)
        return {reply.status for reply in replies} == {status}


def test_a_key_from_its_making_to_its_end(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path: Path
) -> None:
    openai_server.reset()  # what an earlier test had it say
    gateway = served(openai_server, anthropic_server, tmp_path)
    secrets: list[str] = []
    try:
        admin = Admin(gateway)
        shell = Shell(gateway, tmp_path, admin.key)
        first = shell.out(
            "keys", "create", "--id", "ci", "--name", "CI", "--model", "openai/*", "--quiet"
        ).strip()
        secrets.append(first)
        assert first.startswith("gw-")
        assert " " not in first
        wait_for(lambda: shell.answered(first, 200))
        second = shell.run("keys", "rotate", "ci", "--grace", "1h")
        assert second.returncode == 0
        assert "valid until" in second.stderr
        secrets.append(second.stdout.strip())
        assert second.stdout.strip() not in second.stderr
        wait_for(lambda: shell.answered(secrets[1], 200))
        assert shell.answered(first, 200)
        listed = {one["id"]: one for one in map(json.loads, shell.out("keys", "list", "--json").splitlines())}
        assert listed["ci"]["models"] == ["openai/*"]
        assert "valid" in shell.out("keys", "list")
        _budget(admin)
        wait_for(lambda: len(shell.out("logs", "--key", "ci").splitlines()) == shell.served)
        usage = [json.loads(line) for line in shell.out("usage", "--by", "key", "--json").splitlines()]
        assert {one["key"]: one["requests"] for one in usage} == {"ci": shell.served}
        assert json.loads(shell.out("budgets", "--json"))["spent_nano_usd"] == usage[0]["nano_usd"]
        doctor = shell.out("doctor", "--offline")
        assert doctor.count("a gateway serves at") == 2
        assert "fail" not in doctor
        assert "is revoked" in shell.out("keys", "revoke", "ci")
        for key in secrets:
            wait_for(lambda key=key: shell.answered(key, 401))
        assert not any(key in listing for key in secrets for listing in (shell.out("keys", "list"), doctor))
    finally:
        log = end(gateway)
    assert not any(key in log for key in secrets)


def _budget(admin: Admin) -> None:
    budget = {"account": "key:ci", "nano_usd": 10**9, "period": "never"}
    headers = {"authorization": f"Bearer {admin.key}"}
    assert httpx.post(f"{admin.url}/api/budgets", json=budget, headers=headers).status_code == 201


@pytest.mark.parametrize(
    ("env", "flags", "said"),
    [
        ({"GATEWAY_ADMIN_KEY": "gwa-wrong"}, (), "the admin key is not valid"),
        ({"GATEWAY_ADMIN_KEY": ""}, (), "no admin key is given"),
        ({}, ("--url", "http://127.0.0.1:1"), "no admin API answers at http://127.0.0.1:1"),
        ({}, ("--admin-key-file", "/nonexistent"), "/nonexistent cannot be read"),
    ],
)
def test_what_goes_wrong_is_told_with_a_way_out(
    env: dict[str, str],
    flags: tuple[str, ...],
    said: str,
    operated: Shell,
) -> None:
    done = operated.run("keys", "list", *flags, **env)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "gwa-wrong" not in done.stderr


@pytest.fixture(scope="module")
def operated(
    openai_server: FaultServer, anthropic_server: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("operated")
    gateway = served(openai_server, anthropic_server, folder)
    try:
        yield Shell(gateway, folder, Admin(gateway).key)
    finally:
        end(gateway)


def test_another_servers_port_is_told_apart(operated: Shell) -> None:
    done = operated.run("keys", "list", "--url", operated.gateway.url)
    assert done.returncode == 1
    assert "is no admin API" in done.stderr
