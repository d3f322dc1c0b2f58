"""What governance costs the whole gateway, over sockets: the plain request by one key, and by ten thousand
keys in 200 teams with limits and budgets on four levels, in one run. `python -m bench.governed [--seconds S]`"""

import argparse
import shutil
import sys
import time
import urllib.error
import urllib.request
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from sqlalchemy import insert

from bench.cores import Cores, available, layout
from bench.load.exchange import Exchange, Load
from bench.load.fleet import LoadFailed, Window, measure
from bench.processes import Child, ChildFailed, footprint
from bench.scenarios import BY_NAME, Server, exchange
from bench.servers import await_ready, spawn_gateway, start_gateway, start_mock
from gateway.store import governance as tables
from gateway.store.engine import open_engine, upgrade, writing

KEYS, TEAMS, USERS, ORGS = 10_000, 200, 5_000, 10
CONNECTIONS = 64
MANY = 1_000_000_000
GOAL = 0.9
CALM = 30.0
"""Seconds for which a start is waited for."""
LIMIT = {"requests": MANY, "tokens": MANY}


def key_of(number: int) -> str:
    """The secret of a caller."""
    return f"gw-bench-{number:08d}-0123456789abcdef"


def fill(store: Path) -> None:
    """A store with all callers, and a limit and a budget on each key, user, team and organisation."""
    engine = open_engine(f"sqlite:///{store}")
    upgrade(engine)
    common = {"version": 1, "created": 1, "updated": 1}
    group = {**common, "metadata": {}}
    orgs = [{**group, "id": f"org-{n}"} for n in range(ORGS)]
    teams = [{**group, "id": f"team-{n}"} for n in range(TEAMS)]
    users = [{**group, "id": f"user-{n}"} for n in range(USERS)]
    empty: dict[str, Any] = {name: [] for name in ("providers", "endpoints", "networks", "tags")}
    empty |= {name: {} for name in ("credentials", "defaults", "forced", "metadata")}
    keys = [
        {
            **common,
            **empty,
            "id": f"key-{n}",
            "org": f"org-{n % ORGS}",
            "team": f"team-{n % TEAMS}",
            "user": f"user-{n % USERS}",
            "models": ["openai/*"],
            "digest": sha256(key_of(n).encode()).hexdigest(),
        }
        for n in range(KEYS)
    ]
    named = (("org", orgs), ("team", teams), ("user", users), ("key", keys))
    accounts = [f"{kind}:{one['id']}" for kind, things in named for one in things]
    bounded = [{**common, "id": f"l-{one}", "account": one, "seconds": 60, **LIMIT} for one in accounts]
    paid = [
        {**common, "id": f"b-{one}", "account": one, "period": "month", "nano_usd": MANY * MANY}
        for one in accounts
    ]
    with writing(engine) as connection:
        for table, rows in (
            *((tables.orgs, orgs), (tables.teams, teams), (tables.users, users), (tables.keys, keys)),
            *((tables.limits, bounded), (tables.budgets, paid)),
        ):
            connection.execute(insert(table), rows)
    engine.dispose()


def start_governed(out: Path, mock: Server, cores: Cores) -> tuple[Child, Server]:
    """`gateway serve` with all of them. Raises ChildFailed."""
    shutil.rmtree(out, ignore_errors=True)
    (out / "data").mkdir(parents=True)
    fill(out / "data" / "gateway.db")
    child, server = spawn_gateway(
        out, f"http://{mock.host}:{mock.port}", cores, workers=max(1, len(cores)), fresh=False
    )
    child.await_port(server.port)
    await_ready(child, server)
    while not _knows(server, key_of(0)):  # control tells the workers what the store says
        if not child.running():
            raise child.failure("the gateway ended")
        time.sleep(0.1)
    return child, msgspec.structs.replace(server, name="governed", key=key_of(0))


def _knows(server: Server, key: str) -> bool:
    url = f"http://{server.host}:{server.port}/v1/models"
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except urllib.error.HTTPError:
        return False


def asked(server: Server, keys: int) -> tuple[Exchange, ...]:
    """The plain request, by each of so many keys."""
    plain = exchange(BY_NAME["unary"], server)
    if keys == 1:
        return (plain,)
    callers = (plain.headers | {"authorization": f"Bearer {key_of(n)}"} for n in range(keys))
    return tuple(msgspec.structs.replace(plain, headers=headers) for headers in callers)


def await_calm(child: Child) -> None:
    """Until the processes behind the workers have begun: a store that is made under load takes a tenth of the core."""
    deadline = time.monotonic() + CALM
    while time.monotonic() < deadline:
        before = footprint(child.pid).cpu
        time.sleep(1.0)
        if footprint(child.pid).cpu - before < 0.05:
            return


def rate(
    child: Child,
    server: Server,
    exchanges: tuple[Exchange, ...],
    seconds: float,
    cores: Cores,
    tried: int | None = None,
) -> tuple[float, float]:
    """Requests/s at peak, and CPU µs for each; so many exchanges (None: all) are asked once before. Raises LoadFailed
    where any answer was wrong."""
    await_calm(child)
    load = Load(
        host=server.host,
        port=server.port,
        exchanges=exchanges,
        seconds=seconds,
        connections=CONNECTIONS,
        tried=tried,
    )
    marks: list[float] = []

    def watch(window: Window) -> None:
        window.await_start()
        marks.append(footprint(child.pid).cpu)
        window.await_stop()
        marks.append(footprint(child.pid).cpu)

    result = measure(load, cores, watch)
    if result.problems:
        raise LoadFailed(f"{server.name}: {result.problems}")
    return result.requests / result.seconds, (marks[1] - marks[0]) / result.requests * 1e6


def main() -> int:
    """0 when the goal is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.governed", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    arguments = parser.parse_args()
    where = layout(available())
    children: list[Child] = []
    found: dict[str, list[tuple[float, float]]] = {"spine": [], "governed": []}
    try:
        mock, mock_server = start_mock(arguments.out, where.mock, awake=True)
        children.append(mock)
        for _ in range(arguments.turns):
            for name, keys in (("spine", 1), ("governed", KEYS)):
                start = start_gateway if name == "spine" else start_governed
                child, server = start(arguments.out / name, mock_server, where.gateway[:1])
                children.append(child)
                found[name].append(rate(child, server, asked(server, keys), arguments.seconds, where.load))
                print(f"{name:<9} {found[name][-1][0]:8,.0f}/s {found[name][-1][1]:6.1f} µs CPU", flush=True)
                children.pop().stop()
    except (ChildFailed, LoadFailed) as failure:
        print(f"bench.governed: {failure}", file=sys.stderr)
        return 1
    finally:
        for child in reversed(children):
            child.stop()
    share = median(one for one, _ in found["governed"]) / median(one for one, _ in found["spine"])
    print(f"governed {share:.2f} × the spine's requests/s (goal {GOAL})")
    return 0 if share >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
