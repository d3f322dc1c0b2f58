"""The bench's JSON document: every measurement, and what follows from them."""

import os
import platform
from collections.abc import Iterable
from pathlib import Path

import msgspec

from bench.load.histogram import Spread
from bench.measure import Pressure, Run, Settings
from bench.report.goals import Goal, Ratio, goals


class Machine(msgspec.Struct, frozen=True):
    """Where it was measured."""

    cpu: str
    cores: int
    kernel: str
    python: str


class Added(msgspec.Struct, frozen=True):
    """Latency through a server minus latency without it, percentile by percentile, µs. `first` is to the
    first byte."""

    scenario: str
    server: str
    pressure: Pressure
    latency: Spread
    first: Spread | None
    chunk: Spread | None
    errors: int


class Peak(msgspec.Struct, frozen=True):
    """A server at full stretch, or at a stream's own pace when `paced`.

    `to_nginx` is requests (of streams: chunks) per second and core over nginx's. Chunks that arrive together
    may leave together: `deliveries_per_core` counts the reads in which a caller got them.
    """

    scenario: str
    server: str
    cores: int
    rate: float
    rate_per_core: float
    chunk_rate_per_core: float
    deliveries_per_core: float
    cpu_us: float
    cpu_us_per_chunk: float
    rss_mb: float
    limited_by: str
    errors: int
    paced: bool
    to_nginx: float | None


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """Everything. `notes` are warnings about the numbers' worth."""

    version: int = 1
    started: str
    machine: Machine
    settings: Settings
    notes: list[str]
    runs: list[Run]
    added: list[Added]
    peaks: list[Peak]
    ratios: list[Ratio]
    goals: list[Goal]


def document(started: str, settings: Settings, runs: list[Run], notes: list[str]) -> Document:
    """Draws the conclusions."""
    added, peaks, ratios = list(_added(runs)), list(_peaks(runs)), list(_ratios(runs))
    return Document(
        started=started,
        machine=machine(),
        settings=settings,
        notes=[*notes, *_doubts(runs)],
        runs=runs,
        added=added,
        peaks=peaks,
        ratios=ratios,
        goals=goals(runs, ratios),
    )


def machine() -> Machine:
    """This machine."""
    names = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    return Machine(
        cpu=names[0] if names else platform.processor(),
        cores=len(os.sched_getaffinity(0)),
        kernel=platform.release(),
        python=platform.python_version(),
    )


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def _added(runs: list[Run]) -> Iterable[Added]:
    direct = {(run.scenario, run.pressure): run for run in runs if run.server == "direct"}
    for run in runs:
        base = direct.get((run.scenario, run.pressure))
        if run.server == "direct" or base is None or not base.sound or run.cores != 1:
            continue
        # At peak the latency is the queue's, not the server's: only a paced peak says something.
        if run.pressure == "peak" and run.chunk is None:
            continue
        latency = _minus(run.latency, base.latency)
        if latency is not None:
            yield Added(
                scenario=run.scenario,
                server=run.server,
                pressure=run.pressure,
                latency=latency,
                first=_minus(run.first, base.first),
                chunk=_minus(run.chunk, base.chunk),
                errors=run.errors,
            )


def _minus(one: Spread | None, other: Spread | None) -> Spread | None:
    return None if one is None or other is None else one.minus(other)


def _peaks(runs: list[Run]) -> Iterable[Peak]:
    peaks = [run for run in runs if run.pressure == "peak"]
    limit = {run.scenario: _power(run) for run in peaks if _compares(run) and run.server == "nginx"}
    for run in peaks:
        nginx = limit.get(run.scenario)
        yield Peak(
            scenario=run.scenario,
            server=run.server,
            cores=run.cores,
            rate=run.rate,
            rate_per_core=round(run.rate / run.cores, 1),
            chunk_rate_per_core=round(run.chunk_rate / run.cores, 1),
            deliveries_per_core=round(run.chunk_rate * run.reads_per_chunk / run.cores, 1),
            cpu_us=run.cpu_us,
            cpu_us_per_chunk=run.cpu_us_per_chunk,
            rss_mb=round(run.rss / 2**20, 1),
            limited_by=run.limited_by,
            errors=run.errors,
            paced=run.chunk is not None,
            to_nginx=round(_power(run) / nginx, 3)
            if nginx and _compares(run) and run.server != "nginx"
            else None,
        )


def _power(run: Run) -> float:
    return (run.chunk_rate or run.rate) / run.cores


def _compares(run: Run) -> bool:
    return run.pressure == "peak" and run.chunk is None and run.sound


def _ratios(runs: list[Run]) -> Iterable[Ratio]:
    sound = [run for run in runs if _compares(run)]
    own = {run.scenario: run for run in sound if run.server == "gateway" and run.cores == 1}
    for run in sound:
        gateway = own.get(run.scenario)
        if gateway is None or run.server in ("direct", "gateway"):
            continue
        cpu, other = (gateway.cpu_us_per_chunk or gateway.cpu_us), (run.cpu_us_per_chunk or run.cpu_us)
        yield Ratio(
            scenario=run.scenario,
            peer=run.server,
            by_rate=round(_power(gateway) / _power(run), 3),
            by_cpu=round(other / cpu, 3) if cpu and other else None,
        )


def _doubts(runs: list[Run]) -> Iterable[str]:
    for run in runs:
        if not run.sound:
            what = f"{run.scenario}, {run.pressure}, {run.server}"
            yield f"{what}: {run.errors} wrong answers {run.problems}: nothing is concluded from it"
