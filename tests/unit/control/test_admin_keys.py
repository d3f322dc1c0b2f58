"""Virtual keys and admin keys: shown once, kept as digests, rotated, blocked, revoked."""

from hashlib import sha256
from pathlib import Path

import pytest
from admin_house import House

from gateway.store.compiling import governance_of


async def test_key_is_shown_at_its_creation_alone(house: House) -> None:
    made = await house.make("keys", name="ci", models=["gpt-*"])
    assert made["key"].startswith("gw-")
    assert len(made["key"]) >= len("gw-") + 43  # 256 bits
    read = (await house.ask("GET", f"/api/keys/{made['id']}")).json()
    assert "key" not in read
    assert "digest" not in read
    assert made["key"] not in str(read)
    assert made["key"].startswith(read["prefix"].rstrip("…"))


async def test_snapshot_knows_the_digest(house: House) -> None:
    made = await house.make("keys", name="ci", models=["gpt-*"], forced={"max_tokens": 5})
    with house.engine.connect() as connection:
        (key,) = governance_of(connection).keys
    assert key.digest == sha256(made["key"].encode()).hexdigest()
    assert (key.id, key.models, key.forced) == (made["id"], ("gpt-*",), {"max_tokens": 5})


async def test_rotation_keeps_the_old_key_for_its_grace(house: House) -> None:
    old = await house.make("keys", name="ci")
    new = (await house.ask("POST", f"/api/keys/{old['id']}/rotate", {"grace": 60})).json()
    assert new["key"] != old["key"]
    with house.engine.connect() as connection:
        (key,) = governance_of(connection).keys
    assert key.digest == sha256(new["key"].encode()).hexdigest()
    assert key.rotated_digest == sha256(old["key"].encode()).hexdigest()
    assert key.rotated_until == new["rotated_until"] > new["updated"]


async def test_revoked_key_is_gone_for_ever(house: House) -> None:
    key = await house.make("keys", name="ci")
    path = f"/api/keys/{key['id']}"
    assert (await house.ask("POST", f"{path}/revoke")).json()["revoked"] > 0
    assert (await house.ask("POST", f"{path}/revoke")).status_code == 409
    assert (await house.ask("POST", f"{path}/rotate", {})).status_code == 409
    assert (await house.ask("GET", path)).status_code == 200
    with house.engine.connect() as connection:
        assert governance_of(connection).keys == ()


@pytest.mark.parametrize("path", ["keys/k/block", "teams/t", "orgs/o", "users/u"])
async def test_whatever_above_a_key_is_blocked_blocks_it(house: House, path: str) -> None:
    await house.make("orgs", id="o", name="o")
    await house.make("teams", id="t", name="t", org="o")
    await house.make("users", id="u", name="u", team="t")
    made = await house.make("keys", id="k", user="u")
    assert (made["org"], made["team"]) == ("o", "t")
    blocks = path.endswith("block")
    answer = await house.ask(
        "POST" if blocks else "PATCH", f"/api/{path}", None if blocks else {"blocked": True}
    )
    assert answer.status_code == 200
    with house.engine.connect() as connection:
        assert governance_of(connection).keys[0].blocked


async def test_root_key_is_shown_at_the_first_start_alone(house: House, tmp_path: Path) -> None:
    assert house.root
    again = House(tmp_path)
    assert again.banner == ""
    assert (await again.ask("GET", "/api/me", key=house.root)).json()["role"] == "owner"
    again.close()


async def test_root_key_can_be_rotated_and_then_is_another(house: House) -> None:
    new = (await house.ask("POST", "/api/admin-keys/root/rotate")).json()["key"]
    assert (await house.ask("GET", "/api/me")).status_code == 401
    assert (await house.ask("GET", "/api/me", key=new)).status_code == 200


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"blocked": True}, {"expires": 5}])
async def test_last_owner_stays_owner(house: House, change: dict[str, object]) -> None:
    answer = await house.ask("PATCH", "/api/admin-keys/root", change)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "last_owner")
    assert (await house.ask("DELETE", "/api/admin-keys/root")).status_code == 409
    await house.admin("owner")
    assert (await house.ask("PATCH", "/api/admin-keys/root", change)).status_code == 200


@pytest.mark.parametrize("change", [{"blocked": True}, {"expires": 5}])
async def test_ended_admin_key_opens_nothing(house: House, change: dict[str, object]) -> None:
    made = await house.make("admin-keys", name="x", role="viewer")
    assert (await house.ask("GET", "/api/me", key=made["key"])).status_code == 200
    await house.ask("PATCH", f"/api/admin-keys/{made['id']}", change)
    assert (await house.ask("GET", "/api/me", key=made["key"])).status_code == 401
