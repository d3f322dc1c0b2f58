"""Any history of keeping, reading, forgetting, purging, restarting and damage, against a dict that does the same."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from store_house import key_of, store_in

from gateway.cache.store import Shelf, Store
from gateway.control.caching import Caching

KEYS = st.integers(0, 3)
SCOPES = st.integers(0, 1)
"""A key is of one scope, as what makes keys puts it into them."""
STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.integers(0, 3), st.integers(1, 50)),
    st.tuples(st.just("put"), KEYS, st.integers(0, 3), st.integers(1, 50)),
    st.tuples(st.just("get"), KEYS),
    st.tuples(st.just("get"), KEYS),
    st.tuples(st.just("forget"), KEYS),
    st.tuples(st.just("purge"), SCOPES, st.integers(0, 60)),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("restart")),
    st.tuples(st.just("old")),
)
SIZES = (0, 90, 5000, 20_000)
START = 1_000_000_000.0


class Version(NamedTuple):
    """What was kept once under a key."""

    payload: bytes
    scope: int
    written: float
    expires: float


class House:
    """Two processes' stores on one shelf, and what they should know."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[int, list[Version]] = {}
        self.restarted = False
        self.now = START
        self.turn = 0
        self.open()

    def open(self) -> None:
        shelf = Shelf(1000)
        self.stores = [store_in(self.folder, shelf, segment=9000, wall=self.clock) for _ in range(2)]
        self.job = Caching(self.stores[1], self.clock)
        self.job.step()

    def clock(self) -> float:
        return self.now

    def store(self) -> Store:
        self.turn += 1
        return self.stores[self.turn % 2]

    def put(self, key: int, size: int, life: int) -> None:
        self.now, scope = self.now + 0.001, key % 2
        payload = b"%d of %d" % (self.turn, key) + bytes([key]) * SIZES[size]
        assert self.store().put(key_of(key), scope, self.now + life, payload, now=self.now)
        self.known.setdefault(key, []).append(Version(payload, scope, self.now, self.now + life))

    def get(self, key: int) -> None:
        found = self.store().get(key_of(key), self.now)
        versions = self.known.get(key, [])
        living = [one for one in versions if one.expires > self.now]
        if found is None:
            assert not living or living[-1] is not versions[-1]
            return
        told = [one for one in living if one.payload == found.payload]
        assert told  # payloads differ, so this is the one that was kept
        assert (found.scope, round(found.written, 5)) == (told[0].scope, round(told[0].written, 5))
        # After a restart one that was replaced is found where what replaced it expired before it.
        assert told[0] is versions[-1] or (self.restarted and living[-1] is not versions[-1])

    def forget(self, key: int) -> None:
        self.store().forget(key_of(key)[:16].hex())
        self.known.pop(key, None)

    def purge(self, scope: int, ago: int) -> None:
        assert self.store().purge(scope, self.now - ago)
        for key, versions in self.known.items():
            self.known[key] = [one for one in versions if one.scope != scope or one.written > self.now - ago]

    def wait(self, seconds: int) -> None:
        self.now += seconds + 0.5
        self.job.step()

    def restart(self) -> None:
        for store in self.stores:
            store.close()
        self.restarted = True
        self.open()

    def old(self) -> None:
        self.stores[0].shelf.old_below = 0 if self.turn % 3 == 0 else (1 << 63) - 1


@given(st.lists(STEPS, min_size=5, max_size=50))
def test_any_history(steps: list[tuple[object, ...]]) -> None:
    with TemporaryDirectory() as folder:
        house = House(Path(folder))
        for name, *arguments in steps:
            getattr(house, str(name))(*arguments)
        house.restart()
        for key in range(4):
            house.get(key)
