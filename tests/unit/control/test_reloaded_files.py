"""A file that changes under a running gateway: slips are refused, and what the disk refused is tried again."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import gateway.control.handed
from gateway.access import snapshot
from gateway.access.snapshot import Snapshot
from gateway.config import Config, load
from gateway.control.handed import config_path, read_config, snapshot_path
from gateway.control.snapshots import Snapshots
from gateway.providers.registry import known
from gateway.schemas.governance import Governance, VirtualKey
from gateway.store.compiling import Stored

KEYED = "keys: {alice: {value: gw-canary-1}}\n"
STATIC = "auth: {keys: [gw-canary-1]}\n"
TOKENS = "auth: {jwt: {issuer: 'https://a.example', audience: a, jwks_url: 'https://a.example/k'}}\n"
PROVIDERS = "providers: {openai: {keys: [sk-1]}}\n"


class House:
    """Whoever follows the file, and what it logged."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder, self.file = folder, folder / "gateway.yaml"
        self._capfd = capfd
        self._said: list[dict[str, Any]] = []

    def says(self, text: str) -> None:
        self.file.write_text(text)

    def read(self) -> Config:
        config = load(self.file, {}, known=known())
        return Config(
            **{name: getattr(config, name) for name in config.__struct_fields__ if name != "data"},
            data=str(self.folder),
        )

    def follower(self, stored: Any = None) -> Snapshots:
        return Snapshots(self.read(), lambda: None, self.read, stored, look=0.01)

    def failed(self) -> list[dict[str, Any]]:
        """The lines that say so."""
        self._said += [json.loads(line) for line in self._capfd.readouterr().err.splitlines()]
        return [one for one in self._said if one["event"] == "reload_failed"]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> House:
    monkeypatch.setattr(gateway.control.handed, "runtime_folder", lambda: tmp_path / "memory")
    return House(tmp_path, capfd)


@pytest.mark.parametrize("before", [KEYED, STATIC, TOKENS])
@pytest.mark.parametrize("after", ["", " \n", PROVIDERS, "log: {level: warning}\n"])
async def test_a_slip_opens_nothing(house: House, before: str, after: str) -> None:
    house.says(before + PROVIDERS)
    follower = house.follower()
    house.says(after)
    assert not await follower.reload()
    assert "openai" in follower.config.providers
    (one,) = house.failed()
    assert ("empty" if not after.strip() else "no keys") in one["problems"][0]
    assert ("restart" if not after.strip() else "server.allow_insecure: true") in one["hint"]
    house.says(before)
    assert await follower.reload()


async def test_keys_that_went_before_this_process_are_known(house: House) -> None:
    house.says(KEYED + PROVIDERS)
    assert await (first := house.follower()).reload()
    house.says(KEYED)
    assert await first.reload()  # which hands it out, for who comes after
    follower = house.follower()
    await follower.resume()
    house.says(PROVIDERS)
    assert not await follower.reload()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (KEYED, STATIC),
        (KEYED, "keys: {bob: {value: gw-canary-2}}\n"),
        (KEYED, TOKENS),
        (KEYED, "server: {allow_insecure: true}\n"),
        ("server: {allow_insecure: true}\n" + KEYED, "server: {allow_insecure: true}\n"),
        (PROVIDERS, "log: {level: warning}\n"),
    ],
)
async def test_what_is_meant_is_taken(house: House, before: str, after: str) -> None:
    house.says(before)
    follower = house.follower()
    house.says(after)
    assert await follower.reload()
    assert house.failed() == []


class Keyed:
    """A store with a key."""

    def __call__(self) -> Stored:
        return Stored(Governance(keys=(VirtualKey("k", "00" * 32),)))

    def added(self, config: Config, stored: Stored) -> tuple[Config, tuple[str, ...]]:
        return config, ()

    def remember(self, stored: Stored) -> None:
        """Nowhere."""

    def recalled(self) -> None:
        """Nothing."""


async def test_the_files_last_key_may_go_where_the_store_has_some(house: House) -> None:
    house.says(KEYED)
    follower = house.follower(Keyed())
    await follower.publish()
    house.says(PROVIDERS)
    assert await follower.reload()
    found = snapshot.read(snapshot_path(house.read()))
    assert found is not None
    assert found.keyed


async def test_a_file_that_is_again_as_at_the_start_holds_after_control_was_away(house: House) -> None:
    house.says(KEYED)
    begun = house.read()
    first = house.follower()
    house.says("keys: {bob: {value: gw-canary-2}}\n")
    assert await first.reload()
    house.says(KEYED)
    second = Snapshots(begun, lambda: None, house.read, look=0.01)  # as each process of control begins
    async with following(second):
        found = sha256(b"gw-canary-1").digest()
        await until(lambda: handed(second.config).key(found) is not None)


def handed(config: Config) -> Snapshot:
    """What the file says of callers, as workers have it."""
    found = read_config(config_path(config))
    assert found is not None
    return found.declared


async def test_what_could_not_be_handed_out_is_tried_again(house: House) -> None:
    house.says(KEYED)
    follower = house.follower()
    place = config_path(follower.config)
    place.mkdir(parents=True)  # as in memory that is full: nothing can be written there
    house.says(STATIC)
    async with following(follower):
        await until(lambda: bool(house.failed()))
        await asyncio.sleep(0.1)
        assert follower.config.auth.keys == ()
        place.rmdir()
        await until(lambda: bool(follower.config.auth.keys))
    (one,) = house.failed()  # once, not at each look
    assert str(place) in one["problems"][0]
    assert "tried again" in one["hint"]


async def test_a_full_disk_is_told_with_its_place(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(28, "No space left on device")

    def refuse(_: int) -> None:
        raise full

    house.says(KEYED)
    follower = house.follower()
    house.says(STATIC)
    monkeypatch.setattr("os.fsync", refuse)
    assert not await follower.reload()
    (one,) = house.failed()
    assert str(config_path(follower.config)) in one["problems"][0]


@asynccontextmanager
async def following(follower: Snapshots) -> AsyncIterator[None]:
    job = asyncio.ensure_future(follower.run())
    yield
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")
