"""Things of the admin API: made, paged, narrowed, changed only as meant, and beside what the file declares."""

from pathlib import Path
from typing import Any

import pytest
from admin_house import House

from gateway.config import Auth, Config, ModelRoute, ProviderConfig, RouteTarget, Secret
from gateway.schemas.governance import Budget, Governance, Limit, VirtualKey


async def test_pages_give_everything_once_in_order(house: House) -> None:
    for number in range(7):
        await house.make("orgs", id=f"o{number}", name="even" if number % 2 == 0 else "odd")
    found: list[str] = []
    after = ""
    for _ in range(4):
        page = (await house.ask("GET", f"/api/orgs?limit=2{after}")).json()
        found += [one["id"] for one in page["data"]]
        after = f"&after={page['next']}"
    assert found == [f"o{number}" for number in range(7)]
    assert page["next"] is None
    odd = (await house.ask("GET", "/api/orgs?name=odd")).json()["data"]
    assert [one["id"] for one in odd] == ["o1", "o3", "o5"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("after=%00", "after"),
        ("blocked=1", "blocked"),
        ("nothing=1", "nothing"),
        ("name=a&name=b", "name"),
        ("name=%00", "name"),
        ("origin=here", "origin"),
    ],
)
async def test_wrong_parameter_is_named(house: House, query: str, path: str) -> None:
    answer = await house.ask("GET", f"/api/orgs?{query}")
    assert (answer.status_code, answer.json()["error"]["path"]) == (400, path)


@pytest.mark.parametrize(
    ("kind", "body", "path"),
    [
        ("orgs", {"name": 5}, "name"),
        ("orgs", {"name": "line\nbreak"}, "name"),
        ("orgs", {"name": "x", "id": "../x"}, "id"),
        ("keys", {"models": ["a", 5]}, "models[1]"),
        ("keys", {"networks": ["10.0.0.0/8", "10.0.0.0/99"]}, "networks[1]"),
        ("keys", {"team": "nobody"}, "team"),
        ("keys", {"user": "u", "team": "other"}, "team"),
        ("keys", {"credentials": {"nobody": "sk-x"}}, "credentials.nobody"),
        ("limits", {"account": "nothing", "requests": 1}, "account"),
        ("limits", {"account": "team:nobody", "requests": 1}, "account"),
        ("limits", {"account": "team:t+user:u", "requests": 1}, "account"),
        ("limits", {"account": "team:t"}, "requests"),
        ("budgets", {"account": "team:t", "nano_usd": -1}, "nano_usd"),
        ("budgets", {"account": "team:t", "nano_usd": 1, "period": "year"}, "period"),
        ("credentials", {"provider": "nobody", "value": "x"}, "provider"),
        ("providers", {"id": "mine", "type": "nonsense"}, "type"),
        ("providers", {"id": "openai", "settings": {"timeouts": {"idle": "x"}}}, "settings.timeouts.idle"),
        ("providers", {"id": "openai", "settings": {"keys": ["sk-x"]}}, "settings.keys"),
        ("providers", {"id": "openai", "settings": {"headers": {"x-key": "1"}}}, "settings.headers"),
        ("routes", {"id": "r", "route": {"targets": ["nobody/x"]}}, "route.targets[0]"),
        ("routes", {"id": "r", "route": {"targets": ["r"]}}, "route.targets[0]"),
    ],
)
async def test_mistake_in_a_body_is_told_with_its_path(house: House, kind: str, body: Any, path: str) -> None:
    for team in ("t", "other"):
        await house.make("teams", id=team, name=team)
    await house.make("users", id="u", name="u", team="t")
    before = len(house.entries())
    answer = await house.ask("POST", f"/api/{kind}", body)
    assert (answer.status_code, answer.json()["error"]["path"]) == (422, path), answer.text
    assert len(house.entries()) == before


@pytest.mark.parametrize(
    "kind", ["orgs", "teams", "users", "keys", "limits", "budgets", "admin-keys", "routes"]
)
async def test_unknown_field_is_refused(house: House, kind: str) -> None:
    answer = await house.ask("POST", f"/api/{kind}", {"zzz": 1})
    assert answer.status_code == 422


async def test_change_replaces_what_is_given_alone(house: House) -> None:
    made = await house.make("keys", id="k", name="old", models=["a"], tags=["x"], metadata={"a": "b"})
    new = (await house.ask("PATCH", "/api/keys/k", {"name": "new", "tags": []})).json()
    assert (new["name"], new["tags"], new["version"]) == ("new", [], 2)
    same = ("models", "metadata", "created", "prefix", "id")
    assert {name: new[name] for name in same} == {name: made[name] for name in same}


async def test_second_of_two_changes_to_one_version_is_refused(house: House) -> None:
    await house.make("orgs", id="o", name="0")
    tag = (await house.ask("GET", "/api/orgs/o")).headers["etag"]
    first = await house.ask("PATCH", "/api/orgs/o", {"name": "1"}, if_match=tag)
    second = await house.ask("PATCH", "/api/orgs/o", {"name": "2"}, if_match=tag)
    late = await house.ask("DELETE", "/api/orgs/o", if_match=tag)
    assert first.headers["etag"] == '"2"'
    assert [first.status_code, second.status_code, late.status_code] == [200, 409, 409]
    assert second.json()["error"]["code"] == "version_conflict"
    assert (await house.ask("GET", "/api/orgs/o")).json()["name"] == "1"


async def test_what_is_in_use_is_not_deleted(house: House) -> None:
    await house.make("orgs", id="o", name="o")
    await house.make("teams", id="t", name="t", org="o")
    await house.make("keys", id="k", team="t")
    await house.make("limits", id="l", account="key:k", parallel=1)
    await house.make("providers", id="openai")
    await house.make("routes", id="fast", route={"targets": ["openai/gpt-4o"]})
    for path in ("orgs/o", "teams/t", "keys/k", "providers/openai"):
        assert (await house.ask("DELETE", f"/api/{path}")).status_code in (409, 422), path
    for path in ("limits/l", "keys/k", "teams/t", "orgs/o", "routes/fast", "providers/openai"):
        assert (await house.ask("DELETE", f"/api/{path}")).status_code == 204, path
        assert (await house.ask("GET", f"/api/{path}")).status_code == 404, path


async def test_taken_id_is_a_conflict(house: House) -> None:
    await house.make("orgs", id="o", name="o")
    assert (await house.ask("POST", "/api/orgs", {"id": "o", "name": "p"})).status_code == 409


async def test_every_change_is_told_and_written_down(house: House) -> None:
    key = await house.make("admin-keys", id="ann", name="Ann", role="editor")
    await house.ask("POST", "/api/users", {"id": "u", "name": "old"}, key["key"])
    await house.ask("PATCH", "/api/users/u", {"name": "new"}, key["key"])
    await house.ask("DELETE", "/api/users/u", key=key["key"])
    await house.ask("GET", "/api/users", key=key["key"])
    await house.ask("PATCH", "/api/users/u", {"name": "gone"}, key["key"])
    assert house.changes == 4
    _, made, changed, deleted = entries = house.entries()
    assert [one["action"] for one in entries] == ["create", "create", "change", "delete"]
    assert {(one["actor"], one["actor_name"], one["role"]) for one in entries[1:]} == {
        ("ann", "Ann", "editor")
    }
    assert (made["before"], made["after"]["name"]) == (None, "old")
    assert (changed["before"]["name"], changed["after"]["name"]) == ("old", "new")
    assert (deleted["before"]["name"], deleted["after"]) == ("new", None)
    assert all(one["ip"] == "127.0.0.1" and len(one["request_id"]) == 32 for one in entries)
    listed = (await house.ask("GET", "/api/audit?subject=u&limit=2")).json()
    assert [one["action"] for one in listed["data"]] == ["delete", "change"]


def declaring() -> Config:
    """A configuration whose file says something of every kind."""
    return Config(
        auth=Auth((Secret("static-canary"),)),
        providers={"openai": ProviderConfig("openai", "openai", keys=())},
        models={"fast": ModelRoute((RouteTarget("openai/gpt-4o"),))},
        governance=Governance(
            keys=(VirtualKey("file-key", "d" * 64, team="core"),),
            limits=(Limit("file-limit", "team:core", requests=5),),
            budgets=(Budget("file-budget", "key:file-key", 5),),
        ),
    )


async def test_what_the_file_declares_is_seen_and_left_alone(tmp_path: Path) -> None:
    house = House(tmp_path, declaring())
    await house.make("providers", id="mine", type="openai", base_url="http://127.0.0.1:1/v1")
    await house.make("routes", id="slow", route={"targets": ["mine/x"], "fallbacks": ["fast"]})
    await house.make("keys", id="made")
    for kind, file, api in (
        ("providers", "openai", "mine"),
        ("routes", "fast", "slow"),
        ("keys", "file-key", "made"),
    ):
        found = (await house.ask("GET", f"/api/{kind}")).json()["data"]
        origins = {one["id"]: one["origin"] for one in found}
        assert origins[file] == "file"
        assert origins[api] == "api"
        only = (await house.ask("GET", f"/api/{kind}?origin=api")).json()["data"]
        assert [one["id"] for one in only] == [api]
        assert (await house.ask("GET", f"/api/{kind}/{file}")).json()["origin"] == "file"
        answers = [
            await house.ask("PATCH", f"/api/{kind}/{file}", {}),
            await house.ask("DELETE", f"/api/{kind}/{file}"),
        ]
        assert [one.json()["error"]["code"] for one in answers] == ["read_only", "read_only"]
    assert (await house.ask("POST", "/api/keys", {"id": "file-key"})).status_code == 409
    for kind, id in (("limits", "file-limit"), ("budgets", "file-budget")):
        assert (await house.ask("GET", f"/api/{kind}/{id}")).json()["origin"] == "file"
    await house.make("limits", account="key:file-key", requests=5)
    everything = [await house.ask("GET", f"/api/{kind}") for kind in ("keys", "providers", "limits")]
    assert "static-canary" not in "".join(one.text for one in everything)
    assert "d" * 64 not in everything[0].text
    house.close()


async def test_file_that_was_read_anew_is_what_counts(house: House) -> None:
    assert (await house.ask("GET", "/api/providers/openai")).status_code == 404
    house.config = declaring()
    assert (await house.ask("GET", "/api/providers/openai")).json()["origin"] == "file"
    assert (await house.ask("POST", "/api/providers", {"id": "openai"})).status_code == 409
