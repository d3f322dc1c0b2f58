"""Who is deleted takes the kept answers along, whatever state the cache is in."""

import json
from collections.abc import Collection
from pathlib import Path

import pytest
from admin_house import House

from gateway._speedups.ledger import Ledger, table_sections
from gateway.cache.files import Erasure, marks
from gateway.cache.keys import owner_of, scope_named
from gateway.config import Config
from gateway.control.admin.application import Api
from gateway.control.keeping import Desk, Keeping, cache_folder, shelf_for


class Kept:
    """A cache that notes who is purged, as far as it can."""

    is_open = False

    def __init__(self, *, works: bool = True) -> None:
        self.purged: list[tuple[str, str]] = []
        self._works = works

    def forget(self, id: str) -> bool:
        return False

    def purge(self, kind: str, name: str, members: Collection[tuple[str, str]] = ()) -> bool:
        self.purged += [(kind, name), *members]
        return self._works

    def figures(self) -> dict[str, int]:
        return {}


def over(house: House, cache: Kept) -> None:
    house.app = Api(house.engine, house.store, "1", house, _nothing, cache).application()


def _nothing(_: str) -> tuple[list[bytes], str]:
    return [], "text/plain"


@pytest.mark.parametrize("kind", ["key", "user", "team", "org"])
async def test_what_was_kept_for_whom_is_deleted_is_purged(house: House, kind: str) -> None:
    over(house, cache := Kept())
    name = {} if kind == "key" else {"name": "a"}
    await house.make(f"{kind}s", id="a", **name)
    await house.make("admin-keys", id="a", name="a", role="viewer")
    assert (await house.ask("DELETE", f"/api/{kind}s/nobody")).status_code == 404
    assert (await house.ask("DELETE", "/api/admin-keys/a")).status_code == 204
    assert cache.purged == []
    assert (await house.ask("DELETE", f"/api/{kind}s/a")).status_code == 204
    assert cache.purged == [(kind, "a")]


async def test_a_purge_that_fails_is_told_with_what_makes_it_good(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    over(house, Kept(works=False))
    await house.make("keys", id="a")
    capfd.readouterr()
    assert (await house.ask("DELETE", "/api/keys/a")).status_code == 204
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    (one,) = [line for line in said if line["event"] == "cache_not_purged"]
    assert "DELETE /api/cache?key=a" in one["hint"]


def test_a_cache_that_is_closed_remembers_it_in_its_folder(tmp_path: Path) -> None:
    config = Config(data=str(tmp_path))
    ledger = Ledger.create(tmp_path / "ledger", table_sections("events", slots=8, cells=8))
    shelf = shelf_for(config)
    desk = Desk(shelf, ledger, Keeping(shelf, lambda: config))
    assert desk.purge("team", "red")
    assert not cache_folder(config).exists()
    cache_folder(config).mkdir()
    assert desk.purge("team", "red")
    (found,) = marks(cache_folder(config))
    assert found == Erasure(owner_of(scope_named("team", "red")), "", found.before)
    assert found.before > 0
