"""The job of the cache in control: its size, what expired, what was purged, and what was there before."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest
from store_house import LATER, NOW, files_of, fill, kept, key_of, payload_of, store_in

from gateway.cache.files import enroll
from gateway.cache.store import PURGE, VECTOR, Shelf, Store
from gateway.control.caching import Caching
from gateway.control.erasing import SETTLED

SIZE = 100_000


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def small(folder: Path, shelf: Shelf | None = None) -> Store:
    return store_in(folder, shelf or Shelf(5000), max_size=SIZE, segment=5000)


def test_the_oldest_go_first(tmp_path: Path) -> None:
    store = small(tmp_path)
    job = Caching(store)
    for first in range(0, 300, 10):
        fill(store, range(first, first + 10), size=1000)
        job.step()
        assert store.stats().bytes <= SIZE
    assert sum(path.stat().st_size for path in files_of(tmp_path)) <= SIZE
    job.count()
    stats = store.stats()
    store.shelf.old_below = 0  # nothing is carried over
    found = kept(store, range(300))
    assert found == set(range(min(found), 300))
    assert len(found) > 60
    assert stats.entries == len(found)
    assert stats.evicted == 300 - len(found)
    assert stats.segments == len(files_of(tmp_path))


def test_what_is_asked_for_stays(tmp_path: Path) -> None:
    """Entries of the oldest quarter are carried over when they are hit, by whichever process."""
    shelf = Shelf(5000)
    writer, reader = small(tmp_path, shelf), small(tmp_path, shelf)
    job = Caching(small(tmp_path, shelf))
    loved = range(20)
    for first in range(0, 500, 5):
        fill(writer, range(first, first + 5), size=1000)
        wanted = {one for one in loved if one < first + 5}
        assert kept(reader, loved) == wanted
        job.step()
    assert not kept(reader, range(20, 300))
    assert 0 < shelf.counts()["carried"] < 500


def test_a_cache_that_is_not_full_carries_nothing(tmp_path: Path) -> None:
    store = small(tmp_path)
    fill(store, range(20), size=1000)
    Caching(store).step()
    kept(store, range(20))
    assert store.stats().carried == 0


def test_carrying_changes_neither_times_nor_scope(tmp_path: Path) -> None:
    store = small(tmp_path)
    fill(store, range(5), size=1000, scope=9)
    store.close()
    store.shelf.old_below = (1 << 63) - 1
    for _ in range(3):
        found = store.get(key_of(1), NOW)
        assert found is not None
        assert (found.scope, found.payload) == (9, payload_of(1, 1000))
        assert (found.written, found.expires) == (NOW, LATER)
    assert store.stats().carried == 3
    assert store.purge(9, NOW)
    assert store.get(key_of(1), NOW) is None


def test_expired_segments_are_deleted(tmp_path: Path) -> None:
    store, clock = small(tmp_path), Clock(NOW)
    job = Caching(store, clock)
    for number in range(20):
        store.put(key_of(number), 1, NOW + 10 + number, payload_of(number, 1000), now=NOW)
    store.close()
    before = len(files_of(tmp_path))
    clock.now = NOW + 20
    job.evict()
    assert 0 < len(files_of(tmp_path)) < before
    assert {*range(11, 20)} <= kept(store, range(20)) | {10}
    clock.now = NOW + 1000
    job.evict()
    assert files_of(tmp_path) == []
    assert store.stats().expired == 20


def test_a_restart_finds_the_last_of_each(tmp_path: Path) -> None:
    store, other = small(tmp_path), None
    other = small(tmp_path, store.shelf)
    for turn in range(4):
        for number in range(8):
            writer = (store, other)[(turn + number) % 2]
            writer.put(key_of(number), 1, LATER, payload_of(number, turn), now=NOW + turn)
    store.put(key_of("vector"), 1, LATER, b"v", VECTOR)
    store.close()
    other.close()
    again = small(tmp_path)
    enroll(again.shelf, tmp_path / "cache")
    assert again.stats().bytes > 0
    assert kept(again, range(8)) == set()
    fill(again, range(7, 8), size=100)  # written before the old ones are found, and later than they
    again.put(key_of(7), 1, LATER, payload_of(7, 100), now=NOW + 10)
    Caching(again).step()
    for number in range(8):
        found = again.get(key_of(number), NOW)
        assert found is not None
        assert found.payload == payload_of(number, 100 if number == 7 else 3)
    assert [one.payload for one in again.tail()] == [b"v"]


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (folder / "cache").iterdir() if path.is_file())


def test_what_is_purged_is_erased_and_nothing_else(tmp_path: Path) -> None:
    store = small(tmp_path)
    clock = Clock(0.0)
    job = Caching(store)
    job._erasing._clock = clock
    for number in range(40):
        store.put(key_of(number), number % 2, LATER, b"secret %d of %d" % (number, number % 2), now=NOW)
        store.put(
            key_of(number), number % 2, LATER, b"hidden %d of %d" % (number, number % 2), VECTOR, now=NOW
        )
    assert store.purge(1, NOW)
    job.step()
    assert b"of 1" not in bytes_of(tmp_path)
    assert bytes_of(tmp_path).count(b"of 0") == 40
    job.count()
    assert store.stats().purged == 20
    assert store.stats().entries == 20
    assert sum(store.get(key_of(number), NOW) is not None for number in range(40)) == 20
    clock.now += SETTLED + 1
    job.step()
    assert list((tmp_path / "cache" / "erase").iterdir()) == []
    store.close()
    again = small(tmp_path)
    Caching(again).step()
    assert sum(again.get(key_of(number), NOW) is not None for number in range(40)) == 20
    assert {one.payload[-4:] for one in again.tail() if one.kind != PURGE} == {b"of 0"}


def test_a_purge_survives_a_restart_that_comes_before_its_erasure(tmp_path: Path) -> None:
    store = small(tmp_path)
    fill(store, range(10), scope=1)
    fill(store, range(10, 20), scope=2)
    store.put(key_of("vector"), 1, LATER, b"v", VECTOR, now=NOW)
    store.purge(1, NOW)
    found = store.get(key_of(15), NOW)
    assert found is not None
    store.put(key_of(15), 2, LATER, payload_of(15, 7), now=NOW)  # both of its versions are forgotten
    store.forget(found.id)
    store.close()
    again = small(tmp_path)
    Caching(again).step()
    assert kept(again, range(20)) >= {*range(10, 20)} - {15}
    assert not kept(again, range(10))
    assert [one.kind for one in again.tail()] == [PURGE]


def test_a_forgotten_entry_does_not_come_back(tmp_path: Path) -> None:
    store = store_in(tmp_path, Shelf(5000))
    moment = time.time()
    for turn in range(3):
        store.put(key_of(1), 1, LATER, b"secret %d" % turn, now=moment - 10 + turn)
    store.put(key_of(2), 1, LATER, payload_of(2), now=moment)
    assert store.forget(key_of(1)[:16].hex())
    store.close()
    again = small(tmp_path)
    Caching(again).step()
    assert again.get(key_of(1), NOW) is None
    assert b"secret" not in bytes_of(tmp_path)
    assert kept(again, range(3)) == {2}


def test_vectors_live_as_long_as_their_entries(tmp_path: Path) -> None:
    store = store_in(tmp_path, Shelf(5000), max_size=SIZE, segment=2000)
    job = Caching(store)
    store.shelf.old_below = (1 << 63) - 1
    for number in range(40):
        fill(store, range(number, number + 1), size=500)
        store.put(key_of(number), 1, LATER, payload_of(number, 100), VECTOR, now=NOW)
    for number in range(40, 600):
        fill(store, range(number, number + 1), size=500)
        kept(store, range(3))
        job.step()
    again = store_in(tmp_path, Shelf(5000), max_size=SIZE, segment=2000)
    store.close()
    Caching(again).step()
    found = kept(again, range(40))
    assert found == {0, 1, 2}
    told = {one.key for one in again.tail()}
    assert {key_of(number) for number in found} <= told
    assert len(told) < 20


def test_what_others_left_behind_is_not_touched(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    for name in ("readme.txt", "0000000000000001.seg", "x" * 16 + ".seg", "notes-0001"):
        (folder / name).write_bytes(b"not ours")
    (folder / "erase").mkdir()
    (folder / "erase" / "0123456789abcdef-me-not").write_bytes(b"not ours")
    (folder / f"{5 << 40:016x}.seg").write_bytes(b"no segment")
    store = small(tmp_path)
    Caching(store).step()
    fill(store, range(3))
    names = {path.name for path in folder.iterdir()}
    assert {"readme.txt", "0000000000000001.seg", "x" * 16 + ".seg", "notes-0001"} <= names
    assert kept(store, range(3)) == {0, 1, 2}


def test_another_gateway_keeps_its_segments(tmp_path: Path) -> None:
    one, other = small(tmp_path), small(tmp_path)
    fill(one, range(3))
    Caching(other).step()
    assert other.stats().segments == 0
    assert kept(one, range(3)) == {0, 1, 2}
    one.close()
    enroll(other.shelf, tmp_path / "cache")
    assert other.stats().segments == 1


def test_a_half_made_segment_is_swept_up(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    young = tmp_path / "cache" / f"{5 << 40:016x}.new"
    young.write_bytes(b"")
    Caching(small(tmp_path)).step()
    assert not young.exists()


async def test_the_job_runs_until_it_is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.control.caching.EVERY", 0.001)
    store = small(tmp_path)
    fill(store, range(105), size=1000)
    assert store.stats().bytes > SIZE
    task = asyncio.create_task(Caching(store).run())
    for _ in range(2000):
        if store.stats().bytes <= SIZE:
            break
        await asyncio.sleep(0.005)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert store.stats().bytes <= SIZE
