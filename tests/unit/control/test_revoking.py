"""Keys that end are told to the workers ahead of the compiled snapshot, whatever becomes of that."""

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from gateway.access import revoked, snapshot
from gateway.config import Config
from gateway.control import handed
from gateway.control.handed import revoked_path, snapshot_path
from gateway.control.snapshots import Snapshots
from gateway.providers import sealed
from gateway.schemas.governance import Gone, Governance, VirtualKey
from gateway.store.compiling import Stored

A, B = (sha256(one).digest() for one in (b"a", b"b"))


class Store:
    """What a store says; reading it waits while it is shut."""

    def __init__(self) -> None:
        self.keys: dict[bytes, VirtualKey] = {one: VirtualKey(one.hex()[:4], one.hex()) for one in (A, B)}
        self.reads = 0
        self.away = False
        self.begun = threading.Event()
        self.opened = threading.Event()
        self.opened.set()

    def __call__(self) -> Stored:
        self.reads += 1
        self.begun.set()
        found = Stored(Governance(keys=tuple(self.keys.values())))
        assert self.opened.wait(10)
        if self.away:
            raise OSError("away")
        return found

    def shut(self) -> None:
        """Whoever reads from now on has to wait."""
        self.opened.clear()
        self.begun.clear()

    async def is_read(self) -> None:
        """Somebody reads it, and waits."""
        assert await asyncio.to_thread(self.begun.wait, 10)

    def added(self, config: Config, stored: Stored) -> tuple[Config, tuple[str, ...]]:
        return config, ()

    def remember(self, stored: Stored) -> None: ...

    def recalled(self) -> Stored | None:
        return None


class House:
    def __init__(self, folder: Path) -> None:
        self.config = Config(data=str(folder / "data"))
        self.store = Store()
        self.told = 0
        self.failures = 0
        self.begin()

    def begin(self) -> None:
        """A control process, new."""
        self.snapshots = Snapshots(
            self.config, self._tell, stored=self.store, calm=0.01, again=0.01, failed=self._fail
        )

    async def end(self) -> None:
        """The process of control is killed."""
        behind = tuple(self.snapshots._behind)
        for one in behind:
            one.cancel()
        await asyncio.gather(*behind, return_exceptions=True)

    def _fail(self) -> None:
        self.failures += 1

    async def failed(self, times: int) -> None:
        """So many more tries to tell of the rest have failed."""
        until = self.failures + times
        while self.failures < until:  # noqa: ASYNC110 - of a count alone
            await asyncio.sleep(0.01)

    def _tell(self) -> None:
        self.told += 1

    def entries(self) -> dict[bytes, int]:
        return {one.digest: one.number for one in revoked.read(revoked_path(self.config))}

    def served(self, digest: bytes) -> bool:
        """Whether a worker that starts now would."""
        said = revoked.Revoked()
        said.take(revoked.read(revoked_path(self.config)), 0)
        found = snapshot.read(snapshot_path(self.config))
        assert found is not None
        key = snapshot.Layers(snapshot.EMPTY, found, revoked=said).key(digest)
        return key is not None and not key.blocked

    async def revoke(self, digest: bytes) -> bool:
        del self.store.keys[digest]
        return await self.snapshots.revoke([Gone(digest)])

    async def settled(self) -> None:
        while self.snapshots._behind:
            await asyncio.gather(*self.snapshots._behind)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(handed, "runtime_folder", lambda: tmp_path / "run")
    return House(tmp_path)


async def test_workers_are_told_before_the_store_is_read(house: House) -> None:
    await house.snapshots.publish()
    assert house.served(A)
    house.store.shut()
    told = house.told
    assert await house.revoke(A)
    assert house.told == told + 1
    assert not house.served(A)
    assert house.served(B)
    house.store.opened.set()
    await house.settled()
    assert house.entries() == {}
    assert not house.served(A)
    assert house.served(B)


async def test_many_in_a_row_are_compiled_together(house: House) -> None:
    await house.snapshots.publish()
    house.store.shut()
    before = house.store.reads
    assert await house.revoke(A)
    await house.store.is_read()
    assert await house.revoke(B)  # the compile under way has missed it
    for _ in range(20):
        assert await house.snapshots.revoke([Gone(B)])
    house.store.opened.set()
    await house.settled()
    assert house.store.reads == before + 2
    assert not house.served(A)
    assert not house.served(B)
    assert house.entries() == {}


async def test_a_compile_that_began_before_leaves_the_entry(house: House) -> None:
    await house.snapshots.publish()
    house.store.shut()
    under_way = asyncio.ensure_future(house.snapshots.publish())
    await house.store.is_read()
    assert await house.revoke(A)
    house.store.opened.set()
    await under_way
    assert not house.served(A)
    await house.settled()
    assert not house.served(A)


async def test_what_is_admitted_again_is_served_with_the_next_snapshot(house: House) -> None:
    await house.snapshots.publish()
    key = house.store.keys[A]
    for _ in range(3):
        assert await house.revoke(A)
        house.store.keys[A] = key
        await house.snapshots.publish()
        assert house.served(A)
    await house.settled()
    assert house.served(A)


async def test_a_successor_finishes_what_was_begun(house: House) -> None:
    await house.snapshots.publish()
    house.store.away = True
    assert await house.revoke(A)
    await house.failed(1)
    first = house.entries()[A]
    await house.end()
    house.begin()
    assert not house.served(A)
    assert await house.revoke(B)
    await house.failed(1)
    assert not house.served(A)
    assert house.entries()[B] > first
    await house.end()
    house.store.away = False
    await house.snapshots.publish()
    assert house.entries() == {}
    assert not house.served(A)


async def test_more_than_there_is_room_for_waits_for_the_snapshot(house: House) -> None:
    await house.snapshots.publish()
    told = house.told
    gone = [Gone(sha256(b"%d" % n).digest()) for n in range(revoked.MOST + 1)]
    assert not await house.snapshots.revoke(gone)
    assert house.told == told
    assert await house.snapshots.revoke(gone[1:])


async def test_where_it_cannot_be_written_the_snapshot_says_it(house: House) -> None:
    await house.snapshots.publish()
    revoked_path(house.config).unlink(missing_ok=True)
    revoked_path(house.config).mkdir()
    assert not await house.revoke(A)
    await house.snapshots.publish()
    found = snapshot.read(snapshot_path(house.config))
    assert found is not None
    assert found.key(A) is None


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """A disk that has no room for any new file, and has it again."""
    replace = sealed.replace
    is_full = False

    def replacing(path: Path, *pieces: bytes) -> None:
        if is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        replace(path, *pieces)

    def switch(on: bool) -> None:
        nonlocal is_full
        is_full = on

    monkeypatch.setattr(sealed, "replace", replacing)
    return switch


async def test_on_a_full_disk_keys_end_all_the_same(house: House, full: Callable[[bool], None]) -> None:
    await house.snapshots.publish()
    full(True)
    told = house.told
    assert await house.revoke(A)
    assert house.told == told + 1
    assert not house.served(A)
    await house.failed(3)  # it is tried, and told, again and again
    await house.end()
    house.begin()
    assert await house.revoke(B)
    assert not house.served(A)
    assert not house.served(B)
    full(False)
    await house.settled()
    assert house.entries() == {}
    assert not house.served(A)


async def test_what_could_not_be_told_is_told_once_there_is_room(
    house: House, full: Callable[[bool], None]
) -> None:
    await house.snapshots.publish()
    full(True)
    house.store.keys[A] = VirtualKey("other", A.hex(), blocked=True)
    with pytest.raises(OSError, match="No space"):
        await house.snapshots.publish()
    await house.failed(2)
    assert house.served(A)
    full(False)
    await house.settled()
    assert not house.served(A)


async def test_entries_of_the_version_before_still_count(house: House) -> None:
    await house.snapshots.publish()
    entry = revoked.Entry(A, 1 << 62)
    path = revoked_path(house.config)
    sealed.write(path, revoked.BEFORE, msgspec.msgpack.encode((entry,)))
    assert not house.served(A)
    house.begin()
    house.store.away = True
    with pytest.raises(OSError, match="away"):
        await house.snapshots.publish()
    await house.end()
    assert revoked.has_room(path)
    assert revoked.read(path) == (entry,)
    assert not house.served(A)
