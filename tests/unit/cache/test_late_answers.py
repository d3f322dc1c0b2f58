"""Answers that come late: their tenant was purged long ago, or their clock told another time."""

from pathlib import Path

import pytest
from store_house import LATER, NOW, fill, key_of, payload_of, store_in

from gateway.cache.store import VECTOR, Shelf, Store
from gateway.control.caching import Caching
from gateway.control.erasing import SETTLED


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def upkeep(store: Store) -> tuple[Caching, Clock]:
    job, clock = Caching(store), Clock(0.0)
    job._erasing._clock = clock
    return job, clock


def erased(job: Caching, clock: Clock) -> None:
    """All that was purged until now is gone, and nothing notes any more that it was purged."""
    job.step()
    clock.now += SETTLED + 1
    job.step()


def files_said(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (folder / "cache").iterdir() if path.is_file())


@pytest.mark.parametrize("kind", ["put", "add", "vector"])
def test_what_was_asked_before_a_purge_is_not_written_after_it(tmp_path: Path, kind: str) -> None:
    """Its erasure is over by then, and a restart would find it again."""
    store = store_in(tmp_path, Shelf(1000))
    job, clock = upkeep(store)
    fill(store, range(3), scope=1)
    assert store.purge(1, NOW + 5)
    erased(job, clock)
    assert list((tmp_path / "cache" / "erase").iterdir()) == []
    if kind == "put":
        assert not store.put(key_of(9), 1, LATER, b"a secret", now=NOW + 1)
    elif kind == "add":
        store.gathered.add(key_of(9), 1, LATER, b"a secret", NOW + 1)
        store.gathered.write()
    else:
        assert not store.put(key_of(9), 1, LATER, b"a secret", VECTOR, now=NOW + 1)
    assert store.put(key_of(10), 1, LATER, payload_of(10), now=NOW + 6)
    assert store.put(key_of(11), 2, LATER, payload_of(11), now=NOW + 1)
    assert b"a secret" not in files_said(tmp_path)
    store.close()
    again = store_in(tmp_path, Shelf(1000))
    Caching(again).step()
    assert again.get(key_of(9), NOW) is None
    assert again.get(key_of(10), NOW) is not None
    assert again.get(key_of(11), NOW) is not None


def test_what_is_of_a_later_time_than_now_is_no_answer(tmp_path: Path) -> None:
    """The clock was set back: nobody knows how old it is, and it would live as much longer."""
    store = store_in(tmp_path, Shelf(1000))
    assert store.put(key_of(1), 1, NOW + 7200, payload_of(1), now=NOW + 3600)
    assert store.put(key_of(2), 1, NOW + 7200, payload_of(2), now=NOW + 2)
    assert store.get(key_of(1), NOW) is None
    assert store.get(key_of(2), NOW) is not None  # clocks are set right by moments all the time
    assert store.put(key_of(1), 1, NOW + 10, payload_of(3), now=NOW)
    found = store.get(key_of(1), NOW)
    assert found is not None
    assert found.payload == payload_of(3)


def test_a_purge_takes_what_was_written_by_a_clock_that_was_ahead(tmp_path: Path) -> None:
    store = store_in(tmp_path, Shelf(1000))
    job, clock = Caching(store, Clock(NOW)), Clock(0.0)
    job._erasing._clock = clock
    for number, scope in enumerate((1, 2)):
        assert store.put(key_of(number), scope, NOW + 7200, b"secret %d" % scope, now=NOW + 3600)
    found = store.get(key_of(1), NOW + 3600)
    assert found is not None
    assert store.purge(1, NOW)
    erased(job, clock)
    assert b"secret 1" not in files_said(tmp_path)
    assert store.put(key_of(5), 1, NOW + 7200, b"new", now=NOW + 1)
    assert store.get(key_of(0), NOW + 3600) is None
    assert store.get(key_of(1), NOW + 3600) is not None
    assert store.get(key_of(5), NOW + 1) is not None


def test_a_purge_that_cannot_be_noted_says_so(tmp_path: Path) -> None:
    """It holds until a restart, and nothing is erased: whoever asks for it must not take it for done."""
    store = store_in(tmp_path, Shelf(1000))
    fill(store, range(1), scope=1)
    (tmp_path / "cache" / "erase").write_bytes(b"no folder")
    assert not store.purge(1, NOW)
    assert store.get(key_of(0), NOW) is None
    (tmp_path / "cache" / "erase").unlink()
    assert store.purge(1, NOW)
