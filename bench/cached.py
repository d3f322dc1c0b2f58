"""What the cache is worth and what it costs, over sockets: the plain request by a gateway without a cache, requests
that are answered from it, and requests that are all new to it, in one run. `python -m bench.cached [--seconds S]`"""

import argparse
import sys
from functools import partial
from pathlib import Path
from statistics import median

import msgspec

from bench.cores import available, layout
from bench.governed import rate
from bench.load.exchange import Exchange
from bench.load.fleet import LoadFailed
from bench.processes import Child, ChildFailed
from bench.scenarios import BY_NAME, Server, exchange
from bench.servers import await_ready, spawn_gateway, start_mock

NEW = 150_000
"""Requests that differ: more than are asked in a measurement."""
HIT, MISS = 1.5, 0.92
"""Of the spine's requests/s."""


def repeated(server: Server) -> tuple[Exchange, ...]:
    """The plain request."""
    return (exchange(BY_NAME["unary"], server),)


def new(server: Server) -> tuple[Exchange, ...]:
    """Requests of the same size, each with a question of its own."""
    plain = exchange(BY_NAME["unary"], server)
    mark = "Tell me of the sea."
    if mark not in plain.body:
        raise LoadFailed("the question is another one")
    bodies = (plain.body.replace(mark, f"Tell of sea {number:07d}", 1) for number in range(NEW))
    return tuple([msgspec.structs.replace(plain, body=body) for body in bodies])


def main() -> int:
    """0 when both goals are met."""
    parser = argparse.ArgumentParser(prog="python -m bench.cached", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    arguments = parser.parse_args()
    where = layout(available())
    children: list[Child] = []
    found: dict[str, list[tuple[float, float]]] = {"spine": [], "hit": [], "miss": []}
    try:
        mock, mock_server = start_mock(arguments.out, where.mock)
        children.append(mock)
        start = partial(
            spawn_gateway, mock_url=f"http://{mock_server.host}:{mock_server.port}", cores=where.gateway[:1]
        )
        for _ in range(arguments.turns):
            for name in found:
                more = None if name == "spine" else {"cache": "exact"}
                child, server = start(arguments.out / name, workers=1, more=more)
                children.append(child)
                child.await_port(server.port)
                await_ready(child, server)
                asked = new(server) if name == "miss" else repeated(server)
                # One process makes the load: two would ask the same new questions.
                found[name].append(rate(child, server, asked, arguments.seconds, where.load[:1]))
                print(f"{name:<6} {found[name][-1][0]:8,.0f}/s {found[name][-1][1]:6.1f} µs CPU", flush=True)
                children.pop().stop()
    except (ChildFailed, LoadFailed) as failure:
        print(f"bench.cached: {failure}", file=sys.stderr)
        return 1
    finally:
        for child in reversed(children):
            child.stop()
    rates = {name: median(one for one, _ in runs) for name, runs in found.items()}
    hit, miss = rates["hit"] / rates["spine"], rates["miss"] / rates["spine"]
    print(f"hits {hit:.2f} × the spine's requests/s (goal {HIT}), misses {miss:.2f} × (goal {MISS})")
    return 0 if hit >= HIT and miss >= MISS else 1


if __name__ == "__main__":
    sys.exit(main())
