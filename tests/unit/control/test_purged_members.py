"""Who is purged with a tenant: those who are in it by the store or by the file, and nobody else."""

from collections.abc import Collection

import pytest
from admin_house import House

from gateway.control.admin.application import Api

Tenant = tuple[str, str]


class Open:
    """A cache that is there, and notes whom it was told to purge."""

    is_open = True

    def __init__(self) -> None:
        self.purged: set[Tenant] = set()

    def forget(self, id: str) -> bool:
        return False

    def purge(self, kind: str, name: str, members: Collection[Tenant] = ()) -> bool:
        self.purged = {(kind, name), *members}
        return True

    def figures(self) -> dict[str, int]:
        return {}


def _nothing(_: str) -> tuple[list[bytes], str]:
    return [], "text/plain"


@pytest.mark.parametrize(
    ("wanted", "purged"),
    [
        (
            "org=acme",
            {
                ("org", "acme"),
                ("team", "red"),
                ("team", "idle"),
                ("user", "ann"),
                ("user", "away"),
                ("key", "k1"),
            }
            | {("key", "k2")},
        ),
        ("team=red", {("team", "red"), ("user", "ann"), ("key", "k1"), ("key", "k2")}),
        ("user=ann", {("user", "ann"), ("key", "k1")}),
        ("key=k1", {("key", "k1")}),
        ("team=nobody", {("team", "nobody")}),
        ("scope=all", {("all", "")}),
    ],
)
async def test_members_go_with_their_tenant(house: House, wanted: str, purged: set[Tenant]) -> None:
    house.app = Api(house.engine, house.store, "1", house, _nothing, cache := Open()).application()
    await house.make("orgs", id="acme", name="acme")
    await house.make("teams", id="red", name="red", org="acme")
    await house.make("teams", id="idle", name="idle", org="acme")  # whose keys are gone
    await house.make("teams", id="blue", name="blue")
    await house.make("users", id="ann", name="ann", team="red")
    await house.make("users", id="away", name="away", team="idle")
    await house.make("keys", id="k1", user="ann")
    await house.make("keys", id="k2", team="red")
    await house.make("keys", id="k3", team="blue")
    assert (await house.ask("DELETE", f"/api/cache?{wanted}")).status_code == 204
    assert cache.purged == purged
