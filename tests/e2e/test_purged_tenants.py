"""Whose answers a purge takes: all that a tenant's keys were told, however narrowly they are shared; or everybody's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_server import FaultServer
from gateway_process import OPENAI_KEY, Gateway, until
from test_admin_process import Admin
from test_cache_administration import ALICE, BOB, ask, looked

CAROL = "gw-carol-canary-cache-1"


@pytest.fixture
def gateway(openai_upstream: FaultServer, tmp_path: Path) -> Iterator[Gateway]:
    config = {
        "providers": {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}},
        "cache": {"mode": "exact"},
        "admin": {"enabled": True},
        "teams": {"research": {"org": "acme"}, "sales": {"org": "acme", "cache": {"scope": "team"}}},
        "keys": {
            "alice": {"value": ALICE, "team": "research", "user": "ann", "org": "acme"},
            "bob": {"value": BOB},
            "carol": {"value": CAROL, "team": "sales", "org": "acme"},
        },
    }
    running = Gateway(config, tmp_path / "gateway")
    yield running
    running.signal(15)
    assert running.wait() == 0, running.log()


def kept(gateway: Gateway, **keys: str) -> set[str]:
    """Whose answer is still kept; no other is made."""
    asked = {name: ask(gateway, key, x_gateway_cache="only") for name, key in keys.items()}
    return {name for name, reply in asked.items() if reply.status == 200}


@pytest.mark.parametrize(
    ("wanted", "stay"),
    [
        ("team=research", {"bob", "carol"}),
        ("user=ann", {"bob", "carol"}),
        ("org=acme", {"bob"}),
        ("scope=org:acme", {"bob"}),
        ("key=bob", {"alice", "carol"}),
        ("key=carol", {"alice", "bob", "carol"}),  # her answers are her team's
        ("scope=all", set()),
    ],
)
def test_a_tenants_keys_go_with_it(gateway: Gateway, wanted: str, stay: set[str]) -> None:
    admin = Admin(gateway)
    callers = {"alice": ALICE, "bob": BOB, "carol": CAROL}
    for key in callers.values():
        ask(gateway, key)
    assert kept(gateway, **callers) == {"alice", "bob", "carol"}
    assert admin.delete(f"/api/cache?{wanted}").status_code == 204
    assert kept(gateway, **callers) == stay
    for key in callers.values():
        ask(gateway, key)
    assert kept(gateway, **callers) == {"alice", "bob", "carol"}  # a purge is over at once


def test_keys_of_the_store_go_with_their_team(gateway: Gateway) -> None:
    admin = Admin(gateway)
    admin.post("/api/teams", {"id": "red", "name": "red"})
    key = str(admin.post("/api/keys", {"id": "rita", "team": "red"})["key"])
    until(lambda: ask(gateway, key, "anything").status == 200)
    ask(gateway, key)
    ask(gateway, BOB)
    assert admin.delete("/api/cache?team=red").status_code == 204
    assert kept(gateway, rita=key, bob=BOB) == {"bob"}


def test_what_all_lost_is_erased_from_the_disk(gateway: Gateway, tmp_path: Path) -> None:
    admin = Admin(gateway)
    for key in (ALICE, BOB):
        ask(gateway, key)
    files = tmp_path / "gateway" / "data" / "cache"

    def told() -> int:
        return sum(one.read_bytes().count(b"chat.completion") for one in files.glob("*.seg"))

    until(lambda: told() == 2)
    assert admin.delete("/api/cache?scope=all").status_code == 204
    until(lambda: told() == 0)
    assert looked(ask(gateway, ALICE)) == "miss"
