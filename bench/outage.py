"""What callers notice of a store that is away: the same load before, while SQLite's file is locked, and after; then
every answer must be a row. `python -m bench.outage [--away S] [--rate R]`"""

import argparse
import sqlite3
import sys
import time
import urllib.request
from pathlib import Path

from bench.cores import Cores, available, layout
from bench.load.exchange import Load, Result
from bench.load.fleet import LoadFailed, measure
from bench.load.histogram import spread
from bench.processes import Child, ChildFailed
from bench.scenarios import BY_NAME, Server, exchange
from bench.servers import start_gateway, start_mock

GOAL = 1.1
PATIENCE = 60.0


def asked(server: Server, rate: float, seconds: float, cores: Cores) -> Result:
    """The plain request, at this rate."""
    load = Load(
        host=server.host,
        port=server.port,
        exchanges=(exchange(BY_NAME["unary"], server),),
        seconds=seconds,
        rate=rate,
    )
    return measure(load, cores, lambda window: window.await_stop())


def rows(store: Path) -> int:
    """How many answers are stored."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=5)
    try:
        (found,) = connection.execute("SELECT COUNT(*) FROM records WHERE status = 200").fetchone()
    finally:
        connection.close()
    return int(found)


def settled(store: Path) -> int:
    """How many are stored when no more come."""
    deadline, before = time.monotonic() + PATIENCE, -1
    while time.monotonic() < deadline and (found := rows(store)) != before:
        before = found
        time.sleep(2)
    return before


def main() -> int:
    """0 when nobody noticed and nothing is lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.outage", description=__doc__)
    parser.add_argument("--away", type=float, default=60.0, help="seconds for which the file is locked")
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    arguments = parser.parse_args()
    where, children = layout(available()), list[Child]()
    store = arguments.out / "data" / "gateway.db"
    try:
        mock, mock_server = start_mock(arguments.out, where.mock)
        children.append(mock)
        gateway, server = start_gateway(arguments.out, mock_server, where.gateway)
        children.append(gateway)
        begin = _counted(server)
        before = asked(server, arguments.rate, arguments.away / 2, where.load)
        holder = sqlite3.connect(store, isolation_level=None, timeout=10)
        holder.execute("BEGIN IMMEDIATE")
        during = asked(server, arguments.rate, arguments.away, where.load)
        held = rows(store)
        holder.close()
        after = asked(server, arguments.rate, arguments.away / 2, where.load)
        answers = _counted(server) - begin
        stored = settled(store)
    except (ChildFailed, LoadFailed) as failure:
        print(f"bench.outage: {failure}", file=sys.stderr)
        return 1
    finally:
        for child in reversed(children):
            child.stop()
    tails = {}
    for name, result in (("before", before), ("away", during), ("after", after)):
        found = spread(result.latency)
        assert found is not None
        tails[name] = found.p99
        print(
            f"{name:<7} {result.requests:,} answers, {result.errors} errors, p50 {found.p50} µs, p99 {found.p99} µs"
        )
    share = 2 * tails["away"] / (tails["before"] + tails["after"])
    print(f"p99 {share:.2f} × that of before and after (goal {GOAL}); {held:,} were stored while it was away")
    print(f"{answers:,} answers, {stored:,} rows")
    return 0 if share <= GOAL and answers == stored and not during.errors else 1


def _counted(server: Server) -> int:
    """Answers that the gateway counted."""
    with urllib.request.urlopen(f"http://{server.host}:{server.port}/metrics", timeout=5) as page:
        lines = page.read().decode().splitlines()
    found = (line for line in lines if line.startswith("gateway_requests_total{") and 'status="200"' in line)
    return sum(int(float(line.rpartition(" ")[2])) for line in found)


if __name__ == "__main__":
    sys.exit(main())
