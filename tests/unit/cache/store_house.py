"""Stores for tests: keys, payloads that tell whose they are, and processes that write and are killed."""

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from gateway._speedups.shelf import Shelf
from gateway.cache.store import Store

NOW = 3_000_000_000.0
"""Long after any day on which this is run: what is kept by the clock is older."""
LATER = NOW + 1_000_000


def key_of(number: object) -> bytes:
    return hashlib.blake2b(repr(number).encode(), digest_size=32).digest()


def payload_of(number: int, size: int = 100) -> bytes:
    """Bytes that nothing else has, so that a wrong answer cannot pass for the right one."""
    seed = hashlib.blake2b(b"payload %d" % number, digest_size=32).digest()
    return b"%d:" % number + (seed * (size // 32 + 1))[:size]


def store_in(folder: Path, shelf: Shelf | None = None, **settings: Any) -> Store:
    given: dict[str, Any] = {"max_size": 1 << 30, "max_entry": 1 << 20, **settings}
    return Store(shelf or Shelf(10_000), folder / "cache", **given)


def kept(store: Store, numbers: range) -> set[int]:
    """Which of these are found; every one that is found must be the right one."""
    found = set()
    for number in numbers:
        answer = store.get(key_of(number), NOW)
        if answer is not None:
            assert answer.payload.startswith(b"%d:" % number), f"a wrong answer for {number}"
            assert answer.payload == payload_of(number, len(answer.payload) - len(b"%d:" % number))
            found.add(number)
    return found


def fill(store: Store, numbers: range, size: int = 100, scope: int = 1) -> None:
    for number in numbers:
        assert store.put(key_of(number), scope, LATER, payload_of(number, size), now=NOW)


def files_of(folder: Path, suffix: str = ".seg") -> list[Path]:
    return sorted((folder / "cache").glob(f"*{suffix}"))


def forked(work: Callable[..., None], *arguments: object) -> BaseProcess:
    """A process that shares this one's memory as workers do."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def killed(process: BaseProcess, number: int = signal.SIGKILL) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)
    if number == signal.SIGKILL:
        process.join()
