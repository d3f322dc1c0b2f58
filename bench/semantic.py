"""The command `python -m bench.semantic`: what looking for a question by its meaning costs, in one worker.

A process forked as workers are learns 100,000 questions of about 20 tokens from a log in memory, in one namespace and
two generations: the most that one search can have before it. Then it looks up others at a steady rate, on its event
loop and in a thread beside it, while a task that wakes every millisecond notes how late it was: what the loop's other
requests feel. Half of what is looked up says a learned question in slightly other words.
"""

import argparse
import asyncio
import multiprocessing
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from bench.semantic_questions import asked_for, learned
from gateway.cache.agreement import Agreement
from gateway.cache.embedding.static import StaticEmbedder, installed
from gateway.cache.graph import Graphs
from gateway.cache.learned import Learned, pack
from gateway.cache.semantic import VECTOR, Bounds, Questions, Semantic
from gateway.cache.vectors import Vectors
from gateway.cache.worded import Worded
from gateway.schemas.caching import Semantic as Settings

NAMESPACE = b"n" * 16
THRESHOLD = 0.93
BOUNDS = Bounds(THRESHOLD, Settings().same_words)
BATCH = 256
TICK = 0.001
SOON = 0.0025
"""Seconds between two slices of what is learned, as in a worker."""

Percentiles = dict[str, float]
Find = Callable[[str], Awaitable[bool]]


class Frame(msgspec.Struct, frozen=True):
    """One frame of the log."""

    key: bytes
    expires: float
    payload: bytes
    written: float = 0.0
    scope: int = 1
    kind: int = VECTOR


class Memory:
    """A log in memory, told in batches: payloads one after the other, each behind its length."""

    def __init__(self, payloads: bytes) -> None:
        self._payloads = payloads
        self._at = 0
        self._number = 0
        self._end = time.time() + 86_400

    def put(self, *_: object) -> bool:
        return False

    def tail(self) -> list[Frame]:
        told: list[Frame] = []
        while self._at < len(self._payloads) and len(told) < BATCH:
            start = self._at + 4
            self._at = start + int.from_bytes(self._payloads[self._at : start], "little")
            self._number += 1
            key = self._number.to_bytes(32, "little")
            told.append(Frame(key, self._end, self._payloads[start : self._at]))
        return told


class Refusing:
    """A verifier that costs nothing."""

    async def agrees(self, *_: str) -> bool | None:
        return False


def written(embedder: StaticEmbedder, texts: Iterable[str]) -> bytes:
    """What other workers would have written."""
    guards = Agreement()
    found = bytearray()
    for text in texts:
        payload = pack(Learned(embedder.fingerprint, NAMESPACE, text.encode(), guards.note(text)))
        found += len(payload).to_bytes(4, "little") + payload
    return bytes(found)


def percentiles(seconds: list[float]) -> Percentiles:
    """p50, p99 and the longest, in milliseconds."""
    ordered = sorted(seconds)
    return {
        "p50": ordered[len(ordered) // 2] * 1e3,
        "p99": ordered[len(ordered) * 99 // 100] * 1e3,
        "max": ordered[-1] * 1e3,
    }


def private() -> float:
    """Megabytes that this process shares with nobody."""
    found = 0
    for line in Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Private_"):
            found += int(line.split()[1])
    return found / 1024


class Lag:
    """How late a task wakes that sleeps a millisecond at a time."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._task = asyncio.get_running_loop().create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            due = time.perf_counter() + TICK
            await asyncio.sleep(TICK)
            self.late.append(time.perf_counter() - due)

    def stop(self) -> Percentiles:
        self._task.cancel()
        return percentiles(self.late)


def finished(coroutine: Coroutine[Any, Any, object]) -> bool:
    """Runs what never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value is not None
    raise RuntimeError("it waits")


async def looked_up(find: Find, asked: list[str], rate: float) -> dict[str, Any]:
    """Looks every question up, at a steady rate; 0 is one after the other."""
    lag = Lag()
    took, worked, hits = [], [], 0
    due = time.perf_counter()
    for text in asked:
        due += 1 / rate if rate else 0.0
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        begun, before = time.perf_counter(), time.thread_time()
        hits += await find(text)
        took.append(time.perf_counter() - begun)
        worked.append(time.thread_time() - before)
    return {
        "look-up": percentiles(took),
        "look-up, the loop's processor time": percentiles(worked),
        "others' delay": lag.stop(),
        "hits": hits,
    }


async def filled(semantic: Semantic) -> dict[str, Any]:
    """Follows the log as a worker does, until all is searchable."""
    lag = Lag()
    begun = time.perf_counter()
    while semantic.follow(time.time()):  # noqa: ASYNC110
        await asyncio.sleep(SOON)
    read = time.perf_counter() - begun
    while semantic.questions.pending:
        semantic.follow(time.time())
        await asyncio.sleep(0.01)
    return {
        "read s": read,
        "in the index s": time.perf_counter() - begun,
        "entries": semantic.questions.entries,
        "others' delay": lag.stop(),
    }


async def measured(embedder: StaticEmbedder, log: Memory, arguments: argparse.Namespace) -> dict[str, Any]:
    told: dict[str, Any] = {"private MB before": private()}
    graphs = Graphs(print)
    memory = arguments.memory << 20
    questions: Questions = Worded(memory=memory, life=86_400, now=time.time())
    searched = None
    if arguments.reworded:
        most = 2 * arguments.entries if arguments.one else arguments.entries + 2
        searched = Vectors(embedder.dimensions, memory=memory, most=most, life=86_400, indexing=graphs)
        questions = searched
    semantic = Semantic(
        *(embedder, log, Agreement(), questions),
        bounds=BOUNDS,
        verifier=Refusing() if arguments.reworded else None,
        reworded=searched,
    )
    told["filling"] = await filled(semantic)
    told["private MB full"] = private()
    told["weight MB"] = questions.weight / (1 << 20)

    async def on_loop(text: str) -> bool:
        return await semantic.find(NAMESPACE, text, THRESHOLD, time.time()) is not None

    pool = ThreadPoolExecutor(1)

    async def beside(text: str) -> bool:
        found = semantic.find(NAMESPACE, text, THRESHOLD, time.time())
        return await asyncio.get_running_loop().run_in_executor(pool, finished, found)

    async def nothing(_: str) -> bool:
        return False

    asked = list(asked_for(arguments.entries, arguments.lookups, 1))
    other = list(asked_for(arguments.entries, arguments.lookups, 2))
    for name, find in (("nothing", nothing), ("on the loop", on_loop), ("in a thread", beside)):
        told[name] = await looked_up(find, asked, arguments.rate)
    told["on the loop, one after the other"] = await looked_up(on_loop, other, 0)
    pool.shutdown()
    told["refused"] = semantic.refused
    semantic.questions.purge(1, 1.0)
    graphs.stop()
    return told


def worker(embedder: StaticEmbedder, log: Memory, arguments: argparse.Namespace, end: Connection) -> None:
    end.send(asyncio.run(measured(embedder, log, arguments)))
    end.close()


def show(told: dict[str, Any]) -> None:
    console = Console()
    table = Table("", "p50 ms", "p99 ms", "max ms")
    for name, found in told.items():
        if not isinstance(found, dict):
            continue
        for part, value in found.items():
            if isinstance(value, dict):
                table.add_row(f"{name}: {part}", *(f"{value[key]:.3f}" for key in ("p50", "p99", "max")))
            else:
                table.add_row(f"{name}: {part}", f"{value:.1f}")
    console.print(table)
    for name, found in told.items():
        if not isinstance(found, dict):
            console.print(f"{name}: {found:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.semantic", description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--lookups", type=int, default=4_000)
    parser.add_argument("--rate", type=float, default=500.0, help="look-ups a second")
    parser.add_argument("--memory", type=int, default=192, help="MB of vectors, texts and indexes")
    parser.add_argument("--reworded", action="store_true", help="search the vectors, too")
    parser.add_argument("--one", action="store_true", help="all entries in one generation")
    arguments = parser.parse_args()
    embedder = installed()
    context = multiprocessing.get_context("fork")
    end, other = context.Pipe()
    log = Memory(written(embedder, learned(arguments.entries)))
    child = context.Process(target=worker, args=(embedder, log, arguments, other))
    child.start()
    other.close()
    show(end.recv())
    child.join()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
