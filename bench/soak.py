"""The command `python -m bench.soak`: memory of the gateway's workers over a million requests.

Plain answers, streams and translations in the mix; every 37th request leaves before its end, plain ones
before their first byte.
"""

import argparse
import sys
from pathlib import Path

import msgspec

from bench.cores import available, layout
from bench.load.exchange import Exchange, Load, Result
from bench.load.fleet import LoadFailed, measure
from bench.processes import Child, ChildFailed, footprint
from bench.scenarios import BY_NAME, Scenario, Server, exchange
from bench.servers import start_gateway, start_mock

LIMIT_MB = 90.0
GROWTH_MB = 3.0  # between the first sample and the last: the allocator's noise
_FIRST, _EVERY = 200_000, 100_000
_SEGMENT = 2.0  # seconds between looks at the count
_ABORT_EVERY = 37
_CONNECTIONS = 64
_STREAM = "chunks20"


class Sample(msgspec.Struct, frozen=True):
    """Memory after so many requests: the largest worker and all processes together, MB."""

    requests: int
    worker_mb: float
    total_mb: float


class Soak(msgspec.Struct, frozen=True):
    """The samples, and whether they hold the limits. `growth_mb` is of a worker, from the first sample to the
    last."""

    samples: list[Sample]
    requests: int
    aborted: int
    problems: dict[str, int]
    growth_mb: float
    limit_mb: float
    met: bool


def verdict(samples: list[Sample], requests: int, aborted: int, problems: dict[str, int]) -> Soak:
    """Judges: no wrong answer, no worker over the limit, and no growth beyond noise."""
    growth = round(samples[-1].worker_mb - samples[0].worker_mb, 1)
    held = max(sample.worker_mb for sample in samples) <= LIMIT_MB and growth <= GROWTH_MB
    return Soak(samples, requests, aborted, problems, growth, LIMIT_MB, held and not problems)


def main() -> int:
    """0 when the limits hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=_FIRST, help="requests before the first sample")
    parser.add_argument("--every", type=int, default=_EVERY, help="requests between samples")
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    arguments = parser.parse_args()
    cores = available()
    where = layout(cores)
    children: list[Child] = []
    try:
        mock, mock_server = start_mock(arguments.out, where.mock)
        children.append(mock)
        gateway, server = start_gateway(arguments.out, mock_server, where.gateway)
        children.append(gateway)
        marks = list(range(arguments.first, arguments.requests + 1, arguments.every)) or [arguments.requests]
        found = _soak(server, gateway.pid, marks, where.load)
    except (ChildFailed, LoadFailed) as failure:
        print(f"bench.soak: {failure}", file=sys.stderr)
        return 1
    finally:
        for child in reversed(children):
            child.stop()
    print(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())
    return 0 if found.met else 1


def mix(server: Server) -> tuple[Exchange, ...]:
    """Ten requests: seven plain, one translated, a stream and a translated stream."""
    plain, translated = BY_NAME["unary"], BY_NAME["translate"]
    streams = [_short(BY_NAME[name]) for name in ("stream", "translate-stream")]
    return tuple(exchange(scenario, server) for scenario in [plain] * 7 + [translated, *streams])


def _short(scenario: Scenario) -> Scenario:
    return msgspec.structs.replace(scenario, options=_STREAM)


def _soak(server: Server, pid: int, marks: list[int], load_cores: tuple[int, ...]) -> Soak:
    load = Load(
        host=server.host,
        port=server.port,
        exchanges=mix(server),
        seconds=_SEGMENT,
        warm_up=0.0,
        connections=_CONNECTIONS,
        abort_every=_ABORT_EVERY,
    )
    samples: list[Sample] = []
    problems: dict[str, int] = {}
    total = aborted = 0
    while len(samples) < len(marks):
        result = _segment(load, load_cores)
        aborted += result.aborted
        total += result.requests + result.aborted
        for what, count in result.problems.items():
            problems[what] = problems.get(what, 0) + count
        if not result.requests:
            raise LoadFailed(f"no request succeeded: {result.problems}")
        if total >= marks[len(samples)]:
            samples.append(_sample(total, pid))
            print(f"{total:>9,} requests: {samples[-1].worker_mb} MB", file=sys.stderr, flush=True)
    return verdict(samples, total, aborted, problems)


def _segment(load: Load, cores: tuple[int, ...]) -> Result:
    return measure(load, cores, lambda window: window.await_stop())


def _sample(requests: int, pid: int) -> Sample:
    used = footprint(pid)
    return Sample(requests, round(used.largest / 2**20, 1), round(used.rss / 2**20, 1))


if __name__ == "__main__":
    sys.exit(main())
