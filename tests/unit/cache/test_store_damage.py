"""Whatever becomes of the cache's files while it is used: a warning and misses, and it goes on."""

import os
import random
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from store_house import LATER, NOW, files_of, fill, kept, key_of, payload_of, store_in

from gateway._speedups.shelf import HEAD_SIZE, SEGMENT_HEAD
from gateway.cache.store import VECTOR, Shelf, Store
from gateway.control.caching import Caching
from gateway.telemetry.logs import log

NUMBERS = range(40)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []

    def warning(event: str, **fields: Any) -> None:
        said.append(event)

    monkeypatch.setattr(log, "warning", warning)
    return said


def fresh(store: Store) -> None:
    """Opens every file anew, as another process would."""
    store.reader.close()


def after(folder: Path) -> Store:
    """The cache as it is after a restart."""
    store = store_in(folder, Shelf(10_000))
    Caching(store).step()
    return store


def test_cut_at_every_byte(tmp_path: Path, warnings: list[str]) -> None:
    store = store_in(tmp_path)
    fill(store, range(4), size=50)
    (path,) = files_of(tmp_path)
    whole = path.read_bytes()
    ends = []
    for size in range(len(whole), -1, -1):
        os.truncate(path, size)
        ends.append(len(kept(store, range(4))))
    assert ends == sorted(ends, reverse=True)
    assert ends[-1] == 0
    assert len(warnings) == 1


def test_a_restart_finds_what_was_whole_wherever_it_was_cut(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    fill(store, range(4), size=50)
    store.close()
    (path,) = files_of(tmp_path)
    whole = path.read_bytes()
    length = (len(whole) - SEGMENT_HEAD) // 4
    for size in [*range(len(whole), 0, -37), SEGMENT_HEAD, SEGMENT_HEAD - 1, 0]:
        path.write_bytes(whole[:size])
        found = kept(after(tmp_path), range(4))
        # what pads the last frame may be cut
        assert len(found) in {
            max(0, size - SEGMENT_HEAD) // length,
            max(0, size + 15 - SEGMENT_HEAD) // length,
        }
        assert found == set(range(len(found)))


@pytest.mark.parametrize("seed", range(12))
def test_garbage_over_any_region(tmp_path: Path, seed: int, warnings: list[str]) -> None:
    draw = random.Random(seed)
    store = store_in(tmp_path)
    fill(store, NUMBERS, size=draw.choice([10, 500, 6000]))
    (path,) = files_of(tmp_path)
    size = path.stat().st_size
    at, length = draw.randrange(size), draw.choice([1, 16, 100, 5000])
    with path.open("r+b") as file:
        file.seek(at)
        before = file.read(length)
        file.seek(at)
        file.write(draw.choice([draw.randbytes(len(before)), bytes(len(before)), b"\xff" * len(before)]))
    frame = (size - SEGMENT_HEAD) // len(NUMBERS)
    most = len(before) // (frame - 16) + 2
    found = kept(store, NUMBERS)
    assert len(found) >= len(NUMBERS) - most
    fresh(store)
    assert kept(store, NUMBERS) == found
    assert len(warnings) <= 1
    store.close()
    if at >= SEGMENT_HEAD:
        assert kept(after(tmp_path), NUMBERS) == found


def test_a_frame_inside_a_payload_is_no_frame(tmp_path: Path) -> None:
    """Who writes frames into an answer does not get them into the cache by damage before them."""
    donor = store_in(tmp_path / "donor")
    donor.put(key_of("before"), 1, LATER, b"", now=NOW)
    donor.put(key_of("victim"), 1, LATER, b"forged", now=NOW)
    forged = files_of(tmp_path / "donor")[0].read_bytes()[SEGMENT_HEAD + HEAD_SIZE :]  # right for its place
    store = store_in(tmp_path)
    store.put(key_of("carrier"), 1, LATER, forged, now=NOW)
    store.put(key_of("vector"), 1, LATER, forged, VECTOR, now=NOW)
    store.close()
    for path in (*files_of(tmp_path), *files_of(tmp_path, ".log")):
        with path.open("r+b") as file:
            file.seek(SEGMENT_HEAD)
            file.write(bytes(16))
    again = after(tmp_path)
    assert again.get(key_of("victim"), NOW) is None
    assert again.tail() == []


def emptied(folder: Path) -> None:
    for path in [one for one in folder.iterdir() if one.is_file()]:
        path.unlink()


def removed(folder: Path) -> None:
    shutil.rmtree(folder)


def replaced(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"no folder")


def exchanged(folder: Path) -> None:
    for path in [one for one in folder.iterdir() if one.is_file()]:
        path.unlink()
        os.mkfifo(path)


def scribbled(folder: Path) -> None:
    for path in [one for one in folder.iterdir() if one.is_file()]:
        path.write_bytes(os.urandom(path.stat().st_size))


def cut(folder: Path) -> None:
    for path in [one for one in folder.iterdir() if one.is_file()]:
        path.write_bytes(b"")


@pytest.mark.parametrize("harm", [emptied, removed, replaced, exchanged, scribbled, cut])
def test_the_folder_is_harmed_and_it_goes_on(
    tmp_path: Path, harm: Callable[[Path], None], warnings: list[str]
) -> None:
    clock = Clock()
    shelf = Shelf(1000)
    store, other = (store_in(tmp_path, shelf, clock=clock, segment=4000) for _ in range(2))
    job = Caching(other)
    fill(store, NUMBERS)
    other.put(key_of("of the other"), 1, LATER, b"v", VECTOR)
    harm(tmp_path / "cache")
    fresh(store)
    assert kept(store, NUMBERS) == set()
    if harm is not cut and harm is not scribbled:
        assert len(set(warnings)) == len(warnings) == 1
    assert store.tail() == [] or harm in (emptied, removed, replaced, exchanged)
    if harm is replaced:
        job.step()
        store.put(key_of(1), 1, LATER, b"")
        (tmp_path / "cache").unlink()
    assert not store.forget(key_of(1)[:16].hex())
    clock.now += 2
    job.step()
    for turn in range(3):  # what went into the file that was open is lost
        store.writer.leave(1)
        store.writer.leave(2)
        fill(store, NUMBERS)
        store.reader.close()
        assert kept(store, NUMBERS) == set(NUMBERS), turn
        job.step()
    assert len(set(warnings)) == len(warnings)


def test_a_removed_segment_is_noticed_by_its_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_in(tmp_path)
    fill(store, range(3))
    removed(tmp_path / "cache")
    store.writer.look(1)
    fill(store, range(3, 6))
    assert len(files_of(tmp_path)) == 1
    fresh(store)
    assert kept(store, range(6)) == {3, 4, 5}


@pytest.fixture
def small_files() -> Iterator[Callable[[int], None]]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_takes_no_more(
    tmp_path: Path, small_files: Callable[[int], None], warnings: list[str]
) -> None:
    clock = Clock()
    store = store_in(tmp_path, clock=clock)
    fill(store, range(10))
    small_files(files_of(tmp_path)[0].stat().st_size + 50)  # half a frame still fits
    assert not store.put(key_of(10), 1, LATER, payload_of(10), now=NOW)
    assert not store.put(key_of(11), 1, LATER, payload_of(11), now=NOW)
    assert kept(store, range(20)) == set(range(10))
    assert len(warnings) == 1
    assert store.stats().lost == 1
    small_files(100)
    for _ in range(5):
        clock.now += 2
        assert not store.put(key_of(12), 1, LATER, payload_of(12), now=NOW)
    assert len(files_of(tmp_path)) == 1  # nothing empty is left
    assert store.stats().lost == 6
    small_files(resource.RLIM_INFINITY)
    clock.now += 2
    fill(store, range(10, 20))
    assert kept(store, range(20)) == set(range(20))
    assert set(warnings) == {"cache_unwritable"}
    store.close()
    assert kept(after(tmp_path), range(20)) == set(range(20))


def test_a_folder_that_cannot_be_made_is_counted(tmp_path: Path, warnings: list[str]) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    store = store_in(tmp_path / "cache", clock=Clock())
    assert not store.put(key_of(0), 1, LATER, payload_of(0), now=NOW)
    assert (warnings, store.stats().lost) == (["cache_unwritable"], 1)


def test_a_read_that_fails(tmp_path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_in(tmp_path)
    fill(store, range(3))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open("/dev/null", os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limit[1]))
    try:
        assert kept(store, range(3)) == set()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert warnings == ["cache_unreadable"]
    assert kept(store, range(3)) == {0, 1, 2}  # it was no fault of theirs


def test_where_no_more_files_may_be_opened_those_of_the_cache_take_turns(
    tmp_path: Path, warnings: list[str]
) -> None:
    before = store_in(tmp_path, segment=1000)
    fill(before, range(60))
    before.close()
    store = after(tmp_path)
    assert kept(store, range(2)) == {0, 1}
    assert len(files_of(tmp_path)) > 5
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open("/dev/null", os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limit[1]))
    try:
        assert kept(store, range(60)) == set(range(60))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert warnings == []


def test_what_cannot_be_evicted_stops_the_growth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_in(tmp_path, max_size=100_000, segment=10_000, clock=Clock())
    taken = [store.put(key_of(number), 1, LATER, bytes(1000)) for number in range(300)]
    assert taken.count(True) > 80
    assert not any(taken[-100:])
    assert store.stats().bytes <= 100_000 * 1.25 + 20_000
