"""One load-generating process: a Load on stdin, a Result on stdout.

It says `ready` when it has made its first checked call, and starts when it is told the moment
(CLOCK_MONOTONIC, ns) at which the measured window opens; the warm-up lies before it.
"""

import asyncio
import gc
import sys
from time import perf_counter_ns, process_time

import msgspec
import uvloop

from bench.load.caller import Caller, warm
from bench.load.exchange import Load, Result
from bench.load.histogram import fold, samples
from bench.load.loops import SECOND, Fire, LoopClock, arrivals, closed_loop, open_loop
from gateway._speedups.http1 import Client, Origin

_MAX_CONNECTIONS = 8192


class Notebook:
    """Collects what happens inside the window; calls that end outside it leave no trace but their problems."""

    def __init__(self, start: int, stop: int) -> None:
        self.start = start
        self.stop = stop
        self.latencies = samples()
        self.firsts = samples()
        self.chunks = samples()
        self.lags = samples()
        self.requests = 0
        self.events = 0
        self.reads = 0
        self.left = 0
        self.problems: dict[str, int] = {}

    def problem(self, what: str) -> None:
        self.problems[what] = self.problems.get(what, 0) + 1

    def first(self, nanoseconds: int) -> None:
        if perf_counter_ns() >= self.start:
            self.firsts.append(nanoseconds)

    def chunk(self, nanoseconds: int) -> None:
        if perf_counter_ns() >= self.start:
            self.chunks.append(nanoseconds)

    def stream(self, events: int, reads: int) -> None:
        if self.start <= perf_counter_ns() < self.stop:
            self.events += events
            self.reads += reads

    def aborted(self) -> None:
        self.left += 1

    def lag(self, moment: int, nanoseconds: int) -> None:
        if moment >= self.start:
            self.lags.append(nanoseconds)


async def run(load: Load) -> Result:
    """Carries a load out, from `ready` to the end."""
    client = Client(asyncio.get_running_loop(), max_connections=_MAX_CONNECTIONS, pool_wait=60.0)
    origin = Origin(load.host, load.port)
    authority = f"{load.host}:{load.port}"
    callers = [Caller(client, origin, exchange, authority) for exchange in load.exchanges]
    trial = Notebook(0, 0)
    for caller in callers[: load.tried]:
        await warm(caller, trial)
    print("ready", flush=True)
    start = int(await asyncio.to_thread(sys.stdin.readline))
    stop = start + int(load.seconds * SECOND)
    note = Notebook(start, stop)
    note.problems.update(trial.problems)
    gc.freeze()
    gc.disable()  # the generator's own pauses are not the server's latency
    busy = await _drive(load, callers, note)
    await client.close()
    return _result(load, note, busy)


async def _drive(load: Load, callers: list[Caller], note: Notebook) -> float:
    """CPU seconds spent in the window."""
    clock = LoopClock(load.spin)
    loop = asyncio.get_running_loop()
    marks: list[float] = []
    for moment in (note.start, note.stop):
        loop.call_later(max(0, moment - clock.now()) / SECOND, lambda: marks.append(process_time()))
    send = _sender(load, callers, note, clock)
    if load.rate:
        begin = max(clock.now(), note.start - int(load.warm_up * SECOND))
        due = arrivals(begin, note.stop, load.rate, uniform=load.uniform, seed=load.seed)
        await open_loop(due, send, clock, note.lag)
    else:
        await closed_loop(load.connections, note.stop, send, clock)
    marks.append(process_time())
    return marks[1] - marks[0] if len(marks) > 1 else 0.0


def _sender(load: Load, callers: list[Caller], note: Notebook, clock: LoopClock) -> Fire:
    turn = 0
    open_loop_counts = bool(load.rate)

    async def send(moment: int) -> None:
        nonlocal turn
        turn += 1
        leave = load.abort_every > 0 and turn % load.abort_every == 0
        right = await callers[turn % len(callers)].call(note, moment, leave)
        now = clock.now()
        counts = note.start <= moment if open_loop_counts else note.start <= now < note.stop
        # A wrong answer may be a quick one: it counts among the problems, never as speed.
        if counts and right:
            note.requests += 1
            note.latencies.append(now - moment)

    return send


def _result(load: Load, note: Notebook, busy: float) -> Result:
    return Result(
        seconds=load.seconds,
        requests=note.requests,
        aborted=note.left,
        events=note.events,
        reads=note.reads,
        busy=busy,
        problems=note.problems,
        latency=fold(note.latencies),
        first=fold(note.firsts) if note.firsts else "",
        chunk=fold(note.chunks) if note.chunks else "",
        lag=fold(note.lags) if note.lags else "",
        worst=max(note.latencies, default=0),
    )


def main() -> None:
    """Reads the load, runs it, writes the result."""
    load = msgspec.json.decode(sys.stdin.readline(), type=Load)
    result = uvloop.run(run(load))
    print(msgspec.json.encode(result).decode(), flush=True)


if __name__ == "__main__":
    main()
