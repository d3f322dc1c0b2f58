"""What is no longer needed goes, whole, and not at once."""

import asyncio
from collections.abc import Iterator

from gateway.access.snapshot import Snapshot, encoded
from gateway.schemas.governance import Governance, Limit, VirtualKey
from gateway.wiring import fading
from gateway.wiring.fading import Fading

KEYS = 100


async def until_gone(*left: list[int]) -> int:
    """How many sizes were seen meanwhile."""
    seen = set()
    while any(left):
        seen.add(tuple(map(len, left)))
        await asyncio.sleep(fading.PAUSE)
    return len(seen)


def steps(left: list[int]) -> Iterator[None]:
    while left:
        left.pop()
        yield


async def test_everything_goes_one_after_the_other_in_slices() -> None:
    first, second = list(range(20_000)), list(range(20_000))
    fades = Fading(asyncio.get_running_loop())
    fades.add(steps(first))
    fades.add(steps(second))
    assert len(first) + len(second) == 40_000  # nothing goes before the loop turns
    assert await until_gone(first, second) > 2
    fades.add(steps(third := [1]))
    await until_gone(third)


async def test_a_worker_that_ends_does_not_wait_for_it() -> None:
    fades = Fading(asyncio.get_running_loop())
    fades.add(steps(left := list(range(1000))))
    fades.close()
    await asyncio.sleep(2 * fading.PAUSE)
    assert len(left) == 1000


def test_a_snapshot_that_fades_still_answers() -> None:
    keys = tuple(VirtualKey(f"k{n}", f"{n:064x}") for n in range(KEYS))
    limits = tuple(Limit(f"l{n}", f"key:k{n}") for n in range(KEYS))
    snapshot = Snapshot(encoded(Governance(1, keys, limits)))

    def told() -> list[object]:
        return [(snapshot.key(bytes.fromhex(one.digest)), snapshot.bounds(f"key:{one.id}")) for one in keys]

    before = told()
    for _ in snapshot.fading():
        assert snapshot.key(bytes.fromhex(keys[0].digest)) == keys[0]
    assert told() == before
