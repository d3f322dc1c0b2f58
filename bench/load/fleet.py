"""Load-generating processes, one per core, that measure the same window."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from bench.cores import Cores, pin
from bench.load.exchange import Load, Result
from bench.load.histogram import merge

SECOND = 1_000_000_000
_READY_SECONDS = 60.0
_LATE_SECONDS = 90.0


class LoadFailed(RuntimeError):
    """A load generator could not do its work; the message is its own."""


class Window:
    """The moments between which everything is measured, on CLOCK_MONOTONIC."""

    def __init__(self, warm_up: float, seconds: float) -> None:
        self.start = time.perf_counter_ns() + int((warm_up + 0.05) * SECOND)
        self.stop = self.start + int(seconds * SECOND)

    def await_start(self) -> None:
        _sleep_until(self.start)

    def await_stop(self) -> None:
        _sleep_until(self.stop)


def share(load: Load, workers: int) -> list[Load]:
    """The load divided among workers; fewer workers when there are fewer connections than that."""
    if load.rate == 0:
        workers = min(workers, load.connections)
    return [
        msgspec.structs.replace(
            load,
            connections=load.connections // workers + (number < load.connections % workers),
            rate=load.rate / workers,
            seed=load.seed + number,
        )
        for number in range(workers)
    ]


def measure(load: Load, cores: Cores, on_window: Callable[[Window], None]) -> Result:
    """Carries `load` out with one process per core of `cores`. `on_window` runs beside it, and may watch
    processes.

    Raises LoadFailed when a generator fails by itself; wrong answers are counted, not raised.
    """
    loads = share(load, max(1, len(cores)))
    with _started(loads, cores) as workers:
        for worker in workers:
            _expect_ready(worker)
        window = Window(load.warm_up, load.seconds)
        for worker in workers:
            worker.stdin.write(f"{window.start}\n")
            worker.stdin.flush()
        on_window(window)
        return combine([_read_result(worker) for worker in workers])


def combine(results: list[Result]) -> Result:
    """Several workers' results as one."""
    problems: dict[str, int] = {}
    for result in results:
        for what, count in result.problems.items():
            problems[what] = problems.get(what, 0) + count
    return Result(
        seconds=max(result.seconds for result in results),
        requests=sum(result.requests for result in results),
        aborted=sum(result.aborted for result in results),
        events=sum(result.events for result in results),
        reads=sum(result.reads for result in results),
        busy=max(result.busy for result in results),
        problems=problems,
        latency=merge(result.latency for result in results),
        first=merge(result.first for result in results),
        chunk=merge(result.chunk for result in results),
        lag=merge(result.lag for result in results),
        worst=max(result.worst for result in results),
    )


class _Worker:
    def __init__(self, load: Load, cores: Cores) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=(lambda: pin(cores)) if cores else None,
        )
        assert self._process.stdin is not None
        self.stdin = self._process.stdin
        self.stdin.write(msgspec.json.encode(load).decode() + "\n")
        self.stdin.flush()

    def line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            raise LoadFailed(self._process.stderr.read()[-2000:])
        return line

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def _started(loads: list[Load], cores: Cores) -> Iterator[list[_Worker]]:
    workers: list[_Worker] = []
    try:
        for number, load in enumerate(loads):
            own = (cores[number],) if number < len(cores) else ()
            workers.append(_Worker(load, own))
        yield workers
    finally:
        for worker in workers:
            worker.end()


def _expect_ready(worker: _Worker) -> None:
    line = worker.line()
    if line != "ready\n":
        raise LoadFailed(f"unexpected word of a load generator: {line!r}")


def _read_result(worker: _Worker) -> Result:
    return msgspec.json.decode(worker.line(), type=Result)


def _sleep_until(moment: int) -> None:
    time.sleep(max(0, moment - time.perf_counter_ns()) / SECOND)
