"""What a miss of the cache costs a worker, by its own processor time: every few milliseconds it serves with its cache,
then without, so that neither the machine nor how it was started makes the difference. `python -m bench.missed`"""

import argparse
import sys
from pathlib import Path
from statistics import median

import msgspec

from bench.cached import KINDS, MISS, expect, lookups
from bench.cores import available, layout
from bench.governed import rate
from bench.load.fleet import LoadFailed
from bench.processes import Child, ChildFailed
from bench.servers import await_ready, spawn_gateway, start_mock
from bench.taking_turns import Spent


def main() -> int:
    """0 when the goal is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.missed", description=__doc__)
    parser.add_argument("--seconds", type=float, default=9.0, help="of each start")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    arguments = parser.parse_args()
    where = layout(available())
    children: list[Child] = []
    ratios = []
    kind = KINDS["miss"]
    try:
        mock, mock_server = start_mock(arguments.out, where.mock, awake=True)
        children.append(mock)
        for number in range(arguments.starts):
            folder = arguments.out / "missed"
            folder.mkdir(parents=True, exist_ok=True)
            told = folder / f"spent-{number}.json"
            told.unlink(missing_ok=True)
            child, server = spawn_gateway(
                folder,
                f"http://{mock_server.host}:{mock_server.port}",
                where.gateway[:1],
                workers=1,
                more={"cache": "exact"},
                program=("bench.taking_turns", str(told.resolve())),
            )
            children.append(child)
            child.await_port(server.port)
            await_ready(child, server)
            rate(child, server, kind.asked(server), arguments.seconds, where.load[:1], kind.tried)
            expect(kind, lookups(server))
            children.pop().stop()
            without, cached = (
                one.cpu / one.requests / 1e3
                for one in msgspec.json.decode(told.read_bytes(), type=tuple[Spent, Spent])
            )
            ratios.append(without / cached)
            print(
                f"without {without:5.1f} µs CPU, a miss {cached:5.1f}: {without / cached:.3f} ×", flush=True
            )
    except (ChildFailed, LoadFailed) as failure:
        print(f"bench.missed: {failure}", file=sys.stderr)
        return 1
    finally:
        for child in reversed(children):
            child.stop()
    print(f"misses {median(ratios):.3f} × (goal {MISS})")
    return 0 if median(ratios) >= MISS else 1


if __name__ == "__main__":
    sys.exit(main())
