"""The bench's JSON document: every measurement, and what follows from them."""

import os
import platform
from collections.abc import Iterable
from pathlib import Path

import msgspec

from bench.load.histogram import Spread
from bench.measure import Pressure, Run, Settings


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
    """A server at full stretch. `to_nginx` is requests (of streams: chunks) per second and core over nginx's."""

    scenario: str
    server: str
    cores: int
    rate: float
    rate_per_core: float
    chunk_rate_per_core: float
    cpu_us: float
    cpu_us_per_chunk: float
    rss_mb: float
    limited_by: str
    errors: int
    to_nginx: float | None


class Ratio(msgspec.Struct, frozen=True):
    """The gateway's rate per core over a peer's."""

    scenario: str
    peer: str
    value: float


class Goal(msgspec.Struct, frozen=True):
    """A promise of the project, and what was found. `met` is None when it was not measured."""

    what: str
    found: str
    met: bool | None


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
    added, peaks = list(_added(runs)), list(_peaks(runs))
    ratios = list(_ratios(peaks))
    return Document(
        started=started,
        machine=machine(),
        settings=settings,
        notes=notes,
        runs=runs,
        added=added,
        peaks=peaks,
        ratios=ratios,
        goals=_goals(added, peaks, ratios),
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
        if run.server == "direct" or base is None or run.cores != 1:
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
    peaks = [run for run in runs if run.pressure == "peak" and run.chunk is None]
    limit = {run.scenario: _power(run) for run in peaks if run.server == "nginx"}
    for run in peaks:
        nginx = limit.get(run.scenario)
        yield Peak(
            scenario=run.scenario,
            server=run.server,
            cores=run.cores,
            rate=run.rate,
            rate_per_core=round(run.rate / run.cores, 1),
            chunk_rate_per_core=round(run.chunk_rate / run.cores, 1),
            cpu_us=run.cpu_us,
            cpu_us_per_chunk=run.cpu_us_per_chunk,
            rss_mb=round(run.rss / 2**20, 1),
            limited_by=run.limited_by,
            errors=run.errors,
            to_nginx=round(_power(run) / nginx, 3) if nginx and run.server != "nginx" else None,
        )


def _power(run: Run) -> float:
    return (run.chunk_rate or run.rate) / run.cores


def _ratios(peaks: list[Peak]) -> Iterable[Ratio]:
    own = {peak.scenario: peak for peak in peaks if peak.server == "gateway" and peak.cores == 1}
    for peak in peaks:
        gateway = own.get(peak.scenario)
        if gateway is None or peak.server in ("direct", "gateway") or not peak.rate_per_core:
            continue
        value = (gateway.chunk_rate_per_core or gateway.rate_per_core) / (
            peak.chunk_rate_per_core or peak.rate_per_core
        )
        yield Ratio(peak.scenario, peak.server, round(value, 3))


def _goals(added: list[Added], peaks: list[Peak], ratios: list[Ratio]) -> list[Goal]:
    unary = {ratio.peer: ratio.value for ratio in ratios if ratio.scenario == "unary"}
    streams = {(peak.server, peak.cores): peak for peak in peaks if peak.scenario == "stream"}
    stream = streams.get(("gateway", 1))
    steady = {(entry.server, entry.pressure): entry for entry in added if entry.scenario == "unary"}
    return [
        _at_least("plain requests/s on one core, to nginx's", unary.get("nginx"), 0.20, "×"),
        _at_least("plain requests/s on one core, to LiteLLM's", unary.get("litellm"), 50.0, "×"),
        _at_least(
            "streamed chunks/s per core", stream.chunk_rate_per_core if stream else None, 40_000.0, "/s"
        ),
        _steady(steady.get(("gateway", "rate"))),
    ]


def _at_least(what: str, found: float | None, bound: float, unit: str) -> Goal:
    promise = f"{what} ≥ {bound:,g} {unit}"
    if found is None:
        return Goal(promise, "not measured", None)
    return Goal(promise, f"{found:,g} {unit}", found >= bound)


def _steady(added: Added | None) -> Goal:
    promise = "1,000/s: no errors, added p99 ≤ 2 ms"
    if added is None:
        return Goal(promise, "not measured", None)
    found = f"{added.errors} errors, {added.latency.p99 / 1000:.2f} ms"
    return Goal(promise, found, added.errors == 0 and added.latency.p99 <= 2000)
