"""What a worker remembers is told without a look into its file, as long as the store would still tell it."""

import time
from collections.abc import Callable

import pytest
from caching_house import House, completion, play

from gateway._speedups.shelf import Found
from gateway.cache.files import segment_path
from gateway.upstream.replies import Whole


async def told_often(house: House) -> Found:
    """Kept once, and told so often that it is remembered."""
    first = house.call("hello")
    await house.dispatcher.asked(1)
    house.dispatcher.answer(Whole(completion("Hello"), []))
    await first
    for _ in range(3):
        assert (await house.call("hello")).record.cache == "hit"
    (entry,) = house.entries().values()
    return entry


def test_no_file_is_read_for_it() -> None:
    async def run() -> None:
        house = House(scope="key")
        await told_often(house)
        for line in house.store.shelf.get_lines():
            path = segment_path(house.store.folder, line.identity, line.stream)
            path.write_bytes(bytes(path.stat().st_size))
        way = await house.call("hello")
        assert way.record.cache == "hit"
        assert b"Hello" in way.body
        assert house.store.stats().damaged == 0

    play(run())


def forgotten(house: House, entry: Found) -> None:
    assert house.store.forget(entry.id)


def purged(house: House, entry: Found) -> None:
    assert house.store.purge(entry.scope, time.time())


def all_purged(house: House, entry: Found) -> None:
    assert house.store.purge(1 << 63, time.time())


def expired(house: House, entry: Found) -> None:
    house.ahead = 3601.0


def set_back(house: House, entry: Found) -> None:
    house.ahead = -3600.0


def retired(house: House, entry: Found) -> None:
    for line in house.store.shelf.get_lines():
        assert house.store.shelf.retire(line.number, line.identity)


def replaced(house: House, entry: Found) -> None:
    house.exchange(entry, b"nothing that can be read", later=1)


@pytest.mark.parametrize(
    "happened",
    [forgotten, purged, all_purged, expired, set_back, retired, replaced],
    ids=lambda one: one.__name__,
)
def test_what_the_store_tells_no_more_is_not_told(happened: Callable[[House, Found], None]) -> None:
    async def run() -> None:
        house = House(scope="key")
        happened(house, await told_often(house))
        again = house.call("hello")
        await house.dispatcher.asked(2)
        house.dispatcher.answer(Whole(completion("Salut"), []))
        assert b"Salut" in (await again).body
        assert again.way.record.cache == "miss"

    play(run())


def test_one_of_an_old_segment_is_carried_over() -> None:
    async def run() -> None:
        house = House(scope="key")
        entry = await told_often(house)
        (line,) = house.store.shelf.get_lines()
        house.store.leave(line.identity)
        house.store.shelf.old_below = line.identity + 1
        for _ in range(3):
            assert (await house.call("hello")).record.cache == "hit"
        assert house.store.stats().carried == 1
        assert house.store.reader.holds(entry.key, line.identity)

    play(run())
