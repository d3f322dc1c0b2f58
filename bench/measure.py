"""One measurement: a scenario, on a server, under one kind of load, with the processes watched meanwhile."""

from typing import Literal

import msgspec

from bench.cores import Layout
from bench.load.exchange import Load, Result
from bench.load.fleet import Window, measure
from bench.load.histogram import Spread, spread
from bench.processes import Footprint, footprint
from bench.scenarios import Scenario, Server, exchange

Pressure = Literal["one", "rate", "peak"]
_BUSY = 0.9  # of a core; what is busier than this is what limits


class Subject(msgspec.Struct, frozen=True):
    """A server with the process to watch (None: unknown) and the number of cores it may use."""

    server: Server
    pid: int | None
    cores: int = 1


class Busy(msgspec.Struct, frozen=True):
    """Share of their cores that roles used in the window, 0 to 1 (`subject` of all its cores)."""

    subject: float
    mock: float
    load: float


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What one measurement found. Rates are per second, times in microseconds, memory in bytes.

    `limited_by` is who was at full stretch: only when it is the subject alone, is the rate the subject's own.
    """

    scenario: str
    server: str
    pressure: Pressure
    cores: int
    seconds: float
    requests: int
    errors: int
    problems: dict[str, int]
    rate: float
    chunk_rate: float
    reads_per_chunk: float
    latency: Spread | None
    first: Spread | None
    chunk: Spread | None
    lag: Spread | None
    cpu_us: float
    cpu_us_per_chunk: float
    rss: int
    largest_rss: int
    busy: Busy
    limited_by: str

    @property
    def sound(self) -> bool:
        """Whether conclusions may be drawn: answers came, and all were right."""
        return self.requests > 0 and self.errors == 0


class Settings(msgspec.Struct, frozen=True):
    """How long and how hard. `peak` overrides the scenarios' connections at peak when not 0."""

    seconds: float = 5.0
    warm_up: float = 0.5
    rate: float = 0.0
    peak: int = 0
    uniform: bool = False


def load_for(scenario: Scenario, server: Server, pressure: Pressure, settings: Settings, spin: bool) -> Load:
    """The load that a pressure means for a scenario."""
    peak = settings.peak or scenario.connections
    open_rate = settings.rate or scenario.rate
    return Load(
        host=server.host,
        port=server.port,
        exchanges=(exchange(scenario, server),),
        seconds=settings.seconds,
        warm_up=settings.warm_up,
        connections=1 if pressure == "one" else peak,
        rate=open_rate if pressure == "rate" else 0.0,
        uniform=settings.uniform,
        spin=spin,
    )


def run(
    scenario: Scenario,
    subject: Subject,
    mock_pid: int | None,
    pressure: Pressure,
    layout: Layout,
    settings: Settings,
) -> Run:
    """Measures. Raises LoadFailed when the load generator itself fails."""
    load = load_for(scenario, subject.server, pressure, settings, spin=not layout.shared)
    marks: list[tuple[Footprint, Footprint]] = []

    def watch(window: Window) -> None:
        window.await_start()
        marks.append((_print_of(subject.pid), _print_of(mock_pid)))
        window.await_stop()
        marks.append((_print_of(subject.pid), _print_of(mock_pid)))

    result = measure(load, layout.load, watch)
    (subject_before, mock_before), (subject_after, mock_after) = marks
    cpu = subject_after.cpu - subject_before.cpu
    busy = Busy(
        subject=round(cpu / result.seconds / subject.cores, 3),
        mock=round((mock_after.cpu - mock_before.cpu) / result.seconds, 3),
        load=round(result.busy / result.seconds, 3),
    )
    return _run(scenario, subject, pressure, result, cpu, subject_after, busy)


def _run(
    scenario: Scenario,
    subject: Subject,
    pressure: Pressure,
    result: Result,
    cpu: float,
    after: Footprint,
    busy: Busy,
) -> Run:
    return Run(
        scenario=scenario.name,
        server=subject.server.name,
        pressure=pressure,
        cores=subject.cores,
        seconds=result.seconds,
        requests=result.requests,
        errors=result.errors,
        problems=result.problems,
        rate=round(result.requests / result.seconds, 1),
        chunk_rate=round(result.events / result.seconds, 1),
        reads_per_chunk=round(result.reads / result.events, 3) if result.events else 0.0,
        latency=spread(result.latency, result.worst),
        first=spread(result.first),
        chunk=spread(result.chunk),
        lag=spread(result.lag),
        cpu_us=round(cpu * 1e6 / result.requests, 1) if result.requests else 0.0,
        cpu_us_per_chunk=round(cpu * 1e6 / result.events, 2) if result.events else 0.0,
        rss=after.rss,
        largest_rss=after.largest,
        busy=busy,
        limited_by=limited_by(pressure, busy),
    )


def limited_by(pressure: Pressure, busy: Busy) -> str:
    """Everybody who was at full stretch at peak; `latency` when nobody was (or others took the cores)."""
    if pressure != "peak":
        return ""
    shares = {"subject": busy.subject, "mock": busy.mock, "load": busy.load}
    return "+".join(role for role, share in shares.items() if share >= _BUSY) or "latency"


def _print_of(pid: int | None) -> Footprint:
    return Footprint(0.0, 0, 0, 0) if pid is None else footprint(pid)
