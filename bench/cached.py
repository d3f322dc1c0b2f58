"""What the cache is worth and what it costs, over sockets, in one run: requests to a gateway without a cache, the same
one and all different; one that is answered from the cache again and again; kept answers that are each told for the
first time; and requests that are all new to it. `python -m bench.cached [--seconds S]`"""

import argparse
import re
import sys
import urllib.request
from collections.abc import Callable
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
_LOOKED = re.compile(r'^gateway_cache_lookups_total\{result="(\w+)"\} (\S+)$', re.MULTILINE)


class Kind(msgspec.Struct, frozen=True):
    """Requests of one kind: whether a cache is asked and must then say `result`, and how many are asked before."""

    asked: Callable[[Server], tuple[Exchange, ...]]
    result: str | None = None
    tried: int | None = None


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


KINDS = {
    "spine": Kind(repeated),
    "spine, new": Kind(new, tried=1),
    "hit": Kind(repeated, "hit"),
    "first hit": Kind(new, "hit"),
    "miss": Kind(new, "miss", tried=1),
}


def lookups(server: Server) -> dict[str, int]:
    """How often the cache has said what."""
    with urllib.request.urlopen(f"http://{server.host}:{server.port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {result: int(float(count)) for result, count in _LOOKED.findall(text)}


def expect(kind: Kind, said: dict[str, int]) -> None:
    """Raises LoadFailed where something else was measured than was meant."""
    misses = NEW if kind.result == "miss" or kind.asked is new else 1
    if said.get("miss", 0) > misses or (kind.result == "miss" and said.get("hit")):
        raise LoadFailed(f"the cache said {said}")


def main() -> int:
    """0 when both goals are met."""
    parser = argparse.ArgumentParser(prog="python -m bench.cached", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    arguments = parser.parse_args()
    where = layout(available())
    children: list[Child] = []
    found: dict[str, list[float]] = {name: [] for name in arguments.kinds}
    try:
        mock, mock_server = start_mock(arguments.out, where.mock, awake=True)
        children.append(mock)
        start = partial(
            spawn_gateway, mock_url=f"http://{mock_server.host}:{mock_server.port}", cores=where.gateway[:1]
        )
        for _ in range(arguments.turns):
            for name in found:
                kind = KINDS[name]
                child, server = start(
                    arguments.out / name, workers=1, more={"cache": "exact"} if kind.result else None
                )
                children.append(child)
                child.await_port(server.port)
                await_ready(child, server)
                # One process makes the load: two would ask the same new questions.
                load = where.load[:1]
                a_second, cpu = rate(child, server, kind.asked(server), arguments.seconds, load, kind.tried)
                if kind.result:
                    expect(kind, lookups(server))
                found[name].append(a_second)
                print(f"{name:<10} {a_second:8,.0f}/s {cpu:6.1f} µs CPU", flush=True)
                children.pop().stop()
    except (ChildFailed, LoadFailed) as failure:
        print(f"bench.cached: {failure}", file=sys.stderr)
        return 1
    finally:
        for child in reversed(children):
            child.stop()
    rates = {name: median(runs) for name, runs in found.items()}
    if len(rates) < len(KINDS):
        return 0
    hit, first = rates["hit"] / rates["spine"], rates["first hit"] / rates["spine, new"]
    miss = rates["miss"] / rates["spine, new"]
    print(f"hits {hit:.2f} × the spine's requests/s (goal {HIT}), told for the first time {first:.2f} ×")
    print(f"misses {miss:.2f} × (goal {MISS})")
    return 0 if hit >= HIT and miss >= MISS else 1


if __name__ == "__main__":
    sys.exit(main())
