"""What callers notice of a store that is away: the same load while it is there and while SQLite's file is locked or a
PostgreSQL server of the bench's own is stopped, many times by turns; then every answer must be a row.
`python -m bench.outage [--turns N] [--seconds S] [--rate R] [--postgres]`"""

import argparse
import os
import sqlite3
import sys
import time
import urllib.request
from pathlib import Path
from typing import Protocol

from sqlalchemy import create_engine, text

from bench.cores import Cores, available, layout
from bench.load.exchange import Load, Result
from bench.load.fleet import LoadFailed, measure
from bench.postgres import House, programs
from bench.processes import Child, ChildFailed
from bench.scenarios import BY_NAME, Server, exchange
from bench.servers import await_ready, spawn_gateway, start_gateway, start_mock
from bench.turns import Turn, binned, compared

GOAL = 1.1
PATIENCE = 60.0
COUNTED = "SELECT COUNT(*) FROM records WHERE status = 200"


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


class Store(Protocol):
    """Where the records go."""

    def start(self, out: Path, mock: Server, cores: Cores) -> tuple[Child, Server]: ...
    def leave(self) -> None: ...
    def back(self) -> None: ...
    def rows(self) -> int: ...
    def close(self) -> None: ...


class Locked:
    """SQLite's file, which somebody else holds while it is away."""

    def start(self, out: Path, mock: Server, cores: Cores) -> tuple[Child, Server]:
        """The gateway on it."""
        self._file = out / "data" / "gateway.db"
        return start_gateway(out, mock, cores)

    def leave(self) -> None:
        """Nobody can write from now on."""
        self._holder = sqlite3.connect(self._file, isolation_level=None, timeout=10)
        self._holder.execute("BEGIN IMMEDIATE")

    def back(self) -> None:
        """Everybody can again."""
        self._holder.close()

    def rows(self) -> int:
        """How many answers are stored."""
        connection = sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=5)
        try:
            (found,) = connection.execute(COUNTED).fetchone()
        finally:
            connection.close()
        return int(found)

    def close(self) -> None:
        """Nothing is left of it."""


class Stopped:
    """A PostgreSQL server, which is not there while it is away. Raises ChildFailed where none is installed."""

    def __init__(self) -> None:
        folder = programs()
        if folder is None:
            raise ChildFailed("no PostgreSQL server is installed")
        self._house = House(folder)
        self._house.start()
        self._known = 0

    def start(self, out: Path, mock: Server, cores: Cores) -> tuple[Child, Server]:
        """The gateway on it."""
        url = f"http://{mock.host}:{mock.port}"
        more = {"store": {"url": self._house.url}}
        child, server = spawn_gateway(out, url, cores, workers=max(1, len(cores)), more=more)
        child.await_port(server.port)
        await_ready(child, server)
        return child, server

    def leave(self) -> None:
        """It ends as by a crash."""
        self._known = self.rows()
        self._house.stop()

    def back(self) -> None:
        """It is there again."""
        self._house.start()

    def rows(self) -> int:
        """How many answers are stored; while it is away, how many were."""
        if not self._house.running:
            return self._known
        engine = create_engine(self._house.url)
        try:
            with engine.connect() as connection:
                return int(connection.execute(text(COUNTED)).scalar_one())
        finally:
            engine.dispose()

    def close(self) -> None:
        """Nothing is left of it."""
        self._house.close()


def settled(store: Store) -> int:
    """How many are stored when no more come."""
    deadline, before = time.monotonic() + PATIENCE, -1
    while time.monotonic() < deadline and (found := store.rows()) != before:
        before = found
        time.sleep(6)  # a store that was away is tried again every 5 s
    return before


def taken(
    store: Store, server: Server, rate: float, seconds: float, cores: Cores, turns: int
) -> tuple[list[Turn], list[Result]]:
    """What was measured while it was there and while it was away, turn by turn; and all results while it was away.
    Every other turn begins with the store away."""
    found, away = list[Turn](), list[Result]()
    for number in range(turns):
        bins = {}
        for gone in (False, True) if number % 2 == 0 else (True, False):
            if gone:
                store.leave()
            try:
                result = asked(server, rate, seconds, cores)
            finally:
                if gone:
                    store.back()
            if gone:
                away.append(result)
            elif result.problems:
                raise LoadFailed(f"while the store was there: {result.problems}")
            bins[gone] = binned(result.latency)
        found.append((bins[False], bins[True]))
    return found, away


def main() -> int:
    """0 unless callers noticed, or something is lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.outage", description=__doc__)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=6.0, help="in either state, each turn")
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL server that is stopped")
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    arguments = parser.parse_args()
    where, children = layout(available()), list[Child]()
    store: Store | None = None
    try:
        store = Stopped() if arguments.postgres else Locked()
        mock, mock_server = start_mock(arguments.out, where.mock)
        children.append(mock)
        gateway, server = store.start(arguments.out, mock_server, where.gateway)
        children.append(gateway)
        begin = _counted(server)
        asked(server, arguments.rate, arguments.seconds, where.load)  # all has happened once
        turns, away = taken(store, server, arguments.rate, arguments.seconds, where.load, arguments.turns)
        answers = _counted(server) - begin
        stored = settled(store)
    except (ChildFailed, LoadFailed) as failure:
        print(f"bench.outage: {failure}", file=sys.stderr)
        return 1
    finally:
        for child in reversed(children):
            child.stop()
        if store is not None:
            store.close()
    errors = sum(one.errors for one in away)
    busy = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"{len(turns)} turns of {arguments.seconds:.0f} s in either state; {busy}")
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        found = compared(turns, share)
        print(
            f"{name} there {found.first:,.0f} µs, away {found.second:,.0f} µs: {found.value:.2f} ×, "
            f"95 % between {found.low:.2f} and {found.high:.2f}; at most {GOAL}: {found.judged(GOAL)}"
        )
    print(f"{sum(one.requests for one in away):,} answers while it was away, {errors} errors")
    print(f"{answers:,} answers, {stored:,} rows")
    return 0 if found.judged(GOAL) != "missed" and answers == stored and not errors else 1


def _counted(server: Server) -> int:
    """Answers that the gateway counted."""
    with urllib.request.urlopen(f"http://{server.host}:{server.port}/metrics", timeout=5) as page:
        lines = page.read().decode().splitlines()
    found = (line for line in lines if line.startswith("gateway_requests_total{") and 'status="200"' in line)
    return sum(int(float(line.rpartition(" ")[2])) for line in found)


if __name__ == "__main__":
    sys.exit(main())
