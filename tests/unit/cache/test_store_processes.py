"""Several processes at once: killed or stopped at any moment, they neither spoil an answer nor hold anybody up."""

import mmap
import os
import random
import signal
import struct
import time
from pathlib import Path

import pytest
from store_house import LATER, NOW, fill, forked, kept, key_of, killed, payload_of, store_in

from gateway.cache.store import VECTOR, Shelf
from gateway.control.caching import Caching

KEYS = 300
COUNTS = 8


class Board:
    """Numbers that processes tell one another."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8 * COUNTS)

    def __getitem__(self, at: int) -> int:
        (found,) = struct.unpack_from("<q", self._memory, 8 * at)
        return int(found)

    def __setitem__(self, at: int, value: int) -> None:
        struct.pack_into("<q", self._memory, 8 * at, value)

    def reach(self, at: int, value: int) -> None:
        end = time.monotonic() + 20
        while self[at] < value:
            assert time.monotonic() < end, f"{self[at]} instead of {value}"
            time.sleep(0.001)


def append(shelf: Shelf, folder: Path, board: Board, seed: int) -> None:
    """Keeps one after the other for ever, and tells how far it is."""
    store, draw, number = store_in(folder, shelf, segment=1 << 18), random.Random(seed), seed * 1_000_000
    while True:
        assert store.put(key_of(number), 1, LATER, payload_of(number, draw.randrange(20_000)), now=NOW)
        assert store.put(key_of(number), 1, LATER, b"%d" % number, VECTOR, now=NOW)
        number += 1
        board[seed] = number


def test_writers_killed_in_the_middle_of_writing(tmp_path: Path) -> None:
    shelf, board, draw = Shelf(100_000), Board(), random.Random(1)
    store = store_in(tmp_path, shelf)
    told: set[bytes] = set()
    for seed in range(1, 8):
        board[seed] = seed * 1_000_000
        writer = forked(append, shelf, tmp_path, board, seed)
        board.reach(seed, seed * 1_000_000 + 5)
        time.sleep(draw.random() / 50)
        killed(writer)
    for found in (store, store_in(tmp_path, Shelf(100_000))):
        Caching(found).step()  # the second one is the cache after a restart
        told.clear()
        while frames := found.tail():
            told |= {one.payload for one in frames}
        for seed in range(1, 8):
            numbers = range(seed * 1_000_000, board[seed])
            assert kept(found, numbers) == set(numbers)
            assert {b"%d" % number for number in numbers} <= told
        fill(found, range(10))
        assert kept(found, range(10)) == set(range(10))


def mix(shelf: Shelf, folder: Path, board: Board, seed: int) -> None:
    """Keeps, reads and forgets what others do too; every answer is looked at. Segments come and go."""
    store, draw = store_in(folder, shelf, segment=40_000, max_size=600_000), random.Random(seed)
    hits = 0
    for turn in range(4000):
        number = draw.randrange(KEYS)
        what = draw.random()
        if what < 0.4:
            store.put(key_of(number), number % 3, LATER, payload_of(number, draw.randrange(3000)), now=NOW)
        elif what < 0.42:
            store.forget(key_of(number)[:16].hex())
        elif what < 0.44 and turn > 100:
            store.purge(7, NOW)
        else:
            hits += len(kept(store, range(number, number + 1)))
        store.tail()
    board[seed] = hits


def test_processes_that_write_read_forget_and_evict_at_once(tmp_path: Path) -> None:
    shelf, board = Shelf(5000), Board()
    job = Caching(store_in(tmp_path, shelf, segment=40_000, max_size=600_000))
    workers = [forked(mix, shelf, tmp_path, board, seed) for seed in range(3)]
    while any(worker.is_alive() for worker in workers):
        job.step()
        time.sleep(0.002)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert min(board[seed] for seed in range(3)) > 100
    assert shelf.counts()["evicted"] > 0
    assert shelf.counts()["damaged"] <= 20  # a frame that was erased while it was read


def test_a_stopped_writer_delays_nobody(tmp_path: Path) -> None:
    shelf, board = Shelf(100_000), Board()
    store = store_in(tmp_path, shelf, max_size=2_000_000, segment=1 << 18)
    job = Caching(store_in(tmp_path, shelf, max_size=2_000_000, segment=1 << 18))  # of another process
    for seed in range(1, 4):
        writer = forked(append, shelf, tmp_path, board, seed)
        board.reach(seed, seed * 1_000_000 + 3)
        killed(writer, signal.SIGSTOP)
        try:
            while store.stats().bytes > 2_000_000:  # how far it came before it was stopped
                job.step()
            first = 1000 * seed
            for at in range(first, first + 300, 20):
                job.step()  # also evicts what the stopped one has written
                fill(store, range(at, at + 20), size=8000)
            assert kept(store, range(first + 200, first + 300)) == set(range(first + 200, first + 300))
            job.step()
            assert store.purge(seed, NOW - 1)
            assert store.forget(key_of(first + 299)[:16].hex())
            assert store.stats().bytes <= 2_000_000
            told = board[seed]
            killed(writer, signal.SIGCONT)
            board.reach(seed, told + 3)  # it goes on in another segment
        finally:
            killed(writer)


def serve(shelf: Shelf, folder: Path, board: Board) -> None:
    job = Caching(store_in(folder, shelf, segment=40_000, max_size=400_000))
    while True:
        job.step()
        board[0] += 1


@pytest.mark.parametrize("seed", range(3))
def test_control_killed_at_any_moment(tmp_path: Path, seed: int) -> None:
    shelf, board, draw = Shelf(5000), Board(), random.Random(seed)
    store = store_in(tmp_path, shelf, segment=40_000, max_size=400_000)
    for turn in range(6):
        job = forked(serve, shelf, tmp_path, board)
        seen = board[0]
        for number in range(1000 * turn, 1000 * turn + 150):
            store.put(key_of(number), number % 5, LATER, payload_of(number, 3000), now=NOW)
        store.purge(turn % 5, NOW)
        board.reach(0, seen + 1)
        time.sleep(draw.random() / 100)
        killed(job)
        assert all(number % 5 > turn for number in kept(store, range(1000 * turn + 150)))
    last = Caching(store)
    last.step()
    assert store.stats().bytes <= 400_000
    last.count()
    assert store.stats().entries == shelf.occupied()
    again = store_in(tmp_path, Shelf(5000), max_size=400_000)
    store.close()
    Caching(again).step()
    found = kept(again, range(6000))
    assert {number % 5 for number in found} == set()
    fill(again, range(3), scope=9)
    assert os.listdir(tmp_path / "cache")
