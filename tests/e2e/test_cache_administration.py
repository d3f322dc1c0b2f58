"""What an operator asks of the cache at the admin port: its figures, and that answers be forgotten."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fault_server import FaultServer
from gateway_process import OPENAI_KEY, Gateway, until
from raw_client import request
from test_admin_process import Admin

CHAT = "/v1/chat/completions"
ALICE, BOB = "gw-alice-canary-cache-1", "gw-bob-canary-cache-1"


@pytest.fixture
def gateway(openai_upstream: FaultServer, tmp_path: Path) -> Iterator[Gateway]:
    config = {
        "providers": {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}},
        "cache": {"mode": "exact", "scope": "team"},
        "admin": {"enabled": True},
        "teams": {"research": {}},
        "keys": {"alice": {"value": ALICE, "team": "research"}, "bob": {"value": BOB}},
    }
    running = Gateway(config, tmp_path / "gateway")
    yield running
    running.signal(15)
    assert running.wait() == 0, running.log()


def ask(gateway: Gateway, key: str, text: str = "hello", **headers: str) -> Any:
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    named: dict[str, str | bytes] = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.post(CHAT, body, named, key)


def looked(reply: Any) -> str:
    return str(reply.headers["x-gateway-cache"])


def test_a_tenants_answers_are_forgotten_and_nobody_elses(gateway: Gateway) -> None:
    admin = Admin(gateway)
    for key in (ALICE, BOB):
        ask(gateway, key)
        assert looked(ask(gateway, key)) == "hit"
    ask(gateway, ALICE, x_gateway_cache_scope="key")
    assert looked(ask(gateway, ALICE, x_gateway_cache_scope="key")) == "hit"
    assert admin.delete("/api/cache?team=research").status_code == 204
    assert looked(ask(gateway, ALICE)) == "miss"
    assert looked(ask(gateway, ALICE, x_gateway_cache_scope="key")) == "miss"  # a part of the team's
    assert looked(ask(gateway, BOB)) == "hit"
    assert admin.delete("/api/cache?scope=key:bob").status_code == 204
    assert looked(ask(gateway, BOB)) == "miss"
    purges = [one for one in admin.get("/api/audit").json()["data"] if one["kind"] == "cache"]
    assert [(one["action"], one["subject"]) for one in purges] == [
        ("purge", "key:bob"),
        ("purge", "team:research"),
    ]


def test_one_answer_is_forgotten(gateway: Gateway) -> None:
    admin = Admin(gateway)
    for text in ("one", "two"):
        ask(gateway, BOB, text)
    id = ask(gateway, BOB, "one").headers["x-gateway-cache-id"]
    assert admin.delete(f"/api/cache/{id}").status_code == 204
    assert [looked(ask(gateway, BOB, text)) for text in ("one", "two")] == ["miss", "hit"]
    assert admin.delete("/api/cache/nothing").status_code == 404
    assert admin.delete("/api/cache").status_code == 400
    assert admin.delete("/api/cache?scope=planet:earth").status_code == 400


def test_figures(gateway: Gateway, openai_upstream: FaultServer) -> None:
    admin = Admin(gateway)
    for _ in range(3):
        ask(gateway, BOB)
    until(gateway.at_rest)
    until(lambda: admin.get("/api/cache").json()["entries"] == 1)
    found = admin.get("/api/cache").json()
    assert (found["hit"], found["miss"], found["semantic"]) == (2, 1, 0)
    assert found["bytes"] > 0


@pytest.mark.parametrize("scope", ["key", "team"])
def test_whoever_has_a_deleted_tenants_id_gets_nothing_of_theirs(gateway: Gateway, scope: str) -> None:
    admin = Admin(gateway)
    team = "red" if scope == "team" else ""
    other = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "something else"}]}

    def made(id: str) -> str:
        if team:
            admin.post("/api/teams", {"id": team, "name": team})
        return str(admin.post("/api/keys", {"id": id, "team": team})["key"])

    def said(key: str) -> str:
        until(lambda: gateway.statuses(CHAT, other, key) == {200})  # a new key takes a moment
        return looked(ask(gateway, key, "a secret"))

    first = made("ci")
    assert [said(first), said(first)] == ["miss", "hit"]
    assert admin.delete("/api/keys/ci").status_code == 204
    if team:
        assert admin.delete(f"/api/teams/{team}").status_code == 204
    assert said(made("another" if team else "ci")) == "miss"


def test_whoever_leaves_the_file_takes_kept_answers_along(gateway: Gateway, tmp_path: Path) -> None:
    admin = Admin(gateway)
    for key in (ALICE, BOB):
        ask(gateway, key)
        assert looked(ask(gateway, key)) == "hit"
    until(lambda: admin.get("/api/cache").json()["entries"] == 2)
    whole = (tmp_path / "gateway" / "gateway.yaml").read_text()
    say(gateway, tmp_path, yaml.safe_dump({**gateway.config, "teams": {}, "keys": {"bob": {"value": BOB}}}))
    until(lambda: admin.get("/api/cache").json()["entries"] == 1)
    say(gateway, tmp_path, whole)
    asked = request("GET", "/v1/models", None, {"authorization": f"Bearer {ALICE}"})
    until(lambda: {one.status for one in gateway.from_each(asked, "GET")} == {200})
    assert looked(ask(gateway, ALICE)) == "miss"
    assert looked(ask(gateway, BOB)) == "hit"


def say(gateway: Gateway, folder: Path, text: str) -> None:
    (folder / "gateway" / "gateway.yaml").write_text(text)
    gateway.signal(signal.SIGHUP)
