"""The store of answers: what is kept is found by every process, until it expires, is purged or forgotten."""

import threading
from pathlib import Path

import pytest
from store_house import LATER, NOW, files_of, fill, forked, kept, key_of, payload_of, store_in

from gateway.cache.store import ENTRY, PURGE, VECTOR, Frame, Shelf, Store


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 4000, 4016, 4017, 5000, 300_000])
def test_what_is_kept_is_found_as_it_was(tmp_path: Path, size: int) -> None:
    store = store_in(tmp_path)
    payload = payload_of(1, size)[:size]
    assert store.put(key_of(1), 7, LATER, payload, now=NOW)
    assert store.put(key_of(2), 7, LATER, b"next")
    found = store.get(key_of(1), NOW)
    assert found is not None
    assert (found.payload, found.scope, found.key) == (payload, 7, key_of(1))
    assert found.written == pytest.approx(NOW, abs=1e-6)
    assert found.expires == pytest.approx(LATER, abs=1e-6)
    assert found.id == key_of(1)[:16].hex()


def test_nothing_is_made_before_something_is_kept(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    assert store.get(key_of(1), NOW) is None
    assert store.tail() == []
    assert not (tmp_path / "cache").exists()


def test_the_last_one_kept_is_found(tmp_path: Path) -> None:
    shelf = Shelf(1000)
    one, other = store_in(tmp_path, shelf), store_in(tmp_path, shelf)
    for number in range(20):
        assert (one, other)[number % 2].put(key_of("same"), 1, LATER, b"%d" % number)
        for store in (one, other):
            found = store.get(key_of("same"), NOW)
            assert found is not None
            assert found.payload == b"%d" % number


def test_another_process_finds_it_at_once(tmp_path: Path) -> None:
    shelf = Shelf(1000)
    store = store_in(tmp_path, shelf)

    def write() -> None:
        fill(store_in(tmp_path, shelf), range(100))

    process = forked(write)
    process.join()
    assert process.exitcode == 0
    assert kept(store, range(100)) == set(range(100))


def test_what_expired_is_a_miss(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.put(key_of(1), 1, NOW + 10, b"short", now=NOW)
    assert store.get(key_of(1), NOW + 9.999) is not None
    assert store.get(key_of(1), NOW + 10) is None
    store.put(key_of(2), 1, float("inf"), b"for ever", now=NOW)
    assert store.get(key_of(2), 9e9) is not None


@pytest.mark.parametrize(
    ("key", "payload", "kind"),
    [(b"short", b"", ENTRY), (bytes(33), b"", ENTRY), (bytes(32), bytes(1001), ENTRY), (bytes(32), b"", 4)],
)
def test_what_is_refused(tmp_path: Path, key: bytes, payload: bytes, kind: int) -> None:
    store = store_in(tmp_path, max_entry=1000)
    assert not store.put(key, 1, LATER, payload, kind)
    assert store.get(key, NOW) is None
    assert store.stats().refused == 1


def test_more_segments_than_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cache.store.FILES", 3)
    store = store_in(tmp_path, segment=1000)
    fill(store, range(200))
    assert len(files_of(tmp_path)) > 20
    assert kept(store, range(200)) == set(range(200))


def test_an_index_that_is_full_forgets_and_never_lies(tmp_path: Path) -> None:
    shelf = Shelf(1)
    store = store_in(tmp_path, shelf, segment=20_000)
    fill(store, range(2000))
    found = kept(store, range(2000))
    assert shelf.capacity // 2 < len(found) <= shelf.capacity
    assert 1999 in found


def test_a_scope_is_purged_in_all_processes_and_no_other_scope(tmp_path: Path) -> None:
    shelf = Shelf(1000)
    store, other = store_in(tmp_path, shelf), store_in(tmp_path, shelf)
    fill(store, range(10), scope=1)
    fill(store, range(10, 20), scope=2**64 - 1)
    fill(store, range(20, 30), scope=0)
    assert store.purge(2**64 - 1, NOW + 1)
    assert kept(other, range(30)) == {*range(10), *range(20, 30)}
    assert other.put(key_of(10), 2**64 - 1, LATER, payload_of(10), now=NOW + 2)
    assert kept(store, range(30)) == {*range(11), *range(20, 30)}
    assert other.purge(0, NOW + 1)
    assert kept(store, range(30)) == set(range(11))


def test_an_earlier_purge_takes_nothing_back(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    fill(store, range(1))
    assert store.purge(1, NOW + 5)
    assert store.purge(1, NOW - 5)
    assert kept(store, range(1)) == set()


def test_one_entry_is_forgotten(tmp_path: Path) -> None:
    shelf = Shelf(1000)
    store, other = store_in(tmp_path, shelf), store_in(tmp_path, shelf)
    fill(store, range(10))
    found = store.get(key_of(3), NOW)
    assert found is not None
    assert other.forget(found.id)
    assert kept(store, range(10)) == {*range(10)} - {3}
    assert not other.forget(found.id)


@pytest.mark.parametrize("id", ["", "zz", "00", "../../etc", "0" * 64, "é" * 32])
def test_an_id_that_is_none_forgets_nothing(tmp_path: Path, id: str) -> None:
    store = store_in(tmp_path)
    fill(store, range(3))
    assert not store.forget(id)
    assert kept(store, range(3)) == {0, 1, 2}


def vectors(frames: list[Frame]) -> list[bytes]:
    return [one.payload for one in frames if one.kind == VECTOR]


def drained(store: Store, most: int = 256) -> list[Frame]:
    found: list[Frame] = []
    while more := store.tail(most):
        assert len(more) <= most
        found += more
    return found


def test_the_tail_tells_every_process_of_every_vector_once(tmp_path: Path) -> None:
    shelf = Shelf(1000)
    one, other = store_in(tmp_path, shelf, segment=3000), store_in(tmp_path, shelf)
    wanted = []
    for number in range(60):
        payload = payload_of(number, 20 * number)
        wanted.append(payload)
        assert (one, other)[number % 2].put(key_of(number), 5, LATER, payload, VECTOR, NOW)
        one.put(key_of(number), 5, LATER, b"not told")
    for store in (one, other, store_in(tmp_path, shelf)):
        frames = drained(store, most=7)
        assert sorted(vectors(frames)) == sorted(wanted)
        assert {(frame.scope, frame.expires) for frame in frames} == {(5, LATER)}
        assert drained(store) == []
    other.put(key_of(1), 5, LATER, b"later", VECTOR)
    assert vectors(one.tail()) == [b"later"]
    assert one.get(key_of(1), NOW) is not None  # a vector's key finds the entry, not the vector


def test_the_tail_tells_of_purges_and_not_of_what_was_purged(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.put(key_of(1), 5, LATER, b"five", VECTOR, NOW)
    store.put(key_of(1), 6, LATER, b"six", VECTOR, NOW)
    store.purge(5, NOW + 1)
    told = [(one.kind, one.scope, one.written) for one in store.tail()]
    assert told == [(VECTOR, 6, NOW), (PURGE, 5, NOW + 1)]


def test_threads_of_one_process(tmp_path: Path) -> None:
    store = store_in(tmp_path, segment=50_000)
    wrong: list[int] = []

    def work(first: int) -> None:
        for number in range(first, first + 300):
            if not store.put(key_of(number), 1, LATER, payload_of(number, number % 9000), now=NOW):
                wrong.append(number)
            if number not in kept(store, range(number, number + 1)):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(300 * at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert kept(store, range(1200)) == set(range(1200))


def test_a_closed_store_goes_on_in_a_new_segment(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    fill(store, range(3))
    store.close()
    fill(store, range(3, 5))
    assert kept(store, range(5)) == set(range(5))
    assert len(files_of(tmp_path)) == 2
