"""Providers, credentials and routes of the admin API: served as soon as they are answered for, gone when deleted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from fault_server import Answer, FaultServer, Seen
from gateway_process import CALLER_KEY, OPENAI_KEY, Gateway
from raw_client import Reply, request
from test_admin_process import Admin, end, served, wait_for
from wire import as_json

CHAT = "/v1/chat/completions"
OWN_KEY = "sk-own-canary-99e1c2"
STORED_KEY = "sk-stored-canary-4471bd"


def ask(gateway: Gateway, model: str, key: str = CALLER_KEY) -> Reply:
    return gateway.post(CHAT, asking(model), key=key)


def asking(model: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hi"}]}


def all_answer(gateway: Gateway, status: int, model: str, key: str = CALLER_KEY) -> None:
    """Until all workers answer so; then none of them changes its mind."""
    wait_for(lambda: gateway.statuses(CHAT, asking(model), key) == {status})
    assert {ask(gateway, model, key).status for _ in range(8)} == {status}


class Kept:
    """A gateway with its admin port; `folder` is where it keeps things."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        self.gateway = gateway
        self.folder = folder
        self.admin = Admin(gateway)

    def delete(self, path: str) -> None:
        answer = self.admin.delete(path)
        assert answer.status_code == 204, answer.text

    def add_provider(self, upstream: FaultServer) -> Any:
        """A provider that only the store knows, and its key."""
        body = {"id": "second", "type": "openai", "base_url": f"{upstream.url}/v1", "models": ["gpt-4o-mini"]}
        self.admin.post("/api/providers", body)
        return self.admin.post("/api/credentials", {"provider": "second", "value": STORED_KEY})


@pytest.fixture
def kept(openai_upstream: FaultServer, anthropic_upstream: FaultServer, tmp_path: Path) -> Iterator[Kept]:
    gateway = served(openai_upstream, anthropic_upstream, tmp_path)
    try:
        yield Kept(gateway, tmp_path)
        log = end(gateway)
        assert STORED_KEY not in log
        assert OWN_KEY not in log
        files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
        assert files
        assert not [
            path for path in files for key in (STORED_KEY, OWN_KEY) if key.encode() in path.read_bytes()
        ]
    finally:
        if gateway.process.poll() is None:
            gateway.kill()


def test_a_route_is_served_when_its_answer_is_there_and_gone_when_deleted(
    kept: Kept, openai_upstream: FaultServer
) -> None:
    gateway, admin = kept.gateway, kept.admin
    assert ask(gateway, "mine").status == 404
    kept.add_provider(openai_upstream)
    admin.post("/api/routes", {"id": "mine", "route": {"targets": ["second/gpt-4o-mini"]}})
    all_answer(gateway, 200, "mine")
    assert openai_upstream.seen[-1].header("authorization") == f"Bearer {STORED_KEY}"
    listed = gateway.get("/v1/models", {"authorization": f"Bearer {CALLER_KEY}"}).body
    assert "mine" in [one["id"] for one in json.loads(listed)["data"]]
    assert ask(gateway, "openai/gpt-4o-mini").status == 200
    assert openai_upstream.seen[-1].header("authorization") == f"Bearer {OPENAI_KEY}"

    kept.delete("/api/routes/mine")
    all_answer(gateway, 404, "mine")


def test_the_store_is_served_after_a_restart_of_a_worker_and_of_the_control_process(
    kept: Kept, openai_upstream: FaultServer
) -> None:
    gateway, admin = kept.gateway, kept.admin
    kept.add_provider(openai_upstream)
    admin.post("/api/routes", {"id": "mine", "route": {"targets": ["second/gpt-4o-mini"]}})
    gateway.kill_workers()
    assert gateway.statuses(CHAT, asking("mine")) == {200}
    assert {ask(gateway, "mine").status for _ in range(8)} == {200}


def test_a_callers_own_provider_key_is_used_for_its_requests_alone(
    kept: Kept, openai_upstream: FaultServer
) -> None:
    gateway, admin = kept.gateway, kept.admin
    made = admin.post("/api/keys", {"name": "byok", "credentials": {"openai": OWN_KEY}})
    all_answer(gateway, 200, "openai/gpt-4o-mini", made["key"])
    assert {seen.header("authorization") for seen in openai_upstream.seen} == {f"Bearer {OWN_KEY}"}
    openai_upstream.reset()
    assert ask(gateway, "openai/gpt-4o-mini").status == 200
    assert {seen.header("authorization") for seen in openai_upstream.seen} == {f"Bearer {OPENAI_KEY}"}

    said = {"error": {"message": f"Incorrect API key provided: {OWN_KEY}", "type": "invalid_request_error"}}
    openai_upstream.script(as_json(said, 401))
    refused = [ask(gateway, "openai/gpt-4o-mini", made["key"]) for _ in range(8)]
    assert not [one for one in refused if one.status < 400 or OWN_KEY.encode() in one.body]
    openai_upstream.reset()
    assert {ask(gateway, "openai/gpt-4o-mini").status for _ in range(8)} == {200}
    kept.delete(f"/api/keys/{made['id']}")
    all_answer(gateway, 401, "openai/gpt-4o-mini", made["key"])


def test_the_end_of_the_control_process_costs_no_request_a_route(
    kept: Kept, openai_upstream: FaultServer
) -> None:
    gateway, admin = kept.gateway, kept.admin
    kept.add_provider(openai_upstream)
    admin.post("/api/routes", {"id": "mine", "route": {"targets": ["second/gpt-4o-mini"]}})
    all_answer(gateway, 200, "mine")
    first = admin.pid()
    psutil.Process(first).kill()
    found = set()
    while admin.pid() in (0, first):
        found.add(ask(gateway, "mine").status)
    found |= {ask(gateway, "mine").status for _ in range(16)}
    assert found == {200}


def test_a_start_serves_what_the_store_last_said_while_the_store_is_away(
    openai_upstream: FaultServer, anthropic_upstream: FaultServer, tmp_path: Path
) -> None:
    gateway = served(openai_upstream, anthropic_upstream, tmp_path)
    try:
        first = Kept(gateway, tmp_path)
        first.add_provider(openai_upstream)
        first.admin.post("/api/routes", {"id": "mine", "route": {"targets": ["second/gpt-4o-mini"]}})
        made = first.admin.post("/api/keys", {"name": "byok", "credentials": {"openai": OWN_KEY}})
        end(gateway)
        data = tmp_path / "data"
        copy = next(data.glob("stored-*.sealed"))
        assert not [key for key in (STORED_KEY, OWN_KEY) if key.encode() in copy.read_bytes()]
        store = data / "gateway.db"
        store.rename(data / "away")
        store.mkdir()  # nobody can open it

        gateway = served(openai_upstream, anthropic_upstream, tmp_path, server=gateway.config["server"])
        assert {ask(gateway, "mine").status for _ in range(8)} == {200}
        assert openai_upstream.seen[-1].header("authorization") == f"Bearer {STORED_KEY}"
        assert ask(gateway, "openai/gpt-4o-mini", made["key"]).status == 200
        assert openai_upstream.seen[-1].header("authorization") == f"Bearer {OWN_KEY}"
        wait_for(lambda: "store_unreadable" in gateway.log())
        assert {ask(gateway, "mine").status for _ in range(8)} == {200}

        store.rmdir()
        (data / "away").rename(store)
        admin = Admin.__new__(Admin)
        admin.url, admin.key = first.admin.url, first.admin.key
        wait_for(lambda: httpx.get(f"{admin.url}/api/health", headers=bearer(admin.key)).status_code == 200)
        assert admin.delete("/api/routes/mine").status_code == 204
        all_answer(gateway, 404, "mine")
        log = end(gateway)
        assert '"reloaded"' not in log
        copy.write_bytes(copy.read_bytes()[:-9])  # damaged: the store is waited for, and nothing else happens

        gateway = served(openai_upstream, anthropic_upstream, tmp_path, server=gateway.config["server"])
        wait_for(lambda: ask(gateway, "second/gpt-4o-mini").status == 200)
        assert "copy_unreadable" in end(gateway)
    finally:
        if gateway.process.poll() is None:
            gateway.kill()


def test_providers_of_the_store_and_of_a_changed_file_are_asked_for_their_models(
    openai_upstream: FaultServer, anthropic_upstream: FaultServer, tmp_path: Path
) -> None:
    def models(seen: Seen) -> Answer:
        return as_json({"data": [{"id": f"listed-by-{seen.path.split('/')[1]}"}]})

    openai_upstream.handle(models)
    anthropic_upstream.handle(lambda _: as_json({"data": []}))
    gateway = served(openai_upstream, anthropic_upstream, tmp_path, discovery={"enabled": True})

    def listed(name: str) -> bool:
        asked = request("GET", "/v1/models", None, {"authorization": f"Bearer {CALLER_KEY}"})
        lists = [reply.json()["data"] for reply in gateway.from_each(asked, "GET")]
        return all(name in [one["id"] for one in listed] for listed in lists)

    try:
        admin = Admin(gateway)
        url = openai_upstream.url
        admin.post("/api/providers", {"id": "second", "type": "openai", "base_url": f"{url}/stored/v1"})
        admin.post("/api/credentials", {"provider": "second", "value": STORED_KEY})
        wait_for(lambda: listed("second/listed-by-stored"))
        providers = {**gateway.config["providers"]}
        providers["third"] = {"type": "openai", "base_url": f"{url}/third/v1", "keys": [OPENAI_KEY]}
        changed = {**gateway.config, "providers": providers}
        (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(changed))
        wait_for(lambda: listed("third/listed-by-third"))
        assert listed("second/listed-by-stored")
        end(gateway)
    finally:
        if gateway.process.poll() is None:
            gateway.kill()


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
