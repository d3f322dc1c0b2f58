"""The project's promises about speed, held against what was measured."""

from statistics import median

import msgspec

from bench.load.histogram import Spread
from bench.measure import Run

_NGINX, _LITELLM = 0.20, 50.0
_CHUNKS = 40_000.0  # per second and core, 32 streams
_ADDED_P99 = 2000.0  # µs
_ROUTED = 0.95  # of the requests/s by the direct name


class Ratio(msgspec.Struct, frozen=True):
    """The gateway to another, on one core: by rate at peak, and by CPU time per request (of streams: per chunk).

    The rates compare fairly only when both were at full stretch: then the two values agree. `value` is the smaller.
    """

    scenario: str
    peer: str
    by_rate: float
    by_cpu: float | None

    @property
    def value(self) -> float:
        return self.by_rate if self.by_cpu is None else min(self.by_rate, self.by_cpu)


class Goal(msgspec.Struct, frozen=True):
    """A promise of the project, and what was found. `met` is None when it was not measured."""

    what: str
    found: str
    met: bool | None


def goals(runs: list[Run], ratios: list[Ratio]) -> list[Goal]:
    """Every promise. Wrong answers break one, however fast they came."""
    return [
        _ratio("nginx", "nginx", _NGINX, runs, ratios),
        _ratio("LiteLLM", "litellm", _LITELLM, runs, ratios),
        _flow(_find(runs, "flow", "gateway", "peak")),
        _steady(_find(runs, "unary", "direct", "rate"), _find(runs, "unary", "gateway", "rate")),
        _routed(_turns(runs, "named"), _turns(runs, "route")),
        _faultless(_find(runs, "faults", "gateway", "peak")),
    ]


def _find(runs: list[Run], scenario: str, server: str, pressure: str) -> Run | None:
    wanted = (scenario, server, pressure, 1)
    return next((r for r in runs if (r.scenario, r.server, r.pressure, r.cores) == wanted), None)


def _ratio(title: str, peer: str, bound: float, runs: list[Run], ratios: list[Ratio]) -> Goal:
    promise = f"plain requests/s on one core ≥ {bound:g} × {title}'s"
    gateway = _find(runs, "unary", "gateway", "peak")
    if gateway is not None and not gateway.sound:
        return _broken(promise, gateway)
    found = next((ratio for ratio in ratios if (ratio.scenario, ratio.peer) == ("unary", peer)), None)
    if found is None:
        return _unknown(promise)
    by_cpu = "" if found.by_cpu is None else f", {found.by_cpu:,.2f} × by CPU time"
    return Goal(promise, f"{found.by_rate:,.2f} × by rate{by_cpu}", found.value >= bound)


def _flow(run: Run | None) -> Goal:
    promise = f"≥ {_CHUNKS:,.0f} chunks/s per core, 32 streams, 0.5 ms between chunks"
    if run is None:
        return _unknown(promise)
    if not run.sound:
        return _broken(promise, run)
    found = f"{run.chunk_rate:,.0f}/s in {run.chunk_rate * run.reads_per_chunk:,.0f} deliveries/s"
    return Goal(promise, found, run.chunk_rate >= _CHUNKS)


def _steady(direct: Run | None, gateway: Run | None) -> Goal:
    promise = f"1,000/s: no errors, added p99 ≤ {_ADDED_P99 / 1000:g} ms"
    if direct is None or gateway is None or not direct.sound:
        return _unknown(promise)
    if not gateway.sound:
        return _broken(promise, gateway)
    added = _added(direct.latency, gateway.latency)
    return Goal(promise, f"0 errors, {added / 1000:.2f} ms", added <= _ADDED_P99)


def _turns(runs: list[Run], scenario: str) -> list[Run]:
    wanted = (scenario, "gateway", "peak", 1)
    return [run for run in runs if (run.scenario, run.server, run.pressure, run.cores) == wanted]


def _routed(plain: list[Run], routed: list[Run]) -> Goal:
    promise = f"a route of 3 targets and 2 fallbacks ≥ {_ROUTED:g} × the direct name's requests/s"
    if not plain or not routed or not all(run.sound for run in plain):
        return _unknown(promise)
    for run in routed:
        if not run.sound:
            return _broken(promise, run)
    by_rate = median(run.rate for run in routed) / median(run.rate for run in plain)
    cost = median(run.cpu_us for run in plain), median(run.cpu_us for run in routed)
    by_cpu = f", {cost[0] / cost[1]:,.2f} × by CPU time" if cost[1] else ""
    turns = f" (medians of {len(routed)})"
    return Goal(promise, f"{by_rate:,.2f} × by rate{by_cpu}{turns}", by_rate >= _ROUTED)


def _faultless(run: Run | None) -> Goal:
    promise = "of 10 % failing answers no caller sees one: routes with retries and fallbacks"
    if run is None:
        return _unknown(promise)
    if not run.sound:
        return _broken(promise, run)
    return Goal(promise, f"0 errors in {run.requests:,} answers", True)


def _added(direct: Spread | None, gateway: Spread | None) -> float:
    assert direct is not None, "a sound run has latencies"
    assert gateway is not None, "a sound run has latencies"
    return gateway.p99 - direct.p99


def _broken(promise: str, run: Run) -> Goal:
    return Goal(promise, f"{run.errors} wrong answers", False)


def _unknown(promise: str) -> Goal:
    return Goal(promise, "not measured", None)
