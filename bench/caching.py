"""The command `python -m bench.caching`: what keeping and finding an answer costs, in microseconds, in one process.

With ENTRIES=1000000 it keeps a million, and tells how long they take to be found again after a restart, and how much
memory of its own a process needs for them.
"""

import gc
import hashlib
import multiprocessing
import os
import tempfile
import time
from multiprocessing.queues import Queue
from pathlib import Path
from time import perf_counter

from gateway._speedups.shelf import Shelf
from gateway.cache.store import Store
from gateway.control.caching import Caching

ENTRIES = int(os.environ.get("ENTRIES", "100000"))
SIZES = (200, 1024, 8192, 65536)
ROUNDS = 5
MANY = 20_000
WORKERS = 4


def keys(number: int) -> list[bytes]:
    """Keys as they come: hashes."""
    return [key_of(at) for at in range(number)]


def key_of(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=32).digest()


def private_mb() -> float:
    """Memory that no other process shares."""
    found = 0
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_"):
            found += int(line.split()[1])
    return found / 1024


def each(store: Store, size: int, wanted: list[bytes]) -> tuple[float, float]:
    """Microseconds of one `put` and of one `get`, the least of several rounds."""
    payload, now, put, get = os.urandom(size), time.time(), store.put, store.get
    puts, gets = [], []
    for _ in range(ROUNDS):
        begun = perf_counter()
        for key in wanted:
            put(key, 1, now + 3600, payload)
        between = perf_counter()
        for key in wanted:
            get(key, now)
        gets.append(perf_counter() - between)
        puts.append(between - begun)
    return min(puts) / len(wanted) * 1e6, min(gets) / len(wanted) * 1e6


def misses(store: Store, wanted: list[bytes]) -> float:
    """Microseconds of one `get` of what is not there."""
    now, others = time.time(), [key[::-1] for key in wanted]
    begun = perf_counter()
    for key in others:
        store.get(key, now)
    return (perf_counter() - begun) / len(others) * 1e6


def fill(store: Store, wanted: list[bytes]) -> None:
    """Keeps so many entries of 1 KB."""
    payload, ends = os.urandom(1024), time.time() + 3600
    for key in wanted:
        store.put(key, 1, ends, payload)


def read_all(store: Store, number: int, told: "Queue[float]") -> None:
    """What a worker needs for itself, once it has read everything."""
    before, now = private_mb(), time.time()
    own = Store(store.shelf, store.folder, max_size=store.max_size, max_entry=1 << 20)
    for at in range(number):
        own.get(key_of(at), now)
    told.put(private_mb() - before)


def workers(store: Store, number: int) -> list[float]:
    """Private megabytes of each worker that reads everything, with the others."""
    context = multiprocessing.get_context("fork")
    told: Queue[float] = context.Queue()
    gc.freeze()  # a worker does not write to what it inherited, nor do these
    processes = [context.Process(target=read_all, args=(store, number, told)) for _ in range(WORKERS)]
    for process in processes:
        process.start()
    found = [told.get() for _ in processes]
    for process in processes:
        process.join()
    return found


def main() -> None:
    """Prints one line for each."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "cache")
        store = Store(Shelf(ENTRIES), place, max_size=64 << 30, max_entry=1 << 20)
        wanted = keys(max(ENTRIES, MANY))
        for size in SIZES:
            put, get = each(store, size, wanted[: MANY if size < SIZES[-1] else MANY // 20])
            print(f"{size:6} bytes          put {put:6.2f} us, get {get:6.2f} us")
        print(f"a miss                {misses(store, wanted[:MANY]):10.2f} us")
        fill(store, wanted)
        store.close()
        private = max(workers(store, len(wanted)))
        print(
            f"private memory        {private:10.2f} MB more in each of {WORKERS} workers that read all {len(wanted)}"
        )
        again = Store(Shelf(ENTRIES), place, max_size=64 << 30, max_entry=1 << 20)
        job = Caching(again)
        begun = perf_counter()
        job.step()
        seconds = perf_counter() - begun
        job.count()
        print(f"found again           {again.stats().entries} entries in {seconds:.2f} s, in the background")
        begun = perf_counter()
        job.step()
        print(f"a look of control     {(perf_counter() - begun) * 1e3:10.2f} ms")
        again.close()


if __name__ == "__main__":
    main()
