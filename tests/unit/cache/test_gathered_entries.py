"""Entries that are written together: found by all once they are written, whatever is put or given up between."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_house import LATER, NOW, files_of, fill, forked, kept, key_of, killed, payload_of, store_in

from gateway.cache.store import ENTRIES, Shelf, Store
from gateway.control.caching import Caching


def gather(store: Store, numbers: range, size: int = 100) -> None:
    for number in numbers:
        payload = payload_of(number, size)
        store.gathered.add(key_of(number), 1, LATER, payload, NOW)


def test_what_is_gathered_is_found_once_it_is_written(tmp_path: Path) -> None:
    shelf = Shelf(1000)
    one, other = store_in(tmp_path, shelf), store_in(tmp_path, shelf)
    gather(one, range(20))
    assert kept(other, range(20)) == kept(one, range(20)) == set()
    one.gathered.write()
    assert kept(other, range(20)) == kept(one, range(20)) == set(range(20))
    found = other.get(key_of(3), NOW)
    assert found is not None
    assert (found.scope, found.written, found.expires) == (1, NOW, LATER)
    one.gathered.write()
    assert one.stats().refused == one.stats().lost == one.stats().damaged == 0


@pytest.mark.parametrize("size", [0, 15, 16, 17, 6000, 130_000, 131_000, 300_000])
def test_more_than_is_written_at_once_goes_on_by_itself(tmp_path: Path, size: int) -> None:
    store = store_in(tmp_path)
    gather(store, range(30), size)
    store.gathered.write()
    assert kept(store, range(30)) == set(range(30))


@given(st.lists(st.sampled_from(["add", "put", "write", "leave"]), max_size=60), st.sampled_from([600, 9000]))
def test_what_is_put_between_is_not_written_over(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], segment: int
) -> None:
    folder = tmp_path_factory.mktemp("between")
    store = store_in(folder, Shelf(1000), segment=segment)
    for number, step in enumerate(steps):
        if step == "add":
            gather(store, range(number, number + 1))
        elif step == "put":
            fill(store, range(number, number + 1))
        elif step == "write":
            store.gathered.write()
        else:
            store.leave(store.writer.standing(ENTRIES)[1])
    store.gathered.write()
    asked = {number for number, step in enumerate(steps) if step in ("add", "put")}
    assert kept(store, range(len(steps))) == asked
    store.close()
    again = store_in(folder, Shelf(1000))
    Caching(again).step()
    assert kept(again, range(len(steps))) == asked, "the files are whole"


def test_what_is_refused_is_counted(tmp_path: Path) -> None:
    store = store_in(tmp_path, max_entry=1000)
    store.gathered.add(b"short", 1, LATER, b"", NOW)
    store.gathered.add(key_of(1), 1, LATER, bytes(1001), NOW)
    store.gathered.write()
    assert store.get(key_of(1), NOW) is None
    assert store.stats().refused == 2


def test_a_purge_holds_for_what_waits_to_be_written(tmp_path: Path) -> None:
    shelf = Shelf(1000)
    store = store_in(tmp_path, shelf)
    gather(store, range(5))
    assert store.purge(1, NOW)
    store.gathered.write()
    assert kept(store, range(5)) == set()


def test_a_disk_that_is_full_loses_what_did_not_fit_in(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    fill(store, range(5))
    size = files_of(tmp_path)[0].stat().st_size
    gather(store, range(5, 15), 500)
    with at_most(size + 1000):
        store.gathered.write()
    assert kept(store, range(15)) == set(range(5))
    assert store.stats().lost == 10
    store._retry_at = 0.0
    gather(store, range(5, 15), 500)
    store.gathered.write()
    assert kept(store, range(15)) == set(range(15))


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_process_that_is_killed_loses_what_it_had_not_written(tmp_path: Path) -> None:
    shelf = Shelf(10_000)
    store = store_in(tmp_path, shelf)

    def work() -> None:
        mine = store_in(tmp_path, shelf)
        for number in range(1, 5_000):  # so that none of them gives its place in the index up to a later one
            gather(mine, range(number, number + 1))
            if number % 7 == 0:
                mine.gathered.write()
        signal.pause()

    process = forked(work)
    while store.get(key_of(50), NOW) is None:
        pass
    killed(process)
    found = kept(store, range(1, 10_000))
    assert found >= set(range(1, 50))
    fill(store, range(20_000, 20_010))
    store.close()
    again = store_in(tmp_path, Shelf(10_000))
    Caching(again).step()
    assert kept(again, range(1, 50)) == set(range(1, 50))
    assert kept(again, range(20_000, 20_010)) == set(range(20_000, 20_010))
