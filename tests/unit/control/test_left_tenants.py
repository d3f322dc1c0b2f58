"""Who leaves the file takes the kept answers along, as who is deleted in the store does."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from test_deleted_tenants import Kept
from test_reloaded_files import House, house, until

from gateway.access import snapshot
from gateway.control.handed import config_path, snapshot_path
from gateway.control.leavers import Leavers, noted_path
from gateway.control.process import bury_leavers
from gateway.control.snapshots import Snapshots
from gateway.schemas.governance import Governance, VirtualKey

__all__ = ("house",)

ALICE = "alice: {value: gw-canary-1, team: red, user: ann, org: acme}"
BOB = "bob: {value: gw-canary-2, team: red, user: bo, org: acme}"


def said(*keys: str) -> str:
    return "keys:\n" + "".join(f"  {one}\n" for one in keys)


def followed(house: House, cache: Kept) -> Snapshots:
    follower = house.follower()
    follower.left = leavers(follower, cache)
    return follower


def leavers(follower: Snapshots, cache: Kept, *, used: bool = True) -> Leavers:
    config = follower.config
    return Leavers(cache, snapshot_path(config), noted_path(config), partial(bool, used))


async def begin(house: House, *, used: bool = True) -> list[tuple[str, str]]:
    """A gateway starts: who is purged."""
    follower = house.follower()
    config_path(follower.config).unlink(missing_ok=True)  # as a gateway that stops does
    await bury_leavers(leavers(follower, cache := Kept(), used=used), follower)
    return sorted(cache.purged)


async def test_whoever_the_files_keys_name_no_more_is_purged(house: House) -> None:
    house.says(said(ALICE, BOB))
    follower = followed(house, cache := Kept())
    house.says(said(BOB, "carl: {value: gw-canary-3}"))
    assert await follower.reload()
    await until(lambda: len(cache.purged) == 2)
    assert sorted(cache.purged) == [("key", "alice"), ("user", "ann")]
    house.says(said("carl: {value: gw-canary-3}"))
    assert await follower.reload()
    await until(lambda: len(cache.purged) == 6)
    assert sorted(cache.purged[2:]) == [("key", "bob"), ("org", "acme"), ("team", "red"), ("user", "bo")]


async def test_whoever_comes_back_at_once_finds_nothing(house: House) -> None:
    house.says(said(ALICE, BOB))
    follower = followed(house, cache := Kept())
    for keys in (said(BOB), said(ALICE.replace("gw-canary-1", "gw-canary-4"), BOB)):
        house.says(keys)
        assert await follower.reload()
    await until(lambda: len(cache.purged) == 2)
    assert ("key", "alice") in cache.purged


async def test_who_is_also_in_the_store_stays(house: House) -> None:
    house.says(said(ALICE, BOB))
    follower = followed(house, cache := Kept())
    stored = VirtualKey("k", "00" * 32, team="red", user="ann")
    snapshot.write(snapshot_path(follower.config), snapshot.encoded(Governance(keys=(stored,))))
    house.says(said("carl: {value: gw-canary-3}"))
    assert await follower.reload()
    await until(lambda: len(cache.purged) == 4)
    assert not {("team", "red"), ("user", "ann")} & set(cache.purged)


@pytest.mark.parametrize(
    "after", [said(ALICE.replace("gw-canary-1", "gw-canary-9"), BOB), said(BOB, ALICE) + "log: {level: info}"]
)
async def test_who_stays_keeps_what_was_kept(house: House, after: str) -> None:
    house.says(said(ALICE, BOB))
    follower = followed(house, cache := Kept())
    house.says(after)
    assert await follower.reload()
    house.says(said(ALICE, BOB, "carl: {value: gw-canary-3}"))
    assert await follower.reload()
    house.says(said(ALICE, BOB))
    assert await follower.reload()
    await until(lambda: len(cache.purged) == 1)
    assert cache.purged == [("key", "carl")]


async def test_who_left_while_control_was_away_is_purged(house: House) -> None:
    house.says(said(ALICE, BOB))
    first = house.follower()
    house.says(said(BOB, ALICE))
    assert await first.reload()  # which hands it out, for who comes after
    house.says(said(BOB))
    follower = followed(house, cache := Kept())
    running = asyncio.ensure_future(follower.run())
    await until(lambda: len(cache.purged) == 2)
    running.cancel()
    assert sorted(cache.purged) == [("key", "alice"), ("user", "ann")]


async def test_a_damaged_snapshot_keeps_nobody(house: House, tmp_path: Path) -> None:
    house.says(said(ALICE, BOB))
    follower = followed(house, cache := Kept())
    snapshot_path(follower.config).write_bytes(b"nonsense")
    house.says(said(BOB))
    assert await follower.reload()
    await until(lambda: len(cache.purged) == 2)


async def test_who_left_while_the_gateway_was_stopped_is_purged(house: House) -> None:
    house.says(said(ALICE, BOB))
    assert await begin(house) == []
    house.says(said(BOB))
    assert await begin(house) == [("key", "alice"), ("user", "ann")]
    assert await begin(house) == []
    follower = followed(house, cache := Kept())
    house.says(said(BOB, "carl: {value: gw-canary-3}"))
    assert await follower.reload()
    await until(lambda: carl_is_noted(follower))
    house.says(said(BOB))
    assert await begin(house) == [("key", "carl")]
    assert cache.purged == []


def carl_is_noted(follower: Snapshots) -> bool:
    found = snapshot.read(noted_path(follower.config))
    return found is not None and ("key", "carl") in found.holders()


async def test_without_a_cache_nothing_is_noted(house: House) -> None:
    house.says(said(ALICE))
    await begin(house)
    assert noted_path(house.read()).exists()
    await begin(house, used=False)
    assert not noted_path(house.read()).exists()
