"""Every route of the table refuses without a key, with a wrong one, and without the right role."""

import pytest
from admin_house import House

from gateway.control.admin.access import FAILURES, PERIOD, ROLES, Patience
from gateway.control.admin.actions import ACTIONS, Action

PAGES = ("/api/openapi.json", "/api/health", "/metrics")
EVERYTHING = [(one.method, one.path.replace("{id}", "x")) for one in ACTIONS] + [
    ("GET", page) for page in PAGES
]
UNSCOPED = [(one.method, one.path.replace("{id}", "x")) for one in ACTIONS if not one.scoped]
UNSCOPED += [("GET", page) for page in PAGES]


async def test_nothing_is_reached_without_a_key(house: House) -> None:
    key = await house.admin("owner")
    for method, path in [*EVERYTHING, ("GET", "/"), ("GET", "/api/nothing"), ("OPTIONS", "/api/keys")]:
        for given in ("", "gwa-wrong", key[:-1], key + "x", key.upper()):
            answer = await house.ask(method, path, key=given)
            assert answer.status_code in (401, 429), (method, path)
            assert answer.json()["error"]["code"] in ("unauthorized", "too_many_failures")
    assert (await house.ask("GET", "/api/me", key=key)).status_code == 200  # a right key never waits


@pytest.mark.parametrize(
    "headers", [{"cookie": "key=KEY"}, {"x_api_key": "KEY"}, {"authorization": "Basic KEY"}]
)
async def test_only_a_bearer_token_is_a_key(house: House, headers: dict[str, str]) -> None:
    sent = {name: value.replace("KEY", house.root) for name, value in headers.items()}
    assert (await house.ask("GET", "/api/me", key="", **sent)).status_code == 401
    assert (await house.ask("GET", f"/api/me?key={house.root}", key="")).status_code == 401


def test_the_table_has_every_role() -> None:
    assert {one.role for one in ACTIONS} == set(ROLES)
    assert all(one.role != "viewer" for one in ACTIONS if one.writes)


@pytest.mark.parametrize("role", ROLES[:-1])
async def test_route_refuses_a_lower_role(house: House, role: str) -> None:
    key = await house.admin(role)
    higher = [one for one in ACTIONS if ROLES.index(one.role) > ROLES.index(role)]
    assert higher
    for one in higher:
        answer = await house.ask(one.method, one.path.replace("{id}", "x"), {} if one.body else None, key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden"), one


@pytest.mark.parametrize("role", ROLES)
async def test_route_admits_its_role(house: House, role: str) -> None:
    key = await house.admin(role)
    for one in _first_allowed(role):
        answer = await house.ask(
            one.method, one.path.replace("{id}", "nobody"), {} if one.body else None, key
        )
        assert answer.status_code not in (401, 403, 500), (one.method, one.path, answer.text)


def _first_allowed(role: str) -> list[Action]:
    return [one for one in ACTIONS if one.role == role]


@pytest.mark.parametrize("role", ROLES)
async def test_admin_of_a_team_reaches_nothing_else(house: House, role: str) -> None:
    await house.make("teams", id="mine", name="mine")
    key = await house.admin(role, "mine")
    for method, path in UNSCOPED:
        answer = await house.ask(method, path, key=key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden"), (method, path)


async def test_admin_of_a_team_sees_and_changes_its_own(house: House) -> None:
    for team in ("mine", "theirs"):
        await house.make("teams", id=team, name=team)
        await house.make("users", id=f"u-{team}", name="u", team=team)
        await house.make("keys", id=f"k-{team}", team=team)
        await house.make("limits", id=f"whole-{team}", account=f"team:{team}", requests=1)
        await house.make("limits", id=f"key-{team}", account=f"key:k-{team}", requests=1)
    key = await house.admin("editor", "mine")

    async def ids(path: str) -> set[str]:
        return {one["id"] for one in (await house.ask("GET", f"/api/{path}", key=key)).json()["data"]}

    assert await ids("teams") == {"mine"}
    assert await ids("users") == {"u-mine"}
    assert await ids("keys") == {"k-mine"}
    assert await ids("limits") == {"whole-mine", "key-mine"}
    for path in ("teams/theirs", "users/u-theirs", "keys/k-theirs", "limits/key-theirs"):
        for method in ("GET", "PATCH", "DELETE"):
            body = {} if method == "PATCH" else None
            assert (await house.ask(method, f"/api/{path}", body, key)).status_code == 404, (method, path)
    assert (await house.ask("PATCH", "/api/keys/k-mine", {"name": "new"}, key)).status_code == 200
    assert (await house.ask("PATCH", "/api/limits/key-mine", {"requests": 2}, key)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "keys/k-mine", {"team": "theirs"}),
        ("PATCH", "keys/k-mine", {"team": ""}),
        ("POST", "keys", {"name": "x"}),
        ("POST", "keys", {"team": "theirs"}),
        ("POST", "users", {"name": "x", "team": "theirs"}),
        ("POST", "teams", {"name": "x"}),
        ("PATCH", "teams/mine", {"blocked": False}),
        ("PATCH", "limits/whole", {"requests": 1000}),
        ("DELETE", "limits/whole", None),
        ("POST", "limits", {"account": "team:theirs", "requests": 1}),
        ("POST", "budgets", {"account": "team:mine", "nano_usd": 1}),
        ("POST", "budgets", {"account": "key:k-theirs", "nano_usd": 1}),
    ],
)
async def test_admin_of_a_team_cannot_leave_it_nor_lift_its_bounds(
    house: House, method: str, path: str, body: object
) -> None:
    for team in ("mine", "theirs"):
        await house.make("teams", id=team, name=team)
        await house.make("keys", id=f"k-{team}", team=team)
    await house.make("limits", id="whole", account="team:mine", requests=1)
    key = await house.admin("owner", "mine")
    before = len(house.entries())
    answer = await house.ask(method, f"/api/{path}", body, key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert len(house.entries()) == before


def test_wrong_keys_are_told_to_wait() -> None:
    now = [0.0]
    patience = Patience(lambda: now[0])
    said = [patience.refusal("10.0.0.1", True).status for _ in range(FAILURES + 2)]
    assert said == [401] * FAILURES + [429] * 2
    assert patience.refusal("10.0.0.2", True).status == 401
    now[0] = PERIOD
    assert patience.refusal("10.0.0.1", True).status == 401
